--- Prices a meter: a quantity or events through one tariff, with minimum, maximum and what was
--- billed before in the same period.
local meter_item = {}

local decimal = require("billow.decimal")
local date = require("billow.date")
local explanation = require("billow.billing.explanation")
local json = require("billow.json")
local meter = require("billow.billing.meter")
local proration = require("billow.billing.proration")
local reading = require("billow.billing.reading")
local usage = require("billow.billing.usage")

local ZERO = decimal(0)
local FIELD_DEFAULT = "value"

--- An event as the meter takes it: a bare number, an object of data, or a whole CloudEvent.
---@param self billing.Meter
---@param raw any
---@param index integer
---@param path string
---@return {data: table, time_us: integer}
local function event_of(self, raw, index, path)
  local event = { data = raw, time_us = index }
  if type(raw) ~= "table" then
    event.data = { [self.field] = raw }
  elseif type(raw.data) == "table" then
    event.data = raw.data
    if raw.time then
      event.time_us = date.parse_instant(raw.time)
      if not event.time_us then
        reading.refuse(path .. ".time", raw.time, "write an RFC 3339 instant")
      end
    end
  end
  local problem = meter.problem(self, event.data)
  if problem then
    reading.refuse(path, type(raw) == "table" and json.encode(raw) or raw, problem)
  end
  return event
end

---@param self billing.Meter
---@param reader billing.Reader
---@return billing.Measured
local function measure_events(self, reader)
  local events = {}
  for index, raw in ipairs(reader:list("events")) do
    events[index] = event_of(self, raw, index, reader:name("events") .. "[" .. index .. "]")
  end
  return meter.measure(self, events)
end

--- A quantity that is already aggregated.
---@param self billing.Meter
---@param reader billing.Reader
---@return billing.Measured
local function measure_quantity(self, reader)
  local quantity = reader:decimal("quantity", { min = 0 })
  local tariff = self.price
  local is_clamped = tariff.min_per_event or tariff.max_per_event
  if is_clamped then
    reader:refuse("quantity", "give events instead: each is clamped by itself")
  end
  local count = reader:integer("event_count", { is_optional = true, min = 0 })
  local needs_count = tariff.fixed_per_event and not tariff.fixed_per_event:is_zero()
  if needs_count and not count then
    reader:refuse("event_count", "write the number of events: the price has a fixed part for each")
  end
  return {
    aggregate = quantity,
    sum = quantity,
    count = count or (quantity:is_zero() and 0 or 1),
    prorated = reader:decimal("prorated_quantity", { is_optional = true, min = 0 }),
  }
end

---@param reader billing.Reader
---@return billing.Measured
local function measure_quantities(reader)
  local quantities = reader:object("quantities")
  local measured = { aggregate = ZERO, sum = ZERO, count = 1, quantities = {} }
  for unit in pairs(quantities.source) do
    measured.quantities[unit] = quantities:decimal(unit, { min = 0 })
  end
  return measured
end

--- What the item gives: events, one quantity, or one per unit.
---@param self billing.Meter
---@param reader billing.Reader
---@return billing.Measured
function meter_item.measure(self, reader)
  if reader:has("events") then
    return measure_events(self, reader)
  elseif reader:has("quantities") then
    return measure_quantities(reader)
  end
  return measure_quantity(self, reader)
end

--- A line less the same line billed before. Amount lines stay one piece at the difference.
---@param own billing.Line|nil
---@param past billing.Line
---@param is_amount boolean
---@return billing.Line
local function less(own, past, is_amount)
  local merged = {}
  for name, value in pairs(own or past) do
    merged[name] = value
  end
  merged.net_amount = (own and own.net_amount or ZERO) - past.net_amount
  if is_amount then
    merged.unit_price = merged.net_amount
  else
    merged.quantity = (own and own.quantity or ZERO) - past.quantity
  end
  return merged
end

--- Bill the difference: the lines of everything so far less those of what was billed before.
---@param self billing.Meter
---@param after billing.Line[]
---@param before billing.Line[]
---@return billing.Line[]
local function difference(self, after, before)
  local is_amount = meter.is_amount_priced(self)
  local function key_of(line)
    return line.description_key .. (is_amount and "" or "\0" .. tostring(line.unit_price))
  end
  local result, at = {}, {}
  for index, line in ipairs(after) do
    result[index] = line
    at[key_of(line)] = index
  end
  for _, line in ipairs(before) do
    local index = at[key_of(line)] or #result + 1
    result[index] = less(result[index], line, is_amount)
  end
  local kept = {}
  for _, line in ipairs(result) do
    if not (line.quantity:is_zero() or is_amount and line.net_amount:is_zero()) then
      kept[#kept + 1] = line
    end
  end
  return kept
end

---@param lines billing.Line[]
---@return Decimal
local function sum_of(lines)
  local total = ZERO
  for _, line in ipairs(lines) do
    total = total + line.net_amount
  end
  return total
end

--- What was measured before and now, as one.
---@param before billing.Measured
---@param now billing.Measured
---@return billing.Measured
local function together(before, now)
  local values
  if now.values then
    values = { table.unpack(before.values or {}) }
    for _, value in ipairs(now.values) do
      values[#values + 1] = value
    end
  end
  return {
    aggregate = before.aggregate + now.aggregate,
    sum = (before.sum or ZERO) + (now.sum or ZERO),
    count = before.count + now.count,
    values = values,
    prorated = now.prorated,
    quantities = now.quantities,
  }
end

--- The minimum for this invoice, prorated when the item says by which part.
---@param reader billing.Reader
---@param name string
---@param d integer
---@return Decimal|nil
local function commitment(reader, name, d)
  local object = reader:object(name, true)
  if not object then
    return nil
  end
  local amount = object:decimal("amount", { min = 0 })
  local part = reader:object("proration", true)
  if not part or name ~= "minimum_commit" then
    return amount
  end
  local days = part:integer("days", { min = 0 })
  return proration.part(amount, days, part:integer("of_days", { above = 0 }), d)
end

--- Discount, minimum and maximum of an amount of usage, as the item states them.
---@param reader billing.Reader
---@param amount Decimal
---@param before Decimal
---@param d integer
---@param steps billing.Step[]
---@return billing.Spend
function meter_item.spend(reader, amount, before, d, steps)
  return usage.spend(amount, {
    discount_percent = reader:decimal("discount_percent", { is_optional = true, min = 0 }),
    minimum = commitment(reader, "minimum_commit", d),
    maximum = commitment(reader, "maximum_spend", d),
    billed_before = before,
    is_last = reader:boolean("is_last", true),
  }, d, steps)
end

---@param reader billing.Reader
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
function meter_item.price(reader, money, steps)
  local self = meter.read(reader:object("meter"))
  self.field = self.field or FIELD_DEFAULT
  local now = meter_item.measure(self, reader)
  local before = reader:object("before", true)
  local amount_before = ZERO
  local lines
  if before and (before:has("quantity") or before:has("events")) then
    local past = meter_item.measure(self, before)
    local billed = usage.meter_lines(self, past, money.d)
    local all = together(past, now)
    explanation.add(steps, "cumulative", tostring(past.aggregate) .. " billed before, "
      .. tostring(now.aggregate) .. " now", all.aggregate)
    lines = difference(self, usage.meter_lines(self, all, money.d, nil, steps), billed)
    amount_before = sum_of(billed)
  else
    lines = usage.meter_lines(self, now, money.d, nil, steps)
  end
  if before then
    amount_before = before:decimal("amount", { default = amount_before })
  end
  local amount = sum_of(lines)
  local spend = meter_item.spend(reader, amount, amount_before, money.d, steps)
  return {
    currency = money.currency,
    aggregate = now.aggregate,
    lines = json.array(lines),
    usage_amount = amount,
    discount_amount = spend.discount,
    minimum_commit_amount = spend.true_up,
    maximum_spend_amount = spend.reduction,
    amount = spend.total,
  }
end

return meter_item
