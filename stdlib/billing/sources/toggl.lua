--- Toggl's detailed report as time entries (model 3.1). Toggl knows no roles, codes, approval or
--- invoicing.
local toggl = {}

local row = require("billow.billing.sources.row")

toggl.FILE = "toggl-time.csv"

local REQUIRED = { "User", "Project", "Task", "Description", "Billable", "Start date", "Duration" }

local DATE_FORMAT = "YYYY-MM-DD"

local FIELDS = {
  { "person", row.text, "User" },
  { "work_date", row.day, "Start date", DATE_FORMAT },
  { "duration_seconds", row.duration, "Duration" },
  { "billable", row.yes_no, "Billable" },
}

local function convert(record)
  local read, reason = row.fields(record, FIELDS)
  if not read then
    return nil, reason
  end
  return {
    id = record.id,
    source = record.source,
    sequence = record.sequence,
    person = read.person,
    role = "",
    client = record.get("Client"),
    project_code = "",
    project_name = record.get("Project"),
    task = record.get("Task"),
    notes = record.get("Description"),
    work_date = read.work_date,
    started_at = row.started_at(read.work_date, record.get("Start time")),
    duration_seconds = read.duration_seconds,
    billable = read.billable,
    invoiced = false,
    approval_status = "none",
  }
end

---@param header string[]
---@param options? {file?: string}
---@return (fun(number: integer, fields: string[]): table?, billing.Exception?)?
---@return string? error
function toggl.reader(header, options)
  return row.reader(header, { file = options and options.file or toggl.FILE }, REQUIRED, convert)
end

return toggl
