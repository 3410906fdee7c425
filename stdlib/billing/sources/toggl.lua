--- Toggl's detailed report as time entries (model 3.1). Toggl knows no roles, codes, approval or
--- invoicing.
local toggl = {}

local row = require("billow.billing.sources.row")

toggl.FILE = "toggl-time.csv"

local REQUIRED = { "User", "Project", "Task", "Description", "Billable", "Start date", "Duration" }

local DATE_FORMAT = "YYYY-MM-DD"

local FIELDS = {
  {
    "person",
    function(record)
      return row.text(record, "User")
    end,
  },
  {
    "work_date",
    function(record)
      return row.day(record, "Start date", DATE_FORMAT)
    end,
  },
  {
    "duration_seconds",
    function(record)
      return row.duration(record, "Duration")
    end,
  },
  {
    "billable",
    function(record)
      return row.yes_no(record, "Billable")
    end,
  },
}

local function convert(record)
  local read = {}
  for _, field in ipairs(FIELDS) do
    local value, reason = field[2](record)
    if value == nil then
      return nil, reason
    end
    read[field[1]] = value
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
