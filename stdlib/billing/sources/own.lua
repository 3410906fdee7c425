--- Billow's own forms of time and expenses, for sources that have no reader: CSV with the data
--- model's field names as columns, or one JSON object a line with the same names.
---
---   id,person,role,project_code,task,notes,work_date,hours,billable,approval_status
---   {"id":"7","person":"Ana","project_code":"NLV-01","work_date":"2026-10-05","hours":"1.5"}
---
--- An `id` of the source is the entry's identity: the same id again is the same entry, in whatever
--- file and place. Without one its place in the file is. Of time: person and work_date, and hours
--- or duration_seconds, are required; started_at ("2026-10-05T09:30:00") shows what was reported
--- twice, and what overlaps. Of expenses: person, date, category, currency, and amount, or quantity
--- and unit_price (kilometres, days); tax_percent is the tax in the amount. Absent: billable is
--- yes, invoiced is no, approval_status is none.
local own = {}

local date = require("billow.date")
local decimal = require("billow.decimal")
local json = require("billow.json")
local row = require("billow.billing.sources.row")

local DATE_FORMAT = "YYYY-MM-DD"
local SECONDS_OF_HOUR = 3600
local SECONDS_MAX = decimal(24 * SECONDS_OF_HOUR)
-- Of an amount made of quantity and price, unless it is given whole.
local AMOUNT_DECIMALS = 2
local WORDS = { yes = true, ["true"] = true, no = false, ["false"] = false }
local STATUS = { approved = true, unapproved = true, none = true }

local function given(record, name)
  local value = record.get(name)
  return value ~= "" and value or nil
end

local function flag(record, name, default)
  local value = given(record, name)
  if not value then
    return default
  end
  local word = WORDS[value:lower()]
  if word == nil then
    return nil, string.format("%s %q is neither yes nor no", name, value)
  end
  return word
end

local function status(record)
  local value = given(record, "approval_status") or "none"
  if not STATUS[value] then
    return nil, string.format("approval_status %q is not approved, unapproved or none", value)
  end
  return value
end

--- duration_seconds as it is, or hours as whole seconds.
local function duration(record)
  local name = given(record, "duration_seconds") and "duration_seconds" or "hours"
  if not given(record, name) then
    return nil, "neither hours nor duration_seconds is given"
  end
  local number, reason = row.number(record, name)
  if not number then
    return nil, reason
  end
  local seconds = name == "hours" and (number * SECONDS_OF_HOUR):round(0) or number
  if seconds > SECONDS_MAX then
    return nil, string.format("%s %s is more than a day", name, tostring(number))
  elseif seconds ~= seconds:round(0) then
    return nil, string.format("%s %s is not a whole number", name, tostring(number))
  end
  return seconds:to_integer()
end

local function amount(record)
  if given(record, "amount") then
    return row.number(record, "amount")
  end
  local quantity, reason = row.number(record, "quantity")
  if not quantity then
    return nil, "amount is not given, and " .. reason
  end
  local price
  price, reason = row.number(record, "unit_price")
  if not price then
    return nil, "amount is not given, and " .. reason
  end
  return (quantity * price):round(AMOUNT_DECIMALS)
end

local function started_at(record)
  local value = given(record, "started_at")
  if not value then
    return json.null
  end
  local day, clock = value:match("^(%d%d%d%d%-%d%d%-%d%d)[T ](%d%d:%d%d:?%d*)$")
  local at = day and date.is_valid(day) and row.started_at(day, clock)
  if not at then
    local text = "started_at %q is no instant: write it as 2026-10-05T09:30:00, by the local clock"
    return nil, string.format(text, value)
  end
  return at
end

--- A number that may be absent.
local function optional_number(name)
  return function(record)
    if not given(record, name) then
      return json.null
    end
    return row.number(record, name)
  end
end

local function day_of(name)
  return function(record)
    return row.day(record, name, DATE_FORMAT)
  end
end

local function text_of(name)
  return function(record)
    return row.text(record, name)
  end
end

local function flag_of(name, default)
  return function(record)
    return flag(record, name, default)
  end
end

local TIME = {
  { "person", text_of("person") },
  { "work_date", day_of("work_date") },
  { "duration_seconds", duration },
  { "started_at", started_at },
  { "billable", flag_of("billable", true) },
  { "invoiced", flag_of("invoiced", false) },
  { "approval_status", status },
  { "source_rate", optional_number("source_rate") },
}
local EXPENSE = {
  { "person", text_of("person") },
  { "date", day_of("date") },
  { "category", text_of("category") },
  { "amount", amount },
  { "currency", text_of("currency") },
  { "billable", flag_of("billable", true) },
  { "invoiced", flag_of("invoiced", false) },
  { "approval_status", status },
  { "tax_percent", optional_number("tax_percent") },
}
-- Texts that may be empty, as they come.
local TIME_TEXTS = { "role", "client", "project_code", "project_name", "task", "notes", "currency" }
local EXPENSE_TEXTS = { "project_code", "project_name", "notes" }

local function convert_by(fields, texts)
  return function(record)
    local source_id = given(record, "id")
    local entity = {
      id = source_id and record.source .. ":" .. source_id or record.id,
      source = record.source,
      sequence = record.sequence,
    }
    for _, name in ipairs(texts) do
      entity[name] = record.get(name)
    end
    for _, field in ipairs(fields) do
      local value, reason = field[2](record)
      if value == nil then
        return nil, reason
      end
      entity[field[1]] = value ~= json.null and value or nil
    end
    entity.receipt_url = fields == EXPENSE and given(record, "receipt_url") or nil
    return entity
  end
end

local KINDS = {
  time = { required = { "person", "work_date" }, convert = convert_by(TIME, TIME_TEXTS) },
  expenses = {
    required = { "person", "date", "category", "currency" },
    convert = convert_by(EXPENSE, EXPENSE_TEXTS),
  },
}

--- Reader of a CSV file.
---@param kind "time"|"expenses"
---@param header string[]
---@param file string
---@return (fun(number: integer, fields: string[]): table?, billing.Exception?)?
---@return string? error
function own.csv_reader(kind, header, file)
  return row.reader(header, { file = file }, KINDS[kind].required, KINDS[kind].convert)
end

--- Reader of lines; a blank line gives nothing.
---@param kind "time"|"expenses"
---@param file string
---@return fun(number: integer, fields: string[]): table?, billing.Exception?
function own.line_reader(kind, file)
  return row.line_reader({ file = file }, KINDS[kind].convert)
end

return own
