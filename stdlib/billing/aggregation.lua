--- What the events of a meter come to: one decimal from many events (capability S4).
---
---   sum, max, min, average   of the field's values
---   last                     the value of the greatest time; of equal times, the later in the file
---   count, unique            events, or distinct values
---   weighted_sum             a level over time: each value changes the level (or sets it), and
---                            every level counts for as long as it lasts
---
--- A weighted sum needs to know from when to when: its window. Nothing measured is 0.
local aggregation = {}

local decimal = require("billow.decimal")
local json = require("billow.json")
local reading = require("billow.billing.reading")

local ZERO = decimal(0)
-- Quotients need an end.
local QUOTIENT_DECIMALS = 6
local US_PER_UNIT = {
  second = decimal(1000000),
  hour = decimal(3600000000),
  day = decimal(86400000000),
}

aggregation.NAMES = {
  "sum", "count", "max", "last", "unique", "min", "average", "weighted_sum",
}
aggregation.WEIGHTING_VALUES = { "change", "level" }
aggregation.WEIGHTING_UNITS = { "period", "day", "hour", "second" }

---@class billing.AggregationEvent
---@field value any          of the meter's field; nil for events that are only counted
---@field time_us integer

---@class billing.Weighting
---@field values "change"|"level"
---@field unit "period"|"day"|"hour"|"second"
---@field initial_value Decimal   the level at the beginning of the window

---@class billing.Window   half open
---@field start_us integer
---@field end_us integer
---@field length_us integer|nil   of the whole period, when the window is only a part of it

local aggregate = {}

function aggregate.sum(events)
  local total = ZERO
  for _, event in ipairs(events) do
    total = total + reading.number(event.value)
  end
  return total
end

function aggregate.count(events)
  return decimal(#events)
end

function aggregate.max(events)
  local greatest = ZERO
  for _, event in ipairs(events) do
    greatest = decimal.max(greatest, reading.number(event.value))
  end
  return greatest
end

function aggregate.min(events)
  local least
  for _, event in ipairs(events) do
    local value = reading.number(event.value)
    least = least and decimal.min(least, value) or value
  end
  return least or ZERO
end

function aggregate.average(events)
  if #events == 0 then
    return ZERO
  end
  return (aggregate.sum(events) / #events):round(QUOTIENT_DECIMALS)
end

function aggregate.last(events)
  local latest
  for _, event in ipairs(events) do
    if not latest or event.time_us >= latest.time_us then
      latest = event
    end
  end
  return latest and reading.number(latest.value) or ZERO
end

--- A value as text, by which distinct values are told apart.
---@param value any
---@return string
local function as_text(value)
  return type(value) == "table" and json.encode(value) or tostring(value)
end

function aggregate.unique(events)
  local seen, count = {}, 0
  for _, event in ipairs(events) do
    local value = as_text(event.value)
    if not seen[value] then
      seen[value] = true
      count = count + 1
    end
  end
  return decimal(count)
end

---@param events billing.AggregationEvent[]
---@return billing.AggregationEvent[]   by time; of equal times as in the file
local function in_time_order(events)
  local order = {}
  for i, event in ipairs(events) do
    order[i] = { event = event, place = i }
  end
  table.sort(order, function(a, b)
    if a.event.time_us ~= b.event.time_us then
      return a.event.time_us < b.event.time_us
    end
    return a.place < b.place
  end)
  for i, item in ipairs(order) do
    order[i] = item.event
  end
  return order
end

--- Events before the window set its first level; those after it do not count.
function aggregate.weighted_sum(events, weighting, window)
  local level, weighted, from = weighting.initial_value, ZERO, window.start_us
  for _, event in ipairs(in_time_order(events)) do
    if event.time_us < window.end_us then
      local at = math.max(event.time_us, window.start_us)
      weighted = weighted + level * (at - from)
      local value = reading.number(event.value)
      level = weighting.values == "level" and value or level + value
      from = at
    end
  end
  weighted = weighted + level * (window.end_us - from)
  local unit = US_PER_UNIT[weighting.unit]
    or decimal(window.length_us or window.end_us - window.start_us)
  return (weighted / unit):round(QUOTIENT_DECIMALS)
end

--- What the events come to.
---@param name string               one of aggregation.NAMES
---@param events billing.AggregationEvent[]
---@param weighting? billing.Weighting   of a weighted sum
---@param window? billing.Window
---@return Decimal
function aggregation.of(name, events, weighting, window)
  return aggregate[name](events, weighting, window)
end

local together = {}

function together.max(before, now)
  return decimal.max(before, now)
end

function together.min(before, now)
  return decimal.min(before, now)
end

function together.last(_, now)
  return now
end

--- The aggregate of two stretches of one period from their own; nil when it cannot be told without
--- the events.
---@param name string
---@param before Decimal
---@param now Decimal
---@return Decimal?
function aggregation.combined(name, before, now)
  if name == "unique" or name == "average" or name == "weighted_sum" then
    return nil
  end
  local combine = together[name]
  return combine and combine(before, now) or before + now
end

--- May a value of this meter be negative?
---@param name string
---@return boolean
function aggregation.allows_negative(name)
  return name == "weighted_sum"
end

return aggregation
