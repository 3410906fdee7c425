--- Discounts in their fixed order.

local decimal = require("billow.decimal")
local reductions = require("billow.billing.reductions")

local function volume(mode, year_to_date)
  return {
    kind = "volume", name = "volume", mode = mode, year_to_date = decimal(year_to_date),
    tiers = {
      { up_to = decimal(1000), percent = decimal(0), flat_amount = decimal(0) },
      { up_to = decimal(5000), percent = decimal(5), flat_amount = decimal(0) },
      { percent = decimal(10), flat_amount = decimal(0) },
    },
  }
end

local function left(amount, list, maximum)
  local _, rest = reductions.apply(decimal(amount), list, maximum and decimal(maximum), 2)
  return tostring(rest:round(2))
end

local PERCENT = { kind = "percent", name = "partner", percent = decimal(10) }
local COUPON = { kind = "amount", name = "coupon", amount = decimal(30) }

describe("discounts", function()
  it("take percentages first, then amounts, then the cap, however they are written down", function()
    assert.equal("150.00", left("200", { COUPON, PERCENT }))
    assert.equal("150.00", left("200", { PERCENT, COUPON }))
    local applied, rest =
      reductions.apply(decimal(200), { COUPON, PERCENT }, decimal(65), 2)
    assert.equal("65", tostring(rest:round(0)))
    assert.equal("maximum_spend", applied[3].kind)
    assert.equal("85.00", tostring(applied[3].amount:round(2)))
  end)

  it("never take more than there is", function()
    assert.equal("0.00", left("20", { COUPON }))
  end)

  it("use promised credit after everything else", function()
    local credit = { kind = "credit", name = "credit", amount = decimal(500) }
    local applied = reductions.apply(decimal(200), { credit, PERCENT, COUPON }, nil, 2)
    assert.equal("150.00", tostring(applied[3].amount:round(2)))
  end)

  it("for volume look at the year's total", function()
    assert.equal("500.00", left("500", { volume("whole", "0") }))
    assert.equal("475.00", left("500", { volume("whole", "600") }))
    assert.equal("900.00", left("1000", { volume("whole", "4500") }))
  end)

  it("for volume may take each part at its own tier", function()
    -- 500 of 1000 up to 5000 at 5 %, 500 above at 10 %.
    assert.equal("925.00", left("1000", { volume("marginal", "4500") }))
  end)
end)
