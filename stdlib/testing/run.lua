--- Runs and tasks as a spec sees them. Every look asks the engine: nothing here grows stale.
---@class billow.testing.run
local run = {}

local engine = require("billow.testing.engine")
local json = require("billow.json")

---@class billow.testing.Run
---@field id string
---@field workflow string
---@field status "open"|"parked"|"done"|"failed"|"cancelled"
---@field wake string      what it waits for: "task", "timer", "event", "effect", "child", ...
---@field result any
---@field error table?     why it is parked: {code, text, file, line, stack}
---@field input any
---@field state any        of the last checkpoint
---@field key string
---@field started_by string
local Run = {}

function Run.__index(self, field)
  if Run[field] ~= nil then
    return Run[field]
  end
  local value = rawget(self, "world").engine:ask("run", { id = rawget(self, "id") })[field]
  if value == json.null then
    return nil
  end
  return value
end

--- The journal: one item per turn, with `deliveries` {kind, seq, value} and `commands`
--- {seq, kind, args, file, line, waits}.
---@return table[]
function Run:journal()
  return self.world.engine:ask("journal", { run = self.id })
end

--- The commands of a kind in order: "http", "sleep", "db.transaction"; all of them without a kind.
---@param kind? string
---@return table[]
function Run:commands(kind)
  local found = {}
  for _, turn in ipairs(self:journal()) do
    for _, command in ipairs(turn.commands) do
      if not kind or command.kind == kind then
        found[#found + 1] = command
      end
    end
  end
  return found
end

--- What the run noted: policy decisions and the like.
---@param kind? string
---@return table[]
function Run:notes(kind)
  local found = {}
  for _, row in ipairs(self.world.engine:ask("notes", { run = self.id })) do
    if not kind or row.note.kind == kind then
      found[#found + 1] = row.note
    end
  end
  return found
end

--- Runs that this one started, in the order in which it did.
---@return billow.testing.Run[]
function Run:children()
  local found = {}
  for _, row in ipairs(self.world.engine:ask("runs", { limit = 10000 })) do
    if row.parent == self.id then
      found[#found + 1] = row
    end
  end
  table.sort(found, function(a, b)
    return a.parent_seq < b.parent_seq
  end)
  for i, row in ipairs(found) do
    found[i] = run.new(self.world, row.id)
  end
  return found
end

--- Cancel it, as a person does.
---@param reason? string
---@param options? {as: string}
function Run:cancel(reason, options)
  self.world.engine:ask("cancel", {
    run = self.id,
    reason = reason or "cancelled by the spec",
    by = options and options.as or "tester",
  })
  self.world:settle()
end

--- Let a parked run go on: the effect that failed is performed again, or gets `skip_with` as its
--- outcome; with `latest` the run moves to the scripts of the last deploy.
---@param options? {skip_with?: any, latest?: boolean}
function Run:resume(options)
  options = options or {}
  self.world.engine:ask("resume", {
    run = self.id,
    value = options.skip_with,
    latest = options.latest or nil,
  })
  self.world:settle()
end

---@param world billow.testing.World
---@param id string
---@return billow.testing.Run
function run.new(world, id)
  return setmetatable({ world = world, id = id }, Run)
end

---@class billow.testing.Task
---@field id string
---@field kind string
---@field title string
---@field group string
---@field body any
---@field assignees string[]
---@field status "open"|"answered"|"closed"
---@field answer_given table?
local Task = {}
Task.__index = Task

---@class billow.testing.AnswerOptions
---@field as? string       who answers; "tester" when absent
---@field comment? string
---@field data? any

--- Answer it.
---@param decision string   "approve", "reject", "hold", "recheck", ...
---@param options? billow.testing.AnswerOptions
function Task:answer(decision, options)
  options = options or {}
  if type(decision) ~= "string" then
    engine.fail("task:answer: a decision is expected, as in :answer(\"hold\", { as = \"dana\" })")
  end
  self.world.engine:ask("answer_task", {
    task = self.id,
    answer = {
      decision = decision,
      by = options.as or "tester",
      comment = options.comment,
      data = options.data,
      at_us = self.world:now_us(),
    },
  })
  self.world:settle()
end

---@param options? billow.testing.AnswerOptions
function Task:approve(options)
  self:answer("approve", options)
end

---@param options? billow.testing.AnswerOptions
function Task:reject(options)
  self:answer("reject", options)
end

---@param world billow.testing.World
---@param row table   as the store has it
---@return billow.testing.Task
function run.task(world, row)
  local task = { world = world, answer_given = row.answer }
  for name, value in pairs(row) do
    if name ~= "answer" and value ~= json.null then
      task[name] = value
    end
  end
  return setmetatable(task, Task)
end

return run
