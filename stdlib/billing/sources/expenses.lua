--- Harvest's expense report as expenses (model 3.1).
local expenses = {}

local row = require("billow.billing.sources.row")

expenses.FILE = "expenses.csv"

local REQUIRED = {
  "Date",
  "Project Code",
  "Project",
  "Category",
  "Notes",
  "Billable?",
  "Invoiced?",
  "Approved?",
  "First Name",
  "Last Name",
  "Total",
  "Currency",
  "Receipt URL",
}

local DATE_FORMAT = "YYYY-MM-DD"

local FIELDS = {
  { "person", row.person },
  { "date", row.day, "Date", DATE_FORMAT },
  { "category", row.text, "Category" },
  { "billable", row.yes_no, "Billable?" },
  { "invoiced", row.yes_no, "Invoiced?" },
  { "is_approved", row.yes_no, "Approved?" },
  { "amount", row.number, "Total" },
  { "currency_field", row.text, "Currency" },
}

local function convert(record)
  local read, reason = row.fields(record, FIELDS)
  if not read then
    return nil, reason
  end
  local receipt = record.get("Receipt URL")
  return {
    id = record.id,
    source = record.source,
    sequence = record.sequence,
    person = read.person,
    date = read.date,
    project_code = record.get("Project Code"),
    project_name = record.get("Project"),
    category = read.category,
    notes = record.get("Notes"),
    amount = read.amount,
    currency = row.currency(read.currency_field),
    billable = read.billable,
    invoiced = read.invoiced,
    approval_status = read.is_approved and "approved" or "unapproved",
    receipt_url = receipt ~= "" and receipt or nil,
  }
end

---@param header string[]
---@param options? {file?: string}
---@return (fun(number: integer, fields: string[]): table?, billing.Exception?)?
---@return string? error
function expenses.reader(header, options)
  return row.reader(header, { file = options and options.file or expenses.FILE }, REQUIRED, convert)
end

return expenses
