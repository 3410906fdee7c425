--- Several things at once inside one run: all, race, first. Each function runs on a strand of its
--- own; outcomes are journaled in order, so a replay takes the same way. Who is not needed any more
--- is cancelled before these return.
---@class billow.strands
local strands = {}

local effect = require("billow.effect")
local err = require("billow.err")

local core = effect.core

---@class billow.strands.Task
---@field key any
---@field id integer
---@field status? "ok"|"error"|"cancelled"
---@field value any

local function spawn(key, action)
  local task = { key = key }
  task.id = core.spawn(function()
    local status, value = core.protect(action)
    task.status, task.value = status, value
    if status == "cancelled" and not core.is_cancelled() then -- of the run, its end will tell
      for _, text in ipairs(require("billow.runtime").problems()) do
        core.log("warn", text)
      end
    end
  end)
  return task
end

local function spawn_all(name, actions)
  if type(actions) ~= "table" then
    error(name .. ": a table of functions is expected", 3)
  end
  local tasks = {}
  for key, action in pairs(actions) do
    if type(action) ~= "function" then
      local text = "%s: %s is a %s, a function is expected"
      error(string.format(text, name, tostring(key), type(action)), 3)
    end
    tasks[#tasks + 1] = { key = key, action = action }
  end
  local ids = {}
  for i, task in ipairs(tasks) do
    tasks[i] = spawn(task.key, task.action)
    ids[i] = tasks[i].id
  end
  tasks.ids = ids -- beside them, since there may be thousands, and each end joins again
  return tasks
end

--- Wait until one of the tasks ends; takes it out of the list.
local function take_next(tasks)
  local place = core.join(tasks.ids)
  table.remove(tasks.ids, place)
  return table.remove(tasks, place)
end

--- Cancel the rest and wait until it is unwound.
local function cancel_all(tasks)
  for _, task in ipairs(tasks) do
    core.kill(task.id)
  end
  while #tasks > 0 do
    take_next(tasks)
  end
end

--- Should the caller itself be cancelled or fail, nothing it started goes on alone: it ends after
--- what that has to clean up.
local function guarded(tasks, body)
  local guard <close> = setmetatable({}, {
    __close = function()
      cancel_all(tasks)
    end,
  })
  return body(guard)
end

--- Run all functions at once; returns their results under the same keys. The first error cancels
--- the others and is raised.
---@param actions table<any, fun(): any>
---@return table results
function strands.all(actions)
  local tasks = spawn_all("billow.all", actions)
  return guarded(tasks, function()
    local results = {}
    while #tasks > 0 do
      local task = take_next(tasks)
      if task.status == "error" then
        cancel_all(tasks)
        error(task.value.value, 0)
      end
      results[task.key] = task.value
    end
    return results
  end)
end

--- Run all functions at once; the first to end decides: its result and key are returned, or its
--- error raised. The others are cancelled.
---@param actions table<any, fun(): any>
---@return any result
---@return any key
function strands.race(actions)
  local tasks = spawn_all("billow.race", actions)
  if #tasks == 0 then
    error("billow.race: nothing to run", 2)
  end
  return guarded(tasks, function()
    local task = take_next(tasks)
    cancel_all(tasks)
    if task.status == "error" then
      error(task.value.value, 0)
    end
    return task.value, task.key
  end)
end

--- Run all functions at once; the first success is returned with its key, the others are cancelled.
--- When none succeeds, an error with all their errors is raised.
---@param actions table<any, fun(): any>
---@return any result
---@return any key
function strands.first(actions)
  local tasks = spawn_all("billow.first", actions)
  if #tasks == 0 then
    error("billow.first: nothing to run", 2)
  end
  return guarded(tasks, function()
    local failures = {}
    while #tasks > 0 do
      local task = take_next(tasks)
      if task.status == "ok" then
        cancel_all(tasks)
        return task.value, task.key
      end
      local text = tostring(err.of(task.value.value).text)
      failures[#failures + 1] = tostring(task.key) .. ": " .. text
    end
    local text = "none succeeded: " .. table.concat(failures, "; ")
    error(err.new({ code = "NONE_SUCCEEDED", text = text }), 0)
  end)
end

return strands
