--- grouping: how time and expenses become lines for contracts that do not say it themselves.
---
--- Subject: { contract, model, period }. A contract's own terms.grouping and expenses.grouping win
--- over this decision.

local TIME, RETAINER, EXPENSES = { "task" }, {}, "category"

---@class policy.grouping.Decision
---@field time string[]
---@field expenses "category"|"entry"
---@field reasons string[]

local function words(grouping)
  return #grouping == 0 and "one line" or "a line for each " .. table.concat(grouping, ", ")
end

---@param subject table
---@param settings table
---@return policy.grouping.Decision
local function decide(subject, settings)
  local time = settings.time or TIME
  if subject.model == "retainer" then
    time = settings.retainer or RETAINER
  end
  local expenses = settings.expenses or EXPENSES
  return {
    time = time,
    expenses = expenses,
    reasons = { "time: " .. words(time), "expenses: a line for each " .. expenses },
  }
end

return { name = "grouping", version = "1.0.0", decide = decide }
