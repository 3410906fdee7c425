--- interest: whether interest is claimed on late payment, at which rate, and what a dispute does to
--- it. By default none.
---
--- Subject: { customer, contract, currency, country }. The decision is the terms that
--- billow.billing.interest_rates reckons with.

---@class policy.interest.Decision: billing.InterestTerms
---@field reasons string[]

local TABLES = { DE = "de", GB = "uk" }

--- The table as set, or the one of the customer's country.
local function table_of(subject, settings)
  if settings.table and settings.table ~= "country" then
    return settings.table
  end
  return TABLES[subject.country] or "eu"
end

local function reason_of(decision)
  if decision.method == "none" then
    return "no interest is claimed"
  elseif decision.method == "fixed" then
    return decision.percent .. " % a year, as agreed"
  end
  return "the statutory rate of table " .. decision.table
end

---@param subject table
---@param settings table
---@return policy.interest.Decision
local function decide(subject, settings)
  local method = settings.method or "none"
  local rates = settings.reference_rates or {}
  local decision = {
    method = method,
    percent = method == "fixed" and (settings.percent or "0") or nil,
    table = method == "statutory" and table_of(subject, settings) or nil,
    margin = method == "statutory" and settings.margin ~= "" and settings.margin or nil,
    reference_rates = method == "statutory" and rates or nil,
    reference_known_until = settings.reference_known_until ~= "" and settings.reference_known_until
      or nil,
    has_compensation = method == "statutory" and settings.has_compensation ~= false,
    during_dispute = settings.during_dispute or "stop",
    days_in_year = settings.days_in_year or 365,
    minimum_amount = settings.minimum_amount or "1.00",
    document = settings.document or "charge",
    fees_max = settings.fees_max or "40.00",
  }
  decision.reasons = {
    reason_of(decision),
    decision.during_dispute == "stop" and "none on what is disputed" or "disputed amounts too",
  }
  if decision.has_compensation then
    decision.reasons[3] = "with the fixed sum for the costs of recovery"
  end
  return decision
end

return { name = "interest", version = "1.0.0", decide = decide }
