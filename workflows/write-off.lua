-- write-off: gives up what an invoice still owes, or some of it, once those have agreed whom the
-- policy names.
local given_up = require("billow.billing.receivables_given_up")
local workflow = require("billow.workflow")

return workflow.define({
  name = "write-off",
  version = "1.0.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Write-off",
  input = {
    invoice = "text", -- number or id
    amount = "text?", -- with tax; absent: all that is open
    reason_code = "text",
    note = "text?",
    dry_run = "boolean?",
    prepared_by = "text?",
  },
  policies = { "write-off" },

  run = function(input)
    return given_up.write_off(input.invoice, input)
  end,
})
