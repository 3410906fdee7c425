--- Reading decoded JSON into typed values, with a precise problem for everything that does not fit.
---
--- A kind is a function (value, place, report) -> typed value; nil when it did not fit (a problem
--- is then reported). null counts as absent, and so does an empty text where a text is optional.
--- Unknown fields of a record are kept as they are.
local shape = {}

local currency = require("billow.billing.currency")
local date = require("billow.date")
local decimal = require("billow.decimal")
local json = require("billow.json")
local reading = require("billow.billing.reading")

---@class billing.Problem
---@field file string       "contracts.json"
---@field id string         of the record: "contract C-05"
---@field field string      "payers[2].percent"
---@field value string      as found, short
---@field problem string    what is wrong
---@field remedy string     what to write instead
---@field text string       all of it in one line

---@class billing.Place
---@field file string
---@field id string
---@field field string

local VALUE_LENGTH_MAX = 60

local Problem = {
  __tostring = function(problem)
    return problem.text
  end,
}

local function shown(value)
  if value == nil or value == json.null then
    return "nothing"
  elseif type(value) == "table" then
    return "a list or object"
  end
  local text = type(value) == "string" and '"' .. value .. '"' or tostring(value)
  return reading.printable(reading.shortened(text, VALUE_LENGTH_MAX))
end

--- A problem at a place; tostring gives its text.
---@param place billing.Place
---@param value any
---@param problem string
---@param remedy string
---@return billing.Problem
function shape.problem(place, value, problem, remedy)
  local found = shown(value)
  local where = place.file .. (place.id ~= "" and ": " .. place.id or "")
  local field = place.field ~= "" and ": " .. place.field or ""
  return setmetatable({
    file = place.file,
    id = place.id,
    field = place.field,
    value = found,
    problem = problem,
    remedy = remedy,
    text = string.format("%s%s: %s (found %s): %s", where, field, problem, found, remedy),
  }, Problem)
end

---@param place billing.Place
---@param name string|integer
---@return billing.Place
function shape.inside(place, name)
  local field
  if type(name) == "number" then
    field = string.format("%s[%d]", place.field, name)
  else
    field = place.field == "" and name or place.field .. "." .. name
  end
  return { file = place.file, id = place.id, field = field }
end

local function wrong(report, place, value, problem, remedy)
  report(shape.problem(place, value, problem, remedy))
  return nil
end

function shape.text(value, place, report)
  if type(value) ~= "string" or value == "" then
    return wrong(report, place, value, "not a text", "write a text in quotes")
  end
  return value
end

function shape.boolean(value, place, report)
  if type(value) ~= "boolean" then
    return wrong(report, place, value, "not a boolean", "write true or false without quotes")
  end
  return value
end

function shape.date(value, place, report)
  if type(value) ~= "string" or not date.is_valid(value) then
    return wrong(report, place, value, "not a date", 'write a real day as "YYYY-MM-DD"')
  end
  return value
end

function shape.currency(value, place, report)
  if not currency.is_known(value) then
    return wrong(report, place, value, "not a currency", 'write an ISO 4217 code such as "EUR"')
  end
  return value
end

--- Any decimal; the digits must stand in quotes, so that nothing reads them as a binary float.
function shape.decimal(value, place, report)
  if math.type(value) == "integer" then
    return decimal(value)
  end
  local is_plain = type(value) == "string"
    and value:find("^%-?%d+%.?%d*$")
    and not value:find("%.$")
  local parsed = is_plain and decimal.parse(value) or nil
  if not parsed then
    return wrong(
      report,
      place,
      value,
      "not a decimal",
      'write plain digits in quotes, such as "1234.50"'
    )
  end
  return parsed
end

--- A decimal that is not negative.
function shape.amount(value, place, report)
  local parsed = shape.decimal(value, place, report)
  if parsed and parsed:sign() < 0 then
    return wrong(report, place, value, "is negative", "write 0 or more")
  end
  return parsed
end

--- A kind of whole numbers from `least` on, or to `most`.
---@param least integer
---@param most? integer
function shape.integer(least, most)
  local range = most and "from " .. least .. " to " .. most or "from " .. least .. " on"
  return function(value, place, report)
    if math.type(value) ~= "integer" or value < least or most and value > most then
      return wrong(
        report,
        place,
        value,
        "not a whole number " .. range,
        "write a whole number without quotes"
      )
    end
    return value
  end
end

--- A kind of one of these words.
---@param words string[]
function shape.enum(words)
  local is_word = {}
  for _, word in ipairs(words) do
    is_word[word] = true
  end
  return function(value, place, report)
    if not is_word[value] then
      return wrong(
        report,
        place,
        value,
        "not one of the values",
        "write one of: " .. table.concat(words, ", ")
      )
    end
    return value
  end
end

--- A kind of lists.
---@param kind function
---@param options? {is_filled: boolean}
function shape.list(kind, options)
  return function(value, place, report)
    if type(value) ~= "table" or value[1] == nil and next(value) ~= nil then
      return wrong(report, place, value, "not a list", "write a list in [ ]")
    elseif options and options.is_filled and #value == 0 then
      return wrong(report, place, value, "an empty list", "write at least one item")
    end
    local typed = {}
    for i, item in ipairs(value) do
      typed[#typed + 1] = kind(item, shape.inside(place, i), report)
    end
    return typed
  end
end

--- A kind of objects with any keys and values of one kind.
---@param kind function
function shape.map(kind)
  return function(value, place, report)
    if type(value) ~= "table" or value[1] ~= nil then
      return wrong(report, place, value, "not an object", "write an object in { }")
    end
    local typed = {}
    for key, member in pairs(value) do
      if member ~= json.null then
        typed[key] = kind(member, shape.inside(place, key), report)
      end
    end
    return typed
  end
end

--- A required field of a record.
---@param kind function
function shape.required(kind)
  return { kind = kind, is_required = true }
end

--- An optional field of a record, with what it is when absent.
---@param kind function
---@param default? any
function shape.optional(kind, default)
  return { kind = kind, default = default }
end

local function field_of(value, name, field, place, report)
  local found = value[name]
  local is_empty_text = found == "" and field.kind == shape.text and not field.is_required
  if found == json.null or is_empty_text then
    found = nil
  end
  if found ~= nil then
    return field.kind(found, shape.inside(place, name), report)
  elseif field.is_required then
    return wrong(report, shape.inside(place, name), nil, "is missing", "add " .. name)
  elseif type(field.default) == "table" then
    return { table.unpack(field.default) }
  end
  return field.default
end

--- A kind of objects with these fields.
---@param fields table<string, table>   shape.required / shape.optional
function shape.record(fields)
  return function(value, place, report)
    if type(value) ~= "table" or value[1] ~= nil then
      return wrong(report, place, value, "not an object", "write an object in { }")
    end
    local typed = {}
    for name, member in pairs(value) do
      if not fields[name] and member ~= json.null then
        typed[name] = member
      end
    end
    for name, field in pairs(fields) do
      typed[name] = field_of(value, name, field, place, report)
    end
    return typed
  end
end

--- A kind that takes another kind by the word in one of the object's fields.
---@param name string                     the field
---@param kinds table<string, function>   by word
function shape.by_word(name, kinds)
  local words = {}
  for word in pairs(kinds) do
    words[#words + 1] = word
  end
  table.sort(words)
  local word_kind = shape.enum(words)
  return function(value, place, report)
    if type(value) ~= "table" then
      return wrong(report, place, value, "not an object", "write an object in { }")
    end
    local word = word_kind(value[name], shape.inside(place, name), report)
    return word and kinds[word](value, place, report)
  end
end

return shape
