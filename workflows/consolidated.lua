-- consolidated: bills several contracts of a customer, of whatever models, on one invoice.
local consolidated = require("billow.billing.consolidated")
local workflow = require("billow.workflow")

return workflow.define({
  name = "consolidated",
  version = "1.0.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "One invoice for several contracts",
  input = { group = "text", period = "period", prepared_by = "text?" },
  policies = { "rates", "rounding", "ceiling", "tax", "approval" },

  run = function(input)
    local result
    repeat
      -- The contracts of the group, each with its own terms and state.
      local group = consolidated.contracts(input.group, input.period, input.prepared_by)
      consolidated.draft(group) -- each claims and bills its own work; exceptions become tasks
      -- Approvals of each, one number, one transaction for all; nil: again.
      result = consolidated.finish(group)
    until result
    return result
  end,
})
