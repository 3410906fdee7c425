--- Policies: what a client decides differently. A policy is a pure function of a subject and its
--- typed settings; each decision is journaled with version, settings and reasons, so that an
--- invoice can be explained years later.
---
---   policies/<name>/policy.lua      return { name, version, decide = function(subject, settings) }
---   policies/<name>/settings.json   JSON Schema of the settings, with defaults
---@class billow.policy
---@overload fun(name: string, subject: any, scopes?: table, on?: string): table
local policy = setmetatable({}, {
  __call = function(self, ...)
    return self.decide(...)
  end,
})

local date = require("billow.date")
local decimal = require("billow.decimal")
local effect = require("billow.effect")
local err = require("billow.err")
local json = require("billow.json")
local money = require("billow.money")
local schema = require("billow.schema")
local text = require("billow.text")

local core = effect.core

local SUBJECT_NOTE_BYTES_MAX = 4096
-- Of a decision that is kept with an invoice: enough to decide it again under other settings.
local SUBJECT_KEPT_BYTES_MAX = 2048

---@class billow.policy.Loaded
---@field name string
---@field version string
---@field decide fun(subject: any, settings: table): table
---@field schema table

---@class billow.policy.Settings
---@field settings table   with defaults filled in
---@field layers table[]   which scope gave what

--- Loaded policies, settings in force and decisions made, in this run. Asking again in the same
--- words asks nothing new.
local loaded, settings_known, decisions_known = {}, {}, {}

--- What was decided, in order, as it is journaled.
local made = {}

local function copy(value)
  if type(value) ~= "table" then
    return value
  end
  local result = {}
  for key, member in pairs(value) do
    result[key] = copy(member)
  end
  return json.is_array(value) and json.array(result) or result
end

local function invalid(name, problem)
  return err.new({ code = "POLICY_INVALID", text = "policy " .. name .. ": " .. problem })
end

---@param name string
---@return billow.policy.Loaded
local function load(name)
  if loaded[name] then
    return loaded[name]
  end
  local folder = "policies/" .. name .. "/"
  if not core.file(folder .. "policy.lua") then
    local problem = "there is no policy " .. name .. " (" .. folder .. "policy.lua)"
    error(err.new({ code = "NOT_FOUND", text = problem }), 0)
  end
  local definition = core.pure(core.run_file, folder .. "policy.lua")
  local is_fine = type(definition) == "table" and type(definition.decide) == "function"
  if not is_fine or type(definition.version) ~= "string" then
    error(invalid(name, "policy.lua must return { name = ..., version = ..., decide = ... }"), 0)
  end
  local settings_schema, problem = json.decode(core.file(folder .. "settings.json") or "{}")
  if problem then
    error(invalid(name, "settings.json: " .. problem), 0)
  end
  loaded[name] = {
    name = name,
    version = definition.version,
    decide = definition.decide,
    schema = settings_schema,
  }
  return loaded[name]
end

local function problems_text(problems)
  local lines = {}
  for i, problem in ipairs(problems) do
    lines[i] = problem.path .. ": " .. problem.text
  end
  return table.concat(lines, "; ")
end

--- The settings of a policy in force on a date, in these scopes, with the defaults of
--- settings.json.
---@param name string
---@param scopes? table<string, string>   { customer = id, contract = id }
---@param on? string                      a date; today (UTC) when absent
---@return billow.policy.Settings
function policy.settings(name, scopes, on)
  local definition = load(name)
  on = on or date.of_instant(effect.now(), "UTC")
  local key = json.encode({ name, scopes or {}, on })
  local known = settings_known[key]
  if known then
    return known
  end
  local outcome = effect.call("settings", { policy = name, scopes = scopes or {}, on = on })
  local settings, problems = schema.check(definition.schema, outcome.settings or {}, "settings")
  if problems then
    error(err.new({
      code = "SETTING_INVALID",
      text = "policy " .. name .. ": a setting in force is not valid: " .. problems_text(problems),
      detail = problems,
    }), 0)
  end
  known = { settings = settings, layers = outcome.layers or json.array() }
  settings_known[key] = known
  return known
end

--- Forgets settings and decisions, so that the next question is answered by what is in force then:
--- for work that is done anew after people changed something. The journal keeps what was decided.
function policy.renew()
  settings_known, decisions_known, made = {}, {}, {}
end

--- Asks for the settings of several policies at once: one step of the run instead of one each.
---@param questions table[]   { name, scopes?, on? } as policy.settings takes them
function policy.prepare(questions)
  local actions = {}
  for i, question in ipairs(questions) do
    actions[i] = function()
      policy.settings(table.unpack(question, 1, 3))
      return true
    end
  end
  require("billow").all(actions)
end

--- The layers of settings that are locked and count, by the setting's name. Those of the contract
--- itself bind nobody else.
---@param name string
---@param scopes? table<string, string>
---@param on? string
---@return table<string, table>
function policy.locked(name, scopes, on)
  local found = {}
  for _, layer in ipairs(policy.settings(name, scopes, on).layers) do
    if layer.is_locked and layer.is_used and layer.scope_type ~= "contract" then
      found[layer.name] = layer
    end
  end
  return found
end

--- Does a value hold nothing but data? A decision must cross into the journal.
local function check_decision(name, value)
  if type(value) ~= "table" or decimal.is(value) or money.is(value) then
    error(invalid(name, "decide must return a table, it returned a " .. type(value)), 0)
  end
end

local function note(definition, subject_json, known, decision, on)
  local is_small = #subject_json <= SUBJECT_KEPT_BYTES_MAX
  made[#made + 1] = {
    policy = definition.name,
    version = definition.version,
    on = on,
    settings = known.settings,
    layers = known.layers,
    decision = decision,
    reasons = decision.reasons or json.array(),
    subject = is_small and json.decode(subject_json) or nil,
    digest = text.sha256_hex(subject_json),
  }
  effect.post("note", {
    kind = "policy",
    policy = definition.name,
    version = definition.version,
    on = on,
    settings = known.settings,
    layers = known.layers,
    decision = decision,
    reasons = decision.reasons or json.array(),
    subject = #subject_json <= SUBJECT_NOTE_BYTES_MAX and json.decode(subject_json) or nil,
    digest = text.sha256_hex(subject_json),
  })
end

--- Decide. The decision gets `version` (of the policy), unless it has one.
---@param name string
---@param subject any                     plain data; the policy gets a copy
---@param scopes? table<string, string>   { customer = id, contract = id }
---@param on? string                      date of the settings; today (UTC) when absent
---@return table decision
function policy.decide(name, subject, scopes, on)
  if type(name) ~= "string" then
    error("policy.decide: the name of a policy is expected", 2)
  end
  local definition = load(name)
  on = on or date.of_instant(effect.now(), "UTC")
  local known = policy.settings(name, scopes, on)
  local subject_json = json.encode(subject)
  local key = json.encode({ name, scopes or {}, on, subject_json })
  if not decisions_known[key] then
    local decision = core.pure(definition.decide, copy(subject), copy(known.settings))
    check_decision(name, decision)
    decision = copy(decision)
    decision.version = decision.version or definition.version
    note(definition, subject_json, known, decision, on)
    decisions_known[key] = decision
  end
  return copy(decisions_known[key])
end

--- What a policy would decide with other settings. Nothing is noted: nothing is decided.
---@param name string
---@param subject any
---@param values table   settings that are set; defaults are filled in
---@return table decision
---@return table settings
function policy.trial(name, subject, values)
  local definition = load(name)
  local settings, problems = schema.check(definition.schema, values, "settings")
  if problems then
    error(err.new({
      code = "SETTING_INVALID",
      text = "policy " .. name .. ": " .. problems_text(problems),
      detail = problems,
    }), 0)
  end
  local decision = core.pure(definition.decide, copy(subject), copy(settings))
  check_decision(name, decision)
  decision = copy(decision)
  decision.version = decision.version or definition.version
  return decision, settings
end

--- The schema of a policy's settings.
---@param name string
---@return table
function policy.schema(name)
  return copy(load(name).schema)
end

--- The decisions that this run has made so far, equal ones once: policy, version, date, settings
--- with their layers, the decision and its reasons.
---@return table[]
function policy.made()
  local list, is_listed = json.array({}), {}
  for _, decision in ipairs(made) do
    local key = json.encode(decision)
    if not is_listed[key] then
      is_listed[key] = true
      list[#list + 1] = copy(decision)
    end
  end
  return list
end

return policy
