--- rates: which cards and selectors are searched, and on which date a rate must be in force.
---
--- Subject: { contract, period }. A contract's own terms (rate_date, rate_source) win over this
--- decision.

local LEVELS = { "contract", "customer", "firm" }

---@class policy.rates.Decision
---@field levels string[]
---@field selectors? string[]   nil: each card's own order
---@field rate_date string
---@field rate_source string
---@field reasons string[]

---@param _ table
---@param settings table
---@return policy.rates.Decision
local function decide(_, settings)
  local levels = settings.levels and #settings.levels > 0 and settings.levels or LEVELS
  local selectors = settings.selectors and #settings.selectors > 0 and settings.selectors or nil
  local rate_date = settings.rate_date or "work_date"
  local rate_source = settings.rate_source or "card"
  return {
    levels = levels,
    selectors = selectors,
    rate_date = rate_date,
    rate_source = rate_source,
    reasons = {
      "cards are searched in the order " .. table.concat(levels, ", "),
      "rows by " .. (selectors and table.concat(selectors, ", ") or "each card's own order"),
      rate_date == "work_date" and "a rate must be in force on the day of the work"
        or "a rate must be in force on the day of issue",
      rate_source == "source" and "a rate of the time tracker wins"
        or "rates of the time tracker are ignored",
    },
  }
end

return { name = "rates", version = "1.0.0", decide = decide }
