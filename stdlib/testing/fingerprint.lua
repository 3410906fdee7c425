--- What came of the worlds of a spec: all that has to be the same however often the engine crashed.
---@class billow.testing.fingerprint
local fingerprint = {}

local json = require("billow.json")

local SHORT_MAX = 300

--- Commands with their arguments, and what was delivered for each: turns may be cut differently.
local function steps_of(run)
  local commands, outcomes = {}, {}
  for _, turn in ipairs(run:journal()) do
    for _, command in ipairs(turn.commands) do
      commands[#commands + 1] = { kind = command.kind, args = command.args, seq = command.seq }
    end
    for _, delivery in ipairs(turn.deliveries) do
      if delivery.seq > 0 then
        outcomes[tostring(delivery.seq)] = { kind = delivery.kind, value = delivery.value }
      end
    end
  end
  return { commands = json.array(commands), outcomes = outcomes }
end

local function of_run(run)
  local children = {}
  for i, child in ipairs(run:children()) do
    children[i] = of_run(child)
  end
  local problem = run.error
  return {
    workflow = run.workflow,
    status = run.status,
    result = run.result,
    error = problem and { code = problem.code, text = problem.text } or nil,
    steps = run.state == nil and steps_of(run) or nil, -- a checkpoint drops the steps before it
    children = json.array(children),
  }
end

local function of_task(task)
  return { kind = task.kind, title = task.title, status = task.status, answer = task.answer_given }
end

--- A request that a crash repeats is one request: it carries the same key.
local function requests_of(world)
  local list, seen = {}, {}
  for _, request in ipairs(world:requests()) do
    local key = table.concat({
      request.method,
      request.url,
      request.headers["idempotency-key"] or "",
      request.body,
    }, "\0")
    if not seen[key] then
      seen[key] = true
      list[#list + 1] = { method = request.method, url = request.url, body = request.body }
    end
  end
  return json.array(list)
end

--- What happened to each entry, in its order. Which of two runs side by side moves its entries
--- first is nobody's promise.
local function movements_of(db)
  local by_entry = {}
  for _, move in ipairs(db.movements) do
    by_entry[move.entry_id] = by_entry[move.entry_id] or json.array({})
    table.insert(by_entry[move.entry_id], move)
  end
  return by_entry
end

local function of_world(world)
  local runs, tasks, numbers = {}, {}, {}
  for i, run in ipairs(world.started) do
    runs[i] = of_run(run)
  end
  for i, task in ipairs(world:tasks(nil, { status = "all" })) do
    tasks[i] = of_task(task)
  end
  for i, taken in ipairs(world:numbers()) do
    numbers[i] = { series = taken.series, number = taken.number }
  end
  return {
    runs = json.array(runs),
    tasks = json.array(tasks),
    numbers = json.array(numbers),
    requests = requests_of(world),
    movements = world.billing and movements_of(world.billing) or nil,
  }
end

---@param worlds billow.testing.World[]
---@return any
function fingerprint.of(worlds)
  local list = {}
  for i, world in ipairs(worlds) do
    list[i] = of_world(world)
  end
  return list
end

local function short(value)
  local text = value == nil and "nothing" or json.encode(value)
  return #text <= SHORT_MAX and text or text:sub(1, SHORT_MAX) .. "..."
end

--- The first difference in words; nil when there is none.
---@param before any
---@param after any
---@param path? string
---@return string?
function fingerprint.difference(before, after, path)
  path = path or "worlds"
  if type(before) ~= "table" or type(after) ~= "table" then
    if before == after or (type(before) == type(after) and short(before) == short(after)) then
      return nil
    end
    return string.format("%s is %s without, %s with it", path, short(before), short(after))
  end
  local keys = {}
  for _, side in ipairs({ before, after }) do
    for key in pairs(side) do
      keys[key] = true
    end
  end
  for key in pairs(keys) do
    local place = math.type(key) == "integer" and path .. "[" .. key .. "]" or path .. "." .. key
    local found = fingerprint.difference(before[key], after[key], place)
    if found then
      return found
    end
  end
  return nil
end

return fingerprint
