--- Early payment discount: until when, how much, and what it does to the tax (C6, A21).
---
--- Three modes, by country: `included` lowers the tax with the price when the discount is taken;
--- `mixed` computes the tax on the discounted price from the start, so that taking the discount
--- changes no tax; `excluded` leaves the tax as it is. Taxes of a fixed amount are never
--- discounted.
---@class billing.discount_early
local discount_early = {}

local date = require("billow.date")
local decimal = require("billow.decimal")

local ZERO = decimal(0)
local PERCENT = decimal(100)

discount_early.MODES = { "included", "mixed", "excluded" }

--- The last day on which the discount may be taken, that day included.
---@param invoice_date string
---@param days integer
---@return string
function discount_early.last_date(invoice_date, days)
  return date.add_days(invoice_date, days)
end

---@class billing.EarlyTerms
---@field percent Decimal
---@field mode "included"|"mixed"|"excluded"

---@class billing.EarlyAmounts
---@field tax_amount Decimal       on the invoice as issued
---@field total_amount Decimal
---@field base_discount_amount Decimal off the net when taken
---@field tax_discount_amount Decimal  off the tax when taken
---@field discounted_amount Decimal what is paid with the discount

--- The figures of an invoice of one tax rate with a discount on offer.
---@param net Decimal
---@param tax_percent Decimal
---@param fixed_tax Decimal|nil
---@param terms billing.EarlyTerms
---@param d integer
---@return billing.EarlyAmounts
function discount_early.amounts(net, tax_percent, fixed_tax, terms, d)
  local base_discount = (net * terms.percent / PERCENT):round(d)
  local taxable = terms.mode == "mixed" and net - base_discount or net
  local percent_tax = (taxable * tax_percent / PERCENT):round(d)
  local tax_discount = ZERO
  if terms.mode == "included" then
    tax_discount = percent_tax - ((net - base_discount) * tax_percent / PERCENT):round(d)
  end
  local tax_amount = percent_tax + (fixed_tax or ZERO)
  return {
    tax_amount = tax_amount,
    total_amount = net + tax_amount,
    base_discount_amount = base_discount,
    tax_discount_amount = tax_discount,
    discounted_amount = net + tax_amount - base_discount - tax_discount,
  }
end

return discount_early
