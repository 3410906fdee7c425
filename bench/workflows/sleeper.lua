-- sleeper.lua: a run that waits until an instant (microseconds) and ends.
local timer = require("billow.timer")
local workflow = require("billow.workflow")

return workflow.define({
  name = "sleeper",
  version = "1.0.0",
  run = function(input)
    timer.sleep_until(input.count)
  end,
})
