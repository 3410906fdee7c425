--- Instalment plans: parts that add up to the cent, and their due dates.

local decimal = require("billow.decimal")
local instalments = require("billow.billing.instalments")

local function plan(amount, fields)
  fields.first_date = fields.first_date or "2026-01-31"
  local shown = {}
  for index, part in ipairs(instalments.plan(decimal(amount), fields, 2)) do
    shown[index] = part.due_date .. " " .. tostring(part.amount)
  end
  return shown
end

describe("equal instalments", function()
  it("add up to the amount, the odd cents going to the first", function()
    assert.are.same({ "2026-01-31 33.34", "2026-02-28 33.33", "2026-03-31 33.33" },
      plan("100.00", { terms = instalments.equal(3, { months = 1 }) }))
  end)

  it("may leave the odd cents to the last", function()
    assert.are.same({ "2026-01-31 33.33", "2026-02-07 33.33", "2026-02-14 33.34" },
      plan("100.00", { terms = instalments.equal(3, { days = 7 }), remainder = "last" }))
  end)
end)

describe("stated instalments", function()
  it("take fixed amounts off first and share the rest", function()
    assert.are.same({ "2026-01-31 10.00", "2026-03-02 30.00", "2026-04-01 60.00" }, plan("100.00", {
      terms = {
        { amount = decimal("10.00") },
        { percent = decimal("33.33"), days = 30 },
        { percent = decimal("66.67"), days = 60 },
      },
    }))
  end)

  it("move from weekends and holidays to the next business day", function()
    assert.are.same({ "2026-02-03 1.00" }, plan("1.00", {
      terms = { { percent = decimal(100) } },
      shift = "next_business_day",
      holidays = { "2026-02-02" },
    }))
  end)

  it("give what the others leave to one of them", function()
    assert.are.same({ "2026-01-31 30.00", "2026-03-31 70.01" }, plan("100.01", {
      terms = {
        { percent = decimal(30) },
        { is_rest = true, terms = { type = "end_of_month", days = 30 } },
      },
    }))
  end)
end)

describe("instalments of payment terms", function()
  it("add up to the amount, what is odd goes to the last, and weekends are passed over", function()
    local terms = {
      type = "instalments",
      remainder = "last",
      shift = "next_business_day",
      parts = {
        { percent = decimal("33.33"), days = 5 },
        { percent = decimal("33.33"), months = 1 },
        { percent = decimal("33.34"), months = 2 },
      },
    }
    local shown = {}
    for i, part in ipairs(instalments.of_terms(decimal("100.01"), "2026-11-02", terms, {}, 2)) do
      shown[i] = part.due_date .. " " .. tostring(part.amount)
    end
    assert.same({ "2026-11-09 33.33", "2026-12-02 33.33", "2027-01-04 33.35" }, shown)
  end)

  it("are none of other terms", function()
    local terms = { type = "net", days = 30 }
    assert.is_nil(instalments.of_terms(decimal("100"), "2026-11-02", terms, {}, 2))
  end)
end)
