--- Late payment: simple daily interest, statutory rates and sums, fees by level.

local decimal = require("billow.decimal")
local interest = require("billow.billing.interest")
local reading = require("billow.billing.reading")

describe("interest", function()
  it("is amount x percent x days / days of the year", function()
    local earned = interest.simple(decimal(100), decimal(10), 15)
    assert.are.equal("0.41", tostring(earned:round(2)))
    assert.are.equal("0.42", tostring(interest.simple(decimal(100), decimal(10), 15, 360):round(2)))
  end)

  local RATES = {
    { valid_from = "2026-01-01", percent = decimal("10") },
    { valid_from = "2026-07-01", percent = decimal("20") },
  }

  it("starts on the day after the due date and changes its rate with the half-year", function()
    local earned, days = interest.over_rates(decimal(3650), RATES, "2026-06-28", "2026-07-03")
    assert.are.equal(5, days)
    assert.are.equal("8.00", tostring(earned:round(2)))
  end)

  it("is 0 on the due date", function()
    local earned, days = interest.over_rates(decimal(100), RATES, "2026-06-28", "2026-06-28")
    assert.are.equal("0", tostring(earned:round(0)))
    assert.are.equal(0, days)
  end)

  it("refuses days before the table rather than guess", function()
    local _, refusal = reading.try(interest.over_rates, decimal(1), RATES, "2025-12-01",
      "2025-12-24")
    assert.are.equal('interest.rates is "2025-12-02": add a row with valid_from on or before '
      .. "this day", tostring(refusal))
  end)
end)

describe("statutory claims", function()
  it("add eight points to the reference rate", function()
    assert.are.equal("13.25", tostring(interest.statutory_percent(decimal("5.25"))))
  end)

  it("are a fixed sum by size of the debt in the UK", function()
    local function compensation(debt)
      return tostring(interest.compensation(interest.COMPENSATION.uk, decimal(debt)))
    end
    assert.are.equal("40", compensation("999.99"))
    assert.are.equal("70", compensation("1000"))
    assert.are.equal("70", compensation("9999.99"))
    assert.are.equal("100", compensation("10000.00"))
  end)
end)

describe("dunning fees", function()
  local LEVELS = {
    { days = 5, fixed = decimal(10) },
    { days = 10, percent = decimal(15) },
  }

  it("are charged once for every level reached", function()
    local function fees(days)
      local sum, level = interest.level_fees(LEVELS, decimal(100), days, 2)
      return tostring(sum:round(2)) .. " at level " .. level
    end
    assert.are.equal("0.00 at level 0", fees(4))
    assert.are.equal("10.00 at level 1", fees(5))
    assert.are.equal("25.00 at level 2", fees(10))
  end)
end)
