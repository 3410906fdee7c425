--- Periods, active days and business days. All dates are ISO text; ranges include both ends (model
--- 1).
local calendar = {}

local date = require("billow.date")

local SATURDAY = 6

--- The calendar month `id` ("2026-10") with its first and last day.
---@param id string
---@return billing.Period
function calendar.period(id)
  local first = id .. "-01"
  return { id = id, start_date = first, end_date = date.end_of_month(first) }
end

--- Is `text` a period id?
---@param text any
---@return boolean
function calendar.is_period(text)
  return type(text) == "string"
    and text:find("^%d%d%d%d%-%d%d$") ~= nil
    and date.is_valid(text .. "-01")
end

--- The month `count` months after `id`.
---@param id string
---@param count integer
---@return string
function calendar.add_periods(id, count)
  return date.month(date.add_months(id .. "-01", count))
end

---@param period billing.Period
---@return integer
function calendar.days(period)
  return date.days_between(period.start_date, period.end_date) + 1
end

--- Days of `period` on which the contract is in force, and the days of the period: the terms of
--- every proration.
---@param contract table   start_date, end_date?
---@param period billing.Period
---@return integer active_days
---@return integer days
function calendar.active_days(contract, period)
  local first, last = period.start_date, period.end_date
  if contract.start_date > first then
    first = contract.start_date
  end
  if contract.end_date and contract.end_date < last then
    last = contract.end_date
  end
  local active = date.days_between(first, last) + 1
  return active > 0 and active or 0, calendar.days(period)
end

---@param day string
---@param holidays table<string, boolean>
---@return boolean
function calendar.is_business_day(day, holidays)
  return date.weekday(day) < SATURDAY and not holidays[day]
end

--- `day` itself when it is a business day, else the next one.
---@param day string
---@param holidays string[]   of the firm; may be nil
---@return string
function calendar.next_business_day(day, holidays)
  local is_holiday = {}
  for _, holiday in ipairs(holidays or {}) do
    is_holiday[holiday] = true
  end
  while not calendar.is_business_day(day, is_holiday) do
    day = date.add_days(day, 1)
  end
  return day
end

return calendar
