-- write-down: takes work out of billing before it is billed, once those have agreed whom the policy
-- names.
local credit_request = require("billow.billing.credit_request")
local given_up = require("billow.billing.receivables_given_up")
local reading = require("billow.billing.reading")
local workflow = require("billow.workflow")

return workflow.define({
  name = "write-down",
  version = "1.0.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Write-down",
  input = {
    entries = "text", -- "harvest-time:3,harvest-time:4=1.5h"
    amount = "text?", -- what it is worth; absent: at its rates
    reason_code = "text",
    dry_run = "boolean?",
    prepared_by = "text?",
  },
  policies = { "write-off", "rates" },

  run = function(input)
    local request, problem = reading.try(credit_request.read, input)
    if not request then
      return { status = "refused", problem = tostring(problem) }
    end
    return given_up.write_down(request)
  end,
})
