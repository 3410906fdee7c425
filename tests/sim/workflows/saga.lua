--- Something is booked, and undone when the run is cancelled or nobody confirms.
local billow = require("billow")
local event = require("billow.event")
local http = require("billow.http")
local workflow = require("billow.workflow")

return workflow.define({
  name = "saga",
  version = "1.0.0",
  input = { key = "string" },
  run = function(input)
    http.post({ url = "https://erp.example/book", body = input.key })
    billow.compensate(function()
      http.post({ url = "https://erp.example/unbook", body = input.key })
    end, "unbook")
    local go = event.wait("go", { key = input.key, timeout = "15s" })
    if not go then
      billow.roll_back()
      return { outcome = "undone" }
    end
    http.post({ url = "https://mail.example/send", body = go.id })
    return { outcome = "kept" }
  end,
})
