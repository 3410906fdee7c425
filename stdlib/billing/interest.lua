--- Late payment: simple daily interest, statutory rates by half-year, fixed sums, fees by level
--- (U3).
---
--- Interest is simple: amount x percent x days / days of the year. Over several rates the parts are
--- added exactly and rounded once. Nothing here is legal advice: the tables come with the call or
--- are the statutory ones named below, and a date beyond the table is refused rather than guessed.
---@class billing.interest
local interest = {}

local date = require("billow.date")
local decimal = require("billow.decimal")
local explanation = require("billow.billing.explanation")
local reading = require("billow.billing.reading")

local ZERO = decimal(0)
local PERCENT = decimal(100)
local DAYS_IN_YEAR_DEFAULT = 365
-- Directive 2011/7/EU and the UK's 1998 Act agree on the points above the reference rate.
local STATUTORY_MARGIN = decimal(8)

--- Fixed compensation by size of the debt; the last row whose bound is reached applies.
interest.COMPENSATION = {
  uk = {
    { from_amount = decimal(0), amount = decimal(40) },
    { from_amount = decimal(1000), amount = decimal(70) },
    { from_amount = decimal(10000), amount = decimal(100) },
  },
  eu = { { from_amount = decimal(0), amount = decimal(40) } },
  ie = {
    { from_amount = decimal(0), amount = decimal(40) },
    { from_amount = decimal("1000.01"), amount = decimal(70) },
    { from_amount = decimal("10000.01"), amount = decimal(100) },
  },
}

--- Interest at one rate.
---@param amount Decimal
---@param percent Decimal  a year
---@param days integer
---@param days_in_year integer|nil
---@return Decimal  not rounded
function interest.simple(amount, percent, days, days_in_year)
  return amount * percent * days / (PERCENT * (days_in_year or DAYS_IN_YEAR_DEFAULT))
end

--- The statutory rate: reference rate plus margin, and never below nothing: a creditor owes no
--- interest for being paid late.
---@param reference_rate Decimal
---@param margin Decimal|nil
---@return Decimal
function interest.statutory_percent(reference_rate, margin)
  return decimal.max(decimal(0), reference_rate + (margin or STATUTORY_MARGIN))
end

---@class billing.InterestRate
---@field valid_from string
---@field percent Decimal

--- The rate in force on a day.
---@param rates billing.InterestRate[]
---@param day string
---@return billing.InterestRate|nil
local function rate_on(rates, day)
  local found
  for _, rate in ipairs(rates) do
    if rate.valid_from <= day and (not found or rate.valid_from > found.valid_from) then
      found = rate
    end
  end
  return found
end

--- The first day after `day` on which another rate begins.
---@param rates billing.InterestRate[]
---@param day string
---@return string|nil
local function next_change(rates, day)
  local found
  for _, rate in ipairs(rates) do
    if rate.valid_from > day and (not found or rate.valid_from < found) then
      found = rate.valid_from
    end
  end
  return found
end

--- Interest over a table of rates, from the day after the due date up to and including a day.
---@param amount Decimal
---@param rates billing.InterestRate[]
---@param due_date string
---@param until_date string
---@param days_in_year integer|nil
---@param steps billing.Step[]|nil
---@return Decimal interest  not rounded
---@return integer days
function interest.over_rates(amount, rates, due_date, until_date, days_in_year, steps)
  local weighted, days = ZERO, 0
  local from = date.add_days(due_date, 1)
  while from <= until_date do
    local rate = rate_on(rates, from)
    if not rate then
      reading.refuse("interest.rates", from, "add a row with valid_from on or before this day")
    end
    local change = next_change(rates, from)
    local stop = date.add_days(until_date, 1)
    if change and change < stop then
      stop = change
    end
    local part_days = date.days_between(from, stop)
    explanation.add(steps, "interest", part_days .. " days from " .. from .. " at "
      .. tostring(rate.percent) .. " % on " .. tostring(amount),
      interest.simple(amount, rate.percent, part_days, days_in_year))
    -- Days are weighted with their rates and divided once: quotients cannot be added exactly.
    weighted = weighted + rate.percent * part_days
    days = days + part_days
    from = stop
  end
  return interest.simple(amount, weighted, 1, days_in_year), days
end

--- The fixed compensation for a debt.
---@param rows {from_amount: Decimal, amount: Decimal}[]  bounds rising
---@param debt Decimal
---@return Decimal
function interest.compensation(rows, debt)
  local amount = ZERO
  for _, row in ipairs(rows) do
    if debt >= row.from_amount then
      amount = row.amount
    end
  end
  return amount
end

---@class billing.DunningLevel
---@field days integer              overdue days at which the level is reached
---@field fixed Decimal|nil
---@field percent Decimal|nil       of the outstanding amount, without earlier fees

--- The fees of every level reached, each charged once.
---@param levels billing.DunningLevel[]
---@param outstanding Decimal
---@param overdue_days integer
---@param d integer
---@param steps billing.Step[]|nil
---@return Decimal fees
---@return integer level  number of the highest level reached; 0 = none
function interest.level_fees(levels, outstanding, overdue_days, d, steps)
  local fees, reached = ZERO, 0
  for number, level in ipairs(levels) do
    if overdue_days >= level.days then
      local fee = (level.fixed or ZERO)
        + (outstanding * (level.percent or ZERO) / PERCENT):round(d)
      explanation.add(steps, "fee", "level " .. number .. " after " .. level.days .. " days", fee)
      fees = fees + fee
      reached = number
    end
  end
  return fees, reached
end

return interest
