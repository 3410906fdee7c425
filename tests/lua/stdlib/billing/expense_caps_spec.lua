local build = require("support.billing")
local decimal = require("billow.decimal")
local expense_caps = require("billow.billing.expense_caps")
local expenses = require("billow.billing.expenses")
local ledger = require("billow.billing.ledger")
local model = require("billow.billing.model")

local function contract_of(rules)
  return build.context_of({}, { expenses = rules }).contracts.C
end

local function hotel(number, amount, changes)
  local expense = build.expense(number, { category = "Hotel", amount = decimal(amount) })
  for name, value in pairs(changes or {}) do
    expense[name] = value
  end
  return expense
end

--- What is billed of each expense, and what is kept off: "1 50.00", "held 30.00".
local function apply(rules, list, used)
  local made = expense_caps.apply(contract_of(rules), list, used, 2)
  local billed = {}
  for i, expense in ipairs(made.billed) do
    billed[i] = expense.sequence .. " " .. tostring(expense.amount)
  end
  return billed, made
end

describe("caps of expenses (S2)", function()
  local rules = { caps = { { category = "Hotel", amount = "100.00" } } }

  it("cut the expense that does not fit, and hold the rest", function()
    local billed, made = apply(rules, { hotel(1, "70.00"), hotel(2, "50.00"), hotel(3, "5") })
    assert.same({ "1 70.00", "2 30.00" }, billed)
    assert.same({
      ["expenses:2"] = { held = decimal("20.00") },
      ["expenses:3"] = { held = decimal("5.00") },
    }, made.cuts)
    assert.is_nil(made.used)
  end)

  it("write the rest off when the contract says so", function()
    local off = { caps = { { category = "Hotel", amount = "100", overflow = "write_off" } } }
    local _, made = apply(off, { hotel(1, "130.00") })
    assert.same({ ["expenses:1"] = { written_off = decimal("30.00") } }, made.cuts)
  end)

  it("let other categories through", function()
    local travel = build.expense(2, { amount = decimal("900.00") })
    assert.same({ "1 100.00", "2 900.00" }, (apply(rules, { hotel(1, "101.00"), travel })))
  end)

  it("without a category count all expenses together", function()
    local travel = build.expense(1, { amount = decimal("80.00") })
    local all = { caps = { { amount = "100" } } }
    assert.same({ "1 80.00", "2 20.00" }, (apply(all, { travel, hotel(2, "50.00") })))
  end)

  it("are filled by date, then source order, and leave the order of lines alone", function()
    local late = hotel(1, "80.00", { date = "2026-10-20" })
    assert.same({ "1 20.00", "2 80.00" }, (apply(rules, { late, hotel(2, "80.00") })))
  end)

  it("count what is billed: input tax taken out, marked up, never a cent beyond", function()
    local marked = {
      input_tax_percent = "19",
      markup_percent = "7.5",
      caps = { { category = "Hotel", amount = "100.00" } },
    }
    for cents = 11000, 12500, 7 do
      local contract = contract_of(marked)
      local list = { hotel(1, "33.33"), hotel(2, tostring(decimal(cents) / 100)) }
      local made = expense_caps.apply(contract, list, nil, 2)
      local net = decimal(0)
      for _, expense in ipairs(made.billed) do
        net = net + expenses.billed(contract.expenses, expense, 2)
      end
      assert.is_true(net <= decimal(100) and net >= decimal("99.98"), tostring(net))
    end
  end)

  it("follow one another, each with its own way for what is beyond", function()
    local both = {
      caps = {
        { category = "Hotel", amount = "60", overflow = "write_off" },
        { category = "Hotel", amount = "50", scope = "contract" },
      },
    }
    local billed, made = apply(both, { hotel(1, "90.00") })
    assert.same({ "1 50.00" }, billed)
    local off = { written_off = decimal("30.00"), held = decimal("10.00") }
    assert.same({ ["expenses:1"] = off }, made.cuts)
  end)

  it("get their room back by what is refunded", function()
    local back = hotel(2, "-40.00")
    assert.same({ "1 90.00", "2 -40.00", "3 50.00" },
      (apply(rules, { hotel(1, "90.00"), back, hotel(3, "60.00") })))
  end)

  it("over the contract's life go on from what earlier periods billed", function()
    local life = { caps = { { category = "Hotel", amount = "100.00", scope = "contract" } } }
    local _, first = apply(life, { hotel(1, "70.00") })
    assert.same({ { category = "Hotel", used = decimal("70.00") } }, first.used)
    local billed, second = apply(life, { hotel(2, "50.00") }, first.used)
    assert.same({ "2 30.00" }, billed)
    assert.same({ { category = "Hotel", used = decimal("100.00") } }, second.used)
    assert.same({}, (apply(life, { hotel(3, "1.00") }, second.used)))
  end)

  it("keep what was counted of a cap that is gone", function()
    local used = { { category = "Hotel", used = decimal("70.00") } }
    local _, made = apply({}, { hotel(1, "70.00") }, used)
    assert.same(used, made.used)
  end)

  it("say on the line and in an exception what was cut, and by which cap", function()
    local ctx = build.context_of({}, { expenses = rules })
    local made = expense_caps.apply(ctx.contracts.C, { hotel(1, "130.00") }, nil, 2)
    local told = "30 beyond the cap of 100 for Hotel in a period is held"
    local line = expenses.lines(ctx, ctx.contracts.C, made.billed)[1]
    assert.equal(
      "expenses:1: 100 EUR on 2026-10-05 + 0 % = 100.00, of 130: " .. told,
      line.explain[1]
    )
    assert.equal("CAP_REACHED", made.exceptions[1].code)
    assert.equal("expenses:1", made.exceptions[1].ref)
    assert.equal("of 130 EUR (Hotel): " .. told, made.exceptions[1].message)
  end)

  it("must not be there twice", function()
    local cap = { category = "Hotel", amount = "1" }
    local contract = build.contract({ expenses = { caps = { cap, cap } } })
    local _, problems = model.read(build.files({ contracts = { contract } }))
    assert.equal("expenses.caps[2].category", problems[1].field)
  end)

  it("refuse a way that is none", function()
    local cap = { amount = "1", overflow = "no_charge" }
    local contract = build.contract({ expenses = { caps = { cap } } })
    local _, problems = model.read(build.files({ contracts = { contract } }))
    assert.equal("expenses.caps[1].overflow", problems[1].field)
  end)
end)

describe("a contract with caps of expenses", function()
  it("keeps with its closing what a cap over its life let through", function()
    local rules = { caps = { { category = "Hotel", amount = "100.00", scope = "contract" } } }
    local month = build.compute(build.context_of({}, { expenses = rules }), {}, {
      hotel(1, "130.00"),
    })
    local result = month.contracts.C
    assert.equal("100.00", result.invoices[1].totals.tax_exclusive_amount)
    assert.same({ { category = "Hotel", used = "100.00" } }, result.closing.expense_cap_used)
    local next_month = build.compute(
      build.context_of({}, { expenses = rules }, {
        opening = {
          period = "2026-10",
          issue_date = "2026-11-02",
          expense_cap_used = { C = result.closing.expense_cap_used },
        },
      }),
      {},
      { hotel(2, "10.00") }
    )
    assert.same({}, next_month.contracts.C.invoices)
  end)

  it("moves every cent of an expense somewhere", function()
    local expense = hotel(1, "130.00", { entry_id = "E1" })
    local judged = {
      claimed = { time = {}, expenses = { expense }, milestones = {} },
      expense_dispositions = { ["expenses:1"] = "valid" },
    }
    local bill = {
      canonical = {},
      exceptions = {},
      dispositions = {},
      expense_cuts = {
        ["expenses:1"] = { held = decimal("100.00"), written_off = decimal("30.00") },
      },
    }
    local moves = ledger.settlement(build.context_of({}), judged, bill)
    assert.equal(2, #moves)
    local sum = decimal(0)
    for _, move in ipairs(moves) do
      assert.equal("CAP_REACHED", move.reason)
      sum = sum + decimal(move.quantity)
    end
    assert.equal(decimal("130.00"), sum)
  end)
end)
