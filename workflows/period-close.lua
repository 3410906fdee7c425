-- period-close: bills everything that is due for a period, contract by contract, waits for the
-- stragglers, and ends with a report of what was invoiced, held, blocked and accrued.
local close = require("billow.billing.close")
local close_report = require("billow.billing.close_report")
local workflow = require("billow.workflow")

return workflow.define({
  name = "period-close",
  version = "1.1.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Close of a period",
  input = { period = "period", contract = "id?" },

  run = function(input)
    local contracts = close.contracts(input.contract)
    -- Rows nobody can bill: unreadable ones, and those of no contract.
    local unassigned = close.unassigned(input.period)
    local results = close.bill_all(contracts, input.period)
    local closed = { period = input.period, contracts = results, unassigned = unassigned }
    if not input.contract then -- the close of all, not the bill of one
      closed.report = close_report.make(input.period, results, unassigned)
    end
    return closed
  end,
})
