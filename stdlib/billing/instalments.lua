--- Instalment plans: an amount in parts with due dates, the parts adding up to the cent.
---@class billing.instalments
local instalments = {}

local calendar = require("billow.billing.calendar")
local date = require("billow.date")
local decimal = require("billow.decimal")
local due = require("billow.billing.due")
local split = require("billow.billing.split")

---@class billing.InstalmentTerm
---@field percent Decimal|nil  share of the amount; all terms have one, or none has
---@field amount Decimal|nil   fixed, taken off before the shares
---@field days integer|nil     after the first date
---@field months integer|nil   after the first date, at most the last day of the month
---@field terms table|nil      payment terms of this part, counted from the first date
---@field is_rest boolean|nil   what the other parts leave

---@class billing.InstalmentPlan
---@field first_date string
---@field terms billing.InstalmentTerm[]
---@field remainder "largest"|"last"  who takes the odd cents
---@field shift "none"|"next_business_day"
---@field holidays string[]

---@class billing.Instalment
---@field number integer
---@field due_date string
---@field amount Decimal

--- Equal terms, one a month or one every so many days.
---@param count integer
---@param every {months: integer|nil, days: integer|nil}
---@return billing.InstalmentTerm[]
function instalments.equal(count, every)
  local terms = {}
  for number = 0, count - 1 do
    terms[number + 1] = {
      months = every.months and every.months * number,
      days = every.days and every.days * number,
      percent = decimal(1),
    }
  end
  return terms
end

local function has_rest(terms)
  for _, term in ipairs(terms) do
    if term.is_rest then
      return true
    end
  end
  return false
end

--- Percents of the whole amount, each rounded; one part takes what the others leave.
local function shares_with_rest(amount, plan, d)
  local shares, rest, place = {}, amount, nil
  for index, term in ipairs(plan.terms) do
    if term.is_rest then
      place = index
    else
      shares[index] = term.amount or (amount * term.percent / 100):round(d)
      rest = rest - shares[index]
    end
  end
  shares[place] = rest
  return shares
end

--- Each share rounded, the last one what is left. Cents too few to go round are never asked twice:
--- where rounding up would leave the last less than nothing, the shares are cut instead.
---@param amount Decimal
---@param weights Decimal[]
---@param d integer
---@param mode? "down"
---@return Decimal[]
local function shares_last_takes_rest(amount, weights, d, mode)
  local shares, total, given = {}, decimal.sum(weights), decimal(0)
  for number = 1, #weights - 1 do
    shares[number] = (amount * weights[number] / total):round(d, mode)
    given = given + shares[number]
  end
  shares[#weights] = amount - given
  if amount >= 0 and given > amount and not mode then
    return shares_last_takes_rest(amount, weights, d, "down")
  end
  return shares
end

--- The shares of an amount; percents are weights and need not sum to 100 when they are equal parts.
---@param amount Decimal
---@param plan billing.InstalmentPlan
---@param d integer
---@return Decimal[]
local function shares_of(amount, plan, d)
  local shares, weights, places, rest = {}, {}, {}, amount
  if has_rest(plan.terms) then
    return shares_with_rest(amount, plan, d)
  end
  for index, term in ipairs(plan.terms) do
    if term.amount then
      shares[index] = term.amount
      rest = rest - term.amount
    else
      weights[#weights + 1] = term.percent
      places[#places + 1] = index
    end
  end
  if #places == 0 then
    return shares
  elseif plan.remainder ~= "last" then
    for number, share in ipairs(split.largest_remainder(rest, weights, d)) do
      shares[places[number]] = share
    end
    return shares
  end
  for number, share in ipairs(shares_last_takes_rest(rest, weights, d)) do
    shares[places[number]] = share
  end
  return shares
end

---@param plan billing.InstalmentPlan
---@param term billing.InstalmentTerm
---@return string
local function due_date(plan, term)
  if term.terms then
    return due.date(plan.first_date, term.terms, plan.holidays)
  end
  local day = date.add_months(plan.first_date, term.months or 0)
  day = date.add_days(day, term.days or 0)
  if plan.shift == "next_business_day" then
    day = calendar.next_business_day(day, plan.holidays)
  end
  return day
end

--- The plan of an amount.
---@param amount Decimal
---@param plan billing.InstalmentPlan
---@param d integer
---@return billing.Instalment[]
function instalments.plan(amount, plan, d)
  local result = {}
  for index, share in ipairs(shares_of(amount, plan, d)) do
    result[index] = {
      number = index,
      due_date = due_date(plan, plan.terms[index]),
      amount = share,
    }
  end
  return result
end

--- What is due when, of terms with instalments; nil for other terms.
---@param amount Decimal   payable
---@param issue_date string
---@param terms table
---@param holidays string[]
---@param d integer
---@return billing.Instalment[]?
function instalments.of_terms(amount, issue_date, terms, holidays, d)
  if terms.type ~= "instalments" then
    return nil
  end
  return instalments.plan(amount, {
    first_date = issue_date,
    terms = terms.parts,
    remainder = terms.remainder,
    shift = terms.shift,
    holidays = holidays,
  }, d)
end

return instalments
