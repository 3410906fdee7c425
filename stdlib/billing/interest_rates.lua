--- Interest on late payment (U3): the statutory reference rates by half-year, and what a claim
--- comes to over payments, credits and disputes.
---
--- The tables are dated: each ends with `known_until`, and a day after that is refused instead of
--- being reckoned with an old rate. Newer half-years come from the settings of the policy interest.
--- Nothing here is legal advice.
---
--- What the rows rest on. Each was held against a published one; none is from a gazette itself.
---
---   eu, ie  to July 2024 the table of the Irish Department of Enterprise; to January 2025 the
---           lists of the Banque de France and of Banka Slovenije (dates of effect of the ECB's key
---           rates); July 2025 the decision of 5 June 2025 (2.15 % from 11 June), January 2026 that
---           of 18 December 2025 (unchanged), both as the press reported them
---   de      section 247(1) BGB: the rate moves with the ECB's, point by point (a spec holds the
---           two tables against each other); anchored at -0.88 (Bundesbank for July 2019, July
---           2020, January 2021), 3.12 and 3.62 (IHK Kassel, January 2024) and 1.27 (Bundesbank for
---           January 2026)
---   uk      to January 2024 the reference rates of payontime.co.uk; then the Bank Rate as
---           FocusEconomics tells it: first cut from 5.25 % in August 2024, 4.75 % at the end of
---           2024, 4.25 % from 8 May 2025, the next cut in August 2025, 3.75 % since December 2025
---
--- Not seen in any source: rates of half-years from July 2026, which is where the tables end, and
--- the bounds of Ireland's compensation (S.I. 580 of 2012): check them before relying on them.
---@class billing.interest_rates
local interest_rates = {}

local date = require("billow.date")
local decimal = require("billow.decimal")
local interest = require("billow.billing.interest")
local reading = require("billow.billing.reading")

local ZERO = decimal(0)
local ALWAYS = "0001-01-01"

---@class billing.ReferenceTable
---@field title string
---@field source string         where the figures come from
---@field margin string         points above the reference rate, between firms
---@field compensation string   key of interest.COMPENSATION
---@field known_until string    the last day that the rows speak for
---@field is_fixed_at_start boolean|nil   the rate of the first day overdue holds until payment
---@field rows {[1]: string, [2]: string}[]   first day, reference rate in percent

-- Reference rates by half-year from 2016; a row holds until the next one.
local ECB = {
  { "2016-01-01", "0.05" },
  { "2016-07-01", "0.00" },
  { "2017-01-01", "0.00" },
  { "2017-07-01", "0.00" },
  { "2018-01-01", "0.00" },
  { "2018-07-01", "0.00" },
  { "2019-01-01", "0.00" },
  { "2019-07-01", "0.00" },
  { "2020-01-01", "0.00" },
  { "2020-07-01", "0.00" },
  { "2021-01-01", "0.00" },
  { "2021-07-01", "0.00" },
  { "2022-01-01", "0.00" },
  { "2022-07-01", "0.00" },
  { "2023-01-01", "2.50" },
  { "2023-07-01", "4.00" },
  { "2024-01-01", "4.50" },
  { "2024-07-01", "4.25" },
  { "2025-01-01", "3.15" },
  { "2025-07-01", "2.15" },
  { "2026-01-01", "2.15" },
}

local BASISZINSSATZ = {
  { "2016-01-01", "-0.83" },
  { "2016-07-01", "-0.88" },
  { "2017-01-01", "-0.88" },
  { "2017-07-01", "-0.88" },
  { "2018-01-01", "-0.88" },
  { "2018-07-01", "-0.88" },
  { "2019-01-01", "-0.88" },
  { "2019-07-01", "-0.88" },
  { "2020-01-01", "-0.88" },
  { "2020-07-01", "-0.88" },
  { "2021-01-01", "-0.88" },
  { "2021-07-01", "-0.88" },
  { "2022-01-01", "-0.88" },
  { "2022-07-01", "-0.88" },
  { "2023-01-01", "1.62" },
  { "2023-07-01", "3.12" },
  { "2024-01-01", "3.62" },
  { "2024-07-01", "3.37" },
  { "2025-01-01", "2.27" },
  { "2025-07-01", "1.27" },
  { "2026-01-01", "1.27" },
}

local BANK_RATE = {
  { "2016-01-01", "0.50" },
  { "2016-07-01", "0.50" },
  { "2017-01-01", "0.25" },
  { "2017-07-01", "0.25" },
  { "2018-01-01", "0.50" },
  { "2018-07-01", "0.50" },
  { "2019-01-01", "0.75" },
  { "2019-07-01", "0.75" },
  { "2020-01-01", "0.75" },
  { "2020-07-01", "0.10" },
  { "2021-01-01", "0.10" },
  { "2021-07-01", "0.10" },
  { "2022-01-01", "0.25" },
  { "2022-07-01", "1.25" },
  { "2023-01-01", "3.50" },
  { "2023-07-01", "5.00" },
  { "2024-01-01", "5.25" },
  { "2024-07-01", "5.25" },
  { "2025-01-01", "4.75" },
  { "2025-07-01", "4.25" },
  { "2026-01-01", "3.75" },
}

---@type table<string, billing.ReferenceTable>
interest_rates.TABLES = {
  eu = {
    title = "ECB main refinancing rate, in force on 1 January and 1 July",
    source = "Directive 2011/7/EU, article 2(7); European Central Bank, key interest rates",
    margin = "8",
    compensation = "eu",
    known_until = "2026-06-30",
    rows = ECB,
  },
  ie = {
    title = "ECB main refinancing rate, in force on 1 January and 1 July",
    source = "S.I. 580 of 2012; Department of Enterprise, late payment interest rate",
    margin = "8",
    compensation = "ie",
    known_until = "2026-06-30",
    rows = ECB,
  },
  de = {
    title = "Basiszinssatz, section 247 BGB",
    source = "section 288(2) BGB; Deutsche Bundesbank, announcements of the Basiszinssatz",
    margin = "9",
    compensation = "eu",
    known_until = "2026-06-30",
    rows = BASISZINSSATZ,
  },
  uk = {
    title = "Bank Rate on 31 December and 30 June, for the half-year that follows",
    source = "Late Payment of Commercial Debts (Rate of Interest) Order 2002; Bank of England",
    margin = "8",
    compensation = "uk",
    known_until = "2026-06-30",
    is_fixed_at_start = true,
    rows = BANK_RATE,
  },
}

interest_rates.NAMES = { "de", "eu", "ie", "uk" }

---@class billing.InterestTerms
---@field method "none"|"fixed"|"statutory"
---@field percent? string           fixed: a year
---@field table? string             statutory: name of a table
---@field margin? string            statutory: instead of the table's
---@field reference_rates? {valid_from: string, percent: string}[]   newer rows than the table has
---@field reference_known_until? string
---@field has_compensation boolean
---@field during_dispute "stop"|"continue"
---@field days_in_year integer

--- The last row that has begun on a day.
---@param rows billing.InterestRate[]
---@param day string
---@return billing.InterestRate[]   that row alone, valid from the beginning
local function row_on(rows, day)
  local found
  for _, row in ipairs(rows) do
    if row.valid_from <= day and (not found or row.valid_from > found.valid_from) then
      found = row
    end
  end
  return found and { { valid_from = ALWAYS, percent = found.percent } } or rows
end

local function statutory(terms, until_date, first_day)
  local source = interest_rates.TABLES[terms.table]
  if not source then
    reading.refuse("interest.table", terms.table, "write one of de, eu, ie, uk")
  end
  local is_fixed = source.is_fixed_at_start and first_day ~= nil
  local margin, rows = decimal(terms.margin or source.margin), {}
  local known_until = terms.reference_known_until or source.known_until
  local overrides = {}
  for _, row in ipairs(terms.reference_rates or {}) do
    overrides[row.valid_from] = row.percent
  end
  for _, row in ipairs(source.rows) do
    overrides[row[1]] = overrides[row[1]] or row[2]
  end
  for valid_from, percent in pairs(overrides) do
    rows[#rows + 1] = {
      valid_from = valid_from,
      percent = interest.statutory_percent(decimal(percent), margin),
    }
  end
  local needed_until = is_fixed and first_day or until_date
  if known_until < needed_until then
    reading.refuse(
      "interest.reference_rates",
      known_until,
      string.format(
        "the table %s (%s) ends on this day and %s is asked for: add the newer half-years to the "
          .. "setting reference_rates of the policy interest, such as %s, and set its "
          .. "reference_known_until to the last day that they speak for",
        terms.table,
        source.title,
        needed_until,
        '[{"valid_from": "' .. date.add_days(known_until, 1) .. '", "percent": "..."}]'
      )
    )
  end
  return is_fixed and row_on(rows, first_day) or rows
end

--- The rates that hold up to a day; refuses a table that does not reach so far.
---@param terms billing.InterestTerms
---@param until_date string
---@param first_day? string   overdue: where the law fixes the rate on that day, it is the only one
---@return billing.InterestRate[]
function interest_rates.rates(terms, until_date, first_day)
  if terms.method == "statutory" then
    return statutory(terms, until_date, first_day)
  elseif terms.method == "fixed" then
    return { { valid_from = ALWAYS, percent = decimal(terms.percent) } }
  end
  return {}
end

---@class billing.InterestHistory
---@field amount Decimal        payable at first
---@field due_date string
---@field reductions {date: string, amount: Decimal}[]   payments, credits, write-offs
---@field disputes {from_date: string, until_date?: string, amount: Decimal}[]
---@field charged_until? string   interest up to here is claimed already

---@class billing.InterestClaim
---@field amount Decimal         rounded to d
---@field compensation Decimal
---@field from_date? string      nil: nothing to claim
---@field until_date string
---@field parts {from_date: string, until_date: string, base: string, interest: string}[]

--- Interest runs on what is open: the day of a payment still counts with the old amount. A dispute
--- takes its part out while it lasts, where the terms say so.
local function base_on(terms, history, day)
  local base = history.amount
  for _, reduction in ipairs(history.reductions) do
    if reduction.date < day then
      base = base - reduction.amount
    end
  end
  if terms.during_dispute == "stop" then
    for _, dispute in ipairs(history.disputes) do
      if dispute.from_date <= day and (not dispute.until_date or day <= dispute.until_date) then
        base = base - dispute.amount
      end
    end
  end
  return base:sign() > 0 and base or ZERO
end

--- Days on which the base may change, in order, each once.
local function borders(terms, history, first, last)
  local seen, days = {}, { first }
  local function add(day)
    if day and day > first and day <= last and not seen[day] then
      seen[day], days[#days + 1] = true, day
    end
  end
  for _, reduction in ipairs(history.reductions) do
    add(date.add_days(reduction.date, 1))
  end
  for _, dispute in ipairs(terms.during_dispute == "stop" and history.disputes or {}) do
    add(dispute.from_date)
    add(dispute.until_date and date.add_days(dispute.until_date, 1))
  end
  table.sort(days)
  return days
end

--- What interest comes to up to and including a day, from where it was claimed before.
---@param terms billing.InterestTerms
---@param history billing.InterestHistory
---@param until_date string
---@param d integer
---@return billing.InterestClaim
function interest_rates.claim(terms, history, until_date, d)
  local claim = { amount = ZERO:round(d), compensation = ZERO, until_date = until_date, parts = {} }
  local first = date.add_days(history.charged_until or history.due_date, 1)
  if terms.method == "none" or first > until_date then
    return claim
  end
  local overdue_from = date.add_days(history.due_date, 1)
  local rates, total = interest_rates.rates(terms, until_date, overdue_from), ZERO
  local days = borders(terms, history, first, until_date)
  for i, day in ipairs(days) do
    local last = days[i + 1] and date.add_days(days[i + 1], -1) or until_date
    local base = base_on(terms, history, day)
    if not base:is_zero() then
      local part =
        interest.over_rates(base, rates, date.add_days(day, -1), last, terms.days_in_year)
      total = total + part
      claim.parts[#claim.parts + 1] = {
        from_date = day,
        until_date = last,
        base = tostring(base),
        interest = tostring(part:round(d + 4)),
      }
    end
  end
  claim.amount = total:round(d)
  claim.from_date = first
  local source = interest_rates.TABLES[terms.table]
  if terms.has_compensation and not history.charged_until and source and total:sign() > 0 then
    claim.compensation =
      interest.compensation(interest.COMPENSATION[source.compensation], history.amount)
  end
  return claim
end

return interest_rates
