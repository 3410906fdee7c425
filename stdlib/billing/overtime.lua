--- Overtime (capability A6): work on certain weekdays, on holidays, or after so many hours of a
--- person's day or week has a factor.
---
--- An entry that crosses a threshold is divided at the second. Where several rules hold for one
--- part, `combination` says what becomes of their factors:
---   add             2.0 and 1.5 make 3.5 (the default)
---   add_surcharges  2.0 and 1.5 make 2.5: what is above 1 is added
---   multiply        2.0 and 1.5 make 3.0
---   highest         2.0 and 1.5 make 2.0
--- The factor raises the price; where time is drawn from a balance of hours it raises the time.
--- Fixed sums have no overtime.
local overtime = {}

local ceiling = require("billow.billing.ceiling")
local copy = require("billow.billing.copy")
local date = require("billow.date")
local decimal = require("billow.decimal")
local figures = require("billow.billing.figures")
local rates = require("billow.billing.rates")

local ONE = decimal(1)
local SECONDS_PER_HOUR = decimal(3600)

overtime.WEEKDAYS = {
  "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
}
overtime.COMBINATIONS = { "add", "add_surcharges", "multiply", "highest" }

local COMBINE = {}

function COMBINE.add(factors)
  return figures.sum(factors)
end

function COMBINE.add_surcharges(factors)
  return figures.sum(factors) - (#factors - 1)
end

function COMBINE.multiply(factors)
  local product = ONE
  for _, factor in ipairs(factors) do
    product = product * factor
  end
  return product
end

function COMBINE.highest(factors)
  return decimal.max(table.unpack(factors))
end

---@param list string[]|nil
---@param value string
---@return boolean
local function holds(list, value)
  for _, item in ipairs(list or {}) do
    if item == value then
      return true
    end
  end
  return false
end

--- Does the calendar allow the rule on this day? A rule that names no days holds on all of them.
---@param rule table
---@param day string
---@param holidays table<string, boolean>
---@return boolean
local function is_on(rule, day, holidays)
  local names_days = rule.weekdays ~= nil or rule.holidays
  return not names_days
    or rule.holidays and holidays[day] == true
    or holds(rule.weekdays, overtime.WEEKDAYS[date.weekday(day)])
end

--- Seconds of a person's day or week after which the rule holds; 0 when it holds from the start.
---@param rule table
---@param so_far {day: integer, week: integer}   worked before this entry
---@return integer   seconds of the entry before which the rule does not hold
local function begins_after(rule, so_far)
  local after = 0
  for name, worked in pairs({
    after_hours_per_day = so_far.day,
    after_hours_per_week = so_far.week,
  }) do
    if rule[name] then
      local threshold = (rule[name] * SECONDS_PER_HOUR):round(0):to_integer()
      after = math.max(after, threshold - worked)
    end
  end
  return after
end

--- Where the factors change inside an entry: seconds from its beginning, in order.
---@param starts integer[]
---@param seconds integer
---@return integer[]
local function borders(starts, seconds)
  local seen, list = { [0] = true }, { 0 }
  for _, start in ipairs(starts) do
    if start > 0 and start < seconds and not seen[start] then
      seen[start] = true
      list[#list + 1] = start
    end
  end
  table.sort(list)
  list[#list + 1] = seconds
  return list
end

---@param work billing.Work
---@param factor Decimal
---@param seconds integer
---@param by_hours boolean
---@return billing.Work
local function raised(work, factor, seconds, by_hours)
  local note = "overtime factor " .. figures.plain(factor)
  if by_hours then
    return copy.with(work, { billed_seconds = (factor * seconds):round(0):to_integer() })
  end
  local steps = { table.unpack(work.rate.steps) }
  steps[#steps + 1] = note
  local rate = copy.with(work.rate, { price = work.rate.price * factor, steps = steps })
  return copy.with(work, { billed_seconds = seconds, rate = rate })
end

---@param work billing.Work
---@param rules table
---@param so_far {day: integer, week: integer}
---@param holidays table<string, boolean>
---@param by_hours boolean
---@param parts billing.Work[]   gets the parts
local function divide(work, rules, so_far, holidays, by_hours, parts)
  local starts, active = {}, {}
  for _, rule in ipairs(rules.rules) do
    if is_on(rule, work.work_date, holidays) then
      active[#active + 1] = rule
      starts[#starts + 1] = begins_after(rule, so_far)
    end
  end
  local list = borders(starts, work.billed_seconds)
  for i = 1, #list - 1 do
    local factors = {}
    for n, rule in ipairs(active) do
      if starts[n] <= list[i] then
        factors[#factors + 1] = rule.factor
      end
    end
    local seconds = list[i + 1] - list[i]
    if #factors == 0 then
      parts[#parts + 1] = copy.with(work, { billed_seconds = seconds })
    else
      local factor = COMBINE[rules.combination or "add"](factors)
      parts[#parts + 1] = raised(work, factor, seconds, by_hours)
    end
  end
end

--- Works with overtime in their price, or in their time; entries that cross a threshold in parts.
---@param works billing.Work[]   with billed_seconds
---@param rules table|nil        terms.overtime
---@param holidays string[]
---@param by_hours boolean       raise the time instead of the price
---@return billing.Work[]
function overtime.apply(works, rules, holidays, by_hours)
  if not rules then
    return works
  end
  local is_holiday, worked, parts = {}, {}, {}
  for _, day in ipairs(holidays) do
    is_holiday[day] = true
  end
  for _, work in ipairs(ceiling.in_order(works)) do
    local day_key = work.person .. "\0" .. work.work_date
    local week_key = work.person .. "\0" .. date.iso_week(work.work_date)
    local so_far = { day = worked[day_key] or 0, week = worked[week_key] or 0 }
    if work.rate and work.rate.unit_code == rates.FIXED or work.billed_seconds == 0 then
      parts[#parts + 1] = work
    else
      divide(work, rules, so_far, is_holiday, by_hours, parts)
    end
    worked[day_key] = so_far.day + work.billed_seconds
    worked[week_key] = so_far.week + work.billed_seconds
  end
  return parts
end

return overtime
