--- What the CSV sources share (model 3.1): columns by header name, trimmed fields, and one reason
--- per broken row.
---
--- A reader is made from a header once and then reads record after record, so an import can stream:
---   local read, err = harvest.reader(header, options)   -- nil, err: a required column is missing
---   local entry, problem = read(number, fields)         -- problem: billing.Exception INVALID_ROW
local row = {}

local date = require("billow.date")
local decimal = require("billow.decimal")
local draft = require("billow.billing.draft")
local json = require("billow.json")
local text = require("billow.text")

-- Source order over files: each file has room for this many records.
local RECORDS_MAX = 10000000

local FILE_RANK = {
  ["harvest-time"] = 0,
  ["toggl-time"] = 1,
  ["clockify-time"] = 2,
  ["expenses"] = 3,
  ["kimai-time"] = 4,
  ["time"] = 5,
}

---@class billing.Row
---@field number integer
---@field id string
---@field sequence integer
---@field get fun(column: string): string   trimmed; "" when the column is absent
---@field reject fun(reason: string)        stops reading this row

local function columns_of(header)
  local columns = {}
  for i, name in ipairs(header) do
    if not columns[name] then
      columns[name] = i
    end
  end
  return columns
end

local function missing(columns, required)
  local names = {}
  for _, name in ipairs(required) do
    if not columns[name] then
      names[#names + 1] = name
    end
  end
  return names
end

local function source_of(file)
  return (file:gsub("%.csv$", ""):gsub("%.jsonl$", ""))
end

local function row_of(columns, source, number, fields)
  return {
    number = number,
    id = source .. ":" .. number,
    source = source,
    sequence = (FILE_RANK[source] or 0) * RECORDS_MAX + number,
    get = function(column)
      local index = columns[column]
      return index and text.trim(fields[index]) or ""
    end,
  }
end

local function refused(record, reason)
  local message = reason .. ": correct the row in the source and import again"
  return nil, draft.exception("INVALID_ROW", record.id, "entry", message)
end

--- Make the reader of one kind of file.
---@param header string[]
---@param options {file: string}
---@param required string[]
---@param convert fun(record: billing.Row, options: table): table?, string?   nil and the reason
---@return (fun(number: integer, fields: string[]): table?, billing.Exception?)?
---@return string? error
function row.reader(header, options, required, convert)
  local columns = columns_of(header)
  local absent = missing(columns, required)
  if #absent > 0 then
    return nil,
      string.format(
        "%s: column %s is missing: export the file again with all columns",
        options.file,
        table.concat(absent, ", ")
      )
  end
  local source, width = source_of(options.file), #header
  return function(number, fields)
    local record = row_of(columns, source, number, fields)
    local entity, reason
    if #fields ~= width then
      reason = string.format("the record has %d fields, the header %d", #fields, width)
    else
      entity, reason = convert(record, options)
    end
    if entity then
      return entity
    end
    return refused(record, reason)
  end
end

--- Make the reader of one JSON object a line, for the same `convert`; members are texts, numbers or
--- booleans.
---@param options {file: string}
---@param convert fun(record: billing.Row, options: table): table?, string?
---@return fun(number: integer, fields: string[]): table?, billing.Exception?
function row.line_reader(options, convert)
  local source = source_of(options.file)
  return function(number, fields)
    if text.trim(fields[1]) == "" then
      return nil
    end
    local object = json.decode(fields[1])
    local is_object = type(object) == "table" and object ~= json.null and #object == 0
    local record = row_of({}, source, number, fields)
    if not is_object then
      return refused(record, "the line is not a JSON object")
    end
    record.get = function(name)
      local value = object[name]
      if value == nil or value == json.null or type(value) == "table" then
        return ""
      end
      return text.trim(tostring(value))
    end
    local entity, reason = convert(record, options)
    if not entity then
      return refused(record, reason)
    end
    return entity
  end
end

--- Read all records of a file.
---@param reader fun(number: integer, fields: string[]): table?, billing.Exception?
---@param records string[][]
---@return table[] entities
---@return billing.Exception[] exceptions
function row.read_all(reader, records)
  local entities, exceptions = {}, {}
  for number, fields in ipairs(records) do
    local entity, problem = reader(number, fields)
    if entity then
      entities[#entities + 1] = entity
    else
      exceptions[#exceptions + 1] = problem
    end
  end
  return entities, exceptions
end

--- Read a record's fields that may be broken, in the order in which they are told.
---@param record billing.Row
---@param fields table[]   { name, field reader, column?, format? }
---@param options? {date_format: string?}   for a day whose field names no format
---@return table<string, any>? read   by name
---@return string? reason   of the first broken field
function row.fields(record, fields, options)
  local read = {}
  for _, field in ipairs(fields) do
    local name, reader, column, format = table.unpack(field, 1, 4)
    local value, reason = reader(record, column, format or options and options.date_format)
    if value == nil then
      return nil, reason
    end
    read[name] = value
  end
  return read
end

-- Field readers: the value, or nil and the reason.

--- When work began, by the clock where it was done: "2026-10-05T09:30:00". Nil when the source does
--- not say it in a form that is known: an hour is no reason to refuse the work.
---@param day string
---@param clock string   "9:30", "09:30:15"
---@return string?
function row.started_at(day, clock)
  local hours, minutes, rest = clock:match("^(%d%d?):([0-5]%d)(.*)$")
  local seconds = rest == "" and "00" or rest and rest:match("^:([0-5]%d)$")
  if not seconds or tonumber(hours) > 23 then
    return nil
  end
  return string.format("%sT%02d:%s:%s", day, math.tointeger(tonumber(hours)), minutes, seconds)
end

---@param record billing.Row
---@param column string
---@return string?
---@return string? reason
function row.text(record, column)
  local value = record.get(column)
  if value == "" then
    return nil, column .. " is empty"
  end
  return value
end

---@return string?
---@return string? reason
function row.day(record, column, format)
  local value = record.get(column)
  local day = date.parse(value, format)
  if not day then
    return nil, string.format("%s %q is not a day written %s", column, value, format)
  end
  return day
end

---@return boolean?
---@return string? reason
function row.yes_no(record, column)
  local value = record.get(column)
  if value == "Yes" then
    return true
  elseif value == "No" then
    return false
  end
  return nil, string.format("%s %q is neither Yes nor No", column, value)
end

--- A number without sign, exponent or separators.
---@return Decimal?
---@return string? reason
function row.number(record, column)
  local value = record.get(column)
  local is_number = value:find("^%d+$") or value:find("^%d+%.%d+$")
  local parsed = is_number and decimal.parse(value) or nil
  if not parsed then
    return nil, string.format("%s %q is not a number", column, value)
  end
  return parsed
end

--- A rate in a column that may be absent or empty; 0 is how trackers say that there is none.
---@param record billing.Row
---@param column? string
---@return Decimal?
---@return string? reason
function row.rate(record, column)
  if not column or record.get(column) == "" then
    return nil
  end
  local rate, reason = row.number(record, column)
  if not rate then
    return nil, reason
  end
  return not rate:is_zero() and rate or nil
end

--- H:MM:SS in seconds.
---@return integer?
---@return string? reason
function row.duration(record, column)
  local value = record.get(column)
  local hours, minutes, seconds = value:match("^(%d+):([0-5]%d):([0-5]%d)$")
  if not hours or #hours > 4 then
    return nil, string.format("%s %q is not a duration H:MM:SS", column, value)
  end
  return tonumber(hours) * 3600 + tonumber(minutes) * 60 + tonumber(seconds)
end

--- "Euro - EUR" -> "EUR": what follows the last " - ", or the whole field.
---@param value string
---@return string
function row.currency(value)
  return value:match("^.* %- (.*)$") or value
end

--- Harvest's person: first and last name with a space between.
---@return string?
---@return string? reason
function row.person(record)
  local name = text.trim(record.get("First Name") .. " " .. record.get("Last Name"))
  if name == "" then
    return nil, "First Name and Last Name are empty"
  end
  return name
end

return row
