local policy = dofile("policies/approval/policy.lua")

local function decide(settings, net, changes)
  local subject = {
    contract = "C",
    currency = "EUR",
    invoices = { { net = net or "100.00" } },
    prepared_by = "Ana",
  }
  for name, value in pairs(changes or {}) do
    subject[name] = value
  end
  return policy.decide(subject, settings)
end

describe("policy approval", function()
  it("asks one person who did not prepare the bill when nothing is set", function()
    local decision = decide({})
    assert.same(
      { 1, {}, false, "Ana" },
      { decision.count, decision.approvers, decision.self_approval, decision.prepared_by }
    )
    assert.same({ "1 must approve", "who prepared the bill does not count" }, decision.reasons)
  end)

  it("asks more and others above a threshold, of several the highest that applies", function()
    local settings = {
      count = 1,
      approvers = { "Ben" },
      thresholds = {
        { above = "1000.00", count = 2 },
        { above = "5000.00", count = 3, approvers = { "B", "C", "D" } },
      },
    }
    assert.equal(1, decide(settings, "1000.00").count)
    assert.equal(2, decide(settings, "1000.01").count)
    assert.same(
      { 3, { "B", "C", "D" } },
      { decide(settings, "9000").count, decide(settings, "9000").approvers }
    )
  end)

  it("adds up the invoices of all payers", function()
    local settings = { thresholds = { { above = "1000.00", count = 2 } } }
    assert.equal(
      2,
      decide(settings, nil, { invoices = { { net = "600.00" }, { net = "600.00" } } }).count
    )
  end)

  it("applies a threshold of a currency to bills in that currency only", function()
    local settings = { thresholds = { { above = "1000.00", currency = "EUR", count = 2 } } }
    assert.equal(1, decide(settings, "100000", { currency = "JPY" }).count)
  end)

  it("never asks for less than every bill needs", function()
    assert.equal(2, decide({ count = 2, thresholds = { { above = "0", count = 1 } } }).count)
  end)

  it("says when its approvers cannot be enough", function()
    local decision = decide({ count = 2, approvers = { "Ana", "Ben" } })
    assert.equal("2 must approve but only 1 of the approvers may: add approvers", decision.conflict)
    assert.is_nil(
      decide({ count = 2, approvers = { "Ana", "Ben" }, self_approval = true }).conflict
    )
  end)
end)

describe("P1: the matrix", function()
  local function stages(when, changes)
    local decision = decide({ rules = { { when = when, approvers = { "R" } } } }, "100.00", changes)
    return decision.stages
  end

  it("adds a stage for each rule whose conditions all hold, and says why", function()
    local two = stages({ above = "50", currency = "EUR" })
    assert.equal(2, #two)
    local why = "100.00 EUR is above 50, it is in EUR"
    assert.same({ count = 1, approvers = { "R" }, why = why }, two[2])
    assert.equal(1, #stages({ above = "50", currency = "USD" }))
  end)

  it("asks about margin, write-down, new customers, risk, country and what is unusual", function()
    local cases = {
      { { margin_below = "20" }, { margin_percent = "19.9" }, { margin_percent = "20.0" } },
      { { write_down_above = "9" }, { write_down_percent = "9.1" }, { write_down_percent = "9" } },
      { { new_customer = true }, { is_new_customer = true }, { is_new_customer = false } },
      { { risk = "medium" }, { risk = "high" }, { risk = "low" } },
      { { countries = { "CH", "US" } }, { country = "US" }, { country = "DE" } },
      { { unusual = true }, { is_unusual = true }, { is_unusual = false } },
    }
    for _, case in ipairs(cases) do
      assert.equal(2, #stages(case[1], case[2]), next(case[1]))
      assert.equal(1, #stages(case[1], case[3]), next(case[1]))
    end
  end)

  it("has no stage when nobody has to approve", function()
    assert.same({}, decide({ count = 0 }).stages)
  end)

  it("counts a delegate of somebody who had no part in the bill, and nobody twice", function()
    local delegation = { from = "Ben", to = "Cleo", start_date = "2026-01-01" }
    local settings = { count = 2, approvers = { "Ana", "Ben" }, delegations = { delegation } }
    assert.is_nil(decide(settings).conflict)
    delegation.from = "Ana"
    assert.truthy(decide(settings).conflict)
  end)
end)
