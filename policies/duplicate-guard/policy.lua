--- duplicate-guard: whether what looks like a repetition is billed, asked about or stopped.
---
--- Subject: { contract, model, period } asks for the rules: same_entry, the windows. With issued =
--- { {number, match = "order"|"amount", ...} }, what the windows found beside a bill, it decides
--- about that bill. Strong matches (one purchase order, one period, one net) may block; weak ones
--- (one amount, days apart) only ask.

local ORDER_WINDOW, AMOUNT_WINDOW = 90, 7

---@class policy.duplicate_guard.Decision
---@field same_entry "block"|"allow"
---@field order_window_days integer     0: not looked for
---@field amount_window_days? integer   nil: not looked for
---@field action "issue"|"ask"|"block"
---@field reasons string[]

local WORDS = {
  order = "%s has the same customer, purchase order, period and net amount",
  amount = "%s has the same customer and amount to pay, and was issued on %s",
}

local function judge(issued, ways, reasons)
  local action = "issue"
  for _, invoice in ipairs(issued) do
    local way = ways[invoice.match]
    if way ~= "off" then
      reasons[#reasons + 1] =
        string.format(WORDS[invoice.match], invoice.number, invoice.issue_date or "")
      action = (way == "block" or action == "block") and "block" or "ask"
    end
  end
  return action
end

---@param subject table
---@param settings table
---@return policy.duplicate_guard.Decision
local function decide(subject, settings)
  local same_entry = settings.same_entry or "block"
  local order, amount = settings.same_order or "ask", settings.same_amount or "ask"
  local reasons = {
    same_entry == "block" and "an entry that is there twice is billed once"
      or "equal entries are all billed",
  }
  return {
    same_entry = same_entry,
    order_window_days = order ~= "off" and (settings.order_window_days or ORDER_WINDOW) or 0,
    amount_window_days = amount ~= "off" and (settings.amount_window_days or AMOUNT_WINDOW) or nil,
    action = judge(subject.issued or {}, { order = order, amount = amount }, reasons),
    reasons = reasons,
  }
end

return { name = "duplicate-guard", version = "1.0.0", decide = decide }
