local policy = dofile("policies/late-entries/policy.lua")

local SUBJECT = { model = "tm", period = { start_date = "2026-10-01" } }

describe("policy late-entries", function()
  it("bills late work of any age with the current period by default", function()
    local decision = policy.decide(SUBJECT, {})
    assert.equal("include", decision.action)
    assert.is_nil(decision.oldest)
  end)

  it("asks about each when set", function()
    assert.equal("exception", policy.decide(SUBJECT, { action = "exception" }).action)
  end)

  it("asks about work older than a number of months even when late work is billed", function()
    local decision = policy.decide(SUBJECT, { max_age_months = 3 })
    assert.equal("2026-07-01", decision.oldest)
    assert.equal("work before 2026-07-01 needs a decision in any case", decision.reasons[2])
  end)
end)
