--- Caps inside a period: what fits is billed, the rest is held, written off or shown free.

local build = require("support.billing")
local caps = require("billow.billing.caps")
local decimal = require("billow.decimal")

local function apply(works, cap)
  return caps.apply(works, {
    caps = { cap }, grouping = { "task" }, quantity_decimals = 2, quantity_basis = "line",
    hours_per_day = decimal(8),
  }, 2)
end

local function minutes(works)
  local sum = 0
  for _, work in ipairs(works) do
    sum = sum + work.billed_seconds // 60
  end
  return sum
end

describe("a cap", function()
  it("lets a person's week through as far as it fits, to the minute", function()
    local works = {
      build.work(1, 30 * 60),
      build.work(2, 15 * 60, { work_date = "2026-10-06" }),
      build.work(3, 15 * 60, { work_date = "2026-10-06", person = "Ben" }),
      build.work(4, 15 * 60, { work_date = "2026-10-12" }),
    }
    local billed, off = apply(works, {
      per = { "person", "week" }, hours = decimal(40), overflow = "hold",
    })
    assert.equal(70 * 60, minutes(billed))
    assert.equal("hold", off[1].overflow)
    assert.equal(5 * 60, minutes(off[1].works))
  end)

  it("may be an amount for each task", function()
    local works = { build.work(1, 120), build.work(2, 120, { task = "Testing" }) }
    local billed, off = apply(works, {
      per = { "task" }, amount = decimal(150), overflow = "write_off",
    })
    assert.equal(180, minutes(billed))
    assert.equal(60, minutes(off[1].works) + minutes(off[2].works))
  end)

  it("may show the rest without charge", function()
    local billed, off = apply({ build.work(1, 120) }, {
      per = { "day" }, hours = decimal(1), overflow = "no_charge",
    })
    assert.equal(0, #off)
    assert.equal(120, minutes(billed))
    assert.equal("0", tostring(billed[2].rate.price))
  end)
end)

describe("a contract with caps", function()
  it("bills what fits and says where every second went", function()
    local ctx = build.context_of({
      caps = { { per = { "person", "day" }, hours = "8", overflow = "write_off" } },
    })
    local month = build.compute(ctx, { build.entry(1, { duration_seconds = 10 * 3600 }) })
    assert.equal("800.00", month.contracts.C.invoices[1].totals.line_extension_amount)
    assert.same({ billed = 28800, written_off = 7200 }, month.seconds)
  end)

  it("and with a ceiling bills the smaller of both", function()
    local ctx = build.context_of({
      caps = { { per = { "person", "day" }, hours = "8", overflow = "write_off" } },
      ceiling = { hours = "5", overflow = "hold" },
    })
    local month = build.compute(ctx, { build.entry(1, { duration_seconds = 10 * 3600 }) })
    assert.equal("500.00", month.contracts.C.invoices[1].totals.line_extension_amount)
    assert.same({ billed = 18000, held = 10800, written_off = 7200 }, month.seconds)
  end)
end)
