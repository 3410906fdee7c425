--- Waits for one event of another run; 0 when none comes in time.
local event = require("billow.event")
local workflow = require("billow.workflow")

return workflow.define({
  name = "waiter",
  version = "1.0.0",
  input = { key = "string" },
  run = function(input)
    local got = event.wait("wire", { key = input.key, timeout = "20s" })
    return { n = got and got.body.n or 0 }
  end,
})
