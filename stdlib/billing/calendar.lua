--- Periods, active days and business days. All dates are ISO text; ranges include both ends (model
--- 1).
local calendar = {}

local date = require("billow.date")

local SATURDAY = 6
local HOUR_US = 3600 * 1000000
local DAYS_MAX = 3660

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

calendar.TERMS = { "month", "quarter", "calendar_year", "contract_year", "contract" }

local TERM_STARTS = {}

function TERM_STARTS.month(_, id)
  return id
end

function TERM_STARTS.quarter(_, id)
  local month = math.tointeger(tonumber(id:sub(6, 7)))
  return string.format("%s%02d", id:sub(1, 5), (month - 1) // 3 * 3 + 1)
end

function TERM_STARTS.calendar_year(_, id)
  return id:sub(1, 5) .. "01"
end

function TERM_STARTS.contract_year(contract, id)
  local anniversary = id:sub(1, 5) .. contract.start_date:sub(6, 7)
  return anniversary <= id and anniversary or calendar.add_periods(anniversary, -12)
end

function TERM_STARTS.contract(contract)
  return contract.start_date:sub(1, 7)
end

--- The first month of the term in which a month lies. A year of the contract begins with the month
--- of its start.
---@param term string          one of calendar.TERMS
---@param contract table       start_date
---@param period_id string
---@return string period_id
function calendar.term_start(term, contract, period_id)
  return TERM_STARTS[term](contract, period_id)
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

--- The instant at which so many business hours have passed. Only office hours of business days
--- count, by the firm's holidays and time zone; outside of them nothing passes.
---@param start_us integer
---@param hours integer
---@param office {from: string, to: string}   "09:00"
---@param firm {holidays?: string[], time_zone: string}
---@return integer
function calendar.business_instant(start_us, hours, office, firm)
  local is_holiday, left = {}, hours * HOUR_US
  local function at_clock(day, clock)
    return date.parse_instant(date.at(day, clock, firm.time_zone))
  end
  for _, holiday in ipairs(firm.holidays or {}) do
    is_holiday[holiday] = true
  end
  local day, at = date.of_instant(start_us, firm.time_zone), start_us
  for _ = 1, DAYS_MAX do
    if calendar.is_business_day(day, is_holiday) then
      local from = math.max(at, at_clock(day, office.from))
      local to = at_clock(day, office.to)
      if to - from >= left then
        return from + left
      end
      left = left - math.max(0, to - from)
    end
    day = date.add_days(day, 1)
  end
  return at_clock(day, office.from) -- there are no office hours at all
end

return calendar
