-- suggestion: shows somebody a rule that a dispute suggests, and keeps what they said. It changes
-- nothing itself: a setting is set by people, through the same gate as any other.
local task = require("billow.task")
local workflow = require("billow.workflow")

return workflow.define({
  name = "suggestion",
  version = "1.0.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Suggested rule",
  input = { suggestion = "table", customer = "text", owner = "text?" },

  run = function(input)
    local answer = task.open({
      kind = "suggestion",
      group = input.customer,
      assignees = input.owner and { input.owner } or nil,
      title = input.suggestion.title,
      body = {
        suggestion = input.suggestion,
        decisions = { "taken", "dismissed" },
      },
    })
    return { decision = answer.decision, by = answer.by, comment = answer.comment }
  end,
})
