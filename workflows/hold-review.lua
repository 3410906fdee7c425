-- hold-review: asks the owner of a hold, on its day, what becomes of it; ends when nothing is on
-- it. Started by hold.
local hold_review = require("billow.billing.hold_review")
local workflow = require("billow.workflow")

return workflow.define({
  name = "hold-review",
  version = "1.0.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Review of a hold",
  input = { hold = "id" },

  run = function(input)
    return hold_review.run(input.hold)
  end,
})
