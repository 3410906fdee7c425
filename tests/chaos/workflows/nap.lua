-- nap: sleeps until an instant; tells what time its turn had then.
local billow = require("billow")
local timer = require("billow.timer")
local workflow = require("billow.workflow")

return workflow.define({
  name = "nap",
  version = "1",
  run = function(input)
    local due = billow.now_us() + timer.duration_us(input.duration)
    timer.sleep_until(due)
    return { due = due, woke = billow.now_us() }
  end,
})
