--- The due date of an invoice from its issue date and the payment terms (model 3.12).
local due = {}

local calendar = require("billow.billing.calendar")
local date = require("billow.date")

local DEFAULT_TERMS = { type = "net", days = 30, shift = "none" }

--- The terms in force: the contract's, else the payer's, else net 30.
---@param contract table
---@param payer table   the customer who pays
---@return table terms
---@return string origin   "contract", "customer" or "default"
function due.terms(contract, payer)
  if contract.payment_terms then
    return contract.payment_terms, "contract"
  end
  if payer.payment_terms then
    return payer.payment_terms, "customer"
  end
  return DEFAULT_TERMS, "default"
end

local function day_of_next_month(issue_date, day)
  local month = date.month(date.add_months(date.first_of_month(issue_date), 1))
  local last = date.days_in_month(month)
  return string.format("%s-%02d", month, day < last and day or last)
end

--- The day on which payment is due.
---@param issue_date string
---@param terms table      {type, days|day, shift?}
---@param holidays string[]
---@return string
function due.date(issue_date, terms, holidays)
  local day
  if terms.type == "day_of_next_month" then
    day = day_of_next_month(issue_date, terms.day)
  else
    day = date.add_days(issue_date, terms.days)
    if terms.type == "end_of_month" then
      day = date.end_of_month(day)
    end
  end
  if terms.shift == "next_business_day" then
    day = calendar.next_business_day(day, holidays)
  end
  return day
end

return due
