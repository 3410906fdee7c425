-- fixed-fee: bills accepted milestones or progress, with retainage and advances.
local billing = require("billow.billing")
local finish = require("billow.billing.finish")
local workflow = require("billow.workflow")

return workflow.define({
  name = "fixed-fee",
  version = "1.0.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Fixed fee",
  input = { contract = "id", period = "period", prepared_by = "text?" },
  policies = { "tax", "approval" },

  run = function(input)
    local result
    repeat
      local contract = billing.contract(input.contract, input.period, input.prepared_by)
      local claimed = billing.collect(contract) -- events and expenses, for this run alone
      local judged = billing.validate(contract, claimed) -- exceptions become tasks
      local bill = billing.fixed_fee(contract, judged)
      result = finish.bill(contract, judged, bill) -- approval, numbers, ledger; nil: again
    until result
    return result
  end,
})
