local build = require("support.billing")
local explain = require("billow.billing.explain")
local period = require("billow.billing.period")

describe("the explanation of a line", function()
  local function line(contract_changes, expenses)
    local terms = { rounding = { increment_minutes = 15, mode = "up", scope = "person_day" } }
    local ctx = build.context_of(terms, contract_changes)
    local by_contract = period.collect(ctx, {
      time = { build.entry(1, { duration_seconds = 600 }) },
      expenses = expenses or {},
      milestones = {},
      usage = {},
      exceptions = {},
    })
    local result = period.bill(ctx, ctx.contracts.C, by_contract.C)
    return function(id)
      return explain.line(ctx, result.invoices[1], id)
    end
  end

  it("tells entries, rounding, rate path and tax rule", function()
    assert.same({
      "time:Development: 0.25 HUR x 100.00 = 25.00 EUR",
      "  harvest-time:1 2026-10-05 Ana: worked 600 s, billed 900 s",
      "    rounding: up to 15 minutes by person_day: 1 entries, 600 s -> 900 s",
      "    rate: RC@2026-01-01: default",
      "      searched RC@2026-01-01: task=Development",
      "      searched RC@2026-01-01: role=Consultant",
      "      searched RC@2026-01-01: person=Ana",
      "      searched RC@2026-01-01: project=P",
      "      searched RC@2026-01-01: default",
      "  tax: S: S 19 % (since 2021-01-01) on 2026-10-31; tax code of customer CU",
    }, explain.text(line()("1")))
  end)

  it("tells how an expense came to its amount", function()
    local text = explain.text(
      line({ expenses = { markup_percent = "5", tax_code = "R" } }, { build.expense(1) })("2")
    )
    assert.equal("  expenses:1: 10 EUR on 2026-10-05 + 5 % = 10.50", text[2])
    assert.equal(
      "  tax: R: S 7 % (since 2021-01-01) on 2026-10-31; set for component expense",
      text[3]
    )
  end)

  it("tells a payer's share", function()
    local text = explain.text(line({ payers = { { customer_id = "CU", percent = "100" } } })("1"))
    assert.equal("  share: 100 % of 0.25 HUR x 100.00 = 25.00 EUR", text[2])
  end)

  it("knows no line that is not there", function()
    assert.is_nil(line()("9"))
  end)
end)
