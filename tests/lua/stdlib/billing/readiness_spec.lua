local readiness = require("billow.billing.readiness")
local support = dofile("tests/lua/support/billing.lua")
local testing = require("billow.testing")

describe("V10: the readiness of a period", function()
  local world

  local function look(contract)
    world = testing.world({ now = "2026-11-02T09:00:00Z", fixtures = "acme" })
    local run = world:start("readiness", { period = "2026-10", contract = contract })
    assert.equal("done", run.status, run.error and run.error.text)
    return run.result
  end

  it("has a score and the blockers of a contract, each with who has to act", function()
    local one = look("C-01").contracts[1]
    assert.equal("C-01", one.contract)
    assert.is_true(one.score > 0 and one.score < 100)
    local by_code = {}
    for _, blocker in ipairs(one.blockers) do
      by_code[blocker.code] = blocker
    end
    assert.equal(7, by_code.NOT_APPROVED.count)
    assert.equal("whoever approves the work at its source", by_code.NOT_APPROVED.owner)
    assert.equal("NOT_APPROVED", one.blockers[1].code)
  end)

  it("claims nothing, asks nobody, gives no number", function()
    look("C-01")
    assert.equal(0, #world:tasks())
    assert.equal(0, #world:numbers())
    assert.is_nil(world.billing:totals().claimed)
  end)

  it("lists every contract, the least ready first, and one list of what is to be done", function()
    local result = look()
    assert.equal(20, #result.contracts)
    assert.equal(0, result.contracts[1].score)
    for i = 2, #result.contracts do
      assert.is_true(result.contracts[i - 1].score <= result.contracts[i].score)
    end
    assert.is_true(#result.blockers > 5)
    assert.truthy(result.blockers[1].owner)
  end)

  it("says what no contract takes, and records nothing of it", function()
    local strays = {}
    for _, blocker in ipairs(look().blockers) do
      strays[blocker.code] = blocker.contract == "-" and blocker or strays[blocker.code]
    end
    assert.equal("whoever keeps the contracts", strays.PROJECT_UNKNOWN.owner)
    assert.truthy(strays.PROJECT_UNKNOWN.message:find("no contract has a project", 1, true))
    local unknown = 0
    for _, found in pairs(world.billing.exceptions) do
      unknown = unknown + (found.code == "PROJECT_UNKNOWN" and 1 or 0)
    end
    assert.equal(0, unknown)
    for _, blocker in ipairs(look("C-01").blockers) do
      assert.equal("C-01", blocker.contract)
    end
  end)

  it("is never ready on hold, and at most half ready when it is blocked", function()
    assert.equal(0, readiness.score({ entries = 10, exceptions = 0 }, "on_hold"))
    assert.equal(50, readiness.score({ entries = 10, exceptions = 0 }, "blocked"))
    assert.equal(90, readiness.score({ entries = 10, exceptions = 1 }, "ready"))
    assert.equal(100, readiness.score({ entries = 0, exceptions = 0 }, "nothing"))
  end)
end)

describe("V6: data that is missing", function()
  local function missing(customer, contract)
    local one = support.customer(customer)
    one.vat_id = one.vat_id ~= "" and one.vat_id or nil
    local ctx = support.context_of({}, contract, { customers = { one } })
    local codes = {}
    for i, found in ipairs(readiness.missing(ctx, ctx.contracts.C)) do
      codes[i] = found.code
    end
    return codes
  end
  local ADDRESS = { country_code = "DE", street_name = "S", city_name = "C", postal_zone = "1" }

  it("is none when everything is there", function()
    assert.same({}, missing({ address = ADDRESS }))
  end)

  it("is listed before the run: reference, VAT number, address, purchase order", function()
    assert.same(
      { "MISSING_BUYER_REFERENCE" },
      missing({ address = ADDRESS, buyer_reference_required = true })
    )
    assert.same({}, missing({ address = ADDRESS, buyer_reference_required = true }, {
      buyer_reference = "B-1",
    }))
    assert.same(
      { "MISSING_VAT_ID" },
      missing({ address = ADDRESS, tax_code = "AE", vat_id = "" })
    )
    assert.equal(3, #missing({}))
    assert.same({ "MISSING_PURCHASE_ORDER" }, missing({ address = ADDRESS }, {
      purchase_order = { amount = "100" },
    }))
  end)
end)

describe("V5: holds", function()
  local HOLD = {
    reason = "dispute",
    owner = "nina",
    start_date = "2026-10-01",
    review_date = "2026-10-20",
  }

  it("say why, who owns them, how old they are, and when they were to be looked at", function()
    local ctx = support.context_of({}, { projects = { { code = "P", hold = HOLD } } })
    assert.same({
      {
        of = "project P",
        reason = "dispute",
        owner = "nina",
        since = "2026-10-01",
        days = 32,
        review_date = "2026-10-20",
        is_overdue = true,
      },
    }, readiness.holds(ctx, ctx.contracts.C, "2026-11-02"))
    assert.same({}, readiness.holds(ctx, ctx.contracts.C, "2026-09-30"))
  end)

  it("of a project keep its entries out of the bill", function()
    local ctx = support.context_of({}, { projects = { { code = "P", hold = HOLD } } })
    local result = support.compute(ctx, { support.entry(1) })
    local found = result.contracts.C.exceptions[1]
    assert.equal("PROJECT_ON_HOLD", found.code)
    assert.truthy(found.message:find("dispute", 1, true))
    assert.truthy(found.message:find("nina", 1, true))
  end)
end)
