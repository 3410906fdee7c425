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
  {
    "date",
    function(record)
      return row.day(record, "Date", DATE_FORMAT)
    end,
  },
  {
    "category",
    function(record)
      return row.text(record, "Category")
    end,
  },
  {
    "billable",
    function(record)
      return row.yes_no(record, "Billable?")
    end,
  },
  {
    "invoiced",
    function(record)
      return row.yes_no(record, "Invoiced?")
    end,
  },
  {
    "is_approved",
    function(record)
      return row.yes_no(record, "Approved?")
    end,
  },
  {
    "amount",
    function(record)
      return row.number(record, "Total")
    end,
  },
  {
    "currency_field",
    function(record)
      return row.text(record, "Currency")
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
