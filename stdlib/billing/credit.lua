--- Amounts of a credit note (capability K2): per tax group, credits never exceed the invoice.
---
--- Total = rounded net + rounded tax. The credit that exhausts a group takes what is left of its
--- tax, so that a fully credited invoice is credited to the cent however it was cut.
---@class billing.credit
local credit = {}

local decimal = require("billow.decimal")

local PERCENT = decimal(100)

---@class billing.CreditAmounts
---@field net_amount Decimal
---@field tax_amount Decimal
---@field is_last boolean  the credit exhausts the group

--- The amounts of a credit in one tax group.
---@param net Decimal          rounded
---@param tax_percent Decimal  the original rate
---@param left {net: Decimal, tax: Decimal}|nil  not credited yet; nil: no limit is known
---@param d integer
---@param by_line? Decimal   the tax, where the invoice rounds it line by line
---@return billing.CreditAmounts
function credit.amounts(net, tax_percent, left, d, by_line)
  local tax = by_line or (net * tax_percent / PERCENT):round(d)
  local is_last = left ~= nil and net == left.net
  if is_last then
    tax = left.tax
  elseif left then
    tax = decimal.min(tax, left.tax)
  end
  return { net_amount = net, tax_amount = tax, is_last = is_last }
end

return credit
