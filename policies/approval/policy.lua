--- approval: how many people must approve a bill, and who may. By default one person who did not
--- prepare it.
---
--- Subject: { contract, customer, model, currency, invoices = { {net = "1787.50", ...} },
--- prepared_by? }. A threshold replaces count and approvers for bills above its amount; it never
--- asks for less than every bill needs.

local decimal = require("billow.decimal")

local COUNT_DEFAULT = 1

---@class policy.approval.Decision
---@field count integer          different people who must approve
---@field approvers string[]     who may; empty = anybody
---@field self_approval boolean  whether prepared_by counts
---@field prepared_by? string
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

local function conflict_of(decision)
  local eligible = 0
  for _, name in ipairs(decision.approvers) do
    if decision.self_approval or name ~= decision.prepared_by then
      eligible = eligible + 1
    end
  end
  if #decision.approvers > 0 and eligible < decision.count then
    return string.format(
      "%d must approve but only %d of the approvers may: add approvers",
      decision.count,
      eligible
    )
  end
  return nil
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
    self_approval = settings.self_approval or false,
    prepared_by = subject.prepared_by,
    reasons = {},
  }
  local reasons = decision.reasons
  reasons[1] = string.format("%d must approve", decision.count)
  if threshold then
    reasons[#reasons + 1] = string.format(
      "%s %s without tax is above %s",
      tostring(net),
      subject.currency,
      threshold.above
    )
  end
  if not decision.self_approval then
    reasons[#reasons + 1] = "who prepared the bill does not count"
  end
  decision.conflict = conflict_of(decision)
  reasons[#reasons + 1] = decision.conflict
  return decision
end

return { name = "approval", version = "1.0.0", decide = decide }
