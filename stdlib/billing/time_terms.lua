--- From valid works to billable ones, in a fixed order: durations are rounded, limits of each entry
--- hold, overtime is put on, day rates become whole and half days.
local time_terms = {}

local day_rate = require("billow.billing.day_rate")
local entry_limits = require("billow.billing.entry_limits")
local lines = require("billow.billing.lines")
local overtime = require("billow.billing.overtime")
local rounding = require("billow.billing.rounding")

--- Apply a contract's terms of time.
---@param ctx billing.Context
---@param contract table
---@param works billing.Work[]
---@param rules table?         terms of rounding in force
---@return billing.Work[] billable   an entry may stand in several parts
---@return billing.Work[] away       rounded to nothing
function time_terms.apply(ctx, contract, works, rules)
  local terms, d = contract.terms, ctx.decimals(contract.currency)
  local kept, away = rounding.apply(works, rules, lines.key_of(terms.grouping))
  kept = entry_limits.apply(kept, terms, d)
  local by_hours = contract.model == "retainer" and terms.unit == "hours"
  kept = overtime.apply(kept, terms.overtime, ctx.firm.holidays, by_hours)
  return day_rate.apply(kept, terms), away
end

return time_terms
