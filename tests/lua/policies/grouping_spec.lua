local policy = dofile("policies/grouping/policy.lua")

describe("policy grouping", function()
  it("makes a line for each task, of a retainer's overage one line", function()
    assert.same({ "task" }, policy.decide({ model = "tm" }, {}).time)
    assert.same({}, policy.decide({ model = "retainer" }, {}).time)
    assert.equal("category", policy.decide({ model = "tm" }, {}).expenses)
  end)

  it("groups as set, each model by its own setting", function()
    local settings = { time = { "person", "week" }, retainer = { "role" }, expenses = "entry" }
    assert.same({ "person", "week" }, policy.decide({ model = "tm" }, settings).time)
    assert.same({ "role" }, policy.decide({ model = "retainer" }, settings).time)
    assert.equal("entry", policy.decide({ model = "usage" }, settings).expenses)
    assert.equal(
      "time: a line for each person, week",
      policy.decide({ model = "tm" }, settings).reasons[1]
    )
  end)
end)
