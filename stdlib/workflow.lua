--- Workflows: declare one, start others.
---@class billow.workflow
local workflow = {}

local effect = require("billow.effect")
local err = require("billow.err")
local schema = require("billow.schema")

---@class billow.workflow.Definition
---@field name string        as its file: workflows/<name>.lua
---@field version string     "1.0.0"; a change in the order of effects is a new version
---@field title? string
---@field input? table   types by name ("id", "period", "decimal?"), or a JSON Schema
---@field policies? string[]
---@field limits? billow.workflow.Limits   what a turn may use, when the default does not suit
---@field run fun(input: any, state: any): any
local Definition = {}

---@class billow.workflow.Limits
---@field steps? integer|string    20000000 or "20M"; 5M when it is not stated, at most 50M
---@field memory? integer|string   bytes, or "48MiB"; 16MiB when it is not stated, at most 64MiB
Definition.__index = Definition
Definition.__name = "workflow"

local function refuse(text)
  error("workflow.define: " .. text, 3)
end

local KIB, MIB = 1024, 1024 * 1024

-- What may be stated; engine/base/limits.h has the same figures (tests/unit/lua/test_limits.c).
local STATED = {
  steps = {
    units = { k = 1000, M = 1000000 }, low = 10000, high = 50000000,
    text = "steps of a turn are expected, from 10k to 50M, as in 20000000 or \"20M\"",
  },
  memory = {
    units = { KiB = KIB, MiB = MIB }, low = MIB, high = 64 * MIB,
    text = "a heap from 1MiB to 64MiB is expected, as in \"48MiB\" or a number of bytes",
  },
}

--- A number, or a text of digits and a unit; nil when it is neither, or out of range.
local function quantity(stated, value)
  if type(value) == "string" then
    local digits, unit = value:match("^(%d+)(%a*)$")
    local factor = unit == "" and 1 or stated.units[unit or ""]
    value = digits and #digits <= 9 and factor and math.tointeger(tonumber(digits)) * factor
  end
  local is_fine = math.type(value) == "integer" and value >= stated.low and value <= stated.high
  return is_fine and value or nil
end

--- What is wrong with what a definition states; nil when nothing is.
local function problem_of_limits(limits)
  if type(limits) ~= "table" then
    return "limits is a " .. type(limits) .. ", a table is expected, as in { steps = \"20M\" }"
  end
  for key, value in pairs(limits) do
    local stated = STATED[key]
    if not stated then
      return "limits." .. tostring(key) .. " is not known; there are steps and memory"
    elseif not quantity(stated, value) then
      local shown = type(value) == "string" and string.format("%q", value) or tostring(value)
      return string.format("limits.%s is %s; %s", key, shown, stated.text)
    end
  end
end

--- Steps of a turn and bytes of heap that a definition states; 0 where it states nothing.
---@param definition billow.workflow.Definition
---@return integer steps
---@return integer bytes
function workflow.limits_of(definition)
  local limits = definition.limits or {}
  return limits.steps and quantity(STATED.steps, limits.steps) or 0,
    limits.memory and quantity(STATED.memory, limits.memory) or 0
end

--- What a workflow file returns. No effects while the file loads: they belong into `run`.
---@param definition billow.workflow.Definition
---@return billow.workflow.Definition
function workflow.define(definition)
  if type(definition) ~= "table" then
    refuse("a table is expected")
  elseif type(definition.name) ~= "string" or not definition.name:match("^[%w_%-]+$") then
    refuse("name is missing: letters, digits, - and _ as in \"fixed-fee\"")
  elseif type(definition.version) ~= "string" then
    refuse("version is missing, as in \"1.0.0\"")
  elseif type(definition.run) ~= "function" then
    refuse("run is missing: function(input) ... end")
  elseif definition.input ~= nil and type(definition.input) ~= "table" then
    refuse("input is a " .. type(definition.input) .. ", a table of types is expected")
  end
  local wrong = definition.limits ~= nil and problem_of_limits(definition.limits)
  if wrong then
    refuse(wrong)
  end
  local copy = {}
  for key, value in pairs(definition) do
    copy[key] = value
  end
  local is_fine, problem = pcall(schema.of_shape, copy.input or {})
  if not is_fine then
    refuse("input: " .. tostring(problem))
  end
  return setmetatable(copy, Definition)
end

---@param value any
---@return boolean
function workflow.is_definition(value)
  return type(value) == "table" and getmetatable(value) == Definition
end

--- The input with defaults filled in and texts made decimals where the type says so; raises
--- INPUT_INVALID otherwise.
---@param definition billow.workflow.Definition
---@param input any
---@return any
function workflow.check_input(definition, input)
  local given = input == nil and {} or input
  local checked, problems = schema.check(schema.of_shape(definition.input), given, "input")
  if problems then
    local lines = {}
    for i, problem in ipairs(problems) do
      lines[i] = problem.path .. ": " .. problem.text
    end
    error(err.new({
      code = "INPUT_INVALID",
      text = string.format("the input of workflow %s is not valid: %s", definition.name,
        table.concat(lines, "; ")),
      detail = problems,
    }), 0)
  end
  return checked
end

---@class billow.workflow.StartOptions
---@field key? string   starting again with the same key starts nothing new

--- Start another workflow; this run does not wait for it. Returns the id of the new run.
---@param name string
---@param input? any
---@param options? billow.workflow.StartOptions
---@return string run_id
function workflow.start(name, input, options)
  if type(name) ~= "string" then
    error("workflow.start: the name of a workflow is expected", 2)
  end
  local seq = effect.post("child.start", {
    workflow = name,
    input = input,
    id_key = options and options.key,
  })
  return effect.derive_id(seq)
end

--- Start another workflow and wait for its result. What it fails with is raised here.
---@param name string
---@param input? any
---@return any result
function workflow.call(name, input)
  if type(name) ~= "string" then
    error("workflow.call: the name of a workflow is expected", 2)
  end
  return effect.call("child.call", { workflow = name, input = input })
end

return workflow
