--- A person against the clock: the loser of the race is withdrawn.
local billow = require("billow")
local http = require("billow.http")
local task = require("billow.task")
local timer = require("billow.timer")
local workflow = require("billow.workflow")

return workflow.define({
  name = "approve",
  version = "1.0.0",
  input = { key = "string" },
  run = function(input)
    local decision, how = billow.race({
      human = function()
        return task.open({ kind = "approval", title = "Send " .. input.key .. "?" }).decision
      end,
      late = function()
        timer.sleep("12s")
        return "too late"
      end,
    })
    local second = task.open({ kind = "question", title = "Sure?" })
    http.post({ url = "https://mail.example/send", body = how .. " " .. tostring(decision) })
    return { decision = decision, how = how, second = second.decision }
  end,
})
