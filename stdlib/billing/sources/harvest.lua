--- Harvest's detailed time report as time entries (model 3.1).
local harvest = {}

local decimal = require("billow.decimal")
local row = require("billow.billing.sources.row")
local text = require("billow.text")

harvest.FILE = "harvest-time.csv"

local REQUIRED = {
  "Date",
  "Project",
  "Project Code",
  "Task",
  "Notes",
  "Hours",
  "Billable?",
  "Invoiced?",
  "Approved?",
  "First Name",
  "Last Name",
  "Roles",
  "Billable Rate",
  "Currency",
}

local DATE_FORMAT = "YYYY-MM-DD"
local HOURS_MAX = decimal(24)

--- Hours as whole minutes in seconds; never Harvest's own rounded hours.
local function duration(record)
  local hours, reason = row.number(record, "Hours")
  if not hours then
    return nil, reason
  elseif hours > HOURS_MAX then
    return nil, string.format("Hours %s is more than 24", tostring(hours))
  end
  return (hours * 60):round(0):to_integer() * 60
end

local function first_role(record)
  return text.trim(record.get("Roles"):match("^[^,]*"))
end

local FIELDS = {
  { "person", row.person },
  { "work_date", row.day, "Date", DATE_FORMAT },
  { "duration_seconds", duration },
  { "billable", row.yes_no, "Billable?" },
  { "invoiced", row.yes_no, "Invoiced?" },
  { "is_approved", row.yes_no, "Approved?" },
}

local function convert(record)
  local read, broken = row.fields(record, FIELDS)
  if not read then
    return nil, broken
  end
  local rate, reason = row.rate(record, "Billable Rate")
  if reason then
    return nil, reason
  end
  return {
    id = record.id,
    source = record.source,
    sequence = record.sequence,
    person = read.person,
    role = first_role(record),
    client = record.get("Client"),
    project_code = record.get("Project Code"),
    project_name = record.get("Project"),
    task = record.get("Task"),
    notes = record.get("Notes"),
    work_date = read.work_date,
    duration_seconds = read.duration_seconds,
    billable = read.billable,
    invoiced = read.invoiced,
    approval_status = read.is_approved and "approved" or "unapproved",
    source_rate = rate,
    currency = row.currency(record.get("Currency")),
  }
end

---@param header string[]
---@param options? {file?: string}
---@return (fun(number: integer, fields: string[]): table?, billing.Exception?)?
---@return string? error
function harvest.reader(header, options)
  return row.reader(header, { file = options and options.file or harvest.FILE }, REQUIRED, convert)
end

return harvest
