-- hold: keeps work out of every bill until somebody releases it, with a reason, an owner, and a day
-- on which the owner is asked about it.
local moves = require("billow.billing.moves")
local workflow = require("billow.workflow")

return workflow.define({
  name = "hold",
  version = "1.0.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Hold of entries",
  input = {
    entries = "text", -- "harvest-time:3,harvest-time:4=1.5h"
    reason = "text",
    owner = "text?", -- who is asked; whoever holds when absent
    review_on = "text?", -- a day; absent: by the policy
    dry_run = "boolean?",
    prepared_by = "text?",
  },
  policies = { "entry-moves", "rates" },

  run = function(input)
    return moves.hold(input)
  end,
})
