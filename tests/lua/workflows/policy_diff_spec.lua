local testing = require("billow.testing")

describe("policy diff", function()
  local world

  before_each(function()
    world = testing.world({ now = "2026-11-02T09:00:00Z", fixtures = "acme" })
  end)

  local function diff(input)
    input.before = input.before or {}
    local run = world:start("policy-diff", input)
    assert.equal("done", run.status, run.error and run.error.text)
    return run.result
  end

  local function set(value, changes)
    local row = { policy = "rounding", name = "increment_minutes", value = value }
    for name, member in pairs(changes or {}) do
      row[name] = member
    end
    world:set_setting(row)
  end

  it("finds nothing between two days on which the same is set", function()
    local result = diff({
      policy = "rounding",
      before = { on = "2026-10-01" },
      after = { on = "2026-10-31" },
    })
    assert.is_false(result.is_changed)
    assert.same({}, result.settings)
  end)

  it("says what changed between two days, from which layer", function()
    set(15, { valid_from = "2026-10-15" })
    local result = diff({
      policy = "rounding",
      before = { on = "2026-10-01" },
      after = { on = "2026-10-31" },
    })
    assert.is_true(result.is_changed)
    assert.same({
      {
        setting = "increment_minutes",
        before = 0,
        after = 15,
        from = "default",
        to = "tenant",
        effect = "changes amounts",
        is_changed = true,
      },
    }, result.settings)
  end)

  it("compares two contracts", function()
    set(6, { scope_type = "contract", scope_id = "C-02" })
    local result = diff({
      policy = "rounding",
      before = { contract = "C-01" },
      after = { contract = "C-02" },
    })
    assert.equal("contract C-02", result.settings[1].to)
  end)

  it("decides every contract again under a proposed value, without setting it", function()
    local result = diff({
      policy = "rounding",
      after = { change = { name = "increment_minutes", value = 30, scope_type = "tenant" } },
      period = "2026-10",
    })
    assert.equal(20, result.decided)
    assert.equal(20, #result.decisions)
    assert.equal("contract C-01", result.decisions[1].what)
    assert.equal("rounding", result.decisions[1].changed[1].member)
    assert.equal("time is billed as worked", result.decisions[1].reasons_before[1])
    assert.same({}, diff({ policy = "rounding", after = {}, period = "2026-10" }).settings)
  end)

  it("reaches only whom a change of one contract concerns", function()
    local result = diff({
      policy = "rounding",
      after = {
        change = {
          name = "increment_minutes",
          value = 30,
          scope_type = "contract",
          scope_id = "C-03",
        },
      },
      period = "2026-10",
    })
    assert.equal(1, #result.decisions)
    assert.equal("contract C-03", result.decisions[1].what)
  end)

  it("shows that a locked layer makes a narrower change idle", function()
    set(15, { locked = true })
    local change = { name = "increment_minutes", value = 30, scope_type = "contract" }
    change.scope_id = "C-03"
    local result = diff({ policy = "rounding", after = { change = change }, period = "2026-10" })
    assert.is_false(result.is_changed)
  end)

  it("decides again what was decided for the invoices of the period", function()
    world:start("tm", { contract = "C-01", period = "2026-10" }, { as = "otto" })
    world:task("exception"):answer("hold", { as = "nina" })
    world:task("approval"):approve({ as = "dana" })
    local result = diff({
      policy = "approval",
      after = { change = { name = "count", value = 2, scope_type = "tenant" } },
      period = "2026-10",
    })
    assert.equal(1, result.decided)
    assert.equal("INV-2026-00214", result.decisions[1].what)
    assert.same(
      { member = "count", before = 1, after = 2 },
      result.decisions[1].changed[1]
    )
  end)

  it("decides given subjects again", function()
    local result = diff({
      policy = "approval",
      after = { change = { name = "count", value = 2, scope_type = "tenant" } },
      subjects = { { contract = "C", currency = "EUR", invoices = {}, prepared_by = "otto" } },
    })
    assert.equal(1, #result.decisions)
    assert.equal("subject 1", result.decisions[1].what)
    assert.equal("2 must approve", result.decisions[1].reasons_after[1])
  end)

  it("refuses a proposed value that the schema does not allow, and says where", function()
    local run = world:start("policy-diff", {
      policy = "rounding",
      before = {},
      after = { change = { name = "mode", value = "sideways", scope_type = "tenant" } },
      period = "2026-10",
    })
    assert.equal("SETTING_INVALID", run.error.code)
    assert.truthy(run.error.text:find('one of "up", "nearest", "down" is expected', 1, true))
  end)
end)
