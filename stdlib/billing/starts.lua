--- What the instants at which work began tell (S10, V7): the same work reported twice, and entries
--- of a person that overlap. Sources that say no instant are passed over.
---
--- Pure. A person who begins on the same project at the same second twice has been reported twice,
--- whatever the notes say.
---@class billing.starts
local starts = {}

local date = require("billow.date")
local decimal = require("billow.decimal")

local US = 1000000

---@class billing.Start
---@field id string           of the entry within its import
---@field person string
---@field project_code string
---@field project_name string
---@field started_at string   "2026-10-05T09:30:00"
---@field quantity string     seconds
---@field source_rank integer
---@field sequence integer

local function is_before(a, b)
  if a.started_at ~= b.started_at then
    return a.started_at < b.started_at
  elseif a.source_rank ~= b.source_rank then
    return a.source_rank < b.source_rank
  end
  return a.sequence < b.sequence
end

local function by_person(rows)
  local of_person, order = {}, {}
  for _, row in ipairs(rows) do
    if not of_person[row.person] then
      of_person[row.person] = {}
      order[#order + 1] = of_person[row.person]
    end
    table.insert(of_person[row.person], row)
  end
  return order
end

local function key_of(row)
  return table.concat({ row.started_at, row.project_code, row.project_name }, "\0")
end

local function end_of(row)
  local seconds = decimal(row.quantity):to_integer()
  return date.parse_instant(row.started_at .. "Z") + seconds * US
end

--- Which entries began when another one did, and which overlap another one.
---@param rows billing.Start[]   all entries of some persons' days
---@return table<string, string> same_start   id -> id of the first one
---@return table<string, string> overlaps     id -> id of the earlier one that it overlaps
function starts.judge(rows)
  local same_start, overlaps = {}, {}
  for _, list in ipairs(by_person(rows)) do
    table.sort(list, is_before)
    local first, busy_with, busy_until = {}, nil, 0
    for _, row in ipairs(list) do
      local known = first[key_of(row)]
      if known then
        same_start[row.id] = known
      else
        first[key_of(row)] = row.id
        if date.parse_instant(row.started_at .. "Z") < busy_until then
          overlaps[row.id] = busy_with
        end
        if end_of(row) > busy_until then
          busy_with, busy_until = row.id, end_of(row)
        end
      end
    end
  end
  return same_start, overlaps
end

return starts
