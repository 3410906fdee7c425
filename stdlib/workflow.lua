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
---@field run fun(input: any, state: any): any
local Definition = {}
Definition.__index = Definition
Definition.__name = "workflow"

local function refuse(text)
  error("workflow.define: " .. text, 3)
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
