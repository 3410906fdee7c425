--- What `billow test` adds to busted. With --crash every spec runs twice: once as it is, once with
--- an engine that crashes after each committed turn; both have to come to the same. With --sample N
--- it is one spec in N of each block, and one turn in N of it; which ones, a seed decides. The
--- other specs are pending: they say nothing.
local busted = require("busted")
local engine = require("billow.testing.engine")
local fingerprint = require("billow.testing.fingerprint")
local world = require("billow.testing.world")

--- Hooks of the blocks around a spec, the outermost first.
local function hooks_of(element, name)
  local lists, parent = {}, busted.parent(element)
  while parent do
    if parent[name] then
      table.insert(lists, 1, parent[name])
    end
    parent = busted.parent(parent)
  end
  return lists
end

local function run_hooks(element, name)
  for _, list in ipairs(hooks_of(element, name)) do
    for _, hook in ipairs(list) do
      hook.run()
    end
  end
end

local WHERE = "with a crash after every turn: "

--- Tell a failure of the second run from one of the first.
local function marked(problem)
  if type(problem) == "string" then
    local place, rest = problem:match("^([^\n]-:%d+: )(.*)$")
    return place and place .. WHERE .. rest or WHERE .. problem
  elseif type(problem) == "table" and type(problem.message) == "string" then
    problem.message = marked(problem.message)
  end
  return problem
end

local settings = engine.ask("settings")
local sample = math.max(settings.sample, 1)

--- A number of the spec's name and the seed, the same everywhere.
local function number_of(name)
  local number = settings.seed
  for i = 1, #name do
    number = (number * 31 + name:byte(i)) % 1000003
  end
  return number
end

local counts = {} -- specs by block so far

--- Is it this spec's turn? With seed 0 the first of each block and every N-th after it, with
--- another seed as many places further on.
local function is_chosen(element)
  local block = busted.parent(element)
  local place = counts[block] or 0
  counts[block] = place + 1
  return place % sample == settings.seed % sample
end

local function run_again(element, body)
  run_hooks(element, "after_each")
  world.made = {}
  world.is_crashing = { stride = sample, offset = number_of(element.name or "") % sample }
  local is_done, problem = pcall(function()
    run_hooks(element, "before_each")
    body()
    return fingerprint.of(world.made)
  end)
  world.is_crashing = false
  if not is_done then
    error(marked(problem), 0)
  end
  return problem
end

local function run_twice(element, body)
  return function()
    body()
    if #world.made == 0 then
      return
    end
    local before = fingerprint.of(world.made)
    local difference = fingerprint.difference(before, run_again(element, body))
    if difference then
      local trace = element.trace or { short_src = "spec", currentline = 0 }
      local text = "%s:%d: a crash after every turn makes a difference: %s"
      error(string.format(text, trace.short_src, trace.currentline, difference), 0)
    end
  end
end

local function left_out(element)
  return function()
    element.env.pending("not in this sample")
  end
end

if settings.has_crashes then
  busted.subscribe({ "test", "start" }, function(element)
    element.run = is_chosen(element) and run_twice(element, element.run) or left_out(element)
  end)
end

busted.subscribe({ "test", "end" }, function()
  world.made = {}
end)
