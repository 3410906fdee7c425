--- Fields of an item that no kind has: a misspelt one is refused, another one is told of.
---
--- What is priced must be what was written. A field that nobody reads changes nothing, so one that
--- looks like a field that is not there (`qty`, `unitPrice`, `discount_pct`) is an error with the
--- right name, and the rest are listed with the result. The names are those of price_schema.json.
---@class billing.price.names
local names = {}

local decimal = require("billow.decimal")
local json = require("billow.json")
local nearest = require("billow.billing.nearest")

--- What people call a field elsewhere. A name counts only where the field exists and is not given.
local SYNONYMS = {
  allowance = { "free_quantity" },
  amount = { "net_amount", "unit_price", "flat_amount", "open_amount", "fee_amount" },
  annual_rate = { "percent" },
  cap = { "maximum_spend", "cap_amount", "max_per_event" },
  commit = { "minimum_commit" },
  cost = { "unit_price", "price" },
  count = { "quantity", "event_count" },
  discount = { "discounts", "discount_percent" },
  discount_rate = { "discount_percent" },
  duration = { "duration_seconds", "hours" },
  each = { "unit_price" },
  fee = { "fee_amount", "flat_amount", "price" },
  fixed = { "fixed_per_event", "flat_amount", "fixed_amount" },
  flat = { "flat_amount" },
  flat_fee = { "flat_amount" },
  flat_price = { "flat_amount" },
  free = { "free_quantity" },
  free_units = { "free_quantity" },
  from = { "start_date", "valid_from" },
  included = { "free_quantity", "is_included" },
  inclusive = { "prices_include_tax", "is_included" },
  interest_rate = { "percent" },
  invoice_date = { "issue_date" },
  max = { "maximum_spend", "max_per_event", "up_to" },
  max_spend = { "maximum_spend" },
  maximum = { "maximum_spend", "max_per_event" },
  min = { "minimum_commit", "min_per_event" },
  min_spend = { "minimum_commit" },
  minimum = { "minimum_commit", "min_per_event" },
  minimum_spend = { "minimum_commit" },
  net = { "net_amount" },
  package_size = { "size" },
  paid = { "prepaid_amount" },
  pct = { "percent" },
  per_unit = { "unit_price" },
  price = { "unit_price", "package_price", "rate", "amount" },
  price_per_unit = { "unit_price" },
  prorate = { "proration" },
  qty = { "quantity" },
  rate = { "percent", "unit_price", "hourly_rate", "tax_percent" },
  rate_percent = { "percent" },
  seconds = { "duration_seconds" },
  start = { "begin", "start_date", "first_date" },
  surcharges = { "charges" },
  surcharge = { "charges" },
  tax = { "tax_percent", "taxes" },
  tax_percentage = { "tax_percent" },
  tax_rate = { "tax_percent" },
  to = { "up_to", "end_date", "until_date" },
  total = { "amount" },
  total_amount = { "amount" },
  unit = { "unit_price" },
  unit_amount = { "unit_price" },
  unit_cost = { "unit_price" },
  units = { "quantity" },
  upper_bound = { "up_to" },
  usage = { "quantity" },
  value = { "amount", "percent" },
  vat = { "tax_percent" },
  vat_percent = { "tax_percent" },
  vat_rate = { "tax_percent" },
}

---@class billing.MisspeltField
---@field field string     path of the field, as refusals write it
---@field value any
---@field nearest string

---@class billing.PriceNames
---@field definitions table<string, table>   of the schema
local Names = {}
Names.__index = Names

---@class billing.FoundNames
---@field misspelt billing.MisspeltField[]
---@field ignored string[]   JSON Pointers

--- Whether a value is one that a calculation would use: a misspelt name costs money only there.
---@param value any
---@return boolean
local function is_figure(value)
  if type(value) == "string" then
    return value:find("^%-?%d") ~= nil
  end
  return value ~= json.null and (type(value) ~= "table" or decimal.is(value)
    or next(value) ~= nil)
end

--- The field that was probably meant by an unknown name; only those that are not given count.
---@param name string
---@param value any
---@param object table
---@param properties table<string, table>
---@return string|nil
local function meant(name, value, object, properties)
  local missing = {}
  for known in pairs(properties) do
    if object[known] == nil then
      missing[#missing + 1] = known
    end
  end
  local spelt = name:gsub("(%l)(%u)", "%1_%2"):gsub("[%s%-]", "_"):lower()
  for _, synonym in ipairs(is_figure(value) and SYNONYMS[spelt] or {}) do
    if properties[synonym] and object[synonym] == nil then
      return synonym
    end
  end
  return nearest.of(name, missing)
end

---@param name string
---@return string
local function token(name)
  return (name:gsub("~", "~0"):gsub("/", "~1"))
end

--- The definition that a value has to be compared with; nil when it is none with names.
---@param definition table
---@param value any
---@return table|nil
function Names:resolved(definition, value)
  local reference = definition["$ref"]
  if reference then
    return self:resolved(self.definitions[reference:match("[%w_]+$")], value)
  end
  for _, branch in ipairs(definition.anyOf or definition.oneOf or {}) do
    local own = self:resolved(branch, value)
    local model = own and own.properties and own.properties.model
    local is_it = model and model.const == value.model
      or own and not model and (own.type == "array") == (#value > 0)
    if is_it then
      return own
    end
  end
  return (definition.properties or definition.items or definition.additionalProperties)
    and definition or nil
end

---@param definition table
---@param value any
---@param place {field: string, pointer: string}
---@param found billing.FoundNames
function Names:walk(definition, value, place, found)
  if type(value) ~= "table" or value == json.null or decimal.is(value) then
    return
  end
  local own = self:resolved(definition, value)
  if not own then
    return
  elseif own.items then
    for index, inner in ipairs(value) do
      self:walk(own.items, inner, { field = place.field .. "[" .. index .. "]",
        pointer = place.pointer .. "/" .. index - 1 }, found)
    end
    return
  end
  local properties, others = own.properties or {}, own.additionalProperties
  for name, inner in pairs(value) do
    if type(name) == "string" then
      local below = { field = place.field == "" and name or place.field .. "." .. name,
        pointer = place.pointer .. "/" .. token(name) }
      if properties[name] then
        self:walk(properties[name], inner, below, found)
      elseif type(others) == "table" then
        self:walk(others, inner, below, found)
      elseif type(others) ~= "table" and own.properties then
        local right = meant(name, inner, value, properties)
        found.misspelt[#found.misspelt + 1] = right
          and { field = below.field, value = inner, nearest = right }
        found.ignored[#found.ignored + 1] = below.pointer
      end
    end
  end
end

--- The names of a schema.
---@param schema table   decoded price_schema.json
---@return billing.PriceNames
function names.of(schema)
  return setmetatable({ definitions = schema["$defs"] }, Names)
end

--- Look at every name of an item of a kind.
---@param kind string
---@param item table
---@return billing.FoundNames
function Names:find(kind, item)
  local found = { misspelt = {}, ignored = json.array({}) }
  self:walk(self.definitions[kind .. "_item"], item, { field = "", pointer = "" }, found)
  return found
end

return names
