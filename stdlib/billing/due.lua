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

--- That day of a month, at most its last.
local function day_of_month(any_day, day)
  local month = date.month(any_day)
  local last = date.days_in_month(month)
  return string.format("%s-%02d", month, day < last and day or last)
end

-- By type of terms: the day on which payment is due, before any shift.
local DAYS = {}

function DAYS.net(issue_date, terms)
  return date.add_days(date.add_months(issue_date, terms.months or 0), terms.days or 0)
end

function DAYS.end_of_month(issue_date, terms)
  return date.end_of_month(DAYS.net(issue_date, terms))
end

--- The end of the month (or of so many months later), then days.
function DAYS.days_after_end_of_month(issue_date, terms)
  local month = date.add_months(date.first_of_month(issue_date), terms.months or 0)
  return date.add_days(date.end_of_month(month), terms.days or 0)
end

--- Days first, then that day of the month so many months after.
function DAYS.day_of_next_month(issue_date, terms)
  local from = date.first_of_month(date.add_days(issue_date, terms.days or 0))
  return day_of_month(date.add_months(from, terms.months or 1), terms.day)
end

--- Of instalments: the day of the last one.
function DAYS.instalments(issue_date, terms)
  local last = issue_date
  for _, part in ipairs(terms.parts) do
    local day = date.add_days(date.add_months(issue_date, part.months or 0), part.days or 0)
    last = day > last and day or last
  end
  return last
end

due.TYPES = { "net", "end_of_month", "days_after_end_of_month", "day_of_next_month" }

--- The day on which payment is due.
---@param issue_date string
---@param terms table      {type, days?, months?, day?, shift?}
---@param holidays string[]
---@return string
function due.date(issue_date, terms, holidays)
  local day = DAYS[terms.type](issue_date, terms)
  if terms.shift == "next_business_day" then
    day = calendar.next_business_day(day, holidays)
  end
  return day
end

--- What an electronic invoice says of an early payment discount, as XRechnung wants it; nil without
--- one.
---@param terms table
---@return string?
function due.note(terms)
  local early = terms.early_payment_discount
  return early
    and string.format("#SKONTO#TAGE=%d#PROZENT=%s#\n", early.days, early.percent:round(2):fixed(2))
end

return due
