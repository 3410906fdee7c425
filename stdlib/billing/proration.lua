--- Proration: the part of a price that belongs to a part of a period.
---
--- Three questions, three families of functions: what a monthly amount is for a contract that is
--- not active all month (the rule of contracts), what fraction of a period two dates are under a
--- named method (the choice is part of the answer, so that it can be stored), and how many billing
--- cycles lie between two dates when cycles begin on a billing day of the month. Cycle dates are
--- half open: the end day is not in the range. Contract dates include both ends.
---@class billing.proration
local proration = {}

local calendar = require("billow.billing.calendar")
local date = require("billow.date")
local decimal = require("billow.decimal")

-- Billing systems that count in cycles agree on nine decimals, each fraction rounded by itself.
local CYCLE_DECIMALS = 9
local MONTHS_OF_CYCLE = { MONTHLY = 1, QUARTERLY = 3, BIANNUAL = 6, ANNUAL = 12 }
local SATURDAY = 6

proration.METHODS = { "actual_days", "30_360", "working_days", "none" }

--- A part of an amount, multiplied before it is divided so that it is rounded only once.
---@param amount Decimal
---@param part integer|Decimal
---@param whole integer|Decimal
---@param d integer
---@return Decimal
function proration.part(amount, part, whole, d)
  return (amount * part / whole):round(d)
end

--- A monthly amount for a contract: whole when it is not prorated or active all month.
---@param amount Decimal
---@param contract {start_date: string, end_date: string|nil}
---@param period_id string
---@param is_prorated boolean
---@param d integer
---@return Decimal
function proration.monthly(amount, contract, period_id, is_prorated, d)
  if not is_prorated then
    return amount:round(d)
  end
  local active_days, days = calendar.active_days(contract, calendar.period(period_id))
  return proration.part(amount, active_days, days, d)
end

--- Days from one date to another in a calendar of twelve months of thirty days (US/NASD ends).
---@param from string
---@param to string
---@return integer
local function days_30_360(from, to)
  local y1, m1, d1 = from:match("^(%d+)-(%d+)-(%d+)$")
  local y2, m2, d2 = to:match("^(%d+)-(%d+)-(%d+)$")
  local day1 = math.min(math.tointeger(d1), 30)
  local day2 = math.tointeger(d2)
  if day2 == 31 and day1 == 30 then
    day2 = 30
  end
  return (math.tointeger(y2) - math.tointeger(y1)) * 360
    + (math.tointeger(m2) - math.tointeger(m1)) * 30 + day2 - day1
end

---@param from string  first day
---@param to string    day after the last
---@param holidays table<string, boolean>
---@return integer
local function working_days(from, to, holidays)
  local count, day = 0, from
  while day < to do
    if date.weekday(day) < SATURDAY and not holidays[day] then
      count = count + 1
    end
    day = date.add_days(day, 1)
  end
  return count
end

--- The fraction of [whole_from, whole_to) that [from, to) is.
---@param method "actual_days"|"30_360"|"working_days"|"none"
---@param range {from: string, to: string, whole_from: string, whole_to: string}
---@param holidays table<string, boolean>|nil
---@return integer part   in days of the method
---@return integer whole
function proration.days(method, range, holidays)
  if method == "30_360" then
    return days_30_360(range.from, range.to), days_30_360(range.whole_from, range.whole_to)
  elseif method == "working_days" then
    return working_days(range.from, range.to, holidays or {}),
      working_days(range.whole_from, range.whole_to, holidays or {})
  elseif method == "none" then
    return 1, 1
  end
  return date.days_between(range.from, range.to),
    date.days_between(range.whole_from, range.whole_to)
end

--- A day of a month, its last day when the month is shorter.
---@param month_first string
---@param day integer
---@return string
local function day_of_month(month_first, day)
  local last = date.end_of_month(month_first)
  local length = date.days_between(month_first, last) + 1
  return date.add_days(month_first, math.min(day, length) - 1)
end

---@param from string
---@param day integer
---@return string  the first billing day on or after `from`
local function first_billing_date(from, day)
  local candidate = day_of_month(date.first_of_month(from), day)
  if candidate < from then
    candidate = day_of_month(date.add_months(date.first_of_month(from), 1), day)
  end
  return candidate
end

---@class billing.Cycles
---@field cycles Decimal          whole cycles plus fractions, each at nine decimals
---@field whole integer
---@field fractions {days: integer, of_days: integer}[]  leading first, then trailing

---@param result billing.Cycles
---@param days integer
---@param of_days integer
local function add_fraction(result, days, of_days)
  if days > 0 then
    result.fractions[#result.fractions + 1] = { days = days, of_days = of_days }
    result.cycles = result.cycles + (decimal(days) / of_days):round(CYCLE_DECIMALS)
  end
end

---@class billing.CycleTerms
---@field period "MONTHLY"|"QUARTERLY"|"BIANNUAL"|"ANNUAL"
---@field billing_day integer     1 to 31; a short month bills on its last day
---@field start_date string
---@field end_date string|nil     the first day that is not served
---@field target_date string      bill what is due up to this day
---@field billed "advance"|"arrears"

--- How many cycles are due from the start of service to a target date. A start between billing days
--- gives a leading fraction of the cycle that ends on the first billing day; an end between them a
--- trailing fraction of the cycle it falls in. In advance, a cycle is due on its first day; in
--- arrears, when it has ended.
---@param terms billing.CycleTerms
---@return billing.Cycles
function proration.cycles(terms)
  local months = MONTHS_OF_CYCLE[terms.period]
  local is_advance = terms.billed ~= "arrears"
  local result = { cycles = decimal(0), whole = 0, fractions = {} }
  local first = first_billing_date(terms.start_date, terms.billing_day)
  local stop = terms.end_date
  if terms.target_date < terms.start_date then
    return result
  end
  if terms.start_date < first then
    local to = stop and stop < first and stop or first
    if is_advance or to <= terms.target_date then
      local before = date.add_months(first, -months)
      add_fraction(result, date.days_between(terms.start_date, to),
        date.days_between(before, first))
    end
  end
  local number, from = 0, first
  while not (stop and from >= stop) do
    number = number + 1
    local month = date.add_months(date.first_of_month(first), number * months)
    local to = day_of_month(month, terms.billing_day)
    local served_to = stop and stop < to and stop or to
    if (is_advance and from or served_to) > terms.target_date then
      break
    end
    if served_to == to then
      result.whole = result.whole + 1
      result.cycles = result.cycles + 1
    else
      add_fraction(result, date.days_between(from, served_to), date.days_between(from, to))
    end
    from = to
  end
  return result
end

return proration
