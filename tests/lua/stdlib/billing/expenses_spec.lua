local build = require("support.billing")
local decimal = require("billow.decimal")
local expenses = require("billow.billing.expenses")

local function bill(rules, list, currency)
  local ctx = build.context_of({}, { expenses = rules, currency = currency or "EUR" })
  local texts = {}
  for i, line in ipairs(expenses.lines(ctx, ctx.contracts.C, list)) do
    texts[i] = line.description_key .. " " .. tostring(line.net_amount)
  end
  return texts
end

describe("expenses (model 3.10)", function()
  local list = {
    build.expense(1, { category = "Travel", amount = decimal("10.05") }),
    build.expense(2, { category = "Meals", amount = decimal("20.00"), date = "2026-10-02" }),
    build.expense(3, { category = "Travel", amount = decimal("0.35") }),
  }

  it("makes one line per category, in text order", function()
    assert.same({ "expense:Meals 20.00", "expense:Travel 10.40" }, bill({}, list))
  end)

  it("makes one line per expense by date, then source order", function()
    assert.same({
      "expense:expenses:2 20.00",
      "expense:expenses:1 10.05",
      "expense:expenses:3 0.35",
    }, bill({ grouping = "entry" }, list))
  end)

  it("marks up and rounds each expense, by category before the general percent", function()
    -- 10.05 + 10 % = 11.055 -> 11.06, 0.35 + 10 % = 0.385 -> 0.39
    assert.same(
      { "expense:Meals 20.00", "expense:Travel 11.45" },
      bill({ markup_percent = "10", category_markup_percent = { Meals = "0" } }, list)
    )
  end)

  it("takes out the input tax that the firm gets back, before the markup, rounded once", function()
    -- 119.00 / 1.19 = 100.00, + 10 %; 10.70 / 1.07 = 10.00
    local paid = {
      build.expense(1, { category = "Travel", amount = decimal("119.00") }),
      build.expense(2, { category = "Train", amount = decimal("10.70") }),
      build.expense(3, { category = "Travel", amount = decimal("50"), tax_percent = decimal(0) }),
    }
    local rules = { input_tax_percent = "19", category_input_tax_percent = { Train = "7" } }
    assert.same({ "expense:Train 10.00", "expense:Travel 150.00" }, bill(rules, paid))
    rules.markup_percent = "10"
    assert.same({ "expense:Train 11.00", "expense:Travel 165.00" }, bill(rules, paid))
    assert.same({ "expense:Train 10.70", "expense:Travel 169.00" }, bill({}, paid))
  end)

  it("rounds to the currency's decimals", function()
    assert.same(
      { "expense:Travel 1613" },
      bill(
        { markup_percent = "7.5" },
        { build.expense(1, { amount = decimal("1500"), currency = "JPY" }) },
        "JPY"
      )
    )
  end)

  it("carries the tax code of the expense rules as the line's override", function()
    local ctx = build.context_of({}, { expenses = { tax_code = "R" } })
    local line = expenses.lines(ctx, ctx.contracts.C, list)[1]
    assert.equal("R", line.tax_code)
    assert.same(
      { { type = "expense", id = "expenses:2", amount = decimal("20.00") } },
      line.references
    )
  end)

  it("makes no lines when the contract does not bill expenses", function()
    local ctx = build.context_of({})
    assert.same({}, expenses.lines(ctx, ctx.contracts.C, list))
  end)

  it("may tax what is passed on at cost otherwise than what is recharged", function()
    local ctx = build.context_of({}, {
      expenses = { tax_code = "S", category_tax_code = { Meals = "R" } },
    })
    local lines = expenses.lines(ctx, ctx.contracts.C, list)
    assert.equal("R", lines[1].tax_code)
    assert.equal("S", lines[2].tax_code)
  end)
end)
