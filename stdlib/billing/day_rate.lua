--- Day rates by whole and half days (capability A4): what a person worked on one day at a price per
--- day is half a day up to a threshold, and a day above it.
---
--- Without `terms.day_rate` days are hours / hours_per_day, as exact as the quantity's decimals.
--- What is above a whole day is in the day (`included`, the default) or billed by time (`by_hour`).
local day_rate = {}

local copy = require("billow.billing.copy")
local decimal = require("billow.decimal")
local rounding = require("billow.billing.rounding")

local SECONDS_PER_HOUR = decimal(3600)
local DAY = "DAY"

---@param seconds integer
---@param rules table
---@param day_seconds integer
---@return integer
local function paid_seconds(seconds, rules, day_seconds)
  if seconds == 0 then
    return 0
  elseif seconds <= (rules.half_day_up_to_hours * SECONDS_PER_HOUR):round(0):to_integer() then
    return day_seconds // 2
  elseif seconds > day_seconds and rules.beyond_a_day == "by_hour" then
    return seconds
  end
  return day_seconds
end

---@param work billing.Work
---@return string
local function person_day(work)
  return work.person .. "\0" .. work.work_date
end

--- Works whose day-priced time is whole and half days; the others as they are.
---@param works billing.Work[]   with billed_seconds
---@param terms table            hours_per_day, day_rate
---@return billing.Work[]
function day_rate.apply(works, terms)
  local rules = terms.day_rate
  if not rules then
    return works
  end
  local by_day, paid, result = {}, {}, {}
  for _, work in ipairs(works) do
    if work.rate and work.rate.unit_code == DAY and not work.rate.is_no_charge then
      by_day[#by_day + 1] = work
    end
  end
  local day_seconds = (terms.hours_per_day * SECONDS_PER_HOUR):round(0):to_integer()
  for _, pool in pairs((rounding.pools(by_day, person_day))) do
    local total = 0
    for _, work in ipairs(pool) do
      total = total + work.billed_seconds
    end
    rounding.spread(pool, paid_seconds(total, rules, day_seconds) - total, paid, "billed_seconds")
  end
  for _, work in ipairs(works) do
    local seconds = paid[work]
    if seconds ~= 0 then
      result[#result + 1] = seconds and copy.with(work, { billed_seconds = seconds }) or work
    end
  end
  return result
end

return day_rate
