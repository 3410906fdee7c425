--- Credits: rounded net plus rounded tax; the last one takes what is left.

local credit = require("billow.billing.credit")
local decimal = require("billow.decimal")

local function amounts(net, percent, left)
  local done = credit.amounts(decimal(net), decimal(percent), left and {
    net = decimal(left[1]), tax = decimal(left[2]),
  }, 2)
  return tostring(done.net_amount) .. " + " .. tostring(done.tax_amount)
end

describe("a credit", function()
  it("is rounded net plus rounded tax", function()
    assert.are.equal("726.86 + 145.37", amounts("726.86", "20"))
  end)

  it("that exhausts a group takes what is left of its tax", function()
    assert.are.equal("42.14 + 8.42", amounts("42.14", "20", { "42.14", "8.42" }))
  end)

  it("never takes more tax than is left", function()
    assert.are.equal("42.13 + 8.40", amounts("42.13", "20", { "42.14", "8.40" }))
  end)
end)
