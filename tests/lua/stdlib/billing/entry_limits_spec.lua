--- Limits of each entry: hours are raised and lowered, a small amount becomes a minimum charge.

local build = require("support.billing")
local decimal = require("billow.decimal")
local entry_limits = require("billow.billing.entry_limits")

local function terms(changes)
  local own = { hours_per_day = decimal(8) }
  for name, value in pairs(changes) do
    own[name] = decimal(value)
  end
  return own
end

local function apply(work, changes)
  return entry_limits.apply({ work }, terms(changes), 2)[1]
end

describe("limits of an entry", function()
  it("raise to the least and lower to the most hours", function()
    assert.equal(1800, apply(build.work(1, 10), { min_hours_per_entry = "0.5" }).billed_seconds)
    assert.equal(7200, apply(build.work(1, 300), { max_hours_per_entry = "2" }).billed_seconds)
    assert.equal(3600, apply(build.work(1, 60), { min_hours_per_entry = "0.5" }).billed_seconds)
  end)

  it("make a minimum charge of an amount below the least one", function()
    local charged = apply(build.work(1, 6), { min_amount_per_entry = "75" })
    assert.equal("LS", charged.rate.unit_code)
    assert.equal("75", tostring(charged.rate.price))
    assert.equal("minimum charge 75 instead of 10", charged.rate.steps[1])
    assert.equal("HUR", apply(build.work(1, 60), { min_amount_per_entry = "75" }).rate.unit_code)
  end)

  it("of a card's row win over those of the terms", function()
    local work = build.work(1, 6, {
      rate = build.rate("100", { limits = { min_hours = decimal("2") } }),
    })
    assert.equal(7200, apply(work, { min_hours_per_entry = "0.5" }).billed_seconds)
  end)

  it("leave fixed sums and entries without charge alone", function()
    for _, rate in ipairs({
      build.rate("20", { unit_code = "LS" }),
      build.rate("0", { is_no_charge = true }),
    }) do
      local kept = apply(build.work(1, 6, { rate = rate }), {
        min_hours_per_entry = "1",
        min_amount_per_entry = "75",
      })
      assert.equal(360, kept.billed_seconds)
      assert.equal(tostring(rate.price), tostring(kept.rate.price))
    end
  end)
end)
