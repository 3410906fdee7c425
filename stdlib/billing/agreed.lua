--- A contract as it counts: its own terms, and where it is silent what the policies decide for it.
---
--- A contract's terms are the narrowest layer of settings: they win over what a policy has been set
--- to, unless that setting is locked. A term that goes against a lock forbids the bill: it is
--- blocked until the contract is changed or the lock is lifted, for neither may be passed over in
--- silence.
---@class billow.billing.agreed
local agreed = {}

local decimal = require("billow.decimal")
local json = require("billow.json")

--- Policies that decide about a contract's bill, by the settings in force on the last day of the
--- period.
agreed.POLICIES = {
  "ceiling",
  "duplicate-guard",
  "grouping",
  "late-entries",
  "rates",
  "rounding",
  "tax",
  "validation",
}

---@class billing.Term
---@field path string        of the contract
---@field policy string
---@field settings string[]  that decide it: one of them locked is enough
---@field member string      of the decision
---@field models? table<string, boolean>   nil: all
---@field is_filled boolean  the decision goes into a silent contract; else its own module asks

local TIME_MODELS = { ["tm"] = true, ["retainer"] = true }

---@type billing.Term[]
local TERMS = {
  {
    path = "approval_required",
    policy = "validation",
    settings = { "approval_required" },
    member = "approval_required",
    is_filled = true,
  },
  {
    path = "late_entries",
    policy = "late-entries",
    settings = { "action" },
    member = "action",
    is_filled = true,
  },
  {
    path = "terms.late_events",
    policy = "late-entries",
    settings = { "action" },
    member = "action",
    models = { ["usage"] = true },
    is_filled = true,
  },
  {
    path = "terms.grouping",
    policy = "grouping",
    settings = { "time" },
    member = "time",
    models = { ["tm"] = true },
    is_filled = true,
  },
  {
    path = "terms.grouping",
    policy = "grouping",
    settings = { "retainer" },
    member = "time",
    models = { ["retainer"] = true },
    is_filled = true,
  },
  {
    path = "expenses.grouping",
    policy = "grouping",
    settings = { "expenses" },
    member = "expenses",
    is_filled = true,
  },
  {
    path = "terms.rounding",
    policy = "rounding",
    settings = { "increment_minutes", "mode", "scope" },
    member = "rounding",
    models = TIME_MODELS,
    is_filled = false,
  },
  {
    path = "terms.rate_source",
    policy = "rates",
    settings = { "rate_source" },
    member = "rate_source",
    models = TIME_MODELS,
    is_filled = false,
  },
  {
    path = "terms.rate_date",
    policy = "rates",
    settings = { "rate_date" },
    member = "rate_date",
    models = TIME_MODELS,
    is_filled = false,
  },
  {
    path = "terms.ceiling.overflow",
    policy = "ceiling",
    settings = { "overflow" },
    member = "overflow",
    models = { ["tm"] = true },
    is_filled = false,
  },
}

--- What holds the member at the end of a path, and the member's name; nil when something before it
--- is missing.
local function holder_of(object, path)
  local name
  for step in path:gmatch("[^.]+") do
    if name then
      object = object[name]
      if type(object) ~= "table" or object == json.null then
        return nil
      end
    end
    name = step
  end
  return object, name
end

local function is_given(object, path)
  local holder, name = holder_of(object, path)
  return holder ~= nil and holder[name] ~= nil and holder[name] ~= json.null
end

--- Which terms a contract's document is silent about, by path.
---@param raw table   the document
---@return table<string, boolean>
function agreed.silence(raw)
  local silent = {}
  for _, term in ipairs(TERMS) do
    silent[term.path] = not is_given(raw, term.path) or nil
  end
  return silent
end

--- A copy along one path only; the rest is shared.
local function with(object, path, value)
  local copy = {}
  for name, member in pairs(object) do
    copy[name] = member
  end
  local first, rest = path:match("^([^.]+)%.(.+)$")
  if first then
    copy[first] = with(object[first], rest, value)
  else
    copy[path] = value
  end
  return copy
end

--- What the policies about a contract are asked with.
---@param ctx billing.Context
---@param contract table
---@return {contract: string, model: string, period: billing.Period}
function agreed.subject(ctx, contract)
  return { contract = contract.id, model = contract.model, period = ctx.period }
end

local function decision_of(ctx, contract, policy)
  return ctx.decide(policy, agreed.subject(ctx, contract)) or {}
end

--- The settings that decide a term and are locked, in words: "rounding.mode (tenant)".
local function locks_on(ctx, term)
  local locked, names = ctx.locked and ctx.locked(term.policy) or {}, {}
  for _, name in ipairs(term.settings) do
    local layer = locked[name]
    if layer then
      local of = layer.scope_id ~= "" and " " .. layer.scope_id or ""
      names[#names + 1] = string.format("%s.%s (%s%s)", term.policy, name, layer.scope_type, of)
    end
  end
  return names
end

local function equal(a, b)
  if decimal.is(a) or decimal.is(b) or type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  return json.encode(a) == json.encode(b)
end

local function forbidden_by(ctx, contract, term, decided)
  local holder, name = holder_of(contract, term.path)
  if not holder or equal(holder[name], decided) then
    return nil
  end
  local locks = locks_on(ctx, term)
  if #locks == 0 then
    return nil
  end
  local text = "%s of contract %s is %s, but %s says %s and is locked: change the contract, or "
    .. "have the lock lifted"
  return {
    code = "TERM_LOCKED",
    message = text:format(
      term.path,
      contract.id,
      json.encode(holder[name]),
      table.concat(locks, ", "),
      decided == nil and "none" or json.encode(decided)
    ),
  }
end

--- The contract with what the policies decide where it is silent. `forbidden` lists the terms that
--- go against a lock, `checks` is what the policies say about its entries.
---@param ctx billing.Context   with decide, and perhaps locked
---@param contract table
---@return table contract   a copy
function agreed.contract(ctx, contract)
  local silent, result, forbidden = contract.silent or {}, contract, {}
  for _, term in ipairs(TERMS) do
    local is_concerned = not term.models or term.models[contract.model]
    local holder = is_concerned and holder_of(contract, term.path)
    if holder then
      local decided = decision_of(ctx, contract, term.policy)[term.member]
      if not silent[term.path] then
        forbidden[#forbidden + 1] = forbidden_by(ctx, contract, term, decided)
      elseif term.is_filled and decided ~= nil then
        result = with(result, term.path, decided)
      end
    end
  end
  local late = decision_of(ctx, contract, "late-entries")
  local rules = decision_of(ctx, contract, "validation")
  local guard = decision_of(ctx, contract, "duplicate-guard")
  result = with(result, "forbidden", forbidden)
  return with(result, "checks", {
    oldest = late.oldest,
    day_seconds_max = rules.day_seconds_max,
    entry_seconds_max = rules.entry_seconds_max,
    is_overlap_asked = rules.overlaps == "ask" or nil,
    timesheets = rules.timesheets,
    is_repetition_allowed = guard.same_entry == "allow",
  })
end

return agreed
