-- release: lets work on hold be billed again, by the contract's next bill.
local moves = require("billow.billing.moves")
local workflow = require("billow.workflow")

return workflow.define({
  name = "release",
  version = "1.0.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Release of entries",
  input = {
    entries = "text", -- "harvest-time:3,harvest-time:4=1.5h"
    reason = "text",
    dry_run = "boolean?",
    prepared_by = "text?",
  },
  policies = { "entry-moves", "rates" },

  run = function(input)
    return moves.release(input)
  end,
})
