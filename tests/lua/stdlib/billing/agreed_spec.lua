local agreed = require("billow.billing.agreed")
local billing = dofile("tests/lua/support/billing.lua")
local testing = require("billow.testing")

--- The contract of a small firm as the policies see it; decisions by policy.
local function agree(decisions, terms, changes, locked)
  local ctx = billing.context_of(terms or {}, changes)
  ctx.decide = function(name)
    return decisions[name]
  end
  ctx.locked = function(name)
    return locked and locked[name] or {}
  end
  return agreed.contract(ctx, ctx.contracts.C)
end

describe("a contract that is silent", function()
  it("is billed as the policies decide", function()
    local contract = agree({
      grouping = { time = { "person" }, expenses = "entry" },
      validation = { approval_required = false, day_seconds_max = 43200 },
      ["late-entries"] = { action = "exception", oldest = "2026-07-01" },
      ["duplicate-guard"] = { same_entry = "allow" },
    }, {}, { expenses = {} })
    assert.same({ "person" }, contract.terms.grouping)
    assert.equal("entry", contract.expenses.grouping)
    assert.is_false(contract.approval_required)
    assert.equal("exception", contract.late_entries)
    assert.same({
      day_seconds_max = 43200,
      oldest = "2026-07-01",
      is_repetition_allowed = true,
    }, contract.checks)
  end)

  it("keeps the defaults of the model where no policy decides", function()
    local contract = agree({})
    assert.same({ "task" }, contract.terms.grouping)
    assert.is_true(contract.approval_required)
  end)
end)

describe("a contract's own terms", function()
  local terms = { grouping = { "role" } }

  it("win over the policies", function()
    local contract = agree({ grouping = { time = { "person" } } }, terms)
    assert.same({ "role" }, contract.terms.grouping)
    assert.same({}, contract.forbidden)
  end)

  it("forbid the bill when they go against a lock, and say how to mend it", function()
    local lock = { grouping = { time = { scope_type = "tenant", scope_id = "" } } }
    local contract = agree({ grouping = { time = { "person" } } }, terms, nil, lock)
    assert.equal("TERM_LOCKED", contract.forbidden[1].code)
    local text = contract.forbidden[1].message
    assert.truthy(text:find('terms.grouping of contract C is ["role"]', 1, true), text)
    assert.truthy(text:find("grouping.time (tenant) says [\"person\"]", 1, true), text)
    assert.truthy(text:find("change the contract, or have the lock lifted", 1, true), text)
  end)

  it("may say what the lock says", function()
    local lock = { grouping = { time = { scope_type = "tenant", scope_id = "" } } }
    assert.same({}, agree({ grouping = { time = { "role" } } }, terms, nil, lock).forbidden)
  end)
end)

describe("a bill against a lock", function()
  it("is blocked, takes no number, and is issued when the lock is lifted", function()
    local world = testing.world({ now = "2026-11-02T09:00:00Z", fixtures = "acme" })
    local setting = { policy = "rounding", name = "increment_minutes", value = 6, locked = true }
    world:set_setting(setting)
    local run = world:start("tm", { contract = "C-01", period = "2026-10" }, { as = "otto" })
    world:task("exception", "need a decision"):answer("hold", { as = "nina" })
    local task = world:task("exception", "blocked")
    assert.equal("TERM_LOCKED", task.body.exceptions[1].code)
    assert.equal(0, #world:numbers())
    setting.locked = false
    world:set_setting(setting)
    task:answer("recheck", { as = "nina" })
    world:task("exception", "need a decision"):answer("hold", { as = "nina" })
    world:task("approval"):approve({ as = "dana" })
    assert.equal("issued", run.result.status)
  end)

  it("takes the settings of the period, not those of today", function()
    local world = testing.world({ now = "2026-11-02T09:00:00Z", fixtures = "acme" })
    world:set_setting({
      policy = "validation",
      name = "entry_hours_max",
      value = "0.1",
      valid_from = "2026-11-01",
    })
    world:start("tm", { contract = "C-01", period = "2026-10" })
    for _, found in ipairs(world:task("exception").body.exceptions) do
      assert.not_equal("ENTRY_TOO_LONG", found.code)
    end
  end)
end)
