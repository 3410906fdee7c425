local build = require("support.billing")
local decimal = require("billow.decimal")
local tax = require("billow.billing.tax")

local function line(net, code, category, percent)
  return {
    net_amount = decimal(net),
    tax_code = code,
    tax_category = category,
    tax_percent = percent and decimal(percent),
  }
end

local function breakdown(lines, d)
  local texts = {}
  for i, group in ipairs(tax.breakdown(build.context().firm, lines, {}, d or 2)) do
    texts[i] = string.format(
      "%s %s %s %s",
      group.category_code,
      tostring(group.percent),
      tostring(group.taxable_amount),
      tostring(group.tax_amount)
    )
  end
  return texts
end

describe("tax (model 3.11)", function()
  it("takes the rates row with the greatest valid_from on or before the tax point", function()
    local code = tax.find(build.context().firm, "S")
    assert.equal("16", tostring(tax.percent(code, "2020-12-31")))
    assert.equal("19", tostring(tax.percent(code, "2021-01-01")))
    assert.has_error(function()
      tax.percent(code, "2020-06-30")
    end, "tax code S has no rate in force on 2020-06-30: add a row to its rates")
  end)

  it("has percent 0 for reverse charge and none for out of scope", function()
    local firm = build.context().firm
    assert.equal("0", tostring(tax.percent(tax.find(firm, "AE"), "2026-10-31")))
    assert.is_nil(tax.percent(tax.find(firm, "O"), "2026-10-31"))
  end)

  it("rounds once per category and percent, never per line", function()
    -- two lines of 0.03 at 19 %: 0.0114 -> 0.01 together, not 0.01 + 0.01
    assert.same(
      { "S 19 0.06 0.01" },
      breakdown({ line("0.03", "S", "S", "19"), line("0.03", "S", "S", "19") })
    )
    assert.same(
      { "S 25 1392.44 348.11" },
      breakdown({ line("696.22", "S", "S", "25"), line("696.22", "S", "S", "25") })
    )
  end)

  it("joins tax codes of the same category and percent", function()
    assert.same(
      { "S 7 3.00 0.21" },
      breakdown({ line("1.00", "R", "S", "7"), line("2.00", "S", "S", "7.0") })
    )
  end)

  it("orders groups by category, then percent as a number", function()
    assert.same(
      { "AE 0 1.00 0.00", "S 7 1.00 0.07", "S 19 1.00 0.19" },
      breakdown({
        line("1.00", "S", "S", "19"),
        line("1.00", "R", "S", "7"),
        line("1.00", "AE", "AE", "0"),
      })
    )
  end)

  it("rounds to whole units where the currency has no decimals", function()
    assert.same({ "S 19 22689 4311" }, breakdown({ line("22689", "S", "S", "19") }, 0))
  end)

  it("carries the exemption reason of the code", function()
    local group = tax.breakdown(build.context().firm, { line("1.00", "AE", "AE", "0") }, {}, 2)[1]
    assert.same(
      { "Reverse charge", "VATEX-EU-AE" },
      { group.exemption_reason, group.exemption_reason_code }
    )
  end)

  it("asks the tax policy last", function()
    local ctx = build.context_of({})
    local payer = { customer = ctx.customers.CU }
    assert.equal("S", (tax.code_of(ctx, ctx.contracts.C, payer, { component = "time" })))
    ctx.decide = function(name, subject)
      return name == "tax" and { tax_code = "O", reasons = { "was " .. subject.tax_code } } or nil
    end
    local code, reason = tax.code_of(ctx, ctx.contracts.C, payer, { component = "time" })
    assert.same({ "O", "was S" }, { code, reason })
  end)
end)
