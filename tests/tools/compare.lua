--- compare: does a computed month agree to the cent with the expected one?
---
---   billow-lua -d . tests/tools/compare.lua EXPECTED.json ACTUAL.json...
---     [--numbers] [--references] [--only=C-01,C-02]
---
--- Each actual file may hold a month ({contracts = ...}), an invoice, a list of invoices, or an
--- object with invoices and exceptions. Invoices are matched by contract, customer and type;
--- decimals are compared by value. Prints one line per contract with its differences and a total;
--- exit code 0 only when everything agrees. As a module: compare.months(expected, actual_values,
--- options) -> report.
local compare = {}

local decimal = require("billow.decimal")
local json = require("billow.json")

local HEAD = {
  "currency",
  "status",
  "issue_date",
  "tax_point_date",
  "due_date",
  "buyer_reference",
  "purchase_order_reference",
}
local LINE_TEXTS = { "component", "unit_code", "tax_category" }
local DIFFERENCES_SHOWN = 6

---@class compare.Report
---@field invoices_expected integer
---@field invoices_agreeing integer
---@field exceptions_expected integer
---@field exceptions_agreeing integer
---@field unexpected string[]
---@field by_contract table<string, string[]>   differences; an empty list = agrees
---@field agrees boolean

local function given(value)
  if value == json.null or value == "" then
    return nil
  end
  return value
end

local function show(value)
  value = given(value)
  return value == nil and "nothing" or tostring(value)
end

--- A decimal as comparable text: "1.50" and "1.5" are equal, null counts as 0, anything else stands
--- for itself.
local function plain(value)
  value = given(value)
  if value == nil then
    return "0"
  end
  local parsed = type(value) == "string" and decimal.parse(value)
  if not parsed then
    return "not a decimal: " .. tostring(value)
  end
  local text = tostring(parsed)
  if text:find(".", 1, true) then
    text = text:gsub("0+$", ""):gsub("%.$", "")
  end
  return text
end

local function invoice_key(invoice)
  return table.concat({ invoice.contract_id, invoice.customer_id, invoice.type_code }, "/")
end

local function exception_key(exception)
  return exception.code .. " " .. exception.ref
end

--- Gather invoices and exceptions out of any of the accepted shapes.
local function gather(value, found)
  if type(value) ~= "table" then
    return
  elseif value.lines and value.totals then
    table.insert(found.invoices, value)
  elseif value.code and value.ref then
    table.insert(found.exceptions, value)
  elseif value.contracts then
    for _, contract in pairs(value.contracts) do
      gather(contract, found)
    end
    gather(value.exceptions, found)
  elseif value.invoices or value.exceptions then
    gather(value.invoices, found)
    gather(value.exceptions, found)
  else
    for _, item in ipairs(value) do
      gather(item, found)
    end
  end
end

local function add_if_different(differences, what, expected, actual)
  if expected ~= actual then
    differences[#differences + 1] =
      string.format("%s: expected %s, got %s", what, show(expected), show(actual))
  end
end

local function reference_text(line)
  local texts = {}
  for i, reference in ipairs(given(line.references) or {}) do
    texts[i] = table.concat({
      reference.type,
      reference.id,
      show(reference.seconds),
      show(reference.amount),
    }, " ")
  end
  table.sort(texts)
  return table.concat(texts, ", ")
end

local function compare_lines(differences, expected, actual, options)
  local count = math.max(#expected, #actual)
  for i = 1, count do
    local want, got = expected[i], actual[i]
    local name = "line " .. i
    if not want or not got then
      add_if_different(
        differences,
        name,
        want and want.description_key,
        got and got.description_key
      )
    else
      add_if_different(differences, name, want.description_key, got.description_key)
      for _, field in ipairs({ "quantity", "unit_price", "net_amount", "tax_percent" }) do
        add_if_different(differences, name .. " " .. field, plain(want[field]), plain(got[field]))
      end
      for _, field in ipairs(LINE_TEXTS) do
        add_if_different(differences, name .. " " .. field, given(want[field]), given(got[field]))
      end
      if options.references then
        add_if_different(
          differences,
          name .. " references",
          reference_text(want),
          reference_text(got)
        )
      end
    end
  end
end

local function compare_lists(differences, what, expected, actual, text_of)
  local want, got = {}, {}
  for i, item in ipairs(expected or {}) do
    want[i] = text_of(item)
  end
  for i, item in ipairs(actual or {}) do
    got[i] = text_of(item)
  end
  table.sort(want)
  table.sort(got)
  add_if_different(differences, what, table.concat(want, "; "), table.concat(got, "; "))
end

local function compare_invoices(expected, actual, options)
  local differences = {}
  for _, field in ipairs(HEAD) do
    add_if_different(differences, field, given(expected[field]), given(actual[field]))
  end
  if options.numbers then
    add_if_different(differences, "number", given(expected.number), given(actual.number))
  end
  for field, value in pairs(expected.totals) do
    add_if_different(differences, "totals." .. field, plain(value), plain(actual.totals[field]))
  end
  compare_lists(differences, "tax", expected.tax_breakdown, actual.tax_breakdown, function(group)
    return table.concat({
      group.category_code,
      plain(group.percent),
      plain(group.taxable_amount),
      plain(group.tax_amount),
    }, " ")
  end)
  compare_lists(
    differences,
    "allowances",
    expected.allowances,
    actual.allowances,
    function(allowance)
      return table.concat({
        allowance.component,
        allowance.tax_category,
        plain(allowance.tax_percent),
        plain(allowance.amount),
      }, " ")
    end
  )
  compare_lists(
    differences,
    "preceding",
    expected.preceding_invoices,
    actual.preceding_invoices,
    function(known)
      return known.number
    end
  )
  compare_lines(differences, expected.lines, actual.lines, options)
  return differences
end

local function index(list, key_of)
  local by_key = {}
  for _, item in ipairs(list) do
    local key = key_of(item)
    by_key[key] = by_key[key] or {}
    table.insert(by_key[key], item)
  end
  return by_key
end

local function compare_contract(report, contract, actual, options)
  local differences = {}
  for _, expected in ipairs(contract.invoices) do
    local key = invoice_key(expected)
    local found = actual.invoices[key] or {}
    actual.invoices[key] = nil
    report.invoices_expected = report.invoices_expected + 1
    local of_invoice = found[1] and compare_invoices(expected, found[1], options)
      or { "no such invoice" }
    if #found > 1 then
      of_invoice[#of_invoice + 1] = #found .. " invoices of this contract, customer and type"
    end
    if #of_invoice == 0 then
      report.invoices_agreeing = report.invoices_agreeing + 1
    end
    for _, text in ipairs(of_invoice) do
      differences[#differences + 1] = key .. ": " .. text
    end
  end
  return differences
end

local function compare_exceptions(report, expected, actual, differences)
  for _, exception in ipairs(expected) do
    local key = exception_key(exception)
    report.exceptions_expected = report.exceptions_expected + 1
    if actual.exceptions[key] then
      report.exceptions_agreeing = report.exceptions_agreeing + 1
      actual.exceptions[key] = nil
    else
      differences[#differences + 1] = "exception missing: " .. key
    end
  end
end

--- Compare a month with what it should be.
---@param expected table          decoded expected.json
---@param actual_values any[]     decoded values in any accepted shape
---@param options? {numbers: boolean, references: boolean, only: table<string, boolean>}
---@return compare.Report
function compare.months(expected, actual_values, options)
  options = options or {}
  local found = { invoices = {}, exceptions = {} }
  for _, value in ipairs(actual_values) do
    gather(value, found)
  end
  local actual = {
    invoices = index(found.invoices, invoice_key),
    exceptions = index(found.exceptions, exception_key),
  }
  local report = {
    invoices_expected = 0,
    invoices_agreeing = 0,
    exceptions_expected = 0,
    exceptions_agreeing = 0,
    unexpected = {},
    by_contract = {},
  }
  for id, contract in pairs(expected.contracts) do
    if not options.only or options.only[id] then
      local differences = compare_contract(report, contract, actual, options)
      compare_exceptions(report, contract.exceptions, actual, differences)
      report.by_contract[id] = differences
    end
  end
  if options.only then
    for _, exception in ipairs(expected.exceptions) do
      actual.exceptions[exception_key(exception)] = nil
    end
  else
    report.by_contract["(no contract)"] = {}
    compare_exceptions(report, expected.exceptions, actual, report.by_contract["(no contract)"])
  end
  for key in pairs(actual.invoices) do
    report.unexpected[#report.unexpected + 1] = "invoice " .. key
  end
  for key in pairs(actual.exceptions) do
    report.unexpected[#report.unexpected + 1] = "exception " .. key
  end
  report.agrees = #report.unexpected == 0
    and report.invoices_agreeing == report.invoices_expected
    and report.exceptions_agreeing == report.exceptions_expected
  return report
end

--- The report as text lines.
---@param report compare.Report
---@return string[]
function compare.text(report)
  local out = {}
  for id, differences in pairs(report.by_contract) do
    out[#out + 1] = id .. (#differences == 0 and " agrees" or "")
    for i = 1, math.min(#differences, DIFFERENCES_SHOWN) do
      out[#out + 1] = "    " .. differences[i]
    end
    if #differences > DIFFERENCES_SHOWN then
      out[#out + 1] = string.format("    ... and %d more", #differences - DIFFERENCES_SHOWN)
    end
  end
  for _, text in ipairs(report.unexpected) do
    out[#out + 1] = "not expected: " .. text
  end
  out[#out + 1] = string.format(
    "%d of %d invoices agree to the cent; %d of %d exceptions agree",
    report.invoices_agreeing,
    report.invoices_expected,
    report.exceptions_agreeing,
    report.exceptions_expected
  )
  return out
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local content = file:read("a")
  file:close()
  local value, err = json.decode(content)
  assert(value ~= nil, path .. ": " .. tostring(err))
  return value
end

local function words(text)
  local set = {}
  for word in text:gmatch("[^,]+") do
    set[word] = true
  end
  return set
end

local function main(arguments)
  local paths, options = {}, {}
  for _, argument in ipairs(arguments) do
    local option, value = argument:match("^%-%-(%a+)=?(.*)$")
    if option then
      options[option] = value == "" or words(value)
    else
      paths[#paths + 1] = argument
    end
  end
  if #paths < 2 then
    io.stderr:write(
      "usage: compare.lua EXPECTED.json ACTUAL.json... [--numbers] [--references] [--only=ID,ID]\n"
    )
    return 2
  end
  local actual = {}
  for i = 2, #paths do
    actual[i - 1] = read(paths[i])
  end
  local report = compare.months(read(paths[1]), actual, options)
  print(table.concat(compare.text(report), "\n"))
  return report.agrees and 0 or 1
end

if arg and arg[0] and arg[0]:find("compare%.lua$") then
  os.exit(main(arg))
end

return compare
