--- dunning: after how many days which reminder goes out, for what amount, and when in the day.
---
--- Subject: { customer, contract, currency }. The decision is the terms that billow.billing.dunning
--- reckons with; by default three reminders, 5, 20 and 35 days after the due date.

local LEVELS = {
  { after_days = 5, template = "reminder" },
  { after_days = 20, template = "second_reminder" },
  { after_days = 35, template = "final_notice" },
}
local MINIMUM = "5.00"

---@class policy.dunning.Decision: billing.DunningTerms
---@field is_on boolean   false: nothing is sent, people decide themselves
---@field reasons string[]

--- The amount for the currency, else the one for all others.
local function minimum_of(settings, currency)
  local by_currency = settings.minimum_amounts or {}
  return by_currency[currency] or settings.minimum_amount or MINIMUM
end

local function levels_of(settings)
  return settings.levels and #settings.levels > 0 and settings.levels or LEVELS
end

---@param subject table
---@param settings table
---@return policy.dunning.Decision
local function decide(subject, settings)
  local levels, days = levels_of(settings), {}
  for i, level in ipairs(levels) do
    days[i] = tostring(level.after_days)
  end
  local is_on = settings.is_on ~= false
  local decision = {
    is_on = is_on,
    levels = levels,
    minimum_amount = minimum_of(settings, subject.currency),
    minimum_gap_days = settings.minimum_gap_days or 10,
    hand_over_days = settings.hand_over_days or 14,
    max_attempts = settings.max_attempts or 3,
    is_paused_by_dispute = settings.is_paused_by_dispute or false,
    send_from = settings.send_from or "09:00",
    send_until = settings.send_until or "17:00",
    reasons = {},
  }
  local reasons = decision.reasons
  reasons[1] = is_on and "reminders " .. table.concat(days, ", ") .. " days after the due date"
    or "reminders are switched off"
  reasons[2] = string.format(
    "from %s, at least %d days apart",
    decision.minimum_amount,
    decision.minimum_gap_days
  )
  reasons[3] = decision.is_paused_by_dispute and "a dispute pauses the whole invoice"
    or "a dispute pauses the disputed part"
  return decision
end

return { name = "dunning", version = "1.0.0", decide = decide }
