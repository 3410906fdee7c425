--- Proration by active days, by named methods, and over billing cycles.

local decimal = require("billow.decimal")
local proration = require("billow.billing.proration")

describe("a monthly amount", function()
  local function monthly(start_date, end_date, is_prorated)
    local contract = { start_date = start_date, end_date = end_date }
    return tostring(proration.monthly(decimal("480.00"), contract, "2026-10",
      is_prorated ~= false, 2))
  end

  it("is multiplied by active days before it is divided by the days of the month", function()
    assert.are.equal("201.29", monthly("2026-10-19"))
    assert.are.equal("15.48", monthly("2026-10-31"))
    assert.are.equal("480.00", monthly("2026-01-01"))
  end)

  it("counts both the first and the last day", function()
    assert.are.equal("30.97", monthly("2026-10-10", "2026-10-11"))
  end)

  it("is whole without proration", function()
    assert.are.equal("480.00", monthly("2026-10-19", nil, false))
  end)
end)

describe("methods", function()
  local function days(method, from, to)
    return { proration.days(method, {
      from = from, to = to, whole_from = "2026-10-01", whole_to = "2026-11-01",
    }, { ["2026-10-05"] = true }) }
  end

  it("count actual days", function()
    assert.are.same({ 10, 31 }, days("actual_days", "2026-10-01", "2026-10-11"))
  end)

  it("count months of thirty days", function()
    assert.are.same({ 10, 30 }, days("30_360", "2026-10-01", "2026-10-11"))
  end)

  it("count working days without holidays", function()
    assert.are.same({ 6, 21 }, days("working_days", "2026-10-01", "2026-10-10"))
  end)

  it("may prorate nothing", function()
    assert.are.same({ 1, 1 }, days("none", "2026-10-01", "2026-10-02"))
  end)
end)

describe("billing cycles", function()
  local function cycles(fields)
    return tostring(proration.cycles({
      period = fields.period or "MONTHLY",
      billing_day = fields.day,
      start_date = fields.from,
      end_date = fields.to,
      target_date = fields.target,
      billed = fields.billed or "advance",
    }).cycles)
  end

  it("begin with a fraction of the cycle that ends on the first billing day", function()
    assert.are.equal("0.387096774",
      cycles({ from = "2011-02-01", day = 13, target = "2011-02-01" }))
    assert.are.equal("0.130434783", cycles({
      period = "QUARTERLY", from = "2011-02-01", day = 13, target = "2011-02-01",
    }))
  end)

  it("end with a fraction of the cycle the end falls in", function()
    assert.are.equal("1.258064516",
      cycles({ from = "2010-06-17", to = "2010-07-25", day = 17, target = "2010-07-17" }))
  end)

  it("bill on the last day of a month that is too short", function()
    assert.are.equal("1.451612903",
      cycles({ from = "2011-02-14", day = 31, target = "2011-03-01" }))
  end)

  it("are none before the start, and in arrears only when they have ended", function()
    assert.are.equal("0", cycles({ from = "2011-02-14", day = 14, target = "2011-02-13" }))
    assert.are.equal("0", cycles({
      from = "2011-02-14", day = 14, target = "2011-03-13", billed = "arrears",
    }))
    assert.are.equal("1", cycles({
      from = "2011-02-14", day = 14, target = "2011-03-14", billed = "arrears",
    }))
  end)
end)
