-- collect: adds up what others send; begins anew after each, with what it knows.
local billow = require("billow")
local event = require("billow.event")
local workflow = require("billow.workflow")

return workflow.define({
  name = "collect",
  version = "1",
  run = function(input, state)
    state = state or { sum = 0, count = 0 }
    local got = event.wait(input.topic, { key = input.key })
    state = { sum = state.sum + got.body.n, count = state.count + 1 }
    if state.count < input.count then
      billow.checkpoint(state)
    end
    return state
  end,
})
