--- Usage events from CloudEvents 1.0 lines (data model 3.9, "Events").
---
--- Lines are read in file order; a blank line is ignored. An event is known by (source, id): when
--- it comes again it is dropped, silently if it says the same, else with DUPLICATE_EVENT_CONFLICT.
--- Every other event gets the first disposition that applies; what remains is counted and kept by
--- contract and event type, ready for the meters.
---@class billing.sources.usage
local usage = {}

local date = require("billow.date")
local draft = require("billow.billing.draft")
local json = require("billow.json")
local meter = require("billow.billing.meter")
local reading = require("billow.billing.reading")
local text = require("billow.text")

local REQUIRED_TEXTS = { "id", "source", "type", "time", "subject" }

---@class billing.UsageEvent
---@field id string
---@field source string
---@field type string
---@field subject string
---@field time_us integer
---@field time string
---@field data table

--- Read one line.
---@param line string
---@return billing.UsageEvent|nil
---@return string|nil problem
function usage.read_line(line)
  local object = json.decode(line)
  if type(object) ~= "table" or object == json.null then
    return nil, "the line is not a JSON object"
  end
  for _, name in ipairs(REQUIRED_TEXTS) do
    if type(object[name]) ~= "string" or object[name] == "" then
      return nil, name .. " is missing or not a text"
    end
  end
  local data = reading.given(object.data)
  if type(data) ~= "table" or #data > 0 then
    return nil, "data is not an object"
  end
  local time_us = date.parse_instant(object.time)
  if not time_us then
    return nil, "time is not an RFC 3339 instant: " .. object.time
  end
  return {
    id = object.id,
    source = object.source,
    type = object.type,
    subject = object.subject,
    time = object.time,
    time_us = time_us,
    data = data,
  }
end

--- What two deliveries of one event must agree in.
---@param event billing.UsageEvent
---@return string
function usage.fingerprint(event)
  return text.sha256_hex(table.concat({
    event.subject, event.type, tostring(event.time_us), json.encode(event.data),
  }, "\0"))
end

---@class billing.UsageTarget
---@field contract table
---@field meters table<string, billing.Meter[]>  by event type
---@field items billing.UsageItems

--- The contract behind every subject, with its meters by event type.
---@param ctx billing.Context
---@return table<string, billing.UsageTarget>
local function targets_by_subject(ctx)
  local targets = {}
  for _, contract in ipairs(ctx.contract_list) do
    if contract.model == "usage" then
      local target = {
        contract = contract,
        meters = {},
        items = { events_by_type = {}, counted = 0, duplicates_dropped = 0 },
      }
      for index, terms in ipairs(contract.terms.meters) do
        local field = contract.id .. ".terms.meters[" .. index .. "]"
        local self = meter.read(reading.open(terms, field))
        target.meters[self.event_type] = target.meters[self.event_type] or {}
        table.insert(target.meters[self.event_type], self)
      end
      for _, subject in ipairs(contract.usage_subjects or {}) do
        targets[subject] = target
      end
    end
  end
  return targets
end

--- The first rule an event of a known contract breaks.
---@param ctx billing.Context
---@param target billing.UsageTarget
---@param event billing.UsageEvent
---@return string|nil code     nil: counted; "open": a later period's, silent
---@return string|nil message
local function disposition(ctx, target, event)
  local contract = target.contract
  local meters = target.meters[event.type]
  if not meters then
    return "UNKNOWN_EVENT_TYPE", "no meter of " .. contract.id .. " counts events of type "
      .. event.type .. ": correct the type or add a meter"
  end
  local day = date.of_instant(event.time, ctx.firm.time_zone)
  if day > ctx.period.end_date then
    return "open"
  elseif day < contract.start_date then
    return "CONTRACT_NOT_STARTED", "the event is of " .. day .. ", the contract starts on "
      .. contract.start_date .. ": correct the contract or drop the event"
  elseif contract.end_date and day > contract.end_date then
    return "CONTRACT_ENDED", "the event is of " .. day .. ", the contract ended on "
      .. contract.end_date .. ": correct the contract or drop the event"
  elseif day < ctx.period.start_date and contract.terms.late_events == "exception" then
    return "LATE_EVENT", "the event is of " .. day
      .. ", before the period: decide whether to bill it"
  end
  for _, self in ipairs(meters) do
    local problem = meter.problem(self, event.data)
    if problem then
      return "INVALID_EVENT", "meter " .. self.id .. " cannot count it: " .. problem
        .. "; send a corrected event under a new id"
    end
  end
  return nil
end

---@class billing.UsageCollection
---@field by_contract table<string, billing.UsageItems>
---@field exceptions billing.Exception[]

--- Collects events line by line, so that a stream of any length needs no list of its lines.
---@class billing.UsageCollector
---@field ctx billing.Context
---@field targets table<string, billing.UsageTarget>
---@field seen table<string, string>
---@field exceptions billing.Exception[]
---@field line_number integer
local Collector = {}
Collector.__index = Collector

---@param ctx billing.Context
---@return billing.UsageCollector
function usage.collector(ctx)
  return setmetatable({
    ctx = ctx,
    targets = targets_by_subject(ctx),
    seen = {},
    exceptions = {},
    line_number = 0,
  }, Collector)
end

---@param code string
---@param ref string
---@param message string
---@param contract table|nil
function Collector:report(code, ref, message, contract)
  self.exceptions[#self.exceptions + 1] =
    draft.exception(code, ref, "entry", message, contract and contract.id)
end

---@param event billing.UsageEvent
---@param target billing.UsageTarget|nil
function Collector:report_conflict(event, target)
  self:report("DUPLICATE_EVENT_CONFLICT", "usage:" .. event.id, "an earlier event with this "
    .. "source and id says something else: find out which is right", target and target.contract)
end

--- Whether the event was seen before; the first of them counts.
---@param event billing.UsageEvent
---@param target billing.UsageTarget|nil
---@return boolean
function Collector:is_repeated(event, target)
  local key = event.source .. "\0" .. event.id
  local mark = usage.fingerprint(event)
  local before = self.seen[key]
  if not before then
    self.seen[key] = mark
    return false
  elseif before ~= mark then
    self:report_conflict(event, target)
  elseif target then
    target.items.duplicates_dropped = target.items.duplicates_dropped + 1
  end
  return true
end

--- Take the next line of the file.
---@param line string  without its line break
function Collector:take(line)
  self.line_number = self.line_number + 1
  if text.trim(line) == "" then
    return
  end
  local event, problem = usage.read_line(line)
  if not event then
    self:report("INVALID_EVENT", "usage:line-" .. self.line_number, problem
      .. ": correct the line and import it again")
    return
  end
  local target = self.targets[event.subject]
  if not self:is_repeated(event, target) then
    self:judge(event, target)
  end
end

--- Take an event of which it is known that it repeats none, or that it contradicts an earlier one.
---@param line string
---@param is_conflict boolean
---@return boolean is_counted
function Collector:take_known(line, is_conflict)
  local event = usage.read_line(line)
  local target = self.targets[event.subject]
  if is_conflict then
    self:report_conflict(event, target)
    return false
  end
  return self:judge(event, target)
end

--- The verdict on an event that counts when nothing speaks against it.
---@param event billing.UsageEvent
---@param target billing.UsageTarget|nil
---@return boolean is_counted
function Collector:judge(event, target)
  if not target then
    self:report("UNKNOWN_SUBJECT", "usage:" .. event.id, "no usage contract has the subject "
      .. event.subject .. ": correct the event or add the subject to a contract")
    return false
  end
  local code, message = disposition(self.ctx, target, event)
  if code == nil then
    local items = target.items
    items.counted = items.counted + 1
    items.events_by_type[event.type] = items.events_by_type[event.type] or {}
    table.insert(items.events_by_type[event.type], { data = event.data, time_us = event.time_us })
  elseif code ~= "open" then
    self:report(code, "usage:" .. event.id, message, target.contract)
  end
  return code == nil
end

--- What was collected so far.
---@return billing.UsageCollection
function Collector:result()
  local by_contract = {}
  for _, target in pairs(self.targets) do
    by_contract[target.contract.id] = target.items
  end
  return { by_contract = by_contract, exceptions = self.exceptions }
end

--- Collect the usage of a period.
---@param ctx billing.Context
---@param lines string|string[]  the text of `usage.jsonl`, or its physical lines
---@return billing.UsageCollection
function usage.collect(ctx, lines)
  local collector = usage.collector(ctx)
  if type(lines) == "string" then
    for line in (lines .. "\n"):gmatch("(.-)\r?\n") do
      collector:take(line)
    end
  else
    for _, line in ipairs(lines) do
      collector:take(line)
    end
  end
  return collector:result()
end

return usage
