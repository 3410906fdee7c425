-- readiness: what stands in the way of a period's bills, and who has to act; claims nothing.
local json = require("billow.json")
local readiness = require("billow.billing.readiness")
local workflow = require("billow.workflow")

return workflow.define({
  name = "readiness",
  version = "1.1.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Readiness of a period",
  input = { period = "period", contract = "id?" },

  run = function(input)
    local contracts = input.contract
        and json.array({ readiness.contract(input.contract, input.period) })
      or readiness.all(input.period)
    local unassigned = not input.contract and readiness.unassigned(input.period) or nil
    return {
      period = input.period,
      contracts = contracts,
      blockers = readiness.todo(contracts, unassigned),
    }
  end,
})
