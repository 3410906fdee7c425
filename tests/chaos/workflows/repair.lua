-- repair: asks a system that refuses until somebody mends it; parked meanwhile.
local http = require("billow.http")
local workflow = require("billow.workflow")

return workflow.define({
  name = "repair",
  version = "1",
  run = function(input)
    return http.post(input.url .. "/repair", { json = { n = 0 }, attempts = 1 }).status
  end,
})
