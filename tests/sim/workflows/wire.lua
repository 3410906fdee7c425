--- Runs that talk to each other; both sides of a wait may be first.
local billow = require("billow")
local event = require("billow.event")
local workflow = require("billow.workflow")

return workflow.define({
  name = "wire",
  version = "1.0.0",
  input = { key = "string" },
  run = function(input)
    event.send("wire", { n = 1 }, { key = input.key, id = billow.run().id .. "-1" })
    local got = billow.all({
      first = function()
        return workflow.call("waiter", { key = input.key }).n
      end,
      second = function()
        return workflow.call("waiter", { key = input.key }).n
      end,
      third = function()
        event.send("wire", { n = 2 }, { key = input.key, id = billow.run().id .. "-2" })
      end,
    })
    return { sum = got.first + got.second }
  end,
})
