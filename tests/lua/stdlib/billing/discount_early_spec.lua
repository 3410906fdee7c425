--- Early payment discounts: the last day, and three ways a country treats the tax.

local decimal = require("billow.decimal")
local discount_early = require("billow.billing.discount_early")

local function amounts(net, fixed_tax, mode)
  local result = discount_early.amounts(decimal(net), decimal(15), fixed_tax
    and decimal(fixed_tax), { percent = decimal(10), mode = mode }, 2)
  return tostring(result.total_amount) .. " -> " .. tostring(result.discounted_amount)
end

describe("early payment discount", function()
  it("may be taken up to and including the last day", function()
    assert.are.equal("2019-01-11", discount_early.last_date("2019-01-01", 10))
  end)

  it("lowers the tax with the price when included", function()
    assert.are.equal("1725.00 -> 1552.50", amounts("1500", nil, "included"))
  end)

  it("never touches taxes of a fixed amount", function()
    assert.are.equal("57.55 -> 51.80", amounts("50", "0.05", "included"))
  end)

  it("has the tax on the discounted price from the start when mixed", function()
    assert.are.equal("1135.05 -> 1035.05", amounts("1000", "0.05", "mixed"))
  end)

  it("leaves the tax as it is when excluded", function()
    assert.are.equal("1150.00 -> 1050.00", amounts("1000", nil, "excluded"))
  end)
end)
