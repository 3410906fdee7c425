-- period-close: bills everything that is due for a period, contract by contract, and waits for the
-- stragglers.
local close = require("billow.billing.close")
local workflow = require("billow.workflow")

return workflow.define({
  name = "period-close",
  version = "1.0.0",
  title = "Close of a period",
  input = { period = "period", contract = "id?" },

  run = function(input)
    local contracts = close.contracts(input.contract)
    -- Rows nobody can bill: unreadable ones, and those of no contract.
    local unassigned = close.unassigned(input.period)
    local results = close.bill_all(contracts, input.period)
    return { period = input.period, contracts = results, unassigned = unassigned }
  end,
})
