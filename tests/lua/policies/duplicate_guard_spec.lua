local policy = dofile("policies/duplicate-guard/policy.lua")
local testing = require("billow.testing")

describe("policy duplicate-guard", function()
  local order = { { number = "INV-1", match = "order", issue_date = "2026-11-02" } }
  local amount = { { number = "INV-2", match = "amount", issue_date = "2026-11-02" } }

  it("bills an entry that came twice once, and looks 90 and 7 days around", function()
    local decision = policy.decide({}, {})
    assert.equal("block", decision.same_entry)
    assert.same({ 90, 7 }, { decision.order_window_days, decision.amount_window_days })
    assert.equal("issue", decision.action)
  end)

  it("asks about weak matches, and names them", function()
    local decision = policy.decide({ issued = amount }, {})
    assert.equal("ask", decision.action)
    assert.equal(
      "INV-2 has the same customer and amount to pay, and was issued on 2026-11-02",
      decision.reasons[2]
    )
  end)

  it("stops the same purchase order, period and net when set to block", function()
    assert.equal("ask", policy.decide({ issued = order }, {}).action)
    assert.equal("block", policy.decide({ issued = order }, { same_order = "block" }).action)
    local both = { order[1], amount[1] }
    assert.equal("block", policy.decide({ issued = both }, { same_order = "block" }).action)
  end)

  it("does not look at what is off", function()
    local decision = policy.decide({}, { same_order = "off", same_amount = "off" })
    assert.equal(0, decision.order_window_days)
    assert.is_nil(decision.amount_window_days)
  end)
end)

describe("V7: a bill that looks issued already", function()
  local world

  local function bill(contract, now)
    world = world or testing.world({ now = now or "2026-11-02T09:00:00Z", fixtures = "acme" })
    local input = { contract = contract, period = "2026-10" }
    local run = world:start("retainer", input, { as = "otto" })
    while #world:tasks("exception", "need a decision") > 0 do
      world:task("exception", "need a decision"):answer("hold", { as = "nina" })
    end
    return run
  end

  --- An invoice to the same customer, of the same amount, that is there already.
  local function plant(changes)
    local run = bill("C-16")
    local document = world:task("approval").body.documents[1]
    world:task("approval"):reject({ as = "dana" })
    assert.equal("rejected", run.result.status)
    local body = {}
    for name, value in pairs(document) do
      body[name] = value
    end
    body.id, body.number = "elsewhere", "OLD-1"
    for name, value in pairs(changes or {}) do
      body[name] = value
    end
    world.billing.invoices.elsewhere = {
      id = "elsewhere",
      number = "OLD-1",
      type_code = "380",
      contract_id = "C-99",
      customer_id = body.customer_id,
      currency = body.currency,
      period = "2026-10",
      body = body,
    }
  end

  before_each(function()
    world = nil
  end)

  it("asks before anybody approves it, and leaves it when told so", function()
    plant()
    local run = bill("C-16")
    local task = world:task("exception", "looks billed already")
    assert.truthy(task.body.reasons[2]:find("OLD-1", 1, true))
    assert.equal(0, #world:tasks("approval"))
    task:answer("hold", { as = "nina" })
    assert.equal("repetition", run.result.status)
    assert.equal(0, #world:numbers())
  end)

  it("goes on to approval when somebody says that it is another one", function()
    plant()
    local run = bill("C-16")
    world:task("exception", "looks billed already"):answer("issue", { as = "nina" })
    world:task("approval"):approve({ as = "dana" })
    assert.equal("issued", run.result.status)
  end)

  it("does not ask about other periods of the same contract", function()
    plant()
    local planted = world.billing.invoices.elsewhere
    planted.contract_id, planted.period = "C-16", "2026-09"
    bill("C-16")
    assert.equal(0, #world:tasks("exception", "looks billed already"))
  end)

  it("does not ask when the amounts are weeks apart", function()
    plant({ issue_date = "2026-10-01" })
    bill("C-16")
    assert.equal(0, #world:tasks("exception", "looks billed already"))
  end)
end)
