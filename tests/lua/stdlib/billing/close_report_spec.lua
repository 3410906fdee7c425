--- The report that ends a close, from its figures: status, hours, totals by currency, blockers.

local close_report = require("billow.billing.close_report")
local decimal = require("billow.decimal")

local function row(contract, changes)
  local made = {
    contract = contract,
    model = "tm",
    currency = "EUR",
    is_closed = true,
    net = "100.00",
    invoices = 1,
    held_seconds = "5400",
    open_seconds = "0",
    written_off_seconds = "1800",
    held_reasons = { "NOT_APPROVED" },
    exceptions = { NOT_APPROVED = 1 },
    blockers = {},
  }
  for name, value in pairs(changes or {}) do
    made[name] = value
  end
  return made
end

describe("a close report", function()
  local blocker = { code = "BUYER_REFERENCE_MISSING", message = "the customer wants one" }
  local report = close_report.of("2026-10", {
    row("C-1"),
    row("C-2", { is_closed = false, net = "0", invoices = 0, blockers = { blocker } }),
    row("C-3", { currency = "USD", net = "50.00" }),
  }, { { contract = "C-2", status = "blocked" } }, {
    { contract_id = "C-2", amount = "75.00" },
  }, { exceptions = { {}, {} } })

  it("says of each contract what became of it, in money and hours", function()
    local first, second = report.contracts[1], report.contracts[2]
    assert.same({ "closed", "100.00", "1.5", "0.5" }, {
      first.status,
      first.invoiced_net,
      first.held_hours,
      first.written_off_hours,
    })
    assert.same({ "blocked", "75.00" }, { second.status, second.accrued_net })
  end)

  it("never adds up currencies", function()
    assert.same({ "100.00", "75.00", 1 }, {
      report.totals.EUR.invoiced_net,
      report.totals.EUR.accrued_net,
      report.totals.EUR.invoices,
    })
    assert.equal("50.00", report.totals.USD.invoiced_net)
  end)

  it("lists blockers of what is not closed, with the reason, and what no contract takes", function()
    assert.equal(1, #report.blockers)
    assert.equal("BUYER_REFERENCE_MISSING", report.blockers[1].code)
    assert.equal(2, report.unassigned)
  end)
end)

describe("an accrual", function()
  local function expense(id, category, amount)
    local body = { id = id, date = "2026-10-05", category = category, amount = amount }
    body.currency, body.project_code = "EUR", "P-1"
    return { entry_id = id, kind = "expense", body = body, claimed = amount }
  end

  it("counts an expense with the mark-up of its category, as the bill would", function()
    local contract = { contract = { currency = "EUR" } }
    contract.contract.expenses =
      { markup_percent = decimal(10), category_markup_percent = { Travel = decimal(0) } }
    local rows = { expense("E-1", "Travel", "100.00"), expense("E-2", "Meals", "50.05") }
    local amount, basis = close_report.worth(contract, rows)
    assert.equal("155.06", amount:fixed(2)) -- 100.00 + 55.055
    assert.equal("150.05", decimal(basis.expenses):fixed(2))
  end)
end)
