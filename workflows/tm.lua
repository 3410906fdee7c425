-- tm: bills the approved time and expenses of one contract for one period.
local billing = require("billow.billing")
local finish = require("billow.billing.finish")
local workflow = require("billow.workflow")

return workflow.define({
  name = "tm",
  version = "1.0.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Time and materials",
  input = { contract = "id", period = "period", prepared_by = "text?" },
  policies = { "rates", "rounding", "ceiling", "tax", "approval" },

  run = function(input)
    local result
    repeat
      local contract = billing.contract(input.contract, input.period, input.prepared_by)
      local claimed = billing.collect(contract) -- open entries, for this run alone
      local judged = billing.validate(contract, claimed) -- exceptions become tasks
      local bill = billing.time_and_materials(contract, judged)
      result = finish.bill(contract, judged, bill) -- approval, numbers, ledger; nil: again
    until result
    return result
  end,
})
