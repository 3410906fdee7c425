--- Work for people: an approval, an exception to clear, a question. The run waits, for years if
--- need be.
---@class billow.task
local task = {}

local effect = require("billow.effect")
local json = require("billow.json")
local timer = require("billow.timer")

---@class billow.task.Request
---@field kind string            "approval", "exception", "dispute", "question", ...
---@field title string           one line that says what to do
---@field body? any              what the person has to see
---@field assignees? string[]    who may answer; empty or absent: anybody who may answer tasks
---@field group? string          tasks of one group are shown together
---@field due? string|integer    "3d" from now, RFC 3339, or microseconds; shown, never a timeout

---@class billow.task.Answer
---@field decision string   "approve", "reject", ... as the task's kind has it
---@field by string         who answered
---@field at_us integer
---@field comment? string
---@field data? any

--- Open a task and wait for its answer.
---@param request billow.task.Request
---@return billow.task.Answer
function task.open(request)
  local is_fine = type(request) == "table" and type(request.kind) == "string"
  if not is_fine or type(request.title) ~= "string" then
    error("task.open: kind and title are expected, as in { kind = \"question\", title = ... }", 2)
  end
  local assignees = {}
  for i, name in ipairs(request.assignees or {}) do
    assignees[i] = name
  end
  return effect.call("task.open", {
    kind = request.kind,
    title = request.title,
    body = request.body,
    assignees = json.array(assignees),
    group = request.group,
    due_us = request.due ~= nil and timer.instant_us(request.due) or nil,
  })
end

return task
