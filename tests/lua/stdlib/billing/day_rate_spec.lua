--- Day rates: whole and half days of a person.

local build = require("support.billing")
local day_rate = require("billow.billing.day_rate")
local decimal = require("billow.decimal")

local function days(works, beyond)
  for _, work in ipairs(works) do
    work.rate = work.rate.unit_code == "HUR" and build.rate("800", { unit_code = "DAY" })
      or work.rate
  end
  local sum = 0
  local applied = day_rate.apply(works, {
    hours_per_day = decimal(8),
    day_rate = { half_day_up_to_hours = decimal(4), beyond_a_day = beyond },
  })
  for _, work in ipairs(applied) do
    sum = sum + work.billed_seconds
  end
  return tostring((decimal(sum) / 28800):round(4):round(3))
end

describe("a day rate", function()
  it("is half a day up to the threshold, that hour included, and a day above it", function()
    assert.equal("0.500", days({ build.work(1, 30) }))
    assert.equal("0.500", days({ build.work(1, 240) }))
    assert.equal("1.000", days({ build.work(1, 241) }))
  end)

  it("looks at all of a person's day", function()
    assert.equal("1.000", days({ build.work(1, 180), build.work(2, 180) }))
    assert.equal("1.000", days({ build.work(1, 180), build.work(2, 180, { person = "Ben" }) }))
  end)

  it("has what is above a day in it, unless it is billed by the hour", function()
    assert.equal("1.000", days({ build.work(1, 600) }))
    assert.equal("1.250", days({ build.work(1, 600) }, "by_hour"))
  end)

  it("does not concern other prices", function()
    local works = { build.work(1, 60, { rate = build.rate("20", { unit_code = "LS" }) }) }
    assert.equal("0.125", days(works))
  end)
end)
