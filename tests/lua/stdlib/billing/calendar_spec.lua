local calendar = require("billow.billing.calendar")

describe("the calendar (model 1)", function()
  it("makes a period of a month", function()
    assert.same(
      { id = "2028-02", start_date = "2028-02-01", end_date = "2028-02-29" },
      calendar.period("2028-02")
    )
    assert.is_true(calendar.is_period("2026-12"))
    assert.is_false(calendar.is_period("2026-13"))
    assert.is_false(calendar.is_period("2026-1"))
    assert.equal("2027-01", calendar.add_periods("2026-10", 3))
  end)

  it("counts the days on which a contract is active in a period, both ends included", function()
    local october = calendar.period("2026-10")
    local function active(start_date, end_date)
      return (calendar.active_days({ start_date = start_date, end_date = end_date }, october))
    end
    assert.equal(31, active("2026-01-01"))
    assert.equal(20, active("2026-10-12"))
    assert.equal(1, active("2026-10-31"))
    assert.equal(23, active("2026-01-01", "2026-10-23"))
    assert.equal(0, active("2026-11-01"))
    assert.equal(0, active("2026-01-01", "2026-09-30"))
  end)

  it("finds the next business day over weekends and holidays", function()
    assert.equal("2026-10-30", calendar.next_business_day("2026-10-30", {}))
    assert.equal("2026-11-02", calendar.next_business_day("2026-10-31", {}))
    assert.equal("2026-11-03", calendar.next_business_day("2026-10-31", { "2026-11-02" }))
  end)
end)
