-- effects.lua: durable effects one after the other, and nothing else.
local timer = require("billow.timer")
local workflow = require("billow.workflow")

return workflow.define({
  name = "effects",
  version = "1.0.0",
  run = function(input)
    for _ = 1, input.count do
      timer.sleep("0s")
    end
  end,
})
