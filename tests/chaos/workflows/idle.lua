-- idle: waits for what never comes, until it is cancelled; or for its time.
local event = require("billow.event")
local workflow = require("billow.workflow")

return workflow.define({
  name = "idle",
  version = "1",
  run = function(input)
    return event.wait("never", { key = "x", timeout = input.timeout or "30d" }) == nil
  end,
})
