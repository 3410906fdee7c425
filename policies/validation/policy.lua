--- validation: what an entry must satisfy before it is billed, which exceptions ask nobody, and
--- when a bill looks unusual.
---
--- Subject: { contract, model, period }. A contract's own approval_required wins over this
--- decision.

local decimal = require("billow.decimal")

local DAY_HOURS_MAX, DEVIATION, HISTORY_MIN = "24", "50", 3
local TIMESHEET_PERCENT = "50"

---@class policy.validation.Decision
---@field approval_required boolean
---@field day_seconds_max integer
---@field entry_seconds_max? integer     nil: no limit
---@field overlaps "allow"|"ask"          entries of a person that overlap
---@field timesheets {action: "ignore"|"record"|"ask", percent: string}   days with too few hours
---@field hold_without_asking string[]   codes of exceptions
---@field exceptions_owner string[]      who decides on exceptions; empty = anybody
---@field deviation_percent? string      nil: bills are not compared
---@field history_min integer
---@field reasons string[]

local function seconds(hours)
  return (decimal(hours) * decimal(3600)):floor(0):to_integer()
end

---@param _ table
---@param settings table
---@return policy.validation.Decision
local function decide(_, settings)
  local is_required = settings.approval_required ~= false
  local day, entry = settings.day_hours_max or DAY_HOURS_MAX, settings.entry_hours_max
  local is_limited = entry and decimal(entry) > decimal(0)
  local deviation = settings.deviation_percent or DEVIATION
  local silent = settings.hold_without_asking or {}
  local reasons = {
    is_required and "entries must be approved at their source" or "entries need no approval",
    string.format("a person's day has at most %s hours", day),
  }
  if is_limited then
    reasons[#reasons + 1] = string.format("an entry has at most %s hours", entry)
  end
  if #silent > 0 then
    reasons[#reasons + 1] = "held without asking: " .. table.concat(silent, ", ")
  end
  return {
    approval_required = is_required,
    day_seconds_max = seconds(day),
    entry_seconds_max = is_limited and seconds(entry) or nil,
    overlaps = settings.overlaps or "allow",
    timesheets = {
      action = settings.timesheets or "ignore",
      percent = settings.timesheet_percent or TIMESHEET_PERCENT,
    },
    hold_without_asking = silent,
    exceptions_owner = settings.exceptions_owner or {},
    deviation_percent = decimal(deviation) > decimal(0) and deviation or nil,
    history_min = settings.history_min or HISTORY_MIN,
    reasons = reasons,
  }
end

return { name = "validation", version = "1.0.0", decide = decide }
