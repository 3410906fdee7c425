--- Late interest, statutory compensation and dunning fees on an open amount.
local interest_item = {}

local date = require("billow.date")
local decimal = require("billow.decimal")
local explanation = require("billow.billing.explanation")
local interest = require("billow.billing.interest")
local interest_rates = require("billow.billing.interest_rates")
local reading = require("billow.billing.reading")

local ZERO = decimal(0)

--- The statutory rates of a country, up to the day of the calculation.
---@param terms billing.Reader
---@param reader billing.Reader
---@return billing.InterestRate[]
local function table_of(terms, reader)
  local name = terms:choice("table", interest_rates.NAMES)
  local newer = {}
  for index, row in ipairs(terms:objects("rates")) do
    newer[index] = { valid_from = row:date("valid_from"),
      percent = tostring(row:decimal("reference_rate")) }
  end
  local margin = terms:decimal("margin", { is_optional = true })
  return interest_rates.rates({
    method = "statutory",
    table = name,
    margin = margin and tostring(margin),
    reference_rates = newer,
    reference_known_until = #newer > 0 and reader:date("until_date") or nil,
  }, reader:date("until_date"), date.add_days(reader:date("due_date"), 1))
end

---@param terms billing.Reader
---@param reader billing.Reader
---@return billing.InterestRate[]|nil
local function rates_of(terms, reader)
  if terms:has("table") then
    return table_of(terms, reader)
  end
  local rates = {}
  local margin = terms:decimal("margin", { is_optional = true })
  for index, row in ipairs(terms:objects("rates")) do
    local percent
    if row:has("reference_rate") then
      percent = interest.statutory_percent(row:decimal("reference_rate"), margin)
    else
      percent = row:decimal("percent") + (margin or 0)
    end
    rates[index] = { valid_from = row:date("valid_from"), percent = percent }
  end
  return #rates > 0 and rates or nil
end

--- The one yearly rate, when the terms have no table.
---@param terms billing.Reader
---@return Decimal
local function percent_of(terms)
  if terms:has("reference_rate") then
    return interest.statutory_percent(terms:decimal("reference_rate"),
      terms:decimal("margin", { is_optional = true }))
  end
  return terms:decimal("percent", { default = 0, min = 0 })
end

---@param terms billing.Reader
---@return billing.DunningLevel[]
local function levels_of(terms)
  local levels = {}
  for index, level in ipairs(terms:objects("levels")) do
    levels[index] = {
      days = level:integer("days", { min = 0 }),
      fixed = level:decimal("fixed", { default = 0, min = 0 }),
      percent = level:decimal("percent", { default = 0, min = 0 }),
    }
    if index > 1 and levels[index].days <= levels[index - 1].days then
      level:refuse("days", "write more days than level " .. index - 1 .. " has, "
        .. levels[index - 1].days)
    end
  end
  return levels
end

---@param terms billing.Reader
---@param amount Decimal
---@return Decimal
local function compensation_of(terms, amount)
  local rows = terms:raw("compensation")
  if rows == nil then
    return ZERO
  elseif type(rows) == "string" then
    local statutory = interest.COMPENSATION[rows]
    if not statutory then
      terms:refuse("compensation", "write uk, ie, eu or a list of {from_amount, amount}")
    end
    return interest.compensation(statutory, amount)
  end
  local own = {}
  for index, row in ipairs(terms:objects("compensation")) do
    own[index] = { from_amount = row:decimal("from_amount"), amount = row:decimal("amount") }
  end
  return interest.compensation(own, amount)
end

--- Days overdue: given, or from the day after the due date to the day of the calculation.
---@param reader billing.Reader
---@return integer
local function days_of(reader)
  if reader:has("overdue_days") then
    return reader:integer("overdue_days", { min = 0 })
  elseif not reader:has("due_date") then
    return 0
  end
  local days = date.days_between(reader:date("due_date"), reader:date("until_date"))
  return math.max(0, days)
end

-- What there is to claim.
local CLAIMS = { "percent", "reference_rate", "table", "rates", "fee", "levels", "compensation" }

--- Refuse a claim of nothing, and interest on no days: 0 would look like an answer.
---@param reader billing.Reader
---@param terms billing.Reader
---@return Decimal amount   0 where only the statutory rate is asked for
local function amount_of(reader, terms)
  local claimed
  for _, name in ipairs(CLAIMS) do
    claimed = claimed or terms:has(name) and name
  end
  if not claimed then
    terms:refuse("percent", "write what is claimed: one of " .. table.concat(CLAIMS, ", "))
  end
  local has_days = reader:has("overdue_days") or reader:has("due_date")
  if claimed == "percent" and not has_days then
    reader:refuse("overdue_days", "write overdue_days, or due_date and until_date")
  end
  local is_rate_asked = claimed == "reference_rate" and not has_days
  return reader:decimal("amount", { default = is_rate_asked and ZERO or nil, min = 0 })
end

--- Interest earned, not rounded.
---@param reader billing.Reader
---@param terms billing.Reader
---@param amount Decimal
---@param steps billing.Step[]
---@return Decimal exact
---@return integer days
---@return Decimal|nil percent   nil: several rates
local function earned_on(reader, terms, amount, steps)
  terms:only_one({ "percent", "reference_rate", "table" })
  reader:only_one({ "overdue_days", "due_date" })
  local days_in_year = terms:integer("days_in_year", { default = 365, above = 0 })
  local rates = rates_of(terms, reader)
  if rates then
    if not reader:has("due_date") then
      reading.refuse("due_date", nil, "write due_date and until_date: the rates change by date")
    end
    local exact, days = interest.over_rates(amount, rates, reader:date("due_date"),
      reader:date("until_date"), days_in_year, steps)
    return exact, days, #rates == 1 and rates[1].percent or nil
  end
  local days, percent = days_of(reader), percent_of(terms)
  local exact = interest.simple(amount, percent, days, days_in_year)
  explanation.add(steps, "interest", tostring(amount) .. " at " .. tostring(percent) .. " % for "
    .. days .. " of " .. days_in_year .. " days", exact)
  return exact, days, percent
end

--- The least of an amount and its cap.
---@param terms billing.Reader
---@param name string
---@param amount Decimal
---@param steps billing.Step[]
---@return Decimal
local function capped(terms, name, amount, steps)
  local cap = terms:decimal(name, { is_optional = true, min = 0 })
  if not cap or amount <= cap then
    return amount
  end
  explanation.add(steps, "cap", name .. ": " .. tostring(amount) .. " is lowered", cap)
  return cap
end

---@param reader billing.Reader
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
function interest_item.price(reader, money, steps)
  local terms = reader:object("interest")
  local amount = amount_of(reader, terms)
  local exact, days, percent = earned_on(reader, terms, amount, steps)
  local grace = terms:integer("grace_days", { default = 0, min = 0 })
  local is_in_grace = days <= grace
  local earned = is_in_grace and ZERO:round(money.d)
    or capped(terms, "max_interest_amount", exact:round(money.d), steps)
  local fees, level = interest.level_fees(levels_of(terms), amount, days, money.d, steps)
  fees = capped(terms, "max_fee_amount", fees + terms:decimal("fee", { default = 0, min = 0 }),
    steps)
  local compensation = compensation_of(terms, amount)
  local claim = earned + fees + compensation
  explanation.add(steps, "claim", "interest " .. tostring(earned) .. " + fees " .. tostring(fees)
    .. " + compensation " .. tostring(compensation)
    .. (is_in_grace and grace > 0 and ", no interest in the days of grace" or ""), claim)
  return {
    currency = money.currency,
    percent = percent,
    days = days,
    level = level,
    interest_amount = earned,
    fee_amount = fees,
    compensation_amount = compensation,
    claim_amount = claim,
    total_amount = amount + claim,
  }
end

return interest_item
