--- Builders for billing specs: a small firm with one customer and one contract, and entries that
--- are fine unless a spec says otherwise. Contexts go through model.read, so every spec also passes
--- the gate.
local billing = {}

local decimal = require("billow.decimal")
local model = require("billow.billing.model")
local period = require("billow.billing.period")

local function merge(base, changes)
  for name, value in pairs(changes or {}) do
    base[name] = value
  end
  return base
end

function billing.firm(changes)
  return merge({
    id = "firm",
    name = "Firm",
    address = { country_code = "DE" },
    vat_id = "DE1",
    currency = "EUR",
    country_code = "DE",
    time_zone = "Europe/Berlin",
    holidays = { "2026-12-25" },
    rate_card_id = "RC",
    number_series = {
      { id = "INV", type_codes = { "380" }, format = "INV-{YYYY}-{SEQ:5}", reset = "year" },
      { id = "ADV", type_codes = { "386" }, format = "A{YY}{MM}-{SEQ:3}", reset = "month" },
    },
    tax_codes = {
      {
        id = "S",
        category_code = "S",
        rates = {
          { valid_from = "2020-07-01", percent = "16" },
          { valid_from = "2021-01-01", percent = "19" },
        },
      },
      { id = "R", category_code = "S", rates = { { valid_from = "2021-01-01", percent = "7" } } },
      {
        id = "AE",
        category_code = "AE",
        exemption_reason = "Reverse charge",
        exemption_reason_code = "VATEX-EU-AE",
      },
      { id = "O", category_code = "O", exemption_reason = "Out of scope" },
    },
  }, changes)
end

function billing.customer(changes)
  return merge({
    id = "CU",
    name = "Customer",
    address = { country_code = "DE" },
    vat_id = "DE2",
    currency = "EUR",
    tax_code = "S",
  }, changes)
end

function billing.contract(changes)
  return merge({
    id = "C",
    customer_id = "CU",
    name = "Contract",
    model = "tm",
    currency = "EUR",
    start_date = "2026-01-01",
    projects = { { code = "P", name = "Project" } },
    terms = {},
  }, changes)
end

--- A card of one version with these rows.
function billing.card(id, rows, changes)
  return merge(
    { id = id, currency = "EUR", versions = { { valid_from = "2026-01-01", rates = rows } } },
    changes
  )
end

function billing.files(changes)
  return merge({
    firm = billing.firm(),
    customers = { billing.customer() },
    contracts = { billing.contract() },
    rate_cards = { billing.card("RC", { { selector = "default", rate = "100" } }) },
    opening = { period = "2026-10", issue_date = "2026-11-02" },
  }, changes)
end

--- A typed context; fails when the files do not fit together.
function billing.context(changes)
  local ctx, problems = model.read(billing.files(changes))
  assert(ctx, problems[1] and problems[1].text)
  return ctx
end

--- A context whose only contract has these terms and changes.
function billing.context_of(terms, contract_changes, changes)
  local contract = billing.contract(contract_changes)
  contract.terms = terms
  changes = changes or {}
  changes.contracts = { contract }
  return billing.context(changes)
end

--- A normalised time entry.
function billing.entry(number, changes)
  return merge({
    id = "harvest-time:" .. number,
    source = "harvest-time",
    sequence = number,
    person = "Ana",
    role = "Consultant",
    client = "",
    project_code = "P",
    project_name = "Project",
    task = "Development",
    notes = "note " .. number,
    work_date = "2026-10-05",
    duration_seconds = 3600,
    billable = true,
    invoiced = false,
    approval_status = "approved",
  }, changes)
end

--- A normalised expense.
function billing.expense(number, changes)
  return merge({
    id = "expenses:" .. number,
    source = "expenses",
    sequence = number,
    person = "Ana",
    date = "2026-10-05",
    project_code = "P",
    project_name = "Project",
    category = "Travel",
    notes = "note " .. number,
    amount = decimal("10.00"),
    currency = "EUR",
    billable = true,
    invoiced = false,
    approval_status = "approved",
  }, changes)
end

--- A valid, rated work of so many minutes.
function billing.work(number, minutes, changes)
  local entry = billing.entry(number, { duration_seconds = minutes * 60 })
  return merge({
    id = entry.id,
    sequence = number,
    person = entry.person,
    role = entry.role,
    task = entry.task,
    project = "P",
    work_date = entry.work_date,
    worked_seconds = entry.duration_seconds,
    billed_seconds = entry.duration_seconds,
    is_moved = false,
    entry = entry,
    rate = billing.rate("100"),
  }, changes)
end

function billing.rate(price, changes)
  return merge({
    price = decimal(price),
    unit_code = "HUR",
    currency = "EUR",
    is_no_charge = false,
    source = "spec",
    searched = {},
    steps = {},
  }, changes)
end

--- The month of a context from entries and expenses, in the written form.
function billing.compute(ctx, entries, expenses)
  return period.compute(ctx, {
    time = entries or {},
    expenses = expenses or {},
    milestones = {},
    usage = {},
    exceptions = {},
  })
end

--- Codes of exceptions with their refs: "NOT_APPROVED harvest-time:1".
function billing.codes(exceptions)
  local codes = {}
  for i, exception in ipairs(exceptions) do
    codes[i] = exception.code .. " " .. exception.ref
  end
  return codes
end

--- A file of the example firm.
function billing.example(file)
  local handle = io.open("examples/acme/" .. file, "rb")
  if not handle then
    return nil
  end
  local content = handle:read("a")
  handle:close()
  return content
end

return billing
