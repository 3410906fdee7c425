--- What a dispute teaches: a setting, and a spec of it that passes.

local dispute = require("billow.billing.dispute")
local dispute_suggestion = require("billow.billing.dispute_suggestion")

local function lesson(reason)
  return {
    dispute = "d1",
    invoice = "INV-1",
    customer = "CU-01",
    reason_code = reason,
    reason = dispute.REASONS[reason],
  }
end

--- Runs a spec's text, its functions in place of those of the runner.
local function run(spec)
  local count = 0
  local env = setmetatable({
    assert = assert,
    describe = function(_, body)
      body()
    end,
    it = function(_, body)
      count = count + 1
      body()
    end,
  }, { __index = _G })
  assert(load(spec, "=suggested", "t", env))()
  return count
end

describe("the suggestion after a dispute", function()
  for reason in pairs(dispute.REASONS) do
    if reason ~= "other" then
      it("about " .. reason .. " comes with a spec that passes", function()
        local made = assert(dispute_suggestion.of(lesson(reason)))
        assert.equal(1, run(made.spec))
      end)
    end
  end

  it("names policy, setting, value and scope, and the command that would set it", function()
    local made = dispute_suggestion.of(lesson("delivery"))
    assert.same({ "delivery", "confirm_days", "3", "CU-01" }, {
      made.policy,
      made.setting,
      made.value,
      made.scope.customer,
    })
    assert.equal("billow policy set delivery confirm_days '3' --customer CU-01", made.command)
  end)

  it("is none when no rule would have helped", function()
    assert.is_nil(dispute_suggestion.of(lesson("other")))
  end)
end)
