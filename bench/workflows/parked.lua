-- parked.lua: a run that waits for a long time.
local timer = require("billow.timer")
local workflow = require("billow.workflow")

return workflow.define({
  name = "parked",
  version = "1.0.0",
  run = function()
    timer.sleep("1d")
  end,
})
