-- pay: a payment at a bank that cannot be asked, between two events.
local event = require("billow.event")
local http = require("billow.http")
local workflow = require("billow.workflow")

return workflow.define({
  name = "pay",
  version = "1",
  run = function(input)
    event.wait("go", { key = input.key })
    local paid = http.post(input.url .. "/once", { json = { n = 1 }, once = true })
    event.wait("end", { key = input.key })
    return paid.status
  end,
})
