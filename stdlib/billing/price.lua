--- `billow price`: what a tariff or a rule makes of an example, before it goes into a contract.
---
--- Takes one item or a list; the field that names an item's kind (`meter`, `retainer`, `lines` ...)
--- is in the item. Every item is priced by itself: one that is malformed gets a precise error and
--- the others are still priced. Everything computed here is computed by the same functions that
--- bill a contract; this file only finds the right one. `price_schema.json` documents the input.
---@class billing.price
local price = {}

local currency = require("billow.billing.currency")
local decimal = require("billow.decimal")
local explanation = require("billow.billing.explanation")
local figures = require("billow.billing.figures")
local json = require("billow.json")
local nearest = require("billow.billing.nearest")
local reading = require("billow.billing.reading")

local CURRENCY_DEFAULT = "EUR"
local AMOUNT_DECIMALS_MAX = 12

-- Kind by the field that names it; each module has `price(reader, money, steps) -> result`.
local MODULES = {
  meter = "billow.billing.price.meter",
  usage = "billow.billing.price.usage",
  time_entries = "billow.billing.price.time",
  retainer = "billow.billing.price.retainer",
  fixed_fee = "billow.billing.price.fixed_fee",
  lines = "billow.billing.price.totals",
  payment_terms = "billow.billing.price.due_date",
  interest = "billow.billing.price.interest",
  instalments = "billow.billing.price.instalments",
  payment = "billow.billing.price.payment",
  early_payment_discount = "billow.billing.price.early_payment",
  proration = "billow.billing.price.proration",
  credit = "billow.billing.price.credit",
  split = "billow.billing.price.split",
  number = "billow.billing.price.number",
  tax_number = "billow.billing.price.tax_number",
  place_of_supply = "billow.billing.price.place_of_supply",
  indexation = "billow.billing.price.indexation",
  discounts = "billow.billing.price.discounts",
}
-- Fields that name a kind only when nothing else does: a retainer is drawn by time entries, the
-- minimum of a meter is prorated.
local AUXILIARY = { time_entries = true, proration = true }

---@class billing.PriceMoney  what amounts of an item are
---@field currency string
---@field d integer          decimals amounts are rounded to

---@class billing.PriceResult
---@field id string|nil
---@field kind string|nil
---@field result table|nil
---@field explanation billing.Step[]|nil
---@field ignored string[]|nil   JSON Pointers to fields that nobody reads
---@field error billing.PriceError|nil

---@class billing.Priced
---@field kind string
---@field result table
---@field steps billing.Step[]
---@field ignored string[]

---@class billing.PriceError
---@field pointer string   of the field inside the item (RFC 6901)
---@field field string
---@field value string
---@field remedy string
---@field message string

---@return string[]
local function kind_names()
  local names = {}
  for name in pairs(MODULES) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

--- "did you mean ...? " of a field that looks like a kind; else nothing.
---@param reader billing.Reader
---@return string
local function guess_of(reader)
  for name in pairs(reader.source) do
    local kind = type(name) == "string" and nearest.of(name, kind_names())
    if kind then
      return name .. " is none; did you mean " .. kind .. "? "
    end
  end
  return ""
end

--- The field that names the item's kind.
---@param reader billing.Reader
---@return string
local function kind_of(reader)
  local found, auxiliary
  for name in pairs(MODULES) do
    local is_there = reader:has(name)
    if is_there and AUXILIARY[name] then
      auxiliary = auxiliary or name
    elseif is_there and found then
      reading.refuse(name, reader:raw(name), "leave out " .. name .. " or " .. found
        .. ": an item is of one kind")
    elseif is_there then
      found = name
    end
  end
  if not found and not auxiliary then
    reading.refuse("item", nil, guess_of(reader) .. "name the kind with one of the fields "
      .. table.concat(kind_names(), ", "))
  end
  return found or auxiliary
end

---@param reader billing.Reader
---@return billing.PriceMoney
local function money_of(reader)
  local code = reader:text("currency", CURRENCY_DEFAULT)
  if not currency.is_known(code) then
    reader:refuse("currency", "write an ISO 4217 code, for example EUR")
  end
  local d = reader:integer("amount_decimals", { is_optional = true, min = 0,
    max = AMOUNT_DECIMALS_MAX })
  return { currency = code, d = d or currency.decimals(code) }
end

--- Fields whose decimals are amounts of money, or prices.
---@param name string|integer
---@return boolean
local function is_amount(name)
  return type(name) == "string" and (name == "amount" or name:find("_amounts?$") ~= nil
    or name:find("_net$") ~= nil)
end

--- A decimal as text: amounts with the currency's decimals, prices with at least those, and
--- everything else in plain digits.
---@param name string|integer
---@param value Decimal
---@param d integer
---@return string
local function decimal_text(name, value, d)
  if name == "unit_price" or is_amount(name) and value ~= value:round(d) then
    return figures.price(value, d)
  elseif is_amount(name) then
    return figures.amount(value, d)
  end
  return figures.plain(value)
end

--- A result as it is written: decimals as text, everything below likewise. Elements of a list are
--- named like the list.
---@param value any
---@param d integer
---@param name string|integer
---@return any
local function written(value, d, name)
  if decimal.is(value) then
    return decimal_text(name, value, d)
  elseif type(value) ~= "table" or value == json.null then
    return value
  end
  local copy = {}
  for key, inner in pairs(value) do
    copy[key] = written(inner, d, type(key) == "string" and key or name)
  end
  if #copy > 0 or (next(copy) == nil and getmetatable(value) ~= nil) then
    return json.array(copy)
  end
  return copy
end

--- Where a field is, as a JSON Pointer into the item: `events[2].time` is /events/1/time.
---@param field string
---@return string
local function pointer_of(field)
  if field == "item" then
    return ""
  end
  local first = field:match("^([%w_]+): ")
  local rest = first and field:match("^.*: (.*)$") or field
  local parts = first and { first } or {}
  for name, places in rest:gmatch("([^.%[%]]+)([%[%]%d]*)") do
    parts[#parts + 1] = (name:gsub("~", "~0"):gsub("/", "~1"))
    for place in places:gmatch("%d+") do
      parts[#parts + 1] = tostring(math.tointeger(place) - 1)
    end
  end
  return "/" .. table.concat(parts, "/")
end

---@param input any
---@return boolean
local function is_list(input)
  return type(input) == "table" and (#input > 0 or (next(input) == nil
    and getmetatable(input) ~= nil))
end

---@param source any
---@param names billing.PriceNames|nil
---@return billing.Priced
local function compute(source, names)
  local reader = reading.open(source, "")
  if is_list(source) then
    reading.refuse("item", source, "write an object with named fields, not a list in a list")
  end
  local kind = kind_of(reader)
  local found = names and names:find(kind, source) or { misspelt = {}, ignored = {} }
  for _, own in ipairs(found.misspelt) do
    reading.refuse(own.field, own.value, "there is no such field; did you mean " .. own.nearest
      .. "?")
  end
  local steps = explanation.new()
  local money = money_of(reader)
  local result = require(MODULES[kind]).price(reader, money, steps)
  return { kind = kind, steps = steps, result = written(result, money.d, "result"),
    ignored = found.ignored }
end

--- Compute, or say what is wrong. Numbers too large for exact arithmetic are the item's fault too.
---@param source any
---@param names billing.PriceNames|nil
---@return billing.Priced|nil done
---@return billing.Refusal|nil refusal
local function attempt(source, names)
  local is_done, done, refusal = pcall(reading.try, compute, source, names)
  if is_done then
    return done, refusal
  elseif type(done) == "string" and done:find("decimal") and done:find("34 digits") then
    return nil, reading.refusal("item", "too long to be exact", "shorten them: an exact "
      .. "product or sum has at most 34 digits (" .. done:match("decimal.*$") .. ")")
  end
  if type(done) == "string" and done:find("outside the years") then
    return nil, reading.refusal("item", "reckoned beyond the calendar",
      "write days between the years 0001 and 9998")
  end
  -- An error of ours: the other items are priced all the same.
  return nil, reading.refusal("item", "priced wrongly by us", "look for a field of the wrong kind, "
    .. "and report it (" .. tostring(done) .. ")")
end

--- Price one item.
---@param source any  decoded JSON
---@param names? billing.PriceNames   to look for misspelt fields
---@return billing.PriceResult
function price.item(source, names)
  local id = type(source) == "table" and reading.given(source.id) or nil
  local done, refusal = attempt(source, names)
  if not done then
    return {
      id = id,
      error = {
        pointer = pointer_of(refusal.field),
        field = refusal.field,
        value = refusal.value,
        remedy = refusal.remedy,
        message = tostring(refusal),
      },
    }
  end
  return {
    id = id,
    kind = done.kind,
    result = done.result,
    explanation = json.array(done.steps),
    ignored = done.ignored[1] and done.ignored or nil,
  }
end

--- Price an item or a list of items.
---@param input any  decoded JSON
---@return billing.PriceResult|billing.PriceResult[]  as the input: one, or a list
---@return boolean is_clean  false when any item has an error
function price.run(input)
  if not is_list(input) then
    local result = price.item(input)
    return result, result.error == nil
  end
  local results, is_clean = {}, true
  for index, source in ipairs(input) do
    results[index] = price.item(source)
    is_clean = is_clean and results[index].error == nil
  end
  return json.array(results), is_clean
end

return price
