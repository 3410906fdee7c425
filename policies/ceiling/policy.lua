--- ceiling: what happens beyond the ceiling of a contract that does not say it itself.
---
--- Subject: { contract, period }. Overage rates and next contracts need terms of their own, so only
--- a contract can choose those; its own overflow wins over this decision.

local REASONS = {
  hold = "work beyond the ceiling stays open",
  write_off = "work beyond the ceiling is written off",
  stop = "work beyond the ceiling stays open and blocks the invoice",
}

---@class policy.ceiling.Decision
---@field overflow "hold"|"write_off"|"stop"
---@field reasons string[]

---@param _ table
---@param settings table
---@return policy.ceiling.Decision
local function decide(_, settings)
  local overflow = settings.overflow or "hold"
  return { overflow = overflow, reasons = { REASONS[overflow] } }
end

return { name = "ceiling", version = "1.0.0", decide = decide }
