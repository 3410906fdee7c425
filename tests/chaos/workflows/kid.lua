-- kid: a child that takes a number of its own.
local number = require("billow.number")
local workflow = require("billow.workflow")

return workflow.define({
  name = "kid",
  version = "1",
  run = function(input)
    number.next("KID", { date = "2026-10-31" })
    return input.n * 10
  end,
})
