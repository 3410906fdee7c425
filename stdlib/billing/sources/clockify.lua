--- Clockify's detailed report as time entries (model 3.1). Its dates follow the account's setting,
--- so the firm says which format it is; the currency stands in a column's name.
local clockify = {}

local row = require("billow.billing.sources.row")

clockify.FILE = "clockify-time.csv"
clockify.DATE_FORMAT = "MM/DD/YYYY"

local REQUIRED =
  { "Project", "Description", "Task", "User", "Group", "Billable", "Start Date", "Duration (h)" }

local FIELDS = {
  { "person", row.text, "User" },
  { "work_date", row.day, "Start Date" },
  { "duration_seconds", row.duration, "Duration (h)" },
  { "billable", row.yes_no, "Billable" },
}

--- The column "Billable Rate (EUR)" and its currency, when the file has one.
local function rate_column(header)
  for _, name in ipairs(header) do
    local currency = name:match("^Billable Rate %((%u+)%)$")
    if currency then
      return name, currency
    end
  end
  return nil
end

local function convert(record, options)
  local read, broken = row.fields(record, FIELDS, options)
  if not read then
    return nil, broken
  end
  local rate, reason = row.rate(record, options.rate_column)
  if reason then
    return nil, reason
  end
  return {
    id = record.id,
    source = record.source,
    sequence = record.sequence,
    person = read.person,
    role = record.get("Group"),
    client = record.get("Client"),
    project_code = "",
    project_name = record.get("Project"),
    task = record.get("Task"),
    notes = record.get("Description"),
    work_date = read.work_date,
    started_at = row.started_at(read.work_date, record.get("Start Time")),
    duration_seconds = read.duration_seconds,
    billable = read.billable,
    invoiced = false,
    approval_status = "none",
    source_rate = rate,
    currency = options.currency,
  }
end

---@param header string[]
---@param options? {file?: string, date_format?: string}   date_format: firm.imports of the file
---@return (fun(number: integer, fields: string[]): table?, billing.Exception?)?
---@return string? error
function clockify.reader(header, options)
  local column, currency = rate_column(header)
  return row.reader(header, {
    file = options and options.file or clockify.FILE,
    date_format = options and options.date_format or clockify.DATE_FORMAT,
    rate_column = column,
    currency = currency,
  }, REQUIRED, convert)
end

return clockify
