--- Schedules as a spec sees them: set, paused, resumed, deleted, and where they stand.
---@class billow.testing.schedule
local schedule = {}

local date = require("billow.date")
local engine = require("billow.testing.engine")
local json = require("billow.json")

---@class billow.testing.ScheduleSpec
---@field workflow string
---@field rule string                  "FREQ=MONTHLY;BYMONTHDAY=-1"
---@field zone? string                 IANA name; UTC when absent
---@field at? string                   "07:30"
---@field from? string                 the first day that counts; today when absent
---@field until? string                the last day that counts
---@field shift? "none"|"next"|"previous"
---@field holidays? string[]
---@field spread_s? integer
---@field catch_up? "skip"|"one"|"all"
---@field catch_up_max? integer
---@field overlap? "skip"|"allow"
---@field input? any

---@class billow.testing.Schedule
---@field name string
---@field fired integer
---@field skipped integer
---@field is_paused boolean
---@field problem string
---@field next_due string?   RFC 3339
---@field last_due string?
local Schedule = {}

local function row_of(self)
  for _, row in ipairs(rawget(self, "world").engine:ask("schedules", { limit = 10000 })) do
    if row.name == rawget(self, "name") then
      return row
    end
  end
  engine.fail("there is no schedule %s", rawget(self, "name"))
end

function Schedule.__index(self, field)
  if Schedule[field] ~= nil then
    return Schedule[field]
  end
  local row = row_of(self)
  local value = row[field]
  if field == "next_due" or field == "last_due" then
    value = row[field .. "_us"]
    value = value ~= json.null and date.format_instant(value) or nil
  end
  return value ~= json.null and value or nil
end

local function act(self, verb, spec)
  local world = rawget(self, "world")
  local is_done, _, problem = world.engine:try("schedule", {
    name = rawget(self, "name"),
    verb = verb,
    spec = spec,
  })
  if not is_done then
    engine.fail("schedule %s: %s", rawget(self, "name"), problem)
  end
  world:settle()
end

function Schedule:pause()
  act(self, "pause")
end

function Schedule:resume()
  act(self, "resume")
end

function Schedule:delete()
  act(self, "delete")
end

--- The next moments it is due, as RFC 3339. With a spread its runs start a little later.
---@param count? integer
---@return string[]
function Schedule:next(count)
  local times = {}
  local rows = rawget(self, "world").engine:ask("schedule_times", {
    name = rawget(self, "name"),
    count = count or 10,
  })
  for i, row in ipairs(rows) do
    times[i] = date.format_instant(row.at_us)
  end
  return times
end

---@param world billow.testing.World
---@param name string
---@param spec? billow.testing.ScheduleSpec
---@return billow.testing.Schedule
function schedule.open(world, name, spec)
  local opened = setmetatable({ world = world, name = name }, Schedule)
  if spec then
    act(opened, "set", spec)
  end
  return opened
end

return schedule
