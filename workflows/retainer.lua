-- retainer: bills the agreed fee, draws time on it, and bills what goes beyond.
local billing = require("billow.billing")
local finish = require("billow.billing.finish")
local workflow = require("billow.workflow")

return workflow.define({
  name = "retainer",
  version = "1.0.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Retainer",
  input = { contract = "id", period = "period", prepared_by = "text?" },
  policies = { "rates", "rounding", "tax", "approval" },

  run = function(input)
    local result
    repeat
      local contract = billing.contract(input.contract, input.period, input.prepared_by)
      local claimed = billing.collect(contract) -- open entries, for this run alone
      local judged = billing.validate(contract, claimed) -- exceptions become tasks
      local bill = billing.retainer(contract, judged)
      result = finish.bill(contract, judged, bill) -- approval, numbers, ledger; nil: again
    until result
    return result
  end,
})
