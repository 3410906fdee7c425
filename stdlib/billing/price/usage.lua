--- Prices the terms of a usage contract: several meters, base fee, minimum and maximum.
local usage_item = {}

local decimal = require("billow.decimal")
local json = require("billow.json")
local meter = require("billow.billing.meter")
local meter_item = require("billow.billing.price.meter")
local reading = require("billow.billing.reading")
local usage = require("billow.billing.usage")

local ZERO = decimal(0)

--- What a meter measured: events of its type, or the quantity given under its id.
---@param self billing.Meter
---@param reader billing.Reader
---@param measures billing.Reader|nil
---@return billing.Measured
local function measured(self, reader, measures)
  if measures and measures:has(self.id) then
    local given = measures:raw(self.id)
    local source = type(given) == "table" and given ~= json.null and given or { quantity = given }
    local path = measures:name(self.id)
    return meter_item.measure(self, reading.open(source, path))
  end
  local events = {}
  for index, raw in ipairs(reader:list("events")) do
    if type(raw) ~= "table" then
      reading.refuse("events[" .. index .. "]", raw, "write an event with type and data")
    elseif raw.type == self.event_type then
      events[#events + 1] = raw
    end
  end
  return meter_item.measure(self, reading.open({ events = json.array(events) }, ""))
end

---@param reader billing.Reader
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
function usage_item.price(reader, money, steps)
  local terms = reader:object("usage")
  local measures = reader:object("quantities", true)
  local lines, amount = {}, ZERO
  for _, meter_reader in ipairs(terms:objects("meters", true)) do
    local self = meter.read(meter_reader)
    self.field = self.field or "value"
    local now = measured(self, reader, measures)
    for _, line in ipairs(usage.meter_lines(self, now, money.d, self.tax_code, steps)) do
      lines[#lines + 1] = line
      amount = amount + line.net_amount
    end
  end
  local source = {}
  for name, value in pairs(terms.source) do
    source[name] = value
  end
  source.proration = reader:raw("proration")
  local with_part = reading.open(source, terms.path)
  local spend = meter_item.spend(with_part, amount, ZERO, money.d, steps)
  local base_fee = terms:decimal("base_fee", { default = 0 })
  local part = reader:object("proration", true)
  if part then
    base_fee = base_fee * part:integer("days", { min = 0 })
      / part:integer("of_days", { above = 0 })
  end
  base_fee = base_fee:round(money.d)
  return {
    currency = money.currency,
    lines = json.array(lines),
    base_fee_amount = base_fee,
    usage_amount = amount,
    discount_amount = spend.discount,
    minimum_commit_amount = spend.true_up,
    maximum_spend_amount = spend.reduction,
    amount = base_fee + spend.total,
  }
end

return usage_item
