--- discount: what is taken off a price, and from when on a person has to agree.
---
--- Subject: { customer, amount }. A policy is pure: it computes, it asks nobody.

local decimal = require("billow.decimal")

---@class policy.discount.Decision
---@field discount string             to be taken off the amount
---@field is_approval_needed boolean
---@field reasons string[]

---@param subject {customer: string, amount: string}
---@param settings table
---@return policy.discount.Decision
local function decide(subject, settings)
  local amount = decimal(subject.amount)
  local discount = (amount * decimal(settings.percent) / 100):round(2)
  local is_large = discount > decimal(settings.approval_above)
  local reasons = { settings.percent .. " % off " .. subject.amount }
  if is_large then
    reasons[2] = discount:fixed(2) .. " is more than " .. settings.approval_above
  end
  return { discount = discount:fixed(2), is_approval_needed = is_large, reasons = reasons }
end

return { name = "discount", version = "1.0.0", decide = decide }
