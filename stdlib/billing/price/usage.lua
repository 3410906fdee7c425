--- Prices the terms of a usage contract: several meters, base fee, minimum and maximum.
local usage_item = {}

local copy = require("billow.billing.copy")
local decimal = require("billow.decimal")
local explanation = require("billow.billing.explanation")
local json = require("billow.json")
local meter = require("billow.billing.meter")
local meter_item = require("billow.billing.price.meter")
local progressive_item = require("billow.billing.price.progressive")
local reading = require("billow.billing.reading")
local usage = require("billow.billing.usage")

local ZERO = decimal(0)

--- The item's events, in order of time where they have one.
---@param reader billing.Reader
---@return table[]
local function events_of(reader)
  local events = {}
  for index, raw in ipairs(reader:list("events")) do
    if type(raw) ~= "table" then
      reading.refuse("events[" .. index .. "]", raw, "write an event with type and data")
    end
    events[index] = raw
  end
  return events
end

--- What a meter measured: events of its type, or the quantity given under its id.
---@param self billing.Meter
---@param reader billing.Reader
---@param events table[]
---@return billing.Measured
local function measured(self, reader, events)
  local measures = reader:object("quantities", true)
  if measures and measures:has(self.id) then
    local given = measures:raw(self.id)
    local source = type(given) == "table" and given ~= json.null and given or { quantity = given }
    return meter_item.measure(self, reading.open(source, measures:name(self.id)), reader)
  end
  local own = {}
  for _, raw in ipairs(events) do
    if raw.type == (self.event_type or self.id) then
      own[#own + 1] = raw
    end
  end
  return meter_item.measure(self, reading.open({ events = json.array(own) }, ""), reader)
end

--- Lines of all meters and what their own discounts and caps take off.
---@param reader billing.Reader
---@param meters billing.Meter[]
---@param events table[]
---@param d integer
---@param steps billing.Step[]|nil
---@return billing.Line[] lines
---@return Decimal reduced
local function lines_of(reader, meters, events, d, steps)
  local lines, reduced = {}, ZERO
  local function prorate(amount)
    return meter_item.prorated(reader, amount, d, steps)
  end
  for _, self in ipairs(meters) do
    local own = usage.meter_lines(self, measured(self, reader, events), d, self.tax_code, steps)
    local true_up, reductions = usage.own_spend(self, own, prorate, d, steps)
    own[#own + 1] = true_up
    explanation.add_lines(steps, own)
    for _, line in ipairs(own) do
      lines[#lines + 1] = line
    end
    for _, reduction in ipairs(reductions) do
      reduced = reduced + reduction.amount
    end
  end
  return lines, reduced
end

---@param terms billing.Reader
---@return billing.Meter[]
local function meters_of(terms)
  local meters, is_known = {}, {}
  for index, meter_reader in ipairs(terms:objects("meters", true)) do
    local self = meter.read(meter_reader)
    if is_known[self.id] then
      meter_reader:refuse("id", "give each meter its own id")
    end
    is_known[self.id] = true
    self.field = self.field or "value"
    meters[index] = self
  end
  return meters
end

--- A quantity for a meter that is not there would be billed to nobody.
---@param reader billing.Reader
---@param meters billing.Meter[]
local function check_quantities(reader, meters)
  local quantities, ids, is_meter = reader:object("quantities", true), {}, {}
  for index, self in ipairs(meters) do
    ids[index], is_meter[self.id] = self.id, true
  end
  for id in pairs(quantities and quantities.source or {}) do
    if not is_meter[id] then
      quantities:refuse(id, "name one of the meters: " .. table.concat(ids, ", "))
    end
  end
end

--- Terms of spend are the contract's, the part of the period is the item's.
---@param terms billing.Reader
---@param reader billing.Reader
---@return billing.Reader
local function spend_reader(terms, reader)
  local source = {}
  for name, value in pairs(terms.source) do
    source[name] = value
  end
  source.proration = reader:raw("proration")
  source.is_last = reader:raw("is_last")
  return reading.open(source, terms.path)
end

--- Invoices at thresholds of the whole contract's usage; nil without such terms.
---@param reader billing.Reader
---@param meters billing.Meter[]
---@param events table[]
---@param total Decimal
---@param d integer
---@param steps billing.Step[]
---@return table[]|nil
local function progressive_of(reader, meters, events, total, d, steps)
  if not reader:has("progressive_billing") then
    return nil
  end
  local ordered = copy.list(events)
  local place = {}
  for index, event in ipairs(events) do
    place[event] = index
  end
  table.sort(ordered, function(a, b)
    local left, right = tostring(a.time or ""), tostring(b.time or "")
    if left ~= right then
      return left < right
    end
    return place[a] < place[b]
  end)
  return progressive_item.invoices(reader, #ordered, function(count)
    local lines, reduced = lines_of(reader, meters, copy.list(ordered, count), d)
    return usage.net_of(lines) - reduced
  end, total, steps)
end

---@param reader billing.Reader
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
function usage_item.price(reader, money, steps)
  local terms, d = reader:object("usage"), money.d
  local meters, events = meters_of(terms), events_of(reader)
  meter_item.check_proration(reader)
  check_quantities(reader, meters)
  local lines, reduced = lines_of(reader, meters, events, d, steps)
  local amount = usage.net_of(lines) - reduced
  local before = reader:object("before", true)
  local billed = before and before:decimal("amount", { min = 0 }) or ZERO
  local spend = meter_item.spend(spend_reader(terms, reader), amount, { amount = billed }, d, steps)
  meter_item.explain_total(steps, amount, spend)
  local base_fee = meter_item.prorated(reader, terms:decimal("base_fee", { default = 0 }), d,
    terms:has("base_fee") and steps or nil):round(d)
  if terms:has("base_fee") then
    explanation.add(steps, "base_fee", "rounded", base_fee)
  end
  return {
    currency = money.currency,
    lines = json.array(lines),
    base_fee_amount = base_fee,
    usage_amount = amount,
    meter_reduction_amount = reduced,
    discount_amount = spend.discount,
    minimum_commit_amount = spend.true_up,
    maximum_spend_amount = spend.reduction,
    amount = base_fee + spend.total,
    invoices = progressive_of(reader, meters, events, spend.total, d, steps),
  }
end

return usage_item
