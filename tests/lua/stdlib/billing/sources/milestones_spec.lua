local build = require("support.billing")
local milestones = require("billow.billing.sources.milestones")

local function event(changes)
  local made = {
    id = "E-1",
    contract_id = "F",
    type = "milestone",
    milestone_id = "M1",
    status = "accepted",
    accepted_on = "2026-10-05",
    accepted_by = "Customer",
  }
  for name, value in pairs(changes or {}) do
    made[name] = value
  end
  return made
end

local function context()
  local terms = { fee_amount = "100.00", milestones = { { id = "M1", percent = "100" } } }
  return build.context({
    contracts = {
      build.contract(),
      build.contract({ id = "F", model = "fixed-fee", projects = {}, terms = terms }),
    },
  })
end

local function assign(changes)
  local events = assert(milestones.read({ event(changes) }))
  local found = milestones.assign(context(), events)
  return found.by_contract, build.codes(found.exceptions), found.exceptions[1]
end

describe("milestone events (model 3.7)", function()
  it("go to their contract in file order", function()
    local events = assert(milestones.read({ event(), event({ id = "E-2", status = "submitted" }) }))
    local list = milestones.assign(context(), events).by_contract.F
    assert.same({ "E-1", "E-2" }, { list[1].id, list[2].id })
  end)

  it("are unknown without a contract, and then belong to the period", function()
    local _, codes, exception = assign({ contract_id = "X" })
    assert.same({ "MILESTONE_UNKNOWN milestone:E-1" }, codes)
    assert.is_nil(exception.contract_id)
  end)

  it("are unknown to a contract of another model or without that milestone", function()
    assert.equal("C", select(3, assign({ contract_id = "C" })).contract_id)
    assert.equal("F", select(3, assign({ milestone_id = "M9", status = "rejected" })).contract_id)
  end)

  it("are unknown as progress of a contract that is billed by milestones", function()
    local _, codes = assign({ type = "progress", percent_complete = "50", as_of = "2026-10-05" })
    assert.same({ "MILESTONE_UNKNOWN milestone:E-1" }, codes)
  end)

  it("never report more progress than the whole fee", function()
    local events, problems = milestones.read({ event({ type = "progress",
      percent_complete = "100.5", as_of = "2026-10-05" }) })
    assert.is_nil(events)
    assert.equal("percent_complete", problems[1].field)
    assert.is_truthy(problems[1].remedy:find("larger fee_amount", 1, true))
  end)

  it("are refused as a whole when one cannot be read", function()
    local events, problems = milestones.read({ event(), event() })
    assert.is_nil(events)
    assert.truthy(problems[1].text:find("milestones.json: event E-1: id: used twice", 1, true))
  end)
end)
