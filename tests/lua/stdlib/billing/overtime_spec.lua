--- Overtime by weekday, holiday and hours worked.

local build = require("support.billing")
local decimal = require("billow.decimal")
local overtime = require("billow.billing.overtime")

local SATURDAY, SUNDAY, MONDAY = "2026-10-03", "2026-10-04", "2026-10-05"

local function rule(factor, fields)
  local made = { factor = decimal(factor) }
  for name, value in pairs(fields) do
    made[name] = type(value) == "string" and decimal(value) or value
  end
  return made
end

--- "8 x 100; 2 x 150" of the parts: hours and prices.
local function shown(parts)
  local texts = {}
  for i, part in ipairs(parts) do
    texts[i] = string.format("%s x %s", tostring((decimal(part.billed_seconds) / 3600):round(4)
      :round(2)), tostring(part.rate.price:round(2)))
  end
  return table.concat(texts, "; ")
end

local function apply(works, rules, combination, holidays, by_hours)
  return overtime.apply(works, { rules = rules, combination = combination }, holidays or {},
    by_hours or false)
end

describe("overtime", function()
  it("begins at the second at which the day's hours are reached", function()
    local rules = { rule("1.5", { after_hours_per_day = "8" }) }
    local works = { build.work(1, 5 * 60), build.work(2, 5 * 60) }
    assert.equal("5.00 x 100.00; 3.00 x 100.00; 2.00 x 150.00", shown(apply(works, rules)))
  end)

  it("counts a week from Monday, for each person alone", function()
    local rules = { rule("2", { after_hours_per_week = "10" }) }
    local works = {
      build.work(1, 6 * 60, { work_date = MONDAY }),
      build.work(2, 6 * 60, { work_date = "2026-10-06" }),
      build.work(3, 6 * 60, { work_date = "2026-10-06", person = "Ben" }),
      build.work(4, 6 * 60, { work_date = "2026-10-12" }),
    }
    assert.equal("6.00 x 100.00; 4.00 x 100.00; 2.00 x 200.00; 6.00 x 100.00; 6.00 x 100.00",
      shown(apply(works, rules)))
  end)

  it("combines the factors of several rules as agreed", function()
    local rules = {
      rule("2", { weekdays = { "sunday" } }),
      rule("1.5", { holidays = true }),
    }
    local expected = {
      add = "350.00", add_surcharges = "250.00", multiply = "300.00", highest = "200.00",
    }
    for combination, price in pairs(expected) do
      local works = { build.work(1, 60, { work_date = SUNDAY }) }
      assert.equal("1.00 x " .. price, shown(apply(works, rules, combination, { SUNDAY })))
    end
  end)

  it("leaves days alone that no rule names", function()
    local rules = { rule("2", { weekdays = { "sunday" } }) }
    local works = { build.work(1, 60, { work_date = SATURDAY }) }
    assert.equal("1.00 x 100.00", shown(apply(works, rules)))
  end)

  it("raises the time where hours are drawn from a balance", function()
    local rules = { rule("1.5", { weekdays = { "saturday" } }) }
    local works = { build.work(1, 60, { work_date = SATURDAY }) }
    assert.equal("1.50 x 100.00", shown(apply(works, rules, nil, nil, true)))
  end)

  it("never raises a fixed sum", function()
    local rules = { rule("2", { weekdays = { "saturday" } }) }
    local rate = build.rate("20", { unit_code = "LS" })
    local works = { build.work(1, 60, { work_date = SATURDAY, rate = rate }) }
    assert.equal("1.00 x 20.00", shown(apply(works, rules)))
  end)
end)
