-- transfer: moves work, whole or in part, to another contract, once those have agreed whom the
-- policy names.
local moves = require("billow.billing.moves")
local workflow = require("billow.workflow")

return workflow.define({
  name = "transfer",
  version = "1.0.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Transfer of entries",
  input = {
    entries = "text", -- "harvest-time:3,harvest-time:4=1.5h"
    to = "id", -- the contract
    project = "text?", -- of that contract; absent: its only one
    reason = "text",
    dry_run = "boolean?",
    prepared_by = "text?",
  },
  policies = { "entry-moves", "rates" },

  run = function(input)
    return moves.transfer(input)
  end,
})
