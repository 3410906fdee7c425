--- Prices a meter: a quantity or events through one tariff, with minimum, maximum and what was
--- billed before in the same period.
local meter_item = {}

local aggregation = require("billow.billing.aggregation")
local copy = require("billow.billing.copy")
local cumulative = require("billow.billing.cumulative")
local decimal = require("billow.decimal")
local date = require("billow.date")
local explanation = require("billow.billing.explanation")
local json = require("billow.json")
local meter = require("billow.billing.meter")
local progressive_item = require("billow.billing.price.progressive")
local proration = require("billow.billing.proration")
local reading = require("billow.billing.reading")
local usage = require("billow.billing.usage")

local ZERO = decimal(0)
local FIELD_DEFAULT = "value"
local NOTHING_BEFORE = { amount = ZERO }

--- An event as the meter takes it: a bare number, an object of data, or a whole CloudEvent.
---@param self billing.Meter
---@param raw any
---@param index integer
---@param path string
---@return {data: table, time_us: integer, has_time: boolean|nil}
local function event_of(self, raw, index, path)
  local event = { data = raw, time_us = index }
  if type(raw) ~= "table" then
    event.data = { [self.field] = raw }
  elseif type(raw.data) == "table" then
    event.data = raw.data
    if raw.time then
      event.time_us = type(raw.time) == "string" and date.parse_instant(raw.time) or nil
      event.has_time = true
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

--- Events of a field of the item.
---@param self billing.Meter
---@param reader billing.Reader
---@return {data: table, time_us: integer}[]
local function events_of(self, reader)
  local events = {}
  for index, raw in ipairs(reader:list("events")) do
    events[index] = event_of(self, raw, index, reader:name("events") .. "[" .. index .. "]")
  end
  return events
end

---@param reader billing.Reader
---@param name string
---@return integer
local function instant(reader, name)
  local text = reader:text(name)
  local at = date.parse_instant(date.is_valid(text) and text .. "T00:00:00Z" or text)
  if not at then
    reader:refuse(name, "write a day as YYYY-MM-DD or an RFC 3339 instant")
  end
  return at
end

--- The stretch of time over which a weighted sum is taken.
---@param self billing.Meter
---@param item billing.Reader
---@return billing.Window|nil
function meter_item.window(self, item)
  local window = item:object("window", true)
  if not window then
    if self.aggregation == "weighted_sum" then
      item:refuse("window", "write {start, end}: a weighted sum is taken over a stretch of time")
    end
    return nil
  end
  local start_us, end_us = instant(window, "start"), instant(window, "end")
  if end_us <= start_us then
    window:refuse("end", "write an instant after the start; it is the first one not counted")
  end
  return { start_us = start_us, end_us = end_us }
end

--- A quantity that is already aggregated.
---@param self billing.Meter
---@param reader billing.Reader
---@return billing.Measured
local function measure_quantity(self, reader)
  if not reader:has("quantity") then
    reader:refuse("quantity", "write what was used, or events"
      .. (self.price.model == "capacity" and ", or quantities by unit" or ""))
  end
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

---@param self billing.Meter
---@param reader billing.Reader
---@return billing.Measured
local function measure_quantities(self, reader)
  if self.price.model ~= "capacity" then
    reader:refuse("quantities", "write quantity: only a capacity has several units")
  end
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
---@param item? billing.Reader   that has the window; `reader` itself when absent
---@return billing.Measured
function meter_item.measure(self, reader, item)
  reader:only_one({ "events", "quantities", "quantity" })
  if reader:has("events") then
    return meter.measure(self, events_of(self, reader), meter_item.window(self, item or reader))
  elseif reader:has("quantities") then
    return measure_quantities(self, reader)
  end
  return measure_quantity(self, reader)
end

--- What was measured before and now, as one: all events together where both have them, else by the
--- aggregation.
---@param self billing.Meter
---@param reader billing.Reader   the item
---@param before billing.Reader
---@param past billing.Measured
---@param now billing.Measured
---@return billing.Measured
local function together(self, reader, before, past, now)
  if before:has("events") and reader:has("events") then
    local events = events_of(self, before)
    for _, event in ipairs(events_of(self, reader)) do
      events[#events + 1] = event
    end
    for place, event in ipairs(events) do
      event.time_us = event.has_time and event.time_us or place
    end
    return meter.measure(self, events, meter_item.window(self, reader))
  end
  local aggregate = aggregation.combined(self.aggregation, past.aggregate, now.aggregate)
  if not aggregate then
    before:refuse("quantity", "give the events, before and now: " .. self.aggregation
      .. " cannot be told from two quantities")
  end
  return {
    aggregate = aggregate,
    sum = (past.sum or ZERO) + (now.sum or ZERO),
    count = past.count + now.count,
    prorated = now.prorated,
    quantities = now.quantities,
  }
end

--- Days that count, of the days of the period.
---@param part billing.Reader
---@return integer days
---@return integer of_days
local function proration_days(part)
  local of_days = part:integer("of_days", { above = 0 })
  return part:integer("days", { min = 0, max = of_days }), of_days
end

--- Refuse a proration that is none, also where nothing is prorated.
---@param reader billing.Reader
function meter_item.check_proration(reader)
  local part = reader:object("proration", true)
  if part then
    proration_days(part)
  end
end

--- The part of an amount that the item's proration says.
---@param reader billing.Reader
---@param amount Decimal
---@param d integer
---@param steps billing.Step[]|nil
---@return Decimal
function meter_item.prorated(reader, amount, d, steps)
  local part = reader:object("proration", true)
  if not part then
    return amount
  end
  local days, of_days = proration_days(part)
  local prorated = proration.part(amount, days, of_days, d)
  explanation.add(steps, "proration", tostring(amount) .. " x " .. days .. " / " .. of_days
    .. ", rounded", prorated)
  return prorated
end

---@param reader billing.Reader
---@param name string
---@return Decimal|nil
local function commitment(reader, name)
  local object = reader:object(name, true)
  return object and object:decimal("amount", { min = 0 })
end

---@class billing.BilledBefore
---@field amount Decimal         by earlier invoices of the period
---@field reduced Decimal|nil    what they took off for the maximum, when it follows from the item

--- Discount, minimum and maximum of an amount of usage, as the item states them.
---@param reader billing.Reader
---@param amount Decimal
---@param before billing.BilledBefore
---@param d integer
---@param steps billing.Step[]|nil
---@param self billing.Meter|nil   whose own terms hold where the item has none
---@return billing.Spend
function meter_item.spend(reader, amount, before, d, steps, self)
  local own = self or {}
  local minimum, maximum = commitment(reader, "minimum_commit"), commitment(reader, "maximum_spend")
  minimum, maximum = minimum or own.minimum, maximum or own.maximum
  if minimum and maximum and maximum < minimum then
    reading.refuse("maximum_spend.amount", tostring(maximum),
      "write an amount not below the minimum, " .. tostring(minimum))
  end
  return usage.spend(amount, {
    discount_percent = reader:decimal("discount_percent", { is_optional = true, min = 0,
      max = 100 }) or own.discount_percent,
    minimum = minimum and meter_item.prorated(reader, minimum, d, steps),
    maximum = maximum,
    billed_before = before.amount,
    reduced_before = before.reduced,
    is_last = reader:boolean("is_last", true),
  }, d, steps)
end

--- What discount, minimum and maximum make of the usage, as one sum.
---@param steps billing.Step[]
---@param amount Decimal
---@param spend billing.Spend
function meter_item.explain_total(steps, amount, spend)
  local text = "usage " .. tostring(amount)
  for _, part in ipairs({ { " - discount ", spend.discount }, { " + minimum ", spend.true_up },
    { " - above the maximum ", spend.reduction } }) do
    text = text .. (part[2]:is_zero() and "" or part[1] .. tostring(part[2]))
  end
  explanation.add(steps, "amount", text, spend.total)
end

--- What earlier invoices of the period asked for such usage: less discount and maximum, as they
--- had them. The minimum is left to the last invoice.
---@param self billing.Meter
---@param reader billing.Reader
---@param amount Decimal
---@param d integer
---@return billing.BilledBefore
local function billed_for(self, reader, amount, d)
  local spend = meter_item.spend(reader, amount, NOTHING_BEFORE, d, nil, self)
  return { amount = spend.total - spend.true_up, reduced = spend.reduction }
end

--- The lines to bill now, and what was billed before in the same period.
---@param self billing.Meter
---@param reader billing.Reader
---@param now billing.Measured
---@param d integer
---@param steps billing.Step[]
---@return billing.Line[] lines
---@return billing.BilledBefore
local function lines_now(self, reader, now, d, steps)
  local before = reader:object("before", true)
  if not before then
    return usage.meter_lines(self, now, d, nil, steps), NOTHING_BEFORE
  elseif not (before:has("quantity") or before:has("events") or before:has("quantities")) then
    return usage.meter_lines(self, now, d, nil, steps),
      { amount = before:decimal("amount", { default = 0 }) }
  end
  local past = meter_item.measure(self, before, reader)
  local billed = usage.meter_lines(self, past, d)
  local all = together(self, reader, before, past, now)
  explanation.add(steps, "cumulative", tostring(past.aggregate) .. " billed before, "
    .. tostring(now.aggregate) .. " now", all.aggregate)
  local lines = cumulative.difference(self, usage.meter_lines(self, all, d, nil, steps), billed)
  explanation.add(steps, "before", "what was billed before comes to this, and is taken off",
    usage.net_of(billed))
  local amount = before:decimal("amount", { is_optional = true })
  return lines, amount and { amount = amount }
    or billed_for(self, reader, usage.net_of(billed), d)
end

--- Invoices at thresholds before the end of the period; nil without such terms.
---@param self billing.Meter
---@param reader billing.Reader
---@param total Decimal      of the period
---@param d integer
---@param steps billing.Step[]
---@return table[]|nil
local function progressive_of(self, reader, total, d, steps)
  if not reader:has("progressive_billing") then
    return nil
  elseif not reader:has("events") then
    reader:refuse("events", "give events: a threshold is reached by one of them")
  end
  local events, window = events_of(self, reader), meter_item.window(self, reader)
  table.sort(events, function(a, b)
    return a.time_us < b.time_us
  end)
  return progressive_item.invoices(reader, #events, function(count)
    local measured = meter.measure(self, copy.list(events, count), window)
    return usage.net_of(usage.meter_lines(self, measured, d))
  end, total, steps)
end

---@param reader billing.Reader
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
function meter_item.price(reader, money, steps)
  local self = meter.read(reader:object("meter"))
  self.field = self.field or FIELD_DEFAULT
  meter_item.check_proration(reader)
  local now = meter_item.measure(self, reader)
  if reader:has("events") then
    explanation.add(steps, "aggregate", self.aggregation .. " of " .. now.count .. " events",
      now.aggregate)
  end
  local lines, before = lines_now(self, reader, now, money.d, steps)
  local amount = usage.net_of(lines)
  explanation.add_lines(steps, lines)
  local spend = meter_item.spend(reader, amount, before, money.d, steps, self)
  meter_item.explain_total(steps, amount, spend)
  return {
    currency = money.currency,
    aggregate = now.aggregate,
    lines = json.array(lines),
    usage_amount = amount,
    discount_amount = spend.discount,
    minimum_commit_amount = spend.true_up,
    maximum_spend_amount = spend.reduction,
    amount = spend.total,
    invoices = progressive_of(self, reader, spend.total, money.d, steps),
  }
end

return meter_item
