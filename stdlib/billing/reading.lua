--- Reads the fields of plain tables (decoded JSON) and says precisely what is wrong with them.
---
--- A reader wraps one object and knows its path, so that every refusal names the field as the
--- author of the data wrote it (`meter.price.tiers[2].up_to`), the value found there, and what to
--- write instead. Decimals may be given as decimals (already read) or as text; binary floats are
--- refused. JSON null counts as absent. Nothing is defaulted silently: a default is always in the
--- call.
---
--- Refusals are raised as `billing.Refusal` tables; `reading.try` turns them into `nil, refusal`.
---@class billing.reading
local reading = {}

local date = require("billow.date")
local decimal = require("billow.decimal")
local json = require("billow.json")
local nearest = require("billow.billing.nearest")

---@class billing.Refusal
---@field field string   path of the field, for example `meter.price.tiers[2].up_to`
---@field value string   the value found, as text; "nothing" when absent
---@field remedy string  what to write instead

---@class billing.Reader
---@field path string
---@field source table   the object read; unknown fields stay there untouched
local Reader = {}
Reader.__index = Reader

local Refusal = {
  __tostring = function(refusal)
    return refusal.field .. " is " .. refusal.value .. ": " .. refusal.remedy
  end,
}
Refusal.__index = Refusal

local VALUE_TEXT_MAX = 80
-- Exact arithmetic has 34 digits; numbers of half as many can be multiplied.
-- Days, seconds and counts: more than anybody has, and far inside what integers hold.
local INTEGER_MAX = decimal(1000000000000)
local DIGITS_MAX = 18

--- Text of at most so many bytes, in whole characters: half of one is no text.
---@param text string
---@param max integer
---@return string
function reading.shortened(text, max)
  if #text <= max then
    return text
  end
  return text:sub(1, max):gsub("[\xC0-\xFF][\x80-\xBF]*$", "") .. "..."
end

--- Text without control characters, which could write anywhere on a terminal.
---@param text string
---@return string
function reading.printable(text)
  return (text:gsub("%c", function(byte)
    return string.format("\\u%04x", byte:byte())
  end))
end

--- A value as an error message shows it: text in quotes, tables by their kind, long text cut.
---@param value any
---@return string
local function shown(value)
  if value == nil or value == json.null then
    return "nothing"
  elseif type(value) == "string" then
    return '"' .. reading.printable(reading.shortened(value, VALUE_TEXT_MAX)) .. '"'
  elseif type(value) == "table" then
    return (#value > 0 or json.is_array(value)) and "a list" or "an object"
  end
  return tostring(value)
end

--- A refusal made elsewhere, to be raised here; `value` is already as it is to be shown.
---@param field string
---@param value string
---@param remedy string
---@return billing.Refusal
function reading.refusal(field, value, remedy)
  return setmetatable({ field = field, value = value, remedy = remedy }, Refusal)
end

--- Raise a refusal.
---@param field string
---@param value any
---@param remedy string
function reading.refuse(field, value, remedy)
  error(reading.refusal(field, shown(value), remedy), 0)
end

--- Call `action`; a refusal raised in it is returned, any other error goes on.
---@generic T
---@param action fun(...): T
---@return T|nil result
---@return billing.Refusal|nil refusal
function reading.try(action, ...)
  local is_done, result = pcall(action, ...)
  if is_done then
    return result
  elseif getmetatable(result) == Refusal then
    return nil, result
  end
  error(result, 0)
end

--- A decimal from a decimal, an integer or plain decimal text; nil for anything else.
---@param value any
---@return Decimal|nil
function reading.number(value)
  if decimal.is(value) then
    return value
  elseif math.type(value) == "integer" then
    return decimal(value)
  elseif type(value) == "string" and value:find("^%-?%d+%.?%d*$") and value:sub(-1) ~= "." then
    return (decimal.parse(value))
  end
  return nil
end

--- The value, or nil when it is absent or JSON null.
---@param value any
---@return any
function reading.given(value)
  if value == json.null then
    return nil
  end
  return value
end

--- Open a reader on an object.
---@param source any
---@param path string  path of the object; "" for the outermost
---@return billing.Reader
function reading.open(source, path)
  if type(source) ~= "table" or source == json.null then
    reading.refuse(path == "" and "item" or path, source, "write an object with named fields")
  end
  return setmetatable({ source = source, path = path }, Reader)
end

---@param name string
---@return string
function Reader:name(name)
  return self.path == "" and name or self.path .. "." .. name
end

--- Refuse a field of this object.
---@param name string
---@param remedy string
function Reader:refuse(name, remedy)
  reading.refuse(self:name(name), self.source[name], remedy)
end

--- Whether the field is there and not null.
---@param name string
---@return boolean
function Reader:has(name)
  return reading.given(self.source[name]) ~= nil
end

--- The raw value of a field, nil when null.
---@param name string
---@return any
function Reader:raw(name)
  return reading.given(self.source[name])
end

--- Refuse two ways of saying one thing: which of them counts is not for us to guess.
---@param names string[]
function Reader:only_one(names)
  local found
  for _, name in ipairs(names) do
    if self:has(name) and found then
      self:refuse(name, "leave out " .. found .. " or " .. name .. ": one of them is enough")
    end
    found = self:has(name) and name or found
  end
end

---@class billing.NumberRule
---@field default any             used when the field is absent; without it the field is required
---@field is_optional boolean|nil absent gives nil
---@field min integer|nil         smallest value allowed
---@field max integer|nil         greatest value allowed
---@field above integer|nil       the value must be greater than this

---@param self billing.Reader
---@param name string
---@param rule billing.NumberRule
---@param what string
local function missing(self, name, rule, what)
  if rule.default ~= nil then
    return rule.default
  elseif not rule.is_optional then
    self:refuse(name, "write " .. what)
  end
  return nil
end

---@param self billing.Reader
---@param name string
---@param value Decimal|integer
---@param rule billing.NumberRule
local function check_bounds(self, name, value, rule)
  if rule.min and value < rule.min then
    self:refuse(name, "write a number that is at least " .. rule.min)
  elseif rule.above and value <= rule.above then
    self:refuse(name, "write a number greater than " .. rule.above)
  elseif rule.max and value > rule.max then
    self:refuse(name, "write a number that is at most " .. rule.max)
  end
end

--- A decimal.
---@param name string
---@param rule billing.NumberRule|nil
---@return Decimal
function Reader:decimal(name, rule)
  rule = rule or {}
  local raw = self:raw(name)
  if raw == nil then
    local value = missing(self, name, rule, 'a decimal as text, for example "12.50"')
    return value and reading.number(value)
  end
  local value = reading.number(raw)
  if not value then
    local is_long = type(raw) == "string" and raw:find("^%-?%d+%.?%d+$")
    self:refuse(name, is_long and "write a number of at most " .. DIGITS_MAX .. " digits"
      or 'write a decimal as text in plain digits, for example "12.50"')
  elseif #tostring(value):gsub("[^%d]", "") > DIGITS_MAX then
    self:refuse(name, "write a number of at most " .. DIGITS_MAX .. " digits")
  end
  check_bounds(self, name, value, rule)
  return value
end

--- A whole number.
---@param name string
---@param rule billing.NumberRule|nil
---@return integer
function Reader:integer(name, rule)
  rule = rule or {}
  local raw = self:raw(name)
  if raw == nil then
    return missing(self, name, rule, "a whole number, for example 15")
  end
  local value = reading.number(raw)
  if not value or value ~= value:trunc() then
    self:refuse(name, "write a whole number, for example 15")
  elseif value:abs() > INTEGER_MAX then
    self:refuse(name, "write a whole number of at most " .. tostring(INTEGER_MAX))
  end
  check_bounds(self, name, value, rule)
  return value:to_integer()
end

--- A text that is not empty.
---@param name string
---@param default string|false|nil  false: optional
---@return string
function Reader:text(name, default)
  local raw = self:raw(name)
  if raw == nil and default ~= nil then
    return default or nil
  elseif type(raw) ~= "string" or raw == "" then
    self:refuse(name, "write a text")
  end
  return raw
end

---@param name string
---@param default boolean
---@return boolean
function Reader:boolean(name, default)
  local raw = self:raw(name)
  if raw == nil then
    return default
  elseif type(raw) ~= "boolean" then
    self:refuse(name, "write true or false")
  end
  return raw
end

--- One of some words.
---@param name string
---@param choices string[]
---@param default string|nil
---@return string
function Reader:choice(name, choices, default)
  local raw = self:raw(name)
  if raw == nil and default then
    return default
  end
  for _, choice in ipairs(choices) do
    if raw == choice then
      return choice
    end
  end
  local meant = type(raw) == "string" and nearest.of(raw, choices)
  self:refuse(name, (meant and "did you mean " .. meant .. "? " or "") .. "write one of "
    .. table.concat(choices, ", "))
  return default
end

--- A calendar date `YYYY-MM-DD`.
---@param name string
---@param is_optional boolean|nil
---@return string
function Reader:date(name, is_optional)
  local raw = self:raw(name)
  if raw == nil and is_optional then
    return nil
  elseif type(raw) ~= "string" or not date.is_valid(raw) then
    self:refuse(name, "write a date that exists as YYYY-MM-DD")
  end
  return raw
end

--- A calendar month `YYYY-MM`.
---@param name string
---@param is_optional boolean|nil
---@return string
function Reader:period(name, is_optional)
  local raw = self:raw(name)
  if raw == nil and is_optional then
    return nil
  elseif type(raw) ~= "string" or not raw:find("^%d%d%d%d%-%d%d$")
    or not date.is_valid(raw .. "-01") then
    self:refuse(name, "write a month as YYYY-MM")
  end
  return raw
end

--- A nested object; nil when absent and optional.
---@param name string
---@param is_optional boolean|nil
---@return billing.Reader
function Reader:object(name, is_optional)
  local raw = self:raw(name)
  if raw == nil and is_optional then
    return nil
  elseif type(raw) ~= "table" then
    self:refuse(name, "write an object with named fields")
  end
  return reading.open(raw, self:name(name))
end

--- Readers on the objects of a list; an absent list is empty unless `is_required`.
---@param name string
---@param is_required boolean|nil
---@return billing.Reader[]
function Reader:objects(name, is_required)
  local items = self:list(name, is_required)
  local readers = {}
  for index, item in ipairs(items) do
    readers[index] = reading.open(item, self:name(name) .. "[" .. index .. "]")
  end
  return readers
end

--- A list of anything; an absent list is empty unless `is_required`.
---@param name string
---@param is_required boolean|nil
---@return any[]
function Reader:list(name, is_required)
  local raw = self:raw(name)
  if raw == nil and not is_required then
    return {}
  elseif type(raw) ~= "table" or (next(raw) ~= nil and #raw == 0) then
    self:refuse(name, "write a list")
  elseif is_required and #raw == 0 then
    self:refuse(name, "write a list with at least one element")
  end
  return raw
end

--- Decimals of a list.
---@param name string
---@param rule billing.NumberRule|nil
---@return Decimal[]
function Reader:decimals(name, rule)
  local values = {}
  for index, raw in ipairs(self:list(name)) do
    local value = reading.number(raw)
    local field = self:name(name) .. "[" .. index .. "]"
    if not value then
      reading.refuse(field, raw, 'write a decimal as text in plain digits, for example "12.50"')
    elseif rule and rule.min and value < rule.min then
      reading.refuse(field, raw, "write a number that is at least " .. rule.min)
    end
    values[index] = value
  end
  return values
end

return reading
