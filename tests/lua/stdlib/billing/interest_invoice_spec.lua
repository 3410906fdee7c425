--- The invoice for interest: its lines, the cap of fees, no tax, and what it cannot do without.

local billing = require("support.billing")
local decimal = require("billow.decimal")
local interest_invoice = require("billow.billing.interest_invoice")
local reading = require("billow.billing.reading")

local function input(changes)
  local made = {
    invoice = {
      id = "C/CU/2026-10/380",
      number = "INV-1",
      issue_date = "2026-11-02",
      currency = "EUR",
    },
    customer = billing.context().customers.CU,
    claim = {
      amount = decimal("12.50"),
      compensation = decimal("40"),
      from_date = "2026-12-03",
      until_date = "2026-12-31",
      parts = {},
    },
    fees = decimal("5.00"),
    issue_date = "2027-01-04",
  }
  for name, value in pairs(changes or {}) do
    made[name] = value
  end
  return made
end

describe("an invoice for interest", function()
  local ctx = billing.context()

  it("has a line each for interest, the fixed sum and fees, outside the scope of tax", function()
    local made = interest_invoice.build(ctx, ctx.contracts.C, input())
    local shown = {}
    for i, line in ipairs(made.lines) do
      shown[i] = line.component .. " " .. line.net_amount .. " " .. line.tax_category
    end
    assert.same({ "interest 12.50 O", "compensation 40.00 O", "reminder_fee 5.00 O" }, shown)
    assert.same({ "57.50", "0.00" }, { made.totals.payable_amount, made.totals.tax_amount })
    assert.equal("C/CU/2026-10/380/interest/2026-12-31", made.id)
    assert.is_true(interest_invoice.is(made.id))
    assert.equal("2027-02-03", made.due_date)
  end)

  it("is none over nothing", function()
    local nothing = input({ fees = decimal(0) })
    nothing.claim.amount, nothing.claim.compensation = decimal("0.00"), decimal(0)
    assert.is_nil(interest_invoice.build(ctx, ctx.contracts.C, nothing))
  end)

  it("takes fees up to the cap", function()
    local sent = { { fee = "15.00" }, { fee = "20.00" }, { fee = "20.00" } }
    assert.equal("40", tostring(interest_invoice.fees(sent, decimal("40"))))
    assert.equal("55.00", tostring(interest_invoice.fees(sent, decimal("100"))))
  end)

  it("wants a tax code outside the scope", function()
    local codes = { billing.firm().tax_codes[1] }
    local other = billing.context({ firm = billing.firm({ tax_codes = codes }) })
    local _, refusal =
      reading.try(interest_invoice.build, other, other.contracts.C, input())
    assert.truthy(tostring(refusal):find("add a tax code of category O", 1, true))
  end)
end)
