--- late-entries: what happens to work of earlier periods that was not there when they were billed.
---
--- Subject: { contract, model, period = {start_date} }. A contract's own late_entries (of usage:
--- terms.late_events) wins over action; the age limit holds for every contract.

local date = require("billow.date")

---@class policy.late_entries.Decision
---@field action "include"|"exception"
---@field oldest? string    work before this date needs a decision; nil: any age is billed
---@field reasons string[]

---@param subject table
---@param settings table
---@return policy.late_entries.Decision
local function decide(subject, settings)
  local action, months = settings.action or "include", settings.max_age_months or 0
  local oldest = months > 0 and date.add_months(subject.period.start_date, -months) or nil
  local reasons = {
    action == "include" and "late work is billed with the current period"
      or "late work needs a decision",
  }
  if oldest then
    reasons[2] = "work before " .. oldest .. " needs a decision in any case"
  end
  return { action = action, oldest = oldest, reasons = reasons }
end

return { name = "late-entries", version = "1.0.0", decide = decide }
