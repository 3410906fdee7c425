local policy = dofile("policies/validation/policy.lua")
local testing = require("billow.testing")

describe("policy validation", function()
  it("asks for approved entries and days of at most 24 hours by default", function()
    local decision = policy.decide({}, {})
    assert.is_true(decision.approval_required)
    assert.equal(86400, decision.day_seconds_max)
    assert.is_nil(decision.entry_seconds_max)
    assert.same({}, decision.hold_without_asking)
    assert.same({ "50", 3 }, { decision.deviation_percent, decision.history_min })
  end)

  it("takes parts of hours, and no comparison at 0 percent", function()
    local decision = policy.decide({}, { entry_hours_max = "7.5", deviation_percent = "0" })
    assert.equal(27000, decision.entry_seconds_max)
    assert.is_nil(decision.deviation_percent)
  end)
end)

describe("V3 and V5: entries by the validation policy", function()
  local function world_with(settings)
    return testing.world({
      now = "2026-11-02T09:00:00Z",
      fixtures = "acme",
      settings = { validation = settings },
    })
  end

  local function start(world)
    return world:start("tm", { contract = "C-01", period = "2026-10" }, { as = "otto" })
  end

  it("holds entries that are too long", function()
    local world = world_with({ entry_hours_max = "1" })
    start(world)
    local count = 0
    for _, found in ipairs(world:task("exception").body.exceptions) do
      count = count + (found.code == "ENTRY_TOO_LONG" and 1 or 0)
    end
    assert.is_true(count > 0)
  end)

  it("asks only those who own exceptions", function()
    local world = world_with({ exceptions_owner = { "nina" } })
    start(world)
    assert.same({ "nina" }, world:task("exception").assignees)
  end)

  it("holds without asking what the policy says, and keeps it on record", function()
    local world = world_with({})
    start(world)
    local codes, seen = {}, {}
    for _, found in ipairs(world:task("exception").body.exceptions) do
      if not seen[found.code] then
        seen[found.code] = true
        codes[#codes + 1] = found.code
      end
    end
    world = world_with({ hold_without_asking = codes })
    local run = start(world)
    assert.equal(0, #world:tasks("exception"))
    world:task("approval"):approve({ as = "dana" })
    assert.equal("issued", run.result.status)
    assert.equal(11, #run.result.exceptions)
  end)
end)
