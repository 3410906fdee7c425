local build = require("support.billing")
local decimal = require("billow.decimal")
local totals = require("billow.billing.totals")

local function rounding(amount, increment)
  return tostring(totals.payable_rounding(decimal(amount), increment and decimal(increment), 2))
end

describe("totals (model 3.11)", function()
  it("rounds the payable amount to the nearest increment and states the difference", function()
    assert.equal("0.01", rounding("10.09", "0.05"))
    assert.equal("-0.01", rounding("10.01", "0.05"))
    assert.equal("0.00", rounding("10.00", "0.05"))
    assert.equal("0.00", rounding("10.01", nil))
  end)

  it("adds up rounded parts without rounding again", function()
    local sums = totals.of(
      { { net_amount = decimal("10.00") }, { net_amount = decimal("0.05") } },
      { { amount = decimal("1.00") } },
      { { tax_amount = decimal("1.72") } },
      decimal("0.05"),
      2
    )
    local texts = {}
    for name, value in pairs(sums) do
      texts[name] = tostring(value)
    end
    assert.same({
      line_extension_amount = "10.05",
      allowance_total_amount = "1.00",
      charge_total_amount = "0.00",
      tax_exclusive_amount = "9.05",
      tax_amount = "1.72",
      tax_inclusive_amount = "10.77",
      prepaid_amount = "0.00",
      payable_rounding_amount = "-0.02",
      payable_amount = "10.75",
    }, texts)
  end)

  describe("the tax in the firm's currency", function()
    local function accounting(rates, tax_amount, currency)
      local ctx = build.context({
        opening = { period = "2026-10", issue_date = "2026-11-02", exchange_rates = rates },
      })
      local amount, is_missing =
        totals.tax_accounting(ctx, currency or "CHF", decimal(tax_amount), "2026-10-31")
      return amount and tostring(amount), is_missing
    end

    it("uses the latest rate on or before the tax point", function()
      assert.equal("125.57", (accounting({
        { currency = "CHF", rate = "1.0512", date = "2026-09-30" },
        { currency = "CHF", rate = "1.0634", date = "2026-10-30" },
        { currency = "CHF", rate = "1.0701", date = "2026-11-02" },
      }, "118.08")))
    end)

    it("is not needed without tax or in the firm's own currency", function()
      assert.same({ nil, false }, { accounting({}, "0.00") })
      assert.same({ nil, false }, { accounting({}, "1.00", "EUR") })
    end)

    it("is missing when no rate is known", function()
      assert.same({ nil, true }, { accounting({}, "1.00") })
    end)
  end)
end)
