--- Caps: what fits is billed, the rest is held, written off or shown free; a cap over the life of
--- the contract counts what earlier periods billed.

local build = require("support.billing")
local caps = require("billow.billing.caps")
local decimal = require("billow.decimal")

local function terms_of(cap)
  return {
    caps = { cap }, grouping = { "task" }, quantity_decimals = 2, quantity_basis = "line",
    hours_per_day = decimal(8),
  }
end

local function apply(works, cap, used)
  local made = caps.apply(works, terms_of(cap), used, 2)
  return made.billed, made.off, made.reached
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

describe("a cap over the contract's life", function()
  local cap = { per = { "task" }, hours = decimal(10), scope = "contract", overflow = "hold" }

  local function used(seconds)
    return {
      { per = { "task" }, unit = "seconds", key = { "Development" }, used = decimal(seconds) },
    }
  end

  it("lets through what earlier periods have left of it, to the minute", function()
    local billed, off = apply({ build.work(1, 240) }, cap, used(7 * 3600 + 1200))
    assert.equal(160, minutes(billed))
    assert.equal(80, minutes(off[1].works))
  end)

  it("counts each group for itself", function()
    local works = { build.work(1, 60), build.work(2, 60, { task = "Testing" }) }
    assert.equal(60, minutes((apply(works, cap, used(36000)))))
  end)

  it("limits the work of each month, whenever it is billed", function()
    local of_month = { per = { "month" }, hours = decimal(1), scope = "contract",
      overflow = "write_off" }
    local before = {
      { per = { "month" }, unit = "seconds", key = { "2026-09" }, used = decimal(1800) },
    }
    local late = build.work(1, 60, { work_date = "2026-09-30" })
    local billed, off = apply({ late, build.work(2, 60) }, of_month, before)
    assert.equal(90, minutes(billed))
    assert.equal(30, minutes(off[1].works))
  end)

  it("is used by what is billed, not by what is free or was kept off", function()
    local after = caps.used_after({ build.work(1, 90) }, terms_of(cap), used(1800), 2)
    assert.equal(decimal(7200), after[1].used)
    local free = build.work(1, 90, { rate = build.rate("0", { is_no_charge = true }) })
    assert.equal(decimal(1800), caps.used_after({ free }, terms_of(cap), used(1800), 2)[1].used)
  end)

  it("in money is used by the nets of lines", function()
    local of_role = { per = { "role" }, amount = decimal(1000), scope = "contract",
      overflow = "hold" }
    local after = caps.used_after({ build.work(1, 90) }, terms_of(of_role), nil, 2)
    assert.same({ "Consultant" }, after[1].key)
    assert.equal(decimal("150.00"), after[1].used)
  end)

  it("says which group is beyond it, and what becomes of that", function()
    local _, _, reached = apply({ build.work(1, 240) }, cap, used(7 * 3600))
    local told = "1 hours of Development beyond 10 hours per task over the contract's life are held"
    assert.equal(told, caps.text(reached))
  end)

  it("must not be there twice", function()
    local model = require("billow.billing.model")
    local twice = { per = { "task" }, hours = "1", scope = "contract" }
    local contract = build.contract({ terms = { caps = { twice, twice } } })
    local _, problems = model.read(build.files({ contracts = { contract } }))
    assert.equal("terms.caps[2].scope", problems[1].field)
  end)
end)

describe("a contract with caps", function()
  it("keeps with its closing what a cap over its life let through", function()
    local terms = {
      caps = { { per = { "task" }, hours = "8", scope = "contract", overflow = "hold" } },
      ceiling = { hours = "5", overflow = "hold" },
    }
    local entry = build.entry(1, { duration_seconds = 10 * 3600 })
    local month = build.compute(build.context_of(terms), { entry })
    assert.same({
      { per = { "task" }, unit = "seconds", key = { "Development" }, used = "18000" },
    }, month.contracts.C.closing.cap_used)
    local next_month = build.compute(build.context_of({ caps = terms.caps }, nil, {
      opening = {
        period = "2026-10", issue_date = "2026-11-02",
        cap_used = { C = month.contracts.C.closing.cap_used },
      },
    }), { entry })
    assert.same({ billed = 10800, held = 25200 }, next_month.seconds)
    local told = next_month.contracts.C.exceptions[1]
    assert.equal("CAP_REACHED", told.code)
    assert.truthy(told.message:find("7 hours of Development", 1, true))
  end)

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
