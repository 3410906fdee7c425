--- Late interest, statutory compensation and dunning fees on an open amount.
local interest_item = {}

local date = require("billow.date")
local decimal = require("billow.decimal")
local explanation = require("billow.billing.explanation")
local interest = require("billow.billing.interest")
local reading = require("billow.billing.reading")

local ZERO = decimal(0)

---@param terms billing.Reader
---@return billing.InterestRate[]|nil
local function rates_of(terms)
  local rates = {}
  local margin = terms:decimal("margin", { default = 0 })
  for index, row in ipairs(terms:objects("rates")) do
    local percent
    if row:has("reference_rate") then
      percent = interest.statutory_percent(row:decimal("reference_rate"), margin)
    else
      percent = row:decimal("percent") + margin
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
      terms:refuse("compensation", "write uk, eu or a list of {from_amount, amount}")
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

---@param reader billing.Reader
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
function interest_item.price(reader, money, steps)
  local terms = reader:object("interest")
  local amount = reader:decimal("amount", { default = 0, min = 0 })
  local days_in_year = terms:integer("days_in_year", { default = 365, above = 0 })
  local days, percent = days_of(reader), percent_of(terms)
  local rates = rates_of(terms)
  local exact
  if rates then
    if not reader:has("due_date") then
      reading.refuse("due_date", nil, "write due_date and until_date: the rates change by date")
    end
    exact, days = interest.over_rates(amount, rates, reader:date("due_date"),
      reader:date("until_date"), days_in_year, steps)
  else
    exact = interest.simple(amount, percent, days, days_in_year)
    explanation.add(steps, "interest", tostring(amount) .. " at " .. tostring(percent) .. " % for "
      .. days .. " of " .. days_in_year .. " days", exact)
  end
  local earned = exact:round(money.d)
  local fees, level = interest.level_fees(levels_of(terms), amount, days, money.d, steps)
  fees = fees + terms:decimal("fee", { default = 0, min = 0 })
  local compensation = compensation_of(terms, amount)
  local claim = earned + fees + compensation
  return {
    currency = money.currency,
    percent = not rates and percent or nil,
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
