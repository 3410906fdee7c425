-- preview: what the bills of a period would be now; claims, asks and issues nothing.
local json = require("billow.json")
local preview = require("billow.billing.preview")
local workflow = require("billow.workflow")

return workflow.define({
  name = "preview",
  version = "1.0.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Preview of a period",
  input = { period = "period", contract = "id?" },
  policies = { "rates", "rounding", "ceiling", "tax" },

  run = function(input)
    local contracts = input.contract
        and json.array({ preview.contract(input.contract, input.period) })
      or preview.all(input.period)
    return { period = input.period, contracts = contracts }
  end,
})
