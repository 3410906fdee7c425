--- delivery: how documents reach a customer: channel, recipients, language, and how long a
--- confirmation is waited for.
---
--- Subject: { customer, contract, kind = "invoice"|"credit_note"|"reminder"|"statement" }. A rule
--- for the kind of document wins over the general one.

---@class policy.delivery.Decision
---@field channel string
---@field recipients string[]
---@field copies string[]
---@field language string
---@field confirm_days integer   0: sent is enough
---@field max_attempts integer
---@field reasons string[]

---@param subject table
---@param settings table
---@return policy.delivery.Decision
local function decide(subject, settings)
  local rule = (settings.by_kind or {})[subject.kind] or {}
  local customer = subject.customer or {}
  local channel = rule.channel or settings.channel or "email"
  local recipients = rule.recipients or settings.recipients or {}
  local language = settings.language ~= "" and settings.language or customer.language or "en"
  return {
    channel = channel,
    recipients = recipients,
    copies = settings.copies or {},
    language = language,
    confirm_days = settings.confirm_days or 0,
    max_attempts = settings.max_attempts or 3,
    reasons = {
      string.format("by %s, in language %s", channel, language),
      #recipients == 0 and "to the addresses that the customer has on file"
        or "to " .. table.concat(recipients, ", "),
    },
  }
end

return { name = "delivery", version = "1.0.0", decide = decide }
