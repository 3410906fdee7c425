--- rounding: how durations are rounded for contracts that do not say it themselves.
---
--- Subject: { contract, period }. A contract's own terms.rounding wins over this decision.

---@class policy.rounding.Decision
---@field rounding? {increment_minutes: integer, mode: string, scope: string}   nil: as worked
---@field reasons string[]

---@param _ table
---@param settings table
---@return policy.rounding.Decision
local function decide(_, settings)
  local increment = settings.increment_minutes or 0
  if increment == 0 then
    return { reasons = { "time is billed as worked" } }
  end
  local mode, scope = settings.mode or "up", settings.scope or "entry"
  local reason = string.format("time is rounded %s to %d minutes by %s", mode, increment, scope)
  return {
    rounding = { increment_minutes = increment, mode = mode, scope = scope },
    reasons = { reason },
  }
end

return { name = "rounding", version = "1.0.0", decide = decide }
