--- Checks of inputs and settings: a subset of JSON Schema 2020-12 over Lua values, with the path of
--- each problem.
---
--- Understood: type, properties, required, additionalProperties, items, enum, const, minimum,
--- maximum, exclusiveMinimum, exclusiveMaximum, minLength, maxLength, pattern, minItems, maxItems,
--- uniqueItems, anyOf, oneOf, allOf, default, and format date, date-time, decimal, period, id.
--- Titles, descriptions and x-* members are for people. Any other member is refused: a check that
--- is not made must not look as if it were.
---@class billow.schema
local schema = {}

local date = require("billow.date")
local decimal = require("billow.decimal")
local json = require("billow.json")
local money = require("billow.money")
local regex = require("billow.schema.regex")

---@class billow.schema.Problem
---@field path string      "input.lines[2].rate"
---@field pointer string   the same below the value, as a JSON Pointer: "/lines/1/rate"
---@field text string

---@class billow.schema.Place
---@field path string
---@field pointer string
---@field problems billow.schema.Problem[]

local NOTES = {
  ["$schema"] = true, ["$id"] = true, ["$comment"] = true, title = true, description = true,
  examples = true, default = true, deprecated = true,
}

local check

local function report(place, ...)
  place.problems[#place.problems + 1] =
    { path = place.path, pointer = place.pointer, text = string.format(...) }
end

local function below(place, key)
  local is_item = math.type(key) == "integer"
  local step = is_item and string.format("[%d]", key) or "." .. key
  local token = is_item and tostring(key - 1) or key:gsub("~", "~0"):gsub("/", "~1")
  return {
    path = place.path .. step,
    pointer = place.pointer .. "/" .. token,
    problems = place.problems,
  }
end

local function is_list(value)
  return type(value) == "table" and (json.is_array(value) or #value > 0)
end

--- What a value is in the words of JSON Schema, and in the words of a message.
local function kind_of(value)
  if value == nil then
    return "missing", "nothing"
  elseif value == json.null then
    return "null", "null"
  elseif type(value) == "boolean" then
    return "boolean", "a boolean"
  elseif math.type(value) == "integer" then
    return "integer", "an integer"
  elseif type(value) == "number" then
    return "float", "a float"
  elseif decimal.is(value) then
    return "number", "a decimal"
  elseif money.is(value) then
    return "money", "money"
  elseif type(value) == "string" then
    return "string", "a text"
  elseif is_list(value) then
    return "array", "a list"
  elseif type(value) == "table" then
    return "object", "a table"
  end
  return type(value), "a " .. type(value)
end

local WORDS = {
  null = "null", boolean = "true or false", integer = "an integer", number = "a number",
  string = "a text", array = "a list", object = "a table",
}

local function is_of_type(value, wanted)
  local kind = kind_of(value)
  return kind == wanted or (wanted == "number" and kind == "integer")
    or (wanted == "integer" and kind == "number" and value:trunc() == value)
    or (wanted == "array" and kind == "object" and next(value) == nil)
end

local function is_number(kind)
  return kind == "number" or kind == "integer"
end

local function equal(a, b)
  local kind_a, kind_b = kind_of(a), kind_of(b)
  if is_number(kind_a) and is_number(kind_b) then
    return decimal(a) == decimal(b)
  elseif kind_a ~= "array" and kind_a ~= "object" or kind_a ~= kind_b then
    return a == b
  end
  return json.encode(a) == json.encode(b)
end

local function listing(values)
  local texts = {}
  for i, value in ipairs(values) do
    texts[i] = type(value) == "string" and string.format("%q", value) or tostring(value)
  end
  return table.concat(texts, ", ")
end

local FORMATS = {
  date = { date.is_valid, "a date \"YYYY-MM-DD\"" },
  ["date-time"] = { date.parse_instant, "an instant (RFC 3339)" },
  decimal = {
    function(text)
      return decimal.parse(text) ~= nil
    end,
    "a decimal such as \"12.50\"",
  },
  period = {
    function(text)
      return date.is_valid(text .. "-01")
    end,
    "a month \"YYYY-MM\"",
  },
  id = {
    function(text)
      return #text > 0 and #text <= 200 and not text:find("%c")
    end,
    "an id (1 to 200 characters)",
  },
}

--- One function per member of a schema: (value, argument, place, schema, state). They report; check
--- goes on.
local rules = {}

function rules.type(value, wanted, place)
  local list = type(wanted) == "table" and wanted or { wanted }
  local words = {}
  for i, name in ipairs(list) do
    if is_of_type(value, name) then
      return
    end
    words[i] = WORDS[name] or name
  end
  local kind, word = kind_of(value)
  local wants_number = is_number(list[1])
  local hint = kind == "float" and wants_number and ": write decimal \"" .. tostring(value) .. "\""
    or ""
  report(place, "%s is expected, this is %s%s", table.concat(words, " or "), word, hint)
end

function rules.enum(value, allowed, place)
  for _, one in ipairs(allowed) do
    if equal(value, one) then
      return
    end
  end
  report(place, "one of %s is expected", listing(allowed))
end

function rules.const(value, wanted, place)
  if not equal(value, wanted) then
    report(place, "%s is expected", listing({ wanted }))
  end
end

local function number_rule(test, words)
  return function(value, limit, place)
    local kind = kind_of(value)
    if (kind == "integer" or kind == "number") and not test(decimal(value), decimal(limit)) then
      report(place, "%s %s is expected", words, tostring(limit))
    end
  end
end

rules.minimum = number_rule(function(a, b)
  return a >= b
end, "at least")
rules.maximum = number_rule(function(a, b)
  return a <= b
end, "at most")
rules.exclusiveMinimum = number_rule(function(a, b)
  return a > b
end, "more than")
rules.exclusiveMaximum = number_rule(function(a, b)
  return a < b
end, "less than")

function rules.minLength(value, least, place)
  if type(value) == "string" and (utf8.len(value) or #value) < least then
    local text = least == 1 and "a text that is not empty is expected"
      or "at least %d characters are expected"
    report(place, text, least)
  end
end

function rules.maxLength(value, most, place)
  if type(value) == "string" and (utf8.len(value) or #value) > most then
    report(place, "at most %d characters are expected", most)
  end
end

function rules.pattern(value, pattern, place)
  if type(value) == "string" and not regex.matches(pattern, value) then
    report(place, "the text must match %s", pattern)
  end
end

function rules.format(value, name, place)
  local format = FORMATS[name]
  if not format then
    report(place, "the schema has the unknown format %s", tostring(name))
  elseif type(value) == "string" and not format[1](value) then
    report(place, "%s is expected", format[2])
  end
end

function rules.minItems(value, least, place)
  if type(value) == "table" and #value < least then
    report(place, "at least %d item%s expected", least, least == 1 and " is" or "s are")
  end
end

function rules.maxItems(value, most, place)
  if type(value) == "table" and #value > most then
    report(place, "at most %d item%s expected", most, most == 1 and " is" or "s are")
  end
end

function rules.uniqueItems(value, wanted, place)
  if not wanted or type(value) ~= "table" then
    return
  end
  for i = 1, #value do
    for k = i + 1, #value do
      if equal(value[i], value[k]) then
        report(place, "items %d and %d are the same", i, k)
      end
    end
  end
end

function rules.items(value, item_schema, place)
  if type(value) ~= "table" then
    return
  end
  for i = 1, #value do
    value[i] = check(item_schema, value[i], below(place, i))
  end
end

function rules.properties(value, properties, place)
  if kind_of(value) ~= "object" then
    return
  end
  for name, property in pairs(properties) do
    if value[name] ~= nil then
      value[name] = check(property, value[name], below(place, name))
    elseif property.default ~= nil then
      value[name] = schema.copy(property.default)
    end
  end
end

function rules.required(value, names, place)
  if kind_of(value) ~= "object" then
    return
  end
  for _, name in ipairs(names) do
    if value[name] == nil then
      report(below(place, name), "it is missing")
    end
  end
end

function rules.additionalProperties(value, allowed, place, own)
  if kind_of(value) ~= "object" then
    return
  end
  local known = {}
  for name in pairs(own.properties or {}) do
    known[#known + 1] = name
  end
  for name, member in pairs(value) do
    if not (own.properties and own.properties[name]) then
      if allowed == false then
        local text = "there is no such member; there are %s"
        report(below(place, name), text, table.concat(known, ", "))
      elseif type(allowed) == "table" then
        value[name] = check(allowed, member, below(place, name))
      end
    end
  end
end

local function count_matching(value, schemas, place)
  local count, first = 0, nil
  for _, one in ipairs(schemas) do
    local attempt = { path = place.path, pointer = place.pointer, problems = {} }
    local checked = check(one, schema.copy(value), attempt)
    if #attempt.problems == 0 then
      count, first = count + 1, first or { checked }
    end
  end
  return count, first
end

function rules.anyOf(value, schemas, place)
  if count_matching(value, schemas, place) == 0 then
    report(place, "it fits none of the %d forms that are allowed", #schemas)
  end
end

function rules.oneOf(value, schemas, place)
  local count = count_matching(value, schemas, place)
  if count ~= 1 then
    report(place, "it fits %d of the %d forms, exactly one is expected", count, #schemas)
  end
end

function rules.allOf(value, schemas, place)
  for _, one in ipairs(schemas) do
    check(one, value, place)
  end
end

--- Our own, for workflow inputs: a text that is to become a decimal.
rules["x-decimal"] = function() end

function check(one, value, place)
  if one == true then
    return value
  elseif one == false then
    report(place, "nothing is allowed here")
    return value
  end
  if one["x-decimal"] and type(value) == "string" and decimal.parse(value) then
    value = decimal(value)
  end
  local before = #place.problems
  if one.type ~= nil then
    rules.type(value, one.type, place)
  end
  if #place.problems > before then
    return value -- what else is wrong with a value of the wrong type helps nobody
  end
  for name, argument in pairs(one) do
    local rule = rules[name]
    if rule and name ~= "type" then
      rule(value, argument, place, one)
    elseif not rule and not NOTES[name] and name:sub(1, 2) ~= "x-" then
      report(place, "the schema's member %s is not understood", name)
    end
  end
  return value
end

--- A deep copy of plain data.
---@generic T
---@param value T
---@return T
function schema.copy(value)
  if type(value) ~= "table" then
    return value
  end
  local result = {}
  for key, member in pairs(value) do
    result[key] = schema.copy(member)
  end
  return json.is_array(value) and json.array(result) or result
end

--- Check a value. Returns a copy with defaults filled in; or nil and what is wrong, in order of
--- paths.
---@param one table|boolean   the schema
---@param value any
---@param name? string        how the value is called in paths; "value" when absent
---@return any checked
---@return billow.schema.Problem[]? problems
function schema.check(one, value, name)
  local place = { path = name or "value", pointer = "", problems = {} }
  local checked = check(one, schema.copy(value), place)
  if #place.problems > 0 then
    return nil, json.array(place.problems)
  end
  return checked, nil
end

local SHAPES = {
  any = true,
  id = { type = "string", format = "id" },
  text = { type = "string" },
  string = { type = "string" },
  date = { type = "string", format = "date" },
  instant = { type = "string", format = "date-time" },
  period = { type = "string", format = "period" },
  integer = { type = "integer" },
  boolean = { type = "boolean" },
  decimal = { type = "number", ["x-decimal"] = true },
  table = { type = { "object", "array" } },
  list = { type = "array" },
}

--- The schema that a table of short types means: { contract = "id", rate = "decimal?" }. "?" makes
--- a member optional; members that are not named are kept. A table that has `type` or `$schema` is
--- taken for a JSON Schema already.
---@param shape table
---@return table
function schema.of_shape(shape)
  local has_type = type(shape.type) == "string" and not SHAPES[shape.type]
  if has_type or shape["$schema"] or type(shape.properties) == "table" then
    return shape
  end
  local properties, required = {}, {}
  for name, word in pairs(shape) do
    if type(word) == "table" then
      properties[name], word = word, "any"
    end
    local base, mark = tostring(word):match("^(%l+)(%??)$")
    if not base or SHAPES[base] == nil then
      error(string.format("%s: %q is not a type; there are any, boolean, date, decimal, id, "
        .. "instant, integer, list, period, string, table, text, each with a ? when it may be "
        .. "missing", name, tostring(word)), 0)
    end
    properties[name] = properties[name] or SHAPES[base]
    if mark == "" then
      required[#required + 1] = name
    end
  end
  return { type = "object", properties = properties, required = required }
end

return schema
