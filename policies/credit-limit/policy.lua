--- credit-limit: how much a customer may owe, and for how long, before the firm stops working for
--- them. By default there is no limit.
---
--- Subject: { customer, currency, open_amount, overdue_amount, overdue_days }. The decision is
--- whether the service stops; the signal goes to whoever waits for it, nobody is stopped by it
--- alone.

local decimal = require("billow.decimal")

---@class policy.credit_limit.Decision
---@field is_on boolean        there is a limit
---@field is_stopped boolean
---@field reasons string[]

local function limit_of(settings, currency)
  local limit = (settings.limits or {})[currency] or settings.limit
  return limit and limit ~= "" and limit or nil
end

---@param subject table
---@param settings table
---@return policy.credit_limit.Decision
local function decide(subject, settings)
  local limit, days = limit_of(settings, subject.currency), settings.overdue_days or 0
  local decision = { is_on = limit ~= nil or days > 0, is_stopped = false, reasons = {} }
  local reasons = decision.reasons
  local open = decimal(subject.open_amount or "0")
  if limit and open > decimal(limit) then
    reasons[#reasons + 1] =
      string.format("%s %s is open, the limit is %s", tostring(open), subject.currency, limit)
  end
  local overdue = subject.overdue_days or 0
  local least = decimal(settings.minimum_amount or "0")
  if days > 0 and overdue > days and decimal(subject.overdue_amount or "0") >= least then
    reasons[#reasons + 1] =
      string.format("%d days overdue, %d are the limit", overdue, days)
  end
  decision.is_stopped = #reasons > 0
  if not decision.is_stopped then
    reasons[1] = decision.is_on and "within the limits" or "there is no limit"
  end
  return decision
end

return { name = "credit-limit", version = "1.0.0", decide = decide }
