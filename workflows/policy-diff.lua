-- policy-diff: what a change of settings would change, setting by setting and decision by decision.
-- Sets nothing.
local policy_diff = require("billow.billing.policy_diff")
local workflow = require("billow.workflow")

return workflow.define({
  name = "policy-diff",
  version = "1.0.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "What a setting would change",
  input = {
    policy = "text",
    before = "table",
    after = "table",
    subjects = "list?",
    period = "period?",
  },

  run = function(input)
    return policy_diff.compare(input)
  end,
})
