local due = require("billow.billing.due")

local function day(terms, issue_date)
  return due.date(issue_date or "2026-11-02", terms, { "2026-12-25", "2027-01-01" })
end

describe("the due date (model 3.12)", function()
  it("adds days to the issue date", function()
    assert.equal("2026-12-02", day({ type = "net", days = 30 }))
  end)

  it("goes to the end of the month after adding the days", function()
    assert.equal("2026-11-30", day({ type = "end_of_month", days = 14 }))
    assert.equal("2026-12-31", day({ type = "end_of_month", days = 30 }))
  end)

  it("takes a day of the next month, at most its last", function()
    assert.equal("2026-12-31", day({ type = "day_of_next_month", day = 31 }))
    assert.equal("2027-02-28", day({ type = "day_of_next_month", day = 31 }, "2027-01-31"))
    assert.equal("2027-01-05", day({ type = "day_of_next_month", day = 5 }, "2026-12-31"))
  end)

  it("may count whole months", function()
    assert.equal("2027-02-28", day({ type = "net", months = 2 }, "2026-12-31"))
    assert.equal("2027-01-31", day({ type = "end_of_month", months = 2, days = 0 }, "2026-11-10"))
  end)

  it("may begin to count at the end of the month", function()
    assert.equal("2026-12-10", day({ type = "days_after_end_of_month", days = 10 }))
    assert.equal("2027-01-10", day({ type = "days_after_end_of_month", days = 10, months = 1 }))
  end)

  it("may add days before it takes the day of the month that follows", function()
    assert.equal("2027-01-10", day({ type = "day_of_next_month", day = 10, days = 30 }))
    assert.equal("2027-01-10", day({ type = "day_of_next_month", day = 10, months = 2 }))
  end)

  it("moves on over weekends and holidays when the terms say so", function()
    -- 2026-12-25 is a Friday
    assert.equal("2026-12-28", day({ type = "net", days = 53, shift = "next_business_day" }))
    assert.equal("2026-12-25", day({ type = "net", days = 53, shift = "none" }))
  end)

  it("takes the contract's terms, else the payer's, else net 30", function()
    local net_10, net_20 = { type = "net", days = 10 }, { type = "net", days = 20 }
    assert.equal(net_10, (due.terms({ payment_terms = net_10 }, { payment_terms = net_20 })))
    assert.equal(net_20, (due.terms({}, { payment_terms = net_20 })))
    assert.equal(30, due.terms({}, {}).days)
  end)
end)
