--- What a change of settings would change, before anybody makes it: the settings in force on both
--- sides, and decision by decision what would come out otherwise.
---
--- Decided again are: subjects that are given; else what was decided for the invoices of a period,
--- as it is stored with them; else, for policies about a contract, every contract there is.
---@class billow.billing.policy_diff
local policy_diff = {}

local agreed = require("billow.billing.agreed")
local calendar = require("billow.billing.calendar")
local close = require("billow.billing.close")
local db = require("billow.db")
local given = require("billow.billing.reading").given
local json = require("billow.json")
local policy = require("billow.policy")
local policy_layers = require("billow.policy_layers")

local DECISIONS_MAX = 1000

--- What was decided by a policy for the invoices of a period. $1 policy, $2 period, $3 contract or
--- null, $4 how many at the most
policy_diff.recorded = db.statement({
  name = "billing.recorded_decisions",
  sql = [[
select i.number, i.contract_id, i.customer_id, p.value->'subject' as subject,
       p.value->>'on' as decided_on
  from billing.invoice i
 cross join lateral jsonb_array_elements(i.explanation->'policies') p
 where i.period = $2 and p.value->>'policy' = $1 and p.value ? 'subject'
   and ($3 is null or i.contract_id = $3)
 order by i.number collate "C" limit $4::integer]],
})

---@class billow.billing.PolicySide
---@field on? string          a date; today when absent
---@field customer? string
---@field contract? string
---@field change? table       {name, value, scope_type, scope_id?, locked?}: as if it were made

local function scopes_of(side, case)
  return {
    customer = side.customer or case.customer,
    contract = side.contract or case.contract,
  }
end

--- Does a change count for somebody with these scopes?
local function is_concerned(change, scopes)
  local scope = change.scope_type
  return scope ~= "customer" and scope ~= "contract" or scopes[scope] == change.scope_id
end

--- The values of one side, with the layer each comes from.
local function values_of(name, side, case)
  local scopes = scopes_of(side, case)
  local layers = policy.settings(name, scopes, side.on).layers
  if side.change and is_concerned(side.change, scopes) then
    layers = policy_layers.with(layers, side.change)
  end
  local used, values = policy_layers.used(layers), {}
  for setting, layer in pairs(used) do
    values[setting] = layer.value
  end
  return values, used
end

local function equal(a, b)
  return json.encode(a) == json.encode(b)
end

local function shown(value)
  if value == nil then
    return json.null
  end
  return value
end

--- Settings that differ between the sides.
local function settings_changed(name, before, after)
  local values_before, used_before = values_of(name, before, {})
  local values_after, used_after = values_of(name, after, {})
  local list = json.array({})
  for setting, property in pairs(policy.schema(name).properties or {}) do
    local was, is = values_before[setting], values_after[setting]
    was = was == nil and property.default or was
    is = is == nil and property.default or is
    local from = policy_layers.origin(used_before[setting])
    local to = policy_layers.origin(used_after[setting])
    if not equal(shown(was), shown(is)) or from ~= to then
      list[#list + 1] = {
        setting = setting,
        before = shown(was),
        after = shown(is),
        from = from,
        to = to,
        effect = property["x-effect"] or json.null,
        is_changed = not equal(shown(was), shown(is)),
      }
    end
  end
  return list
end

local function given_cases(subjects)
  local cases = {}
  for i, subject in ipairs(subjects) do
    cases[i] = { what = "subject " .. i, subject = subject }
  end
  return cases
end

local function recorded_cases(name, period, contract)
  local cases = {}
  for i, row in ipairs(db.query(policy_diff.recorded, { name, period, contract, DECISIONS_MAX })) do
    cases[i] = {
      what = row.number,
      contract = given(row.contract_id),
      customer = given(row.customer_id),
      subject = row.subject,
    }
  end
  return cases
end

local function is_about_contracts(name)
  for _, known in ipairs(agreed.POLICIES) do
    if known == name and name ~= "tax" then
      return true
    end
  end
  return false
end

local function contract_cases(period, only)
  local cases, span = {}, calendar.period(period)
  for i, contract in ipairs(close.contracts(only)) do
    cases[i] = {
      what = "contract " .. contract.id,
      contract = contract.id,
      customer = contract.customer_id,
      subject = agreed.subject({ period = span }, contract),
    }
  end
  return cases
end

local function cases_of(input, before)
  if input.subjects then
    return given_cases(input.subjects)
  end
  local period = input.period or (before.on and before.on:sub(1, 7))
  if not period then
    return {}
  end
  local cases = recorded_cases(input.policy, period, before.contract)
  if #cases == 0 and is_about_contracts(input.policy) then
    cases = contract_cases(period, before.contract)
  end
  return cases
end

--- Members of two decisions that differ, the reasons apart.
local function differences(before, after)
  local names, list = {}, json.array({})
  for _, decision in ipairs({ before, after }) do
    for name in pairs(decision) do
      names[name] = name ~= "reasons" or nil
    end
  end
  for name in pairs(names) do
    if not equal(shown(before[name]), shown(after[name])) then
      list[#list + 1] =
        { member = name, before = shown(before[name]), after = shown(after[name]) }
    end
  end
  return list
end

local function decisions_changed(name, before, after, cases)
  local list = json.array({})
  for _, case in ipairs(cases) do
    local was = policy.trial(name, case.subject, (values_of(name, before, case)))
    local is = policy.trial(name, case.subject, (values_of(name, after, case)))
    local changed = differences(was, is)
    if #changed > 0 then
      list[#list + 1] = {
        what = case.what,
        changed = changed,
        reasons_before = json.array(was.reasons or {}),
        reasons_after = json.array(is.reasons or {}),
      }
    end
  end
  return list
end

---@class billow.billing.PolicyDiff
---@field policy string
---@field settings table[]    {setting, before, after, from, to, effect, is_changed}
---@field decisions table[]   those that differ: {what, changed, reasons_before, reasons_after}
---@field decided integer     how many were decided again
---@field is_changed boolean

--- Compares two sides.
---@param input {policy: string, before: table, after: table, subjects?: table, period?: string}
---@return billow.billing.PolicyDiff
function policy_diff.compare(input)
  local before, after = input.before, input.after
  local settings = settings_changed(input.policy, before, after)
  local cases = cases_of(input, before)
  local decisions = decisions_changed(input.policy, before, after, cases)
  local is_changed = #decisions > 0
  for _, setting in ipairs(settings) do
    is_changed = is_changed or setting.is_changed
  end
  return {
    policy = input.policy,
    settings = settings,
    decisions = decisions,
    decided = #cases,
    is_changed = is_changed,
  }
end

return policy_diff
