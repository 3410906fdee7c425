--- Document totals (model 3.11, EN 16931): sums of rounded parts, never rounded again.
local totals = {}

local decimal = require("billow.decimal")

local function sum(items, field, d)
  local total = decimal(0):round(d)
  for _, item in ipairs(items) do
    total = total + item[field]
  end
  return total
end

--- The latest exchange rate of a currency on or before a day.
---@param rates table[]   opening.exchange_rates
---@param currency string
---@param day string
---@return table?
function totals.exchange_rate(rates, currency, day)
  local found
  for _, rate in ipairs(rates) do
    if
      rate.currency == currency
      and rate.date <= day
      and (not found or rate.date >= found.date)
    then
      found = rate
    end
  end
  return found
end

--- What the payable amount is rounded by, for a rounding increment such as 0.05.
---@param amount Decimal
---@param increment? Decimal
---@param d integer
---@param mode? "half_up"|"up"|"down"   half_up when absent
---@return Decimal
function totals.payable_rounding(amount, increment, d, mode)
  if not increment then
    return decimal(0):round(d)
  end
  return ((amount / increment):round(0, mode) * increment - amount):round(d)
end

--- The tax in the firm's currency; nil when it is not needed, nil and true when the exchange rate
--- is missing.
---@param ctx billing.Context
---@param currency string
---@param tax_amount Decimal
---@param tax_point_date string
---@return Decimal?
---@return boolean is_missing
function totals.tax_accounting(ctx, currency, tax_amount, tax_point_date)
  if tax_amount:is_zero() or currency == ctx.firm.currency then
    return nil, false
  end
  local rate = totals.exchange_rate(ctx.opening.exchange_rates, currency, tax_point_date)
  if not rate then
    return nil, true
  end
  return (tax_amount * rate.rate):round(ctx.decimals(ctx.firm.currency)), false
end

--- The totals of an invoice.
---@param lines table[]
---@param allowances table[]
---@param breakdown table[]
---@param increment? Decimal   payable_rounding_increment
---@param d integer
---@param withheld? Decimal    taken off what is to be paid (withholding.lua)
---@return table   all fields of model 2 but tax_amount_accounting
function totals.of(lines, allowances, breakdown, increment, d, withheld)
  local line_extension = sum(lines, "net_amount", d)
  local allowance_total = sum(allowances, "amount", d)
  local exclusive = line_extension - allowance_total
  local tax_amount = sum(breakdown, "tax_amount", d)
  local inclusive = exclusive + tax_amount
  local prepaid = (withheld or decimal(0)):round(d)
  local rounding = totals.payable_rounding(inclusive - prepaid, increment, d)
  return {
    line_extension_amount = line_extension,
    allowance_total_amount = allowance_total,
    charge_total_amount = decimal(0):round(d),
    tax_exclusive_amount = exclusive,
    tax_amount = tax_amount,
    tax_inclusive_amount = inclusive,
    prepaid_amount = prepaid,
    payable_rounding_amount = rounding,
    payable_amount = inclusive - prepaid + rounding,
  }
end

return totals
