local build = require("support.billing")
local decimal = require("billow.decimal")

local function bill(discount, options)
  options = options or {}
  local ctx = build.context_of({}, {
    discount = discount,
    expenses = { tax_code = "R" },
    payers = options.payers,
  }, { customers = { build.customer(), build.customer({ id = "CV" }) } })
  local expenses = { build.expense(1, { amount = decimal(options.expense or "50.00") }) }
  local texts = {}
  local invoices = build.compute(ctx, { build.entry(1) }, expenses).contracts.C.invoices
  for i, made in ipairs(invoices) do
    texts[i] = {}
    for j, allowance in ipairs(made.allowances) do
      texts[i][j] = allowance.tax_code .. " " .. allowance.amount
    end
  end
  return texts, invoices
end

describe("the contract's discount (model 3.10)", function()
  it("is a percent of the components' nets, rounded per tax code", function()
    assert.same({ { "S 5.00" } }, (bill({ percent = "5", components = { "time" } })))
    assert.same(
      { { "S 5.00", "R 2.53" } },
      (bill({ percent = "5", components = { "time", "expense" } }, { expense = "50.50" }))
    )
  end)

  it("divides an amount over the tax codes with the bases as weights", function()
    assert.same(
      { { "S 6.67", "R 3.33" } },
      (bill({ amount = "10.00", components = { "time", "expense" } }))
    )
  end)

  it("never exceeds what it is granted on", function()
    assert.same({ { "S 100.00" } }, (bill({ amount = "1000.00", components = { "time" } })))
  end)

  it("makes no allowance of 0", function()
    assert.same({ {} }, (bill({ percent = "5", components = { "overage" } })))
  end)

  it("follows its lines to the payers", function()
    local texts = bill({ percent = "5.01", components = { "time" } }, {
      payers = { { customer_id = "CU", percent = "50" }, { customer_id = "CV", percent = "50" } },
    })
    assert.same({ { "S 2.51" }, { "S 2.50" } }, texts)
  end)

  it("lowers the taxable amount of its tax group", function()
    local _, invoices = bill({ percent = "5", components = { "time" } })
    assert.equal("95.00", invoices[1].tax_breakdown[2].taxable_amount)
    assert.equal("5.00", invoices[1].totals.allowance_total_amount)
    assert.equal("145.00", invoices[1].totals.tax_exclusive_amount)
  end)
end)
