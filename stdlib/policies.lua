--- Policies as the people see who set them: what can be set, what is in force and why, whether a
--- change is right. For the API and its commands; runs decide with billow.policy.
---
--- Works on the files of a release as text: nothing of a policy is executed here.
---@class billow.policies
local policies = {}

local date = require("billow.date")
local json = require("billow.json")
local policy_layers = require("billow.policy_layers")
local schema = require("billow.schema")

local SCOPES = { "firm", "pack", "tenant", "customer", "contract" }

---@class billow.policies.Described
---@field name string
---@field version string
---@field title string
---@field description string
---@field settings table[]   {name, title, description, type, default, scopes, effect}

local function names_in(files)
  local names = {}
  for path in pairs(files) do
    local name = path:match("^policies/([^/]+)/policy%.lua$")
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local function schema_of(files, name)
  local text = files["policies/" .. name .. "/settings.json"]
  if not text then
    return { properties = {} }
  end
  local decoded, problem = json.decode(text)
  if problem then
    return nil, "policies/" .. name .. "/settings.json: " .. problem
  end
  decoded.properties = decoded.properties or {}
  return decoded
end

--- What values a setting takes, in a few words.
local function type_text(property)
  if property.enum then
    local words = {}
    for i, value in ipairs(property.enum) do
      words[i] = tostring(value)
    end
    return table.concat(words, " | ")
  end
  local kind = property.type or "any"
  if type(kind) == "table" then
    kind = table.concat(kind, " or ")
  end
  return property.format and kind .. " (" .. property.format .. ")" or kind
end

local function described_setting(name, property)
  local default = property.default
  return {
    name = name,
    title = property.title or name,
    description = property.description or "",
    type = type_text(property),
    default = default == nil and json.null or default,
    scopes = json.array(property["x-scope"] or { table.unpack(SCOPES) }),
    effect = property["x-effect"] or json.null,
  }
end

local function described(files, name)
  local one, problem = schema_of(files, name)
  if not one then
    return nil, problem
  end
  local settings = json.array({})
  for setting, property in pairs(one.properties) do
    settings[#settings + 1] = described_setting(setting, property)
  end
  local source = files["policies/" .. name .. "/policy.lua"]
  return {
    name = name,
    version = source:match("version%s*=%s*[\"']([^\"']+)[\"']") or "?",
    title = one.title or name,
    description = one.description or "",
    settings = settings,
  }
end

local function not_found(files, name)
  local text = "there is no policy %s in the active release: it has %s"
  return nil, "NOT_FOUND", text:format(name, table.concat(names_in(files), ", "))
end

--- The policies of a release, in order of name.
---@param files table<string, string>
---@return billow.policies.Described[]?
---@return string? code
---@return string? text
function policies.list(files)
  local list = json.array({})
  for i, name in ipairs(names_in(files)) do
    local one, problem = described(files, name)
    if not one then
      return nil, "INVALID", problem
    end
    list[i] = one
  end
  return list
end

local function written_layer(layer)
  return {
    scope_type = layer.scope_type,
    scope_id = layer.scope_id,
    value = layer.value,
    valid_from = layer.valid_from,
    is_locked = layer.is_locked,
    is_used = layer.is_used,
    set_by = layer.set_by,
    set_at = date.format_instant(layer.set_at_us),
  }
end

--- One policy with the values in force: each with its origin and all layers it was chosen from.
---@param files table<string, string>
---@param name string
---@param outcome {settings: table, layers: table[]}   of the store, for scopes and a date
---@return table?
---@return string? code
---@return string? text
function policies.show(files, name, outcome)
  if not files["policies/" .. name .. "/policy.lua"] then
    return not_found(files, name)
  end
  local one, problem = described(files, name)
  if not one then
    return nil, "INVALID", problem
  end
  for _, setting in ipairs(one.settings) do
    local layers, used = json.array({}), nil
    for _, layer in ipairs(outcome.layers) do
      if layer.name == setting.name then
        layers[#layers + 1] = written_layer(layer)
        used = layer.is_used and layer or used
      end
    end
    setting.layers = layers
    setting.origin = policy_layers.origin(used)
    setting.value = setting.default
    if used then
      setting.value = used.value
    end
  end
  return one
end

local function contains(list, value)
  for _, member in ipairs(list) do
    if member == value then
      return true
    end
  end
  return false
end

local function names_of(properties)
  local names = {}
  for name in pairs(properties) do
    names[#names + 1] = name
  end
  return table.concat(names, ", ")
end

--- What is wrong with a value: where in it (as a JSON Pointer), what is allowed, how to mend it.
local function value_problem(property, change)
  local name = change.policy .. "." .. change.name
  local _, problems = schema.check(property, change.value, name)
  if not problems then
    return nil
  end
  local texts = {}
  for i, problem in ipairs(problems) do
    texts[i] = string.format(
      "%s: %s (at %s)",
      problem.path,
      problem.text,
      "/" .. change.name .. problem.pointer
    )
  end
  local example = (property["x-ui"] or {}).example
  return string.format(
    "%s. It takes %s; the default is %s%s: billow policy show %s",
    table.concat(texts, "; "),
    type_text(property),
    json.encode(property.default),
    example ~= nil and ", an example " .. json.encode(example) or "",
    change.policy
  )
end

--- What is wrong with a change, or nil.
local function problem_of(one, change)
  local property = one.properties[change.name]
  if not property then
    local text = "policy %s has no setting %s: it has %s"
    return text:format(change.policy, tostring(change.name), names_of(one.properties))
  end
  local scopes = property["x-scope"] or SCOPES
  if not contains(scopes, change.scope_type) then
    local text = "%s.%s cannot be set for a %s: only for %s"
    return text:format(
      change.policy,
      change.name,
      tostring(change.scope_type),
      table.concat(scopes, ", ")
    )
  end
  local has_id = type(change.scope_id) == "string" and change.scope_id ~= ""
  if (change.scope_type == "customer" or change.scope_type == "contract") ~= has_id then
    return "a setting of a customer or contract names it, one of firm, pack or tenant names nobody"
  elseif not date.is_valid(change.valid_from) then
    return "valid_from is no date: write YYYY-MM-DD"
  end
  if change.is_unset then
    return nil -- whatever it was: from then on the scope has none
  end
  return value_problem(property, change)
end

local RANK = {}
for rank, scope in ipairs(SCOPES) do
  RANK[scope] = rank
end

--- Why a lock forbids a change, or nil. Who set the lock may change it; narrower scopes may not.
local function lock_problem(change, layers)
  for _, layer in ipairs(layers) do
    local is_wider = RANK[layer.scope_type] < RANK[change.scope_type]
    if layer.name == change.name and layer.is_locked and is_wider then
      local text = "%s.%s is locked to %s for %s since %s, by %s: have it set there without the "
        .. "lock, or leave it as it is"
      local of = layer.scope_id ~= "" and " " .. layer.scope_id or ""
      return text:format(
        change.policy,
        change.name,
        json.encode(layer.value),
        layer.scope_type .. of,
        layer.valid_from,
        tostring(layer.set_by)
      )
    end
  end
  return nil
end

--- Is this change of a setting right? Returns it as the store takes it.
---@param files table<string, string>
---@param change table   {policy, name, value, scope_type, scope_id?, valid_from, locked?,
---       is_unset?}
---@param layers? table[]   in force for its scope on its date: a lock among them forbids it
---@return table?
---@return string? code
---@return string? text
function policies.check(files, change, layers)
  if not files["policies/" .. change.policy .. "/policy.lua"] then
    return not_found(files, change.policy)
  end
  local one, broken = schema_of(files, change.policy)
  local problem = broken or problem_of(one, change)
  if problem then
    return nil, "INVALID", problem
  end
  local locked = lock_problem(change, layers or {})
  if locked then
    return nil, "FORBIDDEN", locked
  end
  if change.is_unset then
    change.value, change.locked = json.null, false
  end
  return change
end

--- Who changed which setting of a policy when, the newest first.
---@param rows table[]   of the audit
---@param name string
---@return table[]
function policies.history(rows, name)
  local list = json.array({})
  for _, row in ipairs(rows) do
    local detail = row.detail
    if row.action == "policy.set" and type(detail) == "table" and detail.policy == name then
      list[#list + 1] = {
        at = date.format_instant(row.at_us),
        by = row.actor,
        setting = detail.name,
        value = detail.value,
        is_unset = detail.is_unset == true,
        scope_type = detail.scope_type,
        scope_id = detail.scope_id or "",
        valid_from = detail.valid_from,
        is_locked = detail.locked == true,
      }
    end
  end
  table.sort(list, function(a, b)
    return a.at > b.at
  end)
  return list
end

return policies
