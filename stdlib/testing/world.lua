--- A world: one real engine with its own time, store, HTTP and database, all in memory.
---@class billow.testing.world
local world = {}

local database = require("billow.testing.database")
local date = require("billow.date")
local engine = require("billow.testing.engine")
local fixtures = require("billow.testing.fixtures")
local http = require("billow.testing.http")
local release = require("billow.testing.release")
local run = require("billow.testing.run")
local schedule = require("billow.testing.schedule")
local timer = require("billow.timer")

local ROUNDS_MAX = 100000
local NOW = "2026-01-01T00:00:00Z"

---@class billow.testing.Options
---@field now? string|integer          RFC 3339 or microseconds; 2026-01-01T00:00:00Z when absent
---@field fixtures? string   a firm's folder, or its name in fixtures/ or examples/
---@field period? string               of the fixtures' sources; what opening.json says when absent
---@field files? table<string, string> scripts beside the project's: { ["workflows/x.lua"] = "..." }
---@field project? string              folder of the project; that of the spec when absent
---@field settings? table   { rates = { unit = "day" } }, or a list of rows of set_setting
---@field time_zones? string[]         that scripts ask for, beside the fixtures' own
---@field seed? integer                of random()
---@field is_template? boolean         made for fixtures: no spec sees it

---@class billow.testing.World
---@field engine billow.testing.Engine
---@field door billow.testing.Door
---@field database billow.testing.Database
---@field started billow.testing.Run[]   by world:start, in order
---@field billing? billow.testing.BillingDb   of the fixtures
---@field receivables? billow.testing.ReceivablesDb   beside it
local World = {}
World.__index = World

--- Worlds made since hooks.lua looked last; kept while --crash compares.
world.made = {}
--- Does every new world crash after committed turns, and after which of them?
---@type {stride: integer, offset: integer}|false
world.is_crashing = false

local function instant_us(value)
  local us = math.type(value) == "integer" and value or date.parse_instant(value)
  if not us then
    engine.fail("%s is not an instant: write it as 2026-10-31T18:00:00Z", tostring(value))
  end
  return us
end

--- Lets happen what can happen by itself: requests are answered, statements executed.
function World:settle()
  for _ = 1, ROUNDS_MAX do
    if not self.database:work(self.engine) and not self.door:work(self.engine) then
      return
    end
  end
  engine.fail("the world does not come to rest: do two runs wake each other for ever?")
end

--- A route of the world outside: world:http("POST", "https://..."):answers(201, { id = "E-1" }).
---@param method string
---@param url string   `*` stands for any characters
---@return billow.testing.Route
function World:http(method, url)
  return self.door:route(method, url)
end

--- The requests that were answered, oldest first.
---@return billow.testing.Request[]
function World:requests()
  return self.door.requests
end

--- The stand-in of a statement that scripts execute by db.query or db.transaction.
---@param name string|billow.db.Statement
---@param fake billow.testing.Fake
function World:db(name, fake)
  self.database:add(name, fake)
end

--- A whole database of stand-ins, such as billow.testing.billing_db.
function World:use(part)
  self.database:use(part)
end

--- Ids that are the same each time the spec runs.
local function next_id(self, now_us)
  self.id_count = self.id_count + 1
  local ms = now_us // 1000
  return string.format("%08x-%04x-7000-8000-%012x", ms >> 16, ms & 0xffff, self.id_count)
end

---@class billow.testing.StartOptions
---@field key? string   the same key again gives the same run
---@field as? string    who starts it

--- Start a run. It has gone as far as it could when this returns.
---@param workflow string
---@param input any
---@param options? billow.testing.StartOptions
---@return billow.testing.Run
function World:start(workflow, input, options)
  options = options or {}
  local answer, _, problem = self.engine:try("start", {
    workflow = workflow,
    input = input,
    key = options.key,
    started_by = options.as,
    id = next_id(self, self:now_us()),
  })
  if not answer then
    engine.fail("start %s: %s", tostring(workflow), problem)
  end
  local started = run.new(self, answer.run)
  if answer.is_new then
    self.started[#self.started + 1] = started
  end
  self:settle()
  return started
end

--- Every run, the oldest first.
---@param filter? {status?: string, workflow?: string}
---@return billow.testing.Run[]
function World:runs(filter)
  filter = filter or {}
  local rows = self.engine:ask("runs", {
    status = filter.status,
    workflow = filter.workflow,
    limit = 10000,
  })
  local list = {}
  for i, row in ipairs(rows) do
    list[#rows - i + 1] = run.new(self, row.id)
  end
  return list
end

local function fits(task, filter)
  if filter == nil then
    return true
  elseif type(filter) == "function" then
    return filter(task)
  elseif type(filter) == "string" then
    return task.group == filter or task.title:find(filter, 1, true) ~= nil
  end
  for name, value in pairs(filter) do
    if name == "run" and type(value) == "table" then
      value = value.id
    end
    if task[name] ~= value then
      return false
    end
  end
  return true
end

--- Tasks, the oldest first.
---@param kind? string
---@param filter? string|table|fun(task: billow.testing.Task): boolean   group or part of the title,
---       or fields; { status = "all" } gives those that are answered, too
---@return billow.testing.Task[]
function World:tasks(kind, filter)
  local status = "open"
  if type(filter) == "table" then
    local rest = {}
    for name, value in pairs(filter) do
      rest[name] = value
    end
    status, rest.status = rest.status or status, nil
    status, filter = status ~= "all" and status or nil, rest
  end
  local list = {}
  for _, row in ipairs(self.engine:ask("tasks", { status = status, limit = 10000 })) do
    local task = run.task(self, row)
    if (not kind or task.kind == kind) and fits(task, filter) then
      list[#list + 1] = task
    end
  end
  return list
end

local function fail_no_task(self, kind)
  local lines = {}
  for _, task in ipairs(self:tasks()) do
    lines[#lines + 1] = string.format("\n  %s %s: %s", task.kind, task.group or "", task.title)
  end
  for _, parked in ipairs(self:runs({ status = "parked" })) do
    local why = parked.error or {}
    lines[#lines + 1] = string.format(
      "\n  the run of %s is parked: %s (%s:%s)",
      parked.workflow,
      tostring(why.text),
      tostring(why.file),
      tostring(why.line)
    )
  end
  local rest = #lines > 0 and "; there is" .. table.concat(lines) or "; there is none at all"
  engine.fail("no open task %s fits%s", kind or "", rest)
end

--- The oldest open task of a kind.
---@param kind? string
---@param filter? string|table|fun(task: billow.testing.Task): boolean   as for tasks
---@return billow.testing.Task
function World:task(kind, filter)
  local task = self:tasks(kind, filter)[1]
  if not task then
    fail_no_task(self, kind)
  end
  return task
end

--- Let time pass, from due moment to due moment.
---@param duration string|integer   "45d", "1h30m", or microseconds
function World:advance(duration)
  local left = math.type(duration) == "integer" and duration or timer.duration_us(duration)
  self:settle()
  while left > 0 do
    local wait = self.engine:ask("wait")
    local step = (wait >= 0 and wait < left) and math.max(wait, 1) or left
    self.engine:ask("advance", { us = step })
    left = left - step
    self:settle()
  end
end

--- Let time pass until an instant.
---@param instant string|integer
function World:advance_to(instant)
  local us = instant_us(instant) - self:now_us()
  if us < 0 then
    engine.fail("time does not go back: it is %s already", self:now())
  end
  self:advance(us)
end

--- Send an event, as somebody outside does.
---@param topic string
---@param key? string
---@param body? any
---@param options? {id: string}
function World:send(topic, key, body, options)
  self.event_count = self.event_count + 1
  self.engine:ask("send_event", {
    topic = topic,
    key = tostring(key or ""),
    body = body,
    id = options and options.id or "event-" .. self.event_count,
  })
  self:settle()
end

---@return string   RFC 3339
function World:now()
  return date.format_instant(self:now_us())
end

---@return integer
function World:now_us()
  return self.engine:ask("now")
end

--- Kill the engine and start another one on the same store: what is not durable is gone.
function World:crash()
  self.engine:ask("crash")
  self:settle()
end

--- Close the script state of every waiting run, as memory pressure does: the next wake replays.
function World:evict()
  self.engine:ask("evict")
end

--- The engine is down for so long, as after a crash at night; then it starts again.
---@param duration string|integer   "3d", or microseconds
function World:outage(duration)
  local us = math.type(duration) == "integer" and duration or timer.duration_us(duration)
  self.engine:ask("outage", { us = us })
  self:settle()
end

--- Set a schedule, or look at one that is there (without `spec`).
---@param name string
---@param spec? billow.testing.ScheduleSpec
---@return billow.testing.Schedule
function World:schedule(name, spec)
  return schedule.open(self, name, spec)
end

--- A setting of a policy in force.
---@param row table   {policy, name, value, scope_type?, scope_id?, valid_from?, locked?, set_by?}
function World:set_setting(row)
  self.engine:ask("set_setting", {
    policy = row.policy,
    name = row.name,
    value = row.value,
    scope_type = row.scope_type or "tenant",
    scope_id = row.scope_id,
    valid_from = row.valid_from or "1970-01-01",
    locked = row.locked,
    set_by = row.set_by or "tester",
  })
end

--- A number series that scripts may take numbers from.
---@param row {series: string, format: string, reset?: string, next?: integer}
function World:set_series(row)
  self.engine:ask("number_series", {
    series = row.series,
    format = row.format,
    reset = row.reset or "never",
    next = row.next,
  })
end

--- Numbers that were taken, the oldest first.
---@param series? string
---@return table[]
function World:numbers(series)
  return self.engine:ask("numbers", { series = series, limit = 10000 })
end

--- Lines that scripts logged since this was asked last: {level, text, fields}.
---@return table[]
function World:logs()
  local lines = {}
  for _, entry in ipairs(self.engine:ask("logs")) do
    for _, line in ipairs(entry.logs) do
      lines[#lines + 1] = line
    end
  end
  return lines
end

local function apply_settings(self, settings)
  for policy, values in pairs(settings or {}) do
    if math.type(policy) == "integer" then
      self:set_setting(values)
    else
      for name, value in pairs(values) do
        self:set_setting({ policy = policy, name = name, value = value })
      end
    end
  end
end

--- Activate the project's scripts, with these files beside or in place of its own.
---@param files? table<string, string>
function World:deploy(files)
  self.engine:ask("put_release", { files = release.files(self.options, files) })
end

---@param options? billow.testing.Options
---@return billow.testing.World
function world.new(options)
  options = options or {}
  local made = setmetatable({
    options = options,
    engine = engine.open({ now_us = instant_us(options.now or NOW), seed = options.seed or 1 }),
    door = http.door(),
    database = database.new(),
    started = {},
    id_count = 0,
    event_count = 0,
  }, World)
  made:deploy(options.files)
  apply_settings(made, options.settings)
  if options.fixtures then
    fixtures.load(made, options, world.new)
  end
  if world.is_crashing then
    local where = world.is_crashing
    made.engine:ask("crash_each", { on = true, stride = where.stride, offset = where.offset })
  end
  if not options.is_template then
    world.made[#world.made + 1] = made
  end
  return made
end

return world
