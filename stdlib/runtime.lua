--- What runs around a workflow: loads its file, checks its input, runs it, and turns its end into
--- the run's end. Only for the engine (vm.c starts here) and the standard library; scripts cannot
--- require it.
---@class billow.runtime
local runtime = {}

local effect = require("billow.effect")
local err = require("billow.err")

local core = effect.core

---@class billow.runtime.Compensation
---@field action fun()
---@field label string

---@type billow.runtime.Compensation[]
local compensations = {}

local TEXT_BYTES_MAX = 8192

local function shortened(text)
  if #text > TEXT_BYTES_MAX then
    return string.sub(text, 1, TEXT_BYTES_MAX) .. " ... (" .. #text .. " bytes)"
  end
  return text
end

--- Where an error happened: a text tells it itself ("workflows/tm.lua:12: ..."), otherwise where it
--- was raised.
---@param info {value: any, file: string, line: integer, stack: string}
---@return table  {code, text, file, line, stack, detail}
local function describe(info)
  local value = info.value
  local failure = { code = "SCRIPT", file = info.file, line = info.line, stack = info.stack }
  if type(value) == "string" then
    local file, line, text = string.match(value, "^([%w_/%.%-]+%.lua):(%d+): (.*)$")
    failure.text = text or value
    if file and string.sub(file, 1, 7) ~= "stdlib/" then
      failure.file, failure.line = file, math.tointeger(tonumber(line))
    end
  elseif type(value) == "table" and type(rawget(value, "code")) == "string" then
    failure.code, failure.detail = value.code, value.detail
    failure.text = tostring(rawget(value, "text") or value.code)
    failure.is_retryable = rawget(value, "is_retryable") == true
  else
    failure.text = type(value) == "table" and tostring(value) or "error value: " .. tostring(value)
  end
  failure.text = shortened(failure.text)
  failure.stack = failure.stack and shortened(failure.stack)
  return failure
end

--- A detail may hold what cannot cross (a function, a float): then the failure goes without it.
local function finish_failed(name, info)
  local failure = describe(info)
  if failure.file == "" then -- no line of a script is left: `return workflow.define(...)` is one
    failure.file = "workflows/" .. name .. ".lua"
  end
  if core.protect(core.finish, "failed", failure) ~= "ok" then
    failure.detail = nil
    core.finish("failed", failure)
  end
end

local function problem(label, info)
  local failure = describe(info)
  return string.format("%s: %s (%s:%d)", label, failure.text, failure.file, failure.line)
end

--- What handlers of to-be-closed variables raised while a cancel unwound. Asked once.
---@return string[]
function runtime.problems()
  local infos = core.problems()
  local texts = {}
  for i, info in ipairs(infos) do
    texts[i] = problem("while it was being cancelled", info)
  end
  if infos.more then
    texts[#texts + 1] = infos.more .. " errors more in __close handlers"
  end
  return texts
end

---@type string[]
local left_over = {}

local function undo_all()
  local problems = {}
  while #compensations > 0 do
    local compensation = table.remove(compensations)
    local status, info = core.protect(compensation.action)
    if status == "error" then
      problems[#problems + 1] = problem(compensation.label, info)
    end
  end
  if core.is_cancelled() then -- whoever called sees the cancel instead of them
    for _, text in ipairs(problems) do
      left_over[#left_over + 1] = text
    end
  end
  return problems
end

--- Run what was registered by compensate, the latest first. All run, whatever becomes of the
--- others; a cancel that comes meanwhile is raised behind them.
---@return string[] problems
function runtime.roll_back()
  return core.shelter(undo_all)
end

--- All that could not be undone of a run that is cancelled.
local function unwind()
  for _, text in ipairs(runtime.problems()) do
    left_over[#left_over + 1] = text
  end
  undo_all()
  return left_over
end

---@param action fun()   undoes what was done; may call effects
---@param label string
---@return fun() drop    call it when there is nothing to undo any more
function runtime.compensate(action, label)
  local compensation = { action = action, label = label }
  compensations[#compensations + 1] = compensation
  return function()
    for i = #compensations, 1, -1 do
      if compensations[i] == compensation then
        table.remove(compensations, i)
      end
    end
  end
end

---@return integer
function runtime.compensation_count()
  return #compensations
end

local function run_workflow(name, input, state)
  local workflow = require("billow.workflow")
  local definition = core.run_file("workflows/" .. name .. ".lua")
  if not workflow.is_definition(definition) then
    error(err.new({
      code = "WORKFLOW_INVALID",
      text = "workflows/" .. name .. ".lua must return workflow.define({ ... })",
    }), 0)
  end
  if definition.limits then
    core.limits(workflow.limits_of(definition))
  end
  if definition.input then
    input = workflow.check_input(definition, input)
  end
  core.finish("done", definition.run(input, state))
end

--- The body of the workflow's strand.
---@param name string
---@param input any
---@param state any   what checkpoint kept; nil at first
---@return fun()
function runtime.start(name, input, state)
  return function()
    local status, info = core.protect(run_workflow, name, input, state)
    if status == "error" then
      finish_failed(name, info)
    elseif status == "cancelled" then
      local problems = unwind()
      core.finish("cancelled", #problems > 0 and { text = table.concat(problems, "\n") } or nil)
    end
  end
end

return runtime
