--- Kimai's timesheet export as time entries. Its columns are named by the language and version of
--- the installation: each field is found by any of the names listed here. What Kimai calls an
--- activity is the task; an entry that was exported before counts as invoiced.
local kimai = {}

local row = require("billow.billing.sources.row")

kimai.FILE = "kimai-time.csv"
kimai.DATE_FORMAT = "YYYY-MM-DD"

local NAMES = {
  person = { "User", "Name", "Username" },
  date = { "Date" },
  begin = { "From", "Begin", "Start" },
  duration = { "Duration" },
  client = { "Customer" },
  project = { "Project" },
  project_code = { "Project number", "Project Number" },
  task = { "Activity" },
  notes = { "Description" },
  billable = { "Billable" },
  invoiced = { "Exported" },
  rate = { "Hourly rate", "Hourly Rate", "Hourly price" },
  currency = { "Currency" },
}
local REQUIRED = { "person", "date", "duration", "project", "task" }

--- Which column holds each field; the fields that no column has.
local function columns_of(header)
  local is_there, columns, absent = {}, {}, {}
  for _, name in ipairs(header) do
    is_there[name] = true
  end
  for field, names in pairs(NAMES) do
    for _, name in ipairs(names) do
      columns[field] = columns[field] or (is_there[name] and name) or nil
    end
  end
  for _, field in ipairs(REQUIRED) do
    if not columns[field] then
      absent[#absent + 1] = table.concat(NAMES[field], " or ")
    end
  end
  return columns, absent
end

--- H:MM, H:MM:SS, decimal hours, or whole seconds, as installations are set.
local function duration(record, column)
  local value = record.get(column)
  local hours, minutes = value:match("^(%d%d?%d?):([0-5]%d)$")
  if hours then
    return tonumber(hours) * 3600 + tonumber(minutes) * 60
  elseif value:find(":", 1, true) then
    return row.duration(record, column)
  end
  local number, reason = row.number(record, column)
  if not number then
    return nil, reason
  elseif value:find(".", 1, true) then
    return (number * 3600):round(0):to_integer()
  end
  return number:to_integer()
end

local YES = { Yes = true, yes = true, ["1"] = true, No = false, no = false, ["0"] = false }

local function flag(record, column, default)
  local value = column and record.get(column) or ""
  if value == "" then
    return default
  elseif YES[value] == nil then
    return nil, string.format("%s %q is neither Yes nor No", column, value)
  end
  return YES[value]
end

local function rate_of(record, columns)
  if not columns.rate or record.get(columns.rate) == "" then
    return nil
  end
  local rate, reason = row.number(record, columns.rate)
  if not rate then
    return nil, reason
  end
  return not rate:is_zero() and rate or nil
end

local function convert(record, options)
  local columns = options.columns
  local person, reason = row.text(record, columns.person)
  local day, seconds, billable, invoiced
  if person then
    day, reason = row.day(record, columns.date, options.date_format)
  end
  if day then
    seconds, reason = duration(record, columns.duration)
  end
  if seconds then
    billable, reason = flag(record, columns.billable, true)
  end
  if billable ~= nil then
    invoiced, reason = flag(record, columns.invoiced, false)
  end
  if invoiced == nil then
    return nil, reason
  end
  local rate
  rate, reason = rate_of(record, columns)
  if reason then
    return nil, reason
  end
  local function text(field)
    return columns[field] and record.get(columns[field]) or ""
  end
  return {
    id = record.id,
    source = record.source,
    sequence = record.sequence,
    person = person,
    role = "",
    client = text("client"),
    project_code = text("project_code"),
    project_name = text("project"),
    task = text("task"),
    notes = text("notes"),
    work_date = day,
    started_at = row.started_at(day, text("begin")),
    duration_seconds = seconds,
    billable = billable,
    invoiced = invoiced,
    approval_status = "none",
    source_rate = rate,
    currency = text("currency") ~= "" and text("currency") or nil,
  }
end

---@param header string[]
---@param options? {file?: string, date_format?: string}   date_format: firm.imports of the file
---@return (fun(number: integer, fields: string[]): table?, billing.Exception?)?
---@return string? error
function kimai.reader(header, options)
  local columns, absent = columns_of(header)
  if #absent > 0 then
    return nil,
      string.format(
        "%s: column %s is missing: export the timesheet as CSV with all columns",
        options and options.file or kimai.FILE,
        table.concat(absent, ", ")
      )
  end
  return row.reader(header, {
    file = options and options.file or kimai.FILE,
    date_format = options and options.date_format or kimai.DATE_FORMAT,
    columns = columns,
  }, {}, convert)
end

return kimai
