--- Limits of each entry (capability A4): the least and the most hours billed for it, and the least
--- amount.
---
--- They come after rounding. A row of a rate card may have its own limits; the terms' hold for the
--- other entries. An entry whose amount would be below the least one becomes a fixed sum: one entry
--- at that price, so that quantity x price is still what stands on the page. Entries of a fixed sum
--- and entries without charge have no limits.
local entry_limits = {}

local copy = require("billow.billing.copy")
local decimal = require("billow.decimal")
local figures = require("billow.billing.figures")
local rates = require("billow.billing.rates")

local SECONDS_PER_HOUR = decimal(3600)

local OF_TERMS = {
  min_hours = "min_hours_per_entry",
  max_hours = "max_hours_per_entry",
  min_amount = "min_amount_per_entry",
}

---@param work billing.Work
---@param terms table
---@param name "min_hours"|"max_hours"|"min_amount"
---@return Decimal?
local function limit_of(work, terms, name)
  local own = work.rate and work.rate.limits
  return own and own[name] or terms[OF_TERMS[name]]
end

---@param hours Decimal
---@return integer
local function seconds_of(hours)
  return (hours * SECONDS_PER_HOUR):round(0):to_integer()
end

---@param work billing.Work
---@param terms table
---@return integer seconds
local function within_hours(work, terms)
  local seconds = work.billed_seconds
  local least, most = limit_of(work, terms, "min_hours"), limit_of(work, terms, "max_hours")
  if least then
    seconds = math.max(seconds, seconds_of(least))
  end
  if most then
    seconds = math.min(seconds, seconds_of(most))
  end
  return seconds
end

---@param work billing.Work
---@param terms table
---@param d integer
---@return billing.Rate?
local function rate_within(work, terms, d)
  local rate = work.rate
  local least = rate and limit_of(work, terms, "min_amount")
  if not least then
    return rate
  end
  local per_day = rate.unit_code == "DAY" and terms.hours_per_day or nil
  local amount = (figures.hours(work.billed_seconds, per_day) * rate.price):round(d)
  if amount >= least then
    return rate
  end
  local steps = { table.unpack(rate.steps) }
  steps[#steps + 1] = "minimum charge " .. figures.plain(least) .. " instead of "
    .. figures.plain(amount)
  return copy.with(rate, { price = least, unit_code = rates.FIXED, steps = steps })
end

--- Works within the limits, in the order given.
---@param works billing.Work[]   with billed_seconds
---@param terms table
---@param d integer
---@return billing.Work[]
function entry_limits.apply(works, terms, d)
  local limited = {}
  for i, work in ipairs(works) do
    local rate = work.rate
    if rate and (rate.is_no_charge or rate.unit_code == rates.FIXED) then
      limited[i] = work
    else
      local within = copy.with(work, { billed_seconds = within_hours(work, terms) })
      within.rate = rate_within(within, terms, d)
      limited[i] = within
    end
  end
  return limited
end

return entry_limits
