--- Rounds with a checkpoint between them.
local billow = require("billow")
local http = require("billow.http")
local timer = require("billow.timer")
local workflow = require("billow.workflow")

return workflow.define({
  name = "ledger",
  version = "1.0.0",
  input = { key = "string" },
  run = function(input, state)
    state = state or { round = 1, dice = 0 }
    local body = { round = state.round, key = input.key, id = billow.uuid() }
    http.post({ url = "https://erp.example/ledger", json = body })
    timer.sleep("2s")
    if state.round < 3 then
      billow.checkpoint({ round = state.round + 1, dice = state.dice + billow.random(6) })
    end
    return state
  end,
})
