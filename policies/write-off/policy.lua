--- write-off: who may give up how much, before billing (write-down) and after it (write-off), and
--- for which reasons.
---
--- Subject: { kind = "write_down"|"write_off", amount, invoice_amount?, currency, reason_code,
--- country?, prepared_by?, engagement_partner? }. The first threshold that the amount is within
--- decides; every role it names must say yes, each by another person. The engagement partner never
--- gives up their own client's debt alone.

local decimal = require("billow.decimal")

local REASONS = {
  "rounding",
  "goodwill",
  "quality",
  "over_budget",
  "training",
  "uncollectable",
  "insolvency",
  "dispute",
  "error",
}
local THRESHOLDS = {
  { up_to = "5.00", roles = {} },
  { up_to = "100.00", roles = { "team_lead" } },
  { up_to = "1000.00", up_to_percent = "2", roles = { "controller" } },
  { roles = { "partner", "cfo" } },
}
-- What is given up for good: only then is the tax in it claimed back.
local BAD_DEBT = { uncollectable = true, insolvency = true }

---@class policy.write_off.Decision
---@field is_allowed boolean
---@field is_automatic boolean         nobody is asked
---@field approvals {role: string, people: string[]}[]   one yes each, by different people
---@field excluded string[]            who does not count
---@field is_tax_relief boolean        the tax in it may be claimed back in this country
---@field reasons string[]

local function contains(list, value)
  for _, member in ipairs(list) do
    if member == value then
      return true
    end
  end
  return false
end

local function is_within(threshold, subject)
  local amount = decimal(subject.amount)
  if not threshold.up_to and not threshold.up_to_percent then
    return true
  elseif threshold.up_to and amount <= decimal(threshold.up_to) then
    return true
  end
  local whole = threshold.up_to_percent and subject.invoice_amount
  return whole ~= nil
    and whole ~= false
    and amount * decimal(100) <= decimal(whole) * decimal(threshold.up_to_percent)
end

local function threshold_for(settings, subject)
  local thresholds = settings.thresholds and #settings.thresholds > 0 and settings.thresholds
    or THRESHOLDS
  for _, threshold in ipairs(thresholds) do
    if is_within(threshold, subject) then
      return threshold
    end
  end
  return nil
end

local function refused(reason)
  return {
    is_allowed = false,
    is_automatic = false,
    approvals = {},
    excluded = {},
    is_tax_relief = false,
    reasons = { reason },
  }
end

--- Who must say yes. A partner of the engagement alone is joined by the next role in the list.
local function approvals_of(settings, threshold, subject)
  local people, approvals = settings.people or {}, {}
  for i, role in ipairs(threshold.roles) do
    approvals[i] = { role = role, people = people[role] or {} }
  end
  local partner = subject.engagement_partner
  local only = #approvals == 1 and approvals[1]
  if partner and only and (#only.people == 0 or contains(only.people, partner)) then
    local role = settings.second_role or "cfo"
    approvals[2] = { role = role, people = people[role] or {} }
  end
  return approvals
end

---@param subject table
---@param settings table
---@return policy.write_off.Decision
local function decide(subject, settings)
  if not subject.amount then
    return refused("nothing is given up")
  end
  local codes = settings.reason_codes and #settings.reason_codes > 0 and settings.reason_codes
    or REASONS
  if not contains(codes, subject.reason_code) then
    return refused(
      string.format(
        "%s is no reason: write one of %s",
        tostring(subject.reason_code),
        table.concat(codes, ", ")
      )
    )
  end
  local threshold = threshold_for(settings, subject)
  if not threshold then
    return refused(subject.amount .. " is above every threshold: nobody may give it up")
  end
  local approvals = approvals_of(settings, threshold, subject)
  local roles = {}
  for i, approval in ipairs(approvals) do
    roles[i] = approval.role
  end
  local relief = settings.tax_relief_countries or {}
  return {
    is_allowed = true,
    is_automatic = #approvals == 0,
    approvals = approvals,
    excluded = { subject.prepared_by },
    is_tax_relief = subject.kind == "write_off"
      and BAD_DEBT[subject.reason_code] ~= nil
      and contains(relief, subject.country),
    reasons = {
      #roles == 0 and subject.amount .. " " .. subject.currency .. " is given up without asking"
        or subject.amount .. " " .. subject.currency .. " needs " .. table.concat(roles, " and "),
    },
  }
end

return { name = "write-off", version = "1.0.0", decide = decide }
