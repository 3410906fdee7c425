--- Statement of account: opening, movements, closing; aging from the due date; currencies apart.

local statement_of_account = require("billow.billing.statement_of_account")

local function item(kind, date, number, amount, changes)
  local made = { kind = kind, date = date, number = number, amount = amount, currency = "EUR" }
  for name, value in pairs(changes or {}) do
    made[name] = value
  end
  return made
end

local function open(number, due_date, amount, disputed)
  return {
    number = number,
    issue_date = "2026-08-01",
    due_date = due_date,
    currency = "EUR",
    open_amount = amount,
    disputed_amount = disputed or "0",
  }
end

local INPUT = {
  customer_id = "CU",
  period = { start_date = "2026-10-01", end_date = "2026-10-31" },
  items = {
    item("payment", "2026-10-20", "P-1", "300.00", { refers_to = "INV-2" }),
    item("invoice", "2026-09-01", "INV-1", "1000.00", { due_date = "2026-10-01" }),
    item("invoice", "2026-10-02", "INV-2", "500.00", { due_date = "2026-11-01" }),
    item("credit_note", "2026-10-05", "CN-1", "100.00", { refers_to = "INV-1" }),
    item("payment", "2026-10-25", "P-2", "50.00"),
    item("interest", "2026-10-31", "INV-1", "7.50"),
    item("invoice", "2026-11-02", "INV-3", "999.00"),
  },
  open = { open("INV-1", "2026-10-01", "900.00", "250.00"), open("INV-2", "2026-11-01", "200.00") },
  unapplied = { EUR = "50.00" },
}

describe("a statement of account", function()
  local made = statement_of_account.of(INPUT, "EUR")

  it("goes from the opening to the closing balance, movement by movement", function()
    local rows = {}
    for i, row in ipairs(made.movements) do
      rows[i] = row.date .. " " .. row.number .. " " .. row.amount .. " " .. row.balance
    end
    assert.equal("1000.00", made.opening_balance)
    assert.same({
      "2026-10-02 INV-2 500.00 1500.00",
      "2026-10-05 CN-1 -100.00 1400.00",
      "2026-10-20 P-1 -300.00 1100.00",
      "2026-10-25 P-2 -50.00 1050.00",
      "2026-10-31 INV-1 7.50 1057.50",
    }, rows)
    assert.equal("1057.50", made.closing_balance)
  end)

  it("sums the period by kind", function()
    assert.same(
      { "500.00", "100.00", "350.00", "7.50" },
      { made.invoiced, made.credited, made.paid, made.interest }
    )
  end)

  it("lists open items with age, disputes and cash that is not applied", function()
    assert.same({ "1100.00", "250.00", "50.00", 30 }, {
      made.open_amount,
      made.disputed_amount,
      made.unapplied_amount,
      made.open_items[1].days_overdue,
    })
    assert.same({
      not_due = "200.00",
      days_1_30 = "900.00",
      days_31_60 = "0.00",
      days_61_90 = "0.00",
      days_over_90 = "0.00",
    }, made.aging)
  end)

  it("agrees: the balance is what is open, with interest, less cash that is not applied", function()
    assert.equal("0.00", made.difference)
  end)
end)

describe("aging", function()
  it("counts from the due date, up to and including 30, 60 and 90 days", function()
    local list = {
      open("a", "2026-10-31", "1"),
      open("b", "2026-10-01", "2"),
      open("c", "2026-09-30", "4"),
      open("d", "2026-08-02", "8"),
      open("e", "2026-08-01", "16"),
    }
    local aging = statement_of_account.aging(list, "2026-10-31", 2)
    assert.same({ "1.00", "2.00", "4.00", "8.00", "16.00" }, {
      aging.not_due,
      aging.days_1_30,
      aging.days_31_60,
      aging.days_61_90,
      aging.days_over_90,
    })
  end)
end)

describe("currencies", function()
  it("have a statement each", function()
    local input = {
      customer_id = "CU",
      period = INPUT.period,
      items = {
        item("invoice", "2026-10-02", "A", "10.00"),
        item("invoice", "2026-10-02", "B", "1000", { currency = "JPY" }),
      },
      open = {},
      unapplied = {},
    }
    local made = statement_of_account.all(input)
    assert.same(
      { "EUR", "10.00", "JPY", "1000" },
      { made[1].currency, made[1].closing_balance, made[2].currency, made[2].closing_balance }
    )
  end)
end)
