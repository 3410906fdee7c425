--- A meter of a usage contract: from the events it counts to the lines it makes.
---
--- The order is fixed: aggregate, divide, round, subtract the free allowance, price. Amounts are
--- decimals; `d` is the number of decimals of the currency. Lines carry quantity and unit price;
--- the net amount of a line is round(quantity x unit_price, d), rounded once, by the caller's
--- totals.
---@class billing.meter
local meter = {}

local aggregation = require("billow.billing.aggregation")
local decimal = require("billow.decimal")
local explanation = require("billow.billing.explanation")
local figures = require("billow.billing.figures")
local reading = require("billow.billing.reading")
local tiers = require("billow.billing.tiers")

local ZERO = decimal(0)
local ONE = decimal(1)
local PIECE = "C62"
-- Without a rounding rule a converted quantity still needs an end: 1/3 has none.
local UNROUNDED_DECIMALS = 6

local MODELS = {
  "per_unit", "graduated", "volume", "package", "percentage", "graduated_percentage",
  "blocks", "capacity", "cost_plus",
}

---@class billing.MeterPrice
---@field model string
---@field unit_price Decimal|nil
---@field tiers billing.Tier[]|nil
---@field flat_at_zero boolean|nil
---@field size Decimal|nil
---@field package_price Decimal|nil
---@field percent Decimal|nil
---@field fixed_per_event Decimal|nil
---@field min_per_event Decimal|nil
---@field max_per_event Decimal|nil
---@field free_events integer|nil
---@field mode string|nil
---@field multiplier Decimal|nil

---@class billing.Meter
---@field id string
---@field event_type string|nil
---@field aggregation string
---@field field string|nil
---@field unit_code string
---@field conversion table|nil   multiply_by, divide_by, rounding, decimals
---@field weighting billing.Weighting|nil
---@field discount_percent Decimal|nil
---@field minimum Decimal|nil     what this meter costs at least in a period
---@field maximum Decimal|nil
---@field free_quantity Decimal
---@field price billing.MeterPrice
---@field tax_code string|nil

---@class billing.Measured  what the events of a period came to
---@field aggregate Decimal      by the meter's aggregation, before conversion
---@field sum Decimal|nil        of the field, for percentage prices
---@field count integer                 events seen
---@field values Decimal[]|nil   per event, for percentage prices with a minimum or maximum
---@field fees Decimal|nil       what these come to, when it was added up where the events lie
---@field quantities table|nil          per unit, for capacity prices in several units

---@class billing.MeterLine
---@field description_key string
---@field quantity Decimal
---@field unit_code string
---@field unit_price Decimal
---@field exact Decimal   the amount before any rounding

local read_price = {}

function read_price.per_unit(reader)
  return { unit_price = reader:decimal("unit_price") }
end

function read_price.graduated(reader)
  return {
    tiers = tiers.read(reader, "unit_price"),
    flat_at_zero = reader:boolean("flat_at_zero", false),
  }
end

read_price.volume = read_price.graduated

function read_price.graduated_percentage(reader)
  return {
    tiers = tiers.read(reader, "percent"),
    flat_at_zero = reader:boolean("flat_at_zero", false),
  }
end

function read_price.package(reader)
  return {
    size = reader:decimal("size", { above = 0 }),
    package_price = reader:decimal("package_price"),
  }
end

function read_price.percentage(reader)
  local price = {
    percent = reader:decimal("percent"),
    fixed_per_event = reader:decimal("fixed_per_event", { default = 0 }),
    min_per_event = reader:decimal("min_per_event", { is_optional = true }),
    max_per_event = reader:decimal("max_per_event", { is_optional = true }),
    free_events = reader:integer("free_events", { default = 0, min = 0 }),
  }
  if price.min_per_event and price.max_per_event and price.max_per_event < price.min_per_event then
    reader:refuse("max_per_event", "write an amount not below min_per_event, "
      .. tostring(price.min_per_event))
  end
  return price
end

function read_price.blocks(reader)
  return {
    tiers = tiers.read_blocks(reader),
    mode = reader:choice("mode", { "all_tiers", "top_tier" }, "all_tiers"),
  }
end

function read_price.capacity(reader)
  return { tiers = tiers.read_capacity(reader) }
end

function read_price.cost_plus(reader)
  return { multiplier = reader:decimal("multiplier", { min = 0 }) }
end

---@param reader billing.Reader
---@return table|nil
local function read_conversion(reader)
  local conversion = reader:object("conversion", true)
  if not conversion then
    return nil
  end
  return {
    multiply_by = conversion:decimal("multiply_by", { default = 1, above = 0 }),
    divide_by = conversion:decimal("divide_by", { default = 1, above = 0 }),
    rounding = conversion:choice("rounding", { "ceiling", "floor", "half_up", "none" }, "none"),
    decimals = conversion:integer("decimals", { default = 0, min = 0, max = 12 }),
  }
end

---@param reader billing.Reader
---@return billing.Weighting
local function read_weighting(reader)
  local weighting = reader:object("weighting", true) or reading.open({}, "weighting")
  return {
    values = weighting:choice("values", aggregation.WEIGHTING_VALUES, "change"),
    unit = weighting:choice("unit", aggregation.WEIGHTING_UNITS, "period"),
    initial_value = weighting:decimal("initial_value", { default = 0 }),
  }
end

---@param reader billing.Reader
---@param name string
---@return Decimal|nil
local function read_amount(reader, name)
  local object = reader:object(name, true)
  return object and object:decimal("amount", { min = 0 })
end

--- Read and check a meter.
---@param reader billing.Reader
---@return billing.Meter
function meter.read(reader)
  local price_reader = reader:object("price")
  local model = price_reader:choice("model", MODELS)
  local price = read_price[model](price_reader)
  price.model = model
  local result = {
    id = reader:text("id", "meter"),
    event_type = reader:text("event_type", false),
    aggregation = reader:choice("aggregation", aggregation.NAMES, "sum"),
    field = reader:text("field", false),
    unit_code = reader:text("unit_code", PIECE),
    conversion = read_conversion(reader),
    free_quantity = reader:decimal("free_quantity", { default = 0, min = 0 }),
    price = price,
    tax_code = reader:text("tax_code", false),
    weighting = read_weighting(reader),
    discount_percent = reader:decimal("discount_percent", { is_optional = true, min = 0,
      max = 100 }),
    minimum = read_amount(reader, "minimum_commit"),
    maximum = read_amount(reader, "maximum_spend"),
  }
  if model == "percentage" then
    if result.conversion then
      reader:refuse("conversion", "leave it out: a percentage price takes amounts as they are")
    elseif not result.free_quantity:is_zero() and (price.min_per_event or price.max_per_event) then
      reader:refuse("free_quantity", "leave it out: with a minimum or maximum per event "
        .. "the free part cannot be shared among the events")
    end
  end
  return result
end

--- Whether the price is taken per event from the field's value.
---@param self billing.Meter
---@return boolean
function meter.is_percentage(self)
  return self.price.model == "percentage"
end
local is_percentage = meter.is_percentage

--- What the meter's field has to be in an event that it counts: a quantity, or there at all; nil
--- when the meter does not look at a field.
---@param self billing.Meter
---@return "quantity"|"present"|nil
function meter.need(self)
  if is_percentage(self) then
    return "quantity"
  elseif self.aggregation == "count" then
    return nil
  end
  return self.aggregation == "unique" and "present" or "quantity"
end

--- The value of the meter's field in an event's data, nil when absent or null.
---@param self billing.Meter
---@param data table
---@return any
local function field_of(self, data)
  return self.field and reading.given(data[self.field])
end

--- Whether the lines of the meter are amounts (quantity 1) instead of units at a price.
---@param self billing.Meter
---@return boolean
function meter.is_amount_priced(self)
  local model = self.price.model
  return model == "percentage" or model == "graduated_percentage" or model == "cost_plus"
end

--- What is wrong with an event that feeds the meter; nil when it can be counted.
---@param self billing.Meter
---@param data table  the event's data
---@return string|nil
function meter.problem(self, data)
  local need = meter.need(self)
  if not need then
    return nil
  end
  local value = field_of(self, data)
  if value == nil then
    return "data." .. tostring(self.field) .. " is missing"
  elseif need == "present" then
    return nil
  end
  local number = reading.number(value)
  if not number then
    return "data." .. self.field .. " is not a number"
  elseif number < ZERO and not aggregation.allows_negative(self.aggregation) then
    return "data." .. self.field .. " is negative"
  end
  return nil
end

--- Measure events that have no problem.
---@param self billing.Meter
---@param events {data: table, time_us: integer}[]  in file order
---@param window? billing.Window   of the period, for weighted sums
---@return billing.Measured
function meter.measure(self, events, window)
  local values = {}
  for i, event in ipairs(events) do
    values[i] = { value = field_of(self, event.data), time_us = event.time_us }
  end
  local measured = {
    aggregate = aggregation.of(self.aggregation, values, self.weighting, window),
    count = #events,
  }
  if is_percentage(self) then
    measured.values = {}
    measured.sum = ZERO
    for index, event in ipairs(events) do
      measured.values[index] = reading.number(field_of(self, event.data))
      measured.sum = measured.sum + measured.values[index]
    end
  end
  return measured
end

local ROUNDING_MODES = { ceiling = "ceil", floor = "floor" }

---@param quantity Decimal
---@param conversion table
---@return Decimal
local function converted(quantity, conversion)
  local exact = quantity * conversion.multiply_by / conversion.divide_by
  if conversion.rounding == "none" then
    return exact:round(UNROUNDED_DECIMALS)
  end
  return exact:round(conversion.decimals, ROUNDING_MODES[conversion.rounding])
end

--- The quantity to price: divided, rounded, less the free allowance.
---@param self billing.Meter
---@param aggregated Decimal
---@param steps billing.Step[]|nil
---@return Decimal
function meter.quantity(self, aggregated, steps)
  local quantity = aggregated
  local conversion = self.conversion
  if conversion then
    quantity = converted(quantity, conversion)
    local by = conversion.multiply_by == ONE and ""
      or " x " .. tostring(conversion.multiply_by)
    explanation.add(steps, "convert", tostring(aggregated) .. by .. " / "
      .. tostring(conversion.divide_by) .. ", rounding " .. conversion.rounding, quantity)
  end
  if not self.free_quantity:is_zero() then
    local left = decimal.max(ZERO, quantity - self.free_quantity)
    explanation.add(steps, "free_quantity", tostring(quantity) .. " less "
      .. tostring(self.free_quantity) .. " free", left)
    quantity = left
  end
  return quantity
end

--- From what was measured to what is priced, in words; all lines of a meter share them.
---@param self billing.Meter
---@param measured billing.Measured
---@return string[]
function meter.told(self, measured)
  if is_percentage(self) then
    local sum = figures.plain(measured.sum or measured.aggregate)
    return { "measured: " .. measured.count .. " events of " .. sum .. " in all" }
  end
  local texts, steps = { "measured: " .. figures.plain(measured.aggregate) }, {}
  meter.quantity(self, measured.aggregate, steps)
  for _, step in ipairs(steps) do
    texts[#texts + 1] = step.text .. ": " .. figures.plain(decimal(step.value))
  end
  return texts
end

---@param key string
---@param unit_code string
---@param part billing.TierPart
---@return billing.MeterLine
local function line_of(key, unit_code, part)
  return {
    description_key = key,
    quantity = part.quantity,
    unit_code = unit_code,
    unit_price = part.unit_price,
    exact = part.quantity * part.unit_price,
  }
end

---@param key string
---@param amount Decimal  not yet rounded
---@param d integer
---@return billing.MeterLine
local function amount_line(key, amount, d)
  return {
    description_key = key,
    quantity = ONE,
    unit_code = PIECE,
    unit_price = amount:round(d),
    exact = amount,
  }
end

--- The amount of a percentage price: clamped event by event, or over the sum less what is free.
---@param self billing.Meter
---@param measured billing.Measured
---@param steps billing.Step[]|nil
---@return Decimal
local function percentage_amount(self, measured, steps)
  local price = self.price
  if not (price.min_per_event or price.max_per_event) then
    local charged = decimal.max(ZERO, measured.sum - self.free_quantity)
    local events = math.max(0, measured.count - price.free_events)
    local amount = charged * price.percent / 100 + price.fixed_per_event * events
    explanation.add(steps, "percentage", tostring(charged) .. " at " .. tostring(price.percent)
      .. " % and " .. events .. " events at " .. tostring(price.fixed_per_event), amount)
    return amount
  end
  if measured.fees then
    explanation.add(steps, "percentage", measured.count .. " events at " .. tostring(price.percent)
      .. " % and " .. tostring(price.fixed_per_event) .. ", each clamped", measured.fees)
    return measured.fees
  end
  local total = ZERO
  for _, value in ipairs(measured.values) do
    local fee = value * price.percent / 100 + price.fixed_per_event
    if price.min_per_event then
      fee = decimal.max(fee, price.min_per_event)
    end
    if price.max_per_event then
      fee = decimal.min(fee, price.max_per_event)
    end
    explanation.add(steps, "event", tostring(value) .. " at " .. tostring(price.percent)
      .. " % and " .. tostring(price.fixed_per_event) .. ", clamped", fee)
    total = total + fee
  end
  return total
end

---@param parts billing.TierPart[]
---@param steps billing.Step[]|nil
local function explain_parts(parts, steps)
  for _, part in ipairs(parts) do
    local price = part.percent and tostring(part.percent) .. " %" or tostring(part.unit_price)
    local amount = part.percent and part.quantity * part.percent / 100
      or part.quantity * part.unit_price
    explanation.add(steps, part.is_flat and "flat" or "tier", "tier " .. part.tier .. ": "
      .. tostring(part.quantity) .. " at " .. price, amount)
  end
end

local price_lines = {}

function price_lines.per_unit(self, quantity)
  local part = { quantity = quantity, unit_price = self.price.unit_price }
  return { line_of("usage:" .. self.id, self.unit_code, part) }
end

function price_lines.graduated(self, quantity, _, _, steps)
  local parts = tiers.graduated(self.price.tiers, quantity, self.price.flat_at_zero)
  explain_parts(parts, steps)
  local lines = {}
  for index, part in ipairs(parts) do
    local key = "usage:" .. self.id .. ":tier" .. part.tier
    lines[index] = part.is_flat and line_of(key .. ":flat", PIECE, part)
      or line_of(key, self.unit_code, part)
  end
  return lines
end

function price_lines.graduated_percentage(self, quantity, _, d, steps)
  local price = self.price
  local parts = tiers.graduated_percentage(price.tiers, quantity, price.flat_at_zero)
  explain_parts(parts, steps)
  local lines = {}
  for index, part in ipairs(parts) do
    local key = "usage:" .. self.id .. ":tier" .. part.tier
    lines[index] = part.is_flat and line_of(key .. ":flat", PIECE, part)
      or amount_line(key, part.quantity * part.percent / 100, d)
  end
  return lines
end

function price_lines.volume(self, quantity, measured, _, steps)
  local price = self.price
  local parts = tiers.volume(price.tiers, quantity, price.flat_at_zero, measured.prorated)
  explain_parts(parts, steps)
  local lines = {}
  for index, part in ipairs(parts) do
    local key = "usage:" .. self.id
    lines[index] = part.is_flat and line_of(key .. ":flat", PIECE, part)
      or line_of(key, self.unit_code, part)
  end
  return lines
end

function price_lines.package(self, quantity, _, _, steps)
  local parts = tiers.package(self.price.size, self.price.package_price, quantity)
  if parts[1] then
    explanation.add(steps, "package", tostring(quantity) .. " in packages of "
      .. tostring(self.price.size), parts[1].quantity)
    return { line_of("usage:" .. self.id, PIECE, parts[1]) }
  end
  return {}
end

function price_lines.percentage(self, _, measured, d, steps)
  if measured.count == 0 and measured.sum:is_zero() then
    return {}
  end
  return { amount_line("usage:" .. self.id, percentage_amount(self, measured, steps), d) }
end

function price_lines.blocks(self, quantity, _, _, steps)
  local parts = tiers.blocks(self.price.tiers, quantity, self.price.mode)
  explain_parts(parts, steps)
  local lines = {}
  for index, part in ipairs(parts) do
    lines[index] = line_of("usage:" .. self.id .. ":tier" .. part.tier, PIECE, part)
  end
  return lines
end

function price_lines.capacity(self, quantity, measured, _, steps)
  local parts = tiers.capacity(self.price.tiers, measured.quantities or { quantity = quantity })
  explain_parts(parts, steps)
  return { line_of("usage:" .. self.id, PIECE, parts[1]) }
end

function price_lines.cost_plus(self, quantity, _, d, steps)
  local amount = quantity * self.price.multiplier
  explanation.add(steps, "cost_plus", "cost " .. tostring(quantity) .. " x "
    .. tostring(self.price.multiplier), amount)
  return { amount_line("usage:" .. self.id, amount, d) }
end

--- The lines of a meter for what was measured. Lines with quantity 0 are not made.
---@param self billing.Meter
---@param measured billing.Measured
---@param d integer
---@param steps billing.Step[]|nil
---@return billing.MeterLine[]
function meter.lines(self, measured, d, steps)
  local quantity = measured.aggregate
  if not is_percentage(self) then
    quantity = meter.quantity(self, measured.aggregate, steps)
  end
  local lines = {}
  for _, line in ipairs(price_lines[self.price.model](self, quantity, measured, d, steps)) do
    if not line.quantity:is_zero() then
      lines[#lines + 1] = line
    end
  end
  return lines
end

return meter
