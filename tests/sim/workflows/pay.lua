--- A bank that cannot tell a repetition: nothing is paid twice, whatever gets lost.
local http = require("billow.http")
local timer = require("billow.timer")
local workflow = require("billow.workflow")

local BANK = "https://bank.example/payments"

return workflow.define({
  name = "pay",
  version = "1.0.0",
  input = { key = "string" },
  run = function(input)
    local answer = http.post({
      url = BANK,
      body = input.key,
      once = {
        reconcile = function(key)
          local found = http.get(BANK .. "?reference=" .. key).body
          return found ~= "none" and { body = found } or http.NOT_THERE
        end,
      },
    })
    timer.sleep("1s")
    return { payment = answer.body }
  end,
})
