--- Counts a contract's usage where it lies: the database adds up what is plain, and this module has
--- the rules judge the rest, event by event. What comes out is what sources/usage.collect makes of
--- the same events.
---@class billow.billing.usage_count
local usage_count = {}

local db = require("billow.db")
local decimal = require("billow.decimal")
local json = require("billow.json")
local meter = require("billow.billing.meter")
local reading = require("billow.billing.reading")
local sources = require("billow.billing.sources.usage")

-- Events that need a judgement: read at a time, and in all. More than that is a broken source, not
-- a list of exceptions that somebody could work through.
local PAGE = 1000
local DOUBTFUL_MAX = 20000

local ZERO = decimal(0)
-- What the database can add up.
local COUNTED_THERE = { sum = true, count = true, max = true, last = true, unique = true }

---@param contract table
---@return billing.Meter[]
local function meters_of(contract)
  local list = {}
  for index, terms in ipairs(contract.terms.meters) do
    local field = contract.id .. ".terms.meters[" .. index .. "]"
    list[index] = meter.read(reading.open(terms, field))
  end
  return list
end

--- Per event type, the fields that have to be quantities and those that have to be there. A type
--- with a meter that only a script can measure is left out: all its events are doubtful.
local function types_of(meters)
  local types, is_left_out = {}, {}
  for _, self in ipairs(meters) do
    local needs = types[self.event_type]
      or { quantities = json.array({}), present = json.array({}) }
    types[self.event_type] = needs
    local need = meter.need(self)
    if not COUNTED_THERE[self.aggregation] or (need and not self.field) then
      is_left_out[self.event_type] = true
    elseif need then
      table.insert(need == "quantity" and needs.quantities or needs.present, self.field)
    end
  end
  for event_type in pairs(is_left_out) do
    types[event_type] = nil
  end
  return types
end

local function number_text(value)
  return value and tostring(value) or nil
end

--- The meters as the database counts them.
local function asked(meters, types)
  local list = json.array({})
  for _, self in ipairs(meters) do
    if types[self.event_type] then
      local price = self.price
      list[#list + 1] = {
        id = self.id,
        type = self.event_type,
        field = self.field,
        aggregation = self.aggregation,
        percent = meter.is_percentage(self) and number_text(price.percent) or nil,
        fixed = meter.is_percentage(self) and number_text(price.fixed_per_event) or nil,
        min = number_text(price.min_per_event),
        max = number_text(price.max_per_event),
      }
    end
  end
  return list
end

--- The earliest and latest day on which an event counts without a question.
local function span_of(ctx, contract)
  local first, last = contract.start_date, ctx.period.end_date
  if contract.terms.late_events == "exception" and ctx.period.start_date > first then
    first = ctx.period.start_date
  end
  if contract.end_date and contract.end_date < last then
    last = contract.end_date
  end
  return first, last
end

--- Has the rules judge what the database could not.
---@return billing.UsageCollection collection
local function judge_doubtful(ctx, contract, statement, wanted, types)
  local collector, set, sequence, seen = sources.collector(ctx), "", 0, 0
  while true do
    local rows = db.query(statement, { wanted, set, sequence, PAGE })
    for _, row in ipairs(rows) do
      local is_counted = collector:take_known(row.line, row.is_conflict)
      if is_counted and types[sources.read_line(row.line).type] then
        error(string.format("an event of %s at %s, line %d was not counted by the database: "
          .. "report this as a bug", contract.id, row.set, row.sequence), 0)
      end
      set, sequence = row.set, row.sequence
    end
    seen = seen + #rows
    if #rows < PAGE then
      return collector:result()
    elseif seen >= DOUBTFUL_MAX then
      error(string.format("%s: more than %d usage events cannot be counted; see the first of them "
        .. "with 'billow import --check', and correct the source or the meters",
        contract.id, DOUBTFUL_MAX), 0)
    end
  end
end

--- Counts the events of a contract.
---@param ctx billing.Context
---@param contract table
---@param statements {count: billow.db.Statement, doubtful: billow.db.Statement}
---@param wanted table   which events: what the statements take besides the rules
---@return billing.UsageCollection
function usage_count.collect(ctx, contract, statements, wanted)
  local meters = meters_of(contract)
  local types = types_of(meters)
  wanted.types, wanted.meters = types, asked(meters, types)
  wanted.start_date, wanted.end_date = span_of(ctx, contract)
  local measured, repeated, plain = {}, 0, 0
  for _, row in ipairs(db.query(statements.count, { wanted })) do
    local id = reading.given(row.meter)
    if id then
      measured[id] = {
        aggregate = decimal(row.aggregate),
        count = row.events,
        sum = reading.given(row.sum) and decimal(row.sum) or ZERO,
        fees = reading.given(row.fees) and decimal(row.fees) or nil,
      }
    else
      repeated, plain = row.events, math.tointeger(tonumber(row.aggregate))
    end
  end
  local collection = judge_doubtful(ctx, contract, statements.doubtful, wanted, types)
  local items = collection.by_contract[contract.id]
  items.measured = measured
  items.counted = items.counted + plain
  items.duplicates_dropped = items.duplicates_dropped + repeated
  return collection
end

return usage_count
