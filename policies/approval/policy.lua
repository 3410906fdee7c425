--- approval: how many people must approve a bill, who may, and what happens when nobody answers. By
--- default one person who had no part in it.
---
--- Subject: { contract, customer, model, currency, invoices = { {net = "1787.50", ...} }, on?,
--- prepared_by?, involved? = {names}, country?, risk?, is_new_customer?, margin_percent?,
--- write_down_percent?, is_unusual? }. A threshold replaces count and approvers for bills above its
--- amount; it never asks for less than every bill needs. Each rule of the matrix that applies adds
--- a stage of its own. One human counts once, whatever they are called and for whom they act.

local decimal = require("billow.decimal")

local COUNT_DEFAULT = 1
local RISKS = { low = 1, medium = 2, high = 3 }

---@class policy.approval.Stage
---@field count integer          different people who must approve
---@field approvers string[]     who may; empty = anybody
---@field why string

---@class policy.approval.Decision
---@field count integer          of every bill
---@field approvers string[]     of every bill
---@field stages policy.approval.Stage[]   all of them must be collected; empty = nobody is asked
---@field order "serial"|"parallel"        of the stages
---@field self_approval boolean  whether who had a part in the bill counts
---@field prepared_by? string
---@field involved string[]      who had a part in it
---@field delegations {from: string, to: string}[]   in force on the day
---@field people table<string, string>     other names of people -> the name that counts
---@field remind_hours integer   business hours; 0 = never
---@field escalate_hours integer
---@field escalate_to string[]
---@field office {from: string, to: string}
---@field reasons string[]
---@field conflict? string       why the rule cannot be met as it is set

local function net_of(subject)
  local net = decimal(0)
  for _, invoice in ipairs(subject.invoices) do
    net = net + decimal(invoice.net)
  end
  return net
end

--- The threshold with the highest amount below the bill's total.
local function threshold_for(thresholds, net, currency)
  local found
  for _, threshold in ipairs(thresholds) do
    local is_of_currency = not threshold.currency or threshold.currency == currency
    local is_above = is_of_currency and net > decimal(threshold.above)
    if is_above and (not found or decimal(threshold.above) > decimal(found.above)) then
      found = threshold
    end
  end
  return found
end

local function contains(list, value)
  for _, member in ipairs(list) do
    if member == value then
      return true
    end
  end
  return false
end

-- What a rule may ask about, in this order: each returns the words of a match, or nil.
local CONDITIONS = {
  {
    "above",
    function(subject, limit, net)
      return net > decimal(limit)
        and string.format("%s %s is above %s", tostring(net), subject.currency, limit)
    end,
  },
  {
    "currency",
    function(subject, currency)
      return subject.currency == currency and "it is in " .. currency
    end,
  },
  {
    "margin_below",
    function(subject, limit)
      local margin = subject.margin_percent
      return margin
        and decimal(margin) < decimal(limit)
        and string.format("the margin of %s %% is below %s", margin, limit)
    end,
  },
  {
    "write_down_above",
    function(subject, limit)
      local percent = subject.write_down_percent
      return percent
        and decimal(percent) > decimal(limit)
        and string.format("%s %% was written down, more than %s", percent, limit)
    end,
  },
  {
    "new_customer",
    function(subject, wanted)
      return (subject.is_new_customer == true) == wanted
        and (wanted and "the customer is new" or "the customer is known")
    end,
  },
  {
    "risk",
    function(subject, least)
      local risk = RISKS[subject.risk or "low"]
      return risk >= RISKS[least] and "the risk is " .. (subject.risk or "low")
    end,
  },
  {
    "countries",
    function(subject, countries)
      return subject.country
        and contains(countries, subject.country)
        and "the customer is in " .. subject.country
    end,
  },
  {
    "unusual",
    function(subject, wanted)
      return (subject.is_unusual == true) == wanted
        and (wanted and "it is unusual" or "nothing is unusual")
    end,
  },
}

--- Why a rule applies; nil when one of its conditions does not hold.
local function match(rule, subject, net)
  local words = {}
  for _, condition in ipairs(CONDITIONS) do
    local wanted = rule.when[condition[1]]
    if wanted ~= nil then
      local why = condition[2](subject, wanted, net)
      if not why then
        return nil
      end
      words[#words + 1] = why
    end
  end
  return #words > 0 and table.concat(words, ", ") or "every bill"
end

local function active_delegations(delegations, on)
  local active = {}
  for _, one in ipairs(delegations) do
    local has_begun = not on or one.start_date <= on
    local is_over = on and one.end_date and one.end_date < on
    if has_begun and not is_over then
      active[#active + 1] = { from = one.from, to = one.to }
    end
  end
  return active
end

--- One name for one human: other names of theirs, and other ways to write it, are the same.
local function human(people, name)
  local plain = name:lower():gsub("^%s+", ""):gsub("%s+$", "")
  for alias, person in pairs(people) do
    if alias:lower() == plain then
      return (person:lower())
    end
  end
  return plain
end

local function involved_of(subject)
  local involved, seen = {}, {}
  for _, list in ipairs({ { subject.prepared_by }, subject.involved or {} }) do
    for _, name in ipairs(list) do
      if not seen[name] then
        seen[name] = true
        involved[#involved + 1] = name
      end
    end
  end
  return involved
end

--- The people who may still say yes in a stage: approvers and those they delegated to, less who had
--- a part in the bill.
local function eligible(decision, stage)
  local excluded, counted, count = {}, {}, 0
  for _, name in ipairs(decision.self_approval and {} or decision.involved) do
    excluded[human(decision.people, name)] = true
  end
  local function add(name)
    local one = human(decision.people, name)
    if not excluded[one] and not counted[one] then
      counted[one], count = true, count + 1
    end
  end
  for _, name in ipairs(stage.approvers) do
    add(name)
    for _, delegation in ipairs(decision.delegations) do
      local is_theirs = human(decision.people, delegation.from) == human(decision.people, name)
      if is_theirs and not excluded[human(decision.people, name)] then
        add(delegation.to)
      end
    end
  end
  return count
end

local function conflict_of(decision)
  for _, stage in ipairs(decision.stages) do
    local able = eligible(decision, stage)
    if #stage.approvers > 0 and able < stage.count then
      return string.format(
        "%d must approve but only %d of the approvers may: add approvers",
        stage.count,
        able
      )
    end
  end
  return nil
end

local function stages_of(decision, subject, settings, net)
  local stages = {}
  if decision.count > 0 then
    stages[1] = { count = decision.count, approvers = decision.approvers, why = "every bill" }
  end
  for _, rule in ipairs(settings.rules or {}) do
    local why = match(rule, subject, net)
    if why then
      stages[#stages + 1] =
        { count = rule.count or 1, approvers = rule.approvers or {}, why = why }
    end
  end
  return stages
end

local function reasons_of(decision, threshold, net, currency)
  local reasons = { string.format("%d must approve", decision.count) }
  if threshold then
    reasons[#reasons + 1] =
      string.format("%s %s without tax is above %s", tostring(net), currency, threshold.above)
  end
  for i, stage in ipairs(decision.stages) do
    if stage.why ~= "every bill" or i > 1 then
      local who = #stage.approvers > 0 and " of " .. table.concat(stage.approvers, ", ") or ""
      reasons[#reasons + 1] =
        string.format("%s: %d more%s must approve", stage.why, stage.count, who)
    end
  end
  if not decision.self_approval then
    reasons[#reasons + 1] = "who prepared the bill does not count"
  end
  reasons[#reasons + 1] = decision.conflict
  return reasons
end

---@param subject table
---@param settings table
---@return policy.approval.Decision
local function decide(subject, settings)
  local net, base = net_of(subject), settings.count or COUNT_DEFAULT
  local threshold = threshold_for(settings.thresholds or {}, net, subject.currency)
  local decision = {
    count = math.max(base, threshold and threshold.count or 0),
    approvers = threshold and threshold.approvers or settings.approvers or {},
    order = settings.order or "serial",
    self_approval = settings.self_approval or false,
    prepared_by = subject.prepared_by,
    involved = involved_of(subject),
    delegations = active_delegations(settings.delegations or {}, subject.on),
    people = settings.people or {},
    remind_hours = settings.remind_hours or 0,
    escalate_hours = settings.escalate_hours or 0,
    escalate_to = settings.escalate_to or {},
    office = settings.office or { from = "09:00", to = "17:00" },
  }
  decision.stages = stages_of(decision, subject, settings, net)
  decision.conflict = conflict_of(decision)
  decision.reasons = reasons_of(decision, threshold, net, subject.currency)
  return decision
end

return { name = "approval", version = "1.1.0", decide = decide }
