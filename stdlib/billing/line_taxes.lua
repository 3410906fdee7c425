--- Taxes beyond one VAT rate per line: included in the price, compound, fixed, withheld (T5, T6,
--- T7).
---
--- Invoices of contracts need none of this: there every line has one tax code and the tax is
--- rounded per group (tax.lua). Documents of other countries and price lists with tax inside do. A
--- taxed item is a base with its taxes in order; a tax may add to the base of those after it.
---
--- Three schools of rounding, which give different cents and must be chosen:
---   group    line nets rounded, tax rounded once per (tax, percent): EN 16931, the default
---   line     line nets and every tax of every line rounded
---   global   lines as exact as they come, tax rounded once per (tax, percent); the total is the
---            sum of those
---   precise  nothing rounded before the totals
---@class billing.line_taxes
local line_taxes = {}

local decimal = require("billow.decimal")

local ZERO = decimal(0)
local ONE = decimal(1)
local PERCENT = decimal(100)
-- The net inside a price need not have an end; what is kept leaves room for exact products.
local INSIDE_DECIMALS = 16
-- Fractions of a base multiply up; they too need an end.
local FRACTION_DECIMALS = 20

line_taxes.ROUNDINGS = { "group", "line", "global", "precise" }

---@class billing.LineTax
---@field name string                 "VAT", "CGST", "IRPF" ...
---@field category_code string|nil    S, Z, E, AE ... where the tax has categories
---@field percent Decimal|nil         nil: exempt or out of scope, the tax is 0
---@field fixed_amount Decimal|nil    per unit of the line, instead of a percentage
---@field is_included boolean         the price contains it
---@field is_withheld boolean         the buyer keeps it back: lowers what is payable, not the base
---@field affects_next_base boolean   taxes after it are computed on the base plus this tax
---@field is_percent_of_total boolean|nil   the percentage is of the price with this tax in it
---@field group string|nil            taxes of one group are shown as one sum

---@class billing.TaxedItem
---@field gross Decimal        quantity x price less the line's own discounts, as priced
---@field quantity Decimal
---@field taxes billing.LineTax[]

---@class billing.TaxRules
---@field rounding "group"|"line"|"global"|"precise"
---@field d integer
---@field increment Decimal|nil  round to multiples of this instead of d decimals

--- Round to the currency, or to the increment of the document.
---@param value Decimal
---@param rules billing.TaxRules
---@return Decimal
function line_taxes.round(value, rules)
  if rules.increment then
    return (value / rules.increment):round(0) * rules.increment
  end
  return value:round(rules.d)
end

--- Do lines keep their exact amounts until the totals?
---@param rules billing.TaxRules
---@return boolean
function line_taxes.is_exact(rules)
  return rules.rounding == "precise" or rules.rounding == "global"
end

--- Taxes that are a percentage of the price with tax in it stand together on what is left: 5 % and
--- 3 % of the total are 5/92 and 3/92 of the base. A run of them ends at a tax that adds to the
--- base of those after it.
---@param taxes billing.LineTax[]
---@param index integer
---@return Decimal  what is left of the total, in percent
local function left_of_total(taxes, index)
  local first, last = index, index
  while first > 1 and taxes[first - 1].is_percent_of_total
    and not taxes[first - 1].affects_next_base do
    first = first - 1
  end
  while taxes[last + 1] and taxes[last + 1].is_percent_of_total
    and not taxes[last].affects_next_base do
    last = last + 1
  end
  local left = PERCENT
  for place = first, last do
    left = left - taxes[place].percent
  end
  return left
end

--- A percentage as a fraction of the base: part / whole.
---@param taxes billing.LineTax[]
---@param index integer
---@return Decimal part
---@return Decimal whole
local function fraction_of(taxes, index)
  local tax = taxes[index]
  return tax.percent, tax.is_percent_of_total and left_of_total(taxes, index) or PERCENT
end

--- Each tax as slope x net + constant; with compound taxes the slopes multiply up.
---@param item billing.TaxedItem
---@return {slope: Decimal, constant: Decimal}[]
local function coefficients(item)
  local result = {}
  local slope, constant = ONE, ZERO
  for index, tax in ipairs(item.taxes) do
    local own = { slope = ZERO, constant = ZERO }
    if tax.fixed_amount then
      own.constant = tax.fixed_amount * item.quantity
    elseif tax.percent then
      local part, whole = fraction_of(item.taxes, index)
      own.slope = (slope * part / whole):round(FRACTION_DECIMALS)
      own.constant = (constant * part / whole):round(FRACTION_DECIMALS)
    end
    if tax.affects_next_base then
      slope = slope + own.slope
      constant = constant + own.constant
    end
    result[index] = own
  end
  return result
end

--- The net inside a price that includes some of its taxes.
---@param item billing.TaxedItem
---@param parts {slope: Decimal, constant: Decimal}[]
---@return Decimal
local function net_inside(item, parts)
  local slope, constant = ONE, ZERO
  for index, tax in ipairs(item.taxes) do
    if tax.is_included then
      slope = slope + parts[index].slope
      constant = constant + parts[index].constant
    end
  end
  return ((item.gross - constant) / slope):round(INSIDE_DECIMALS)
end

---@param item billing.TaxedItem
---@return boolean
local function has_included(item)
  for _, tax in ipairs(item.taxes) do
    if tax.is_included then
      return true
    end
  end
  return false
end

---@class billing.TaxedAmounts
---@field net Decimal
---@field amounts Decimal[]  by tax, in order
---@field bases Decimal[]    what each tax was computed on

--- In a rounded document, the odd cent between price and net + taxes belongs to the included tax.
---@param item billing.TaxedItem
---@param result billing.TaxedAmounts
local function settle_included(item, result)
  local last, sum = nil, result.net
  for index, tax in ipairs(item.taxes) do
    if tax.is_included then
      sum = sum + result.amounts[index]
      last = tax.percent and index or last
    end
  end
  if last then
    result.amounts[last] = result.amounts[last] + item.gross - sum
  end
end

--- Net and taxes of one item, rounded as the rules say.
---@param item billing.TaxedItem
---@param rules billing.TaxRules
---@return billing.TaxedAmounts
function line_taxes.of_item(item, rules)
  local parts = coefficients(item)
  local is_included = has_included(item)
  local net = is_included and net_inside(item, parts) or item.gross
  if not line_taxes.is_exact(rules) then
    net = line_taxes.round(net, rules)
  end
  local result = { net = net, amounts = {}, bases = {} }
  local base = net
  for index, tax in ipairs(item.taxes) do
    local amount = parts[index].constant
    if not tax.fixed_amount then
      amount = ZERO
      if tax.percent then
        local part, whole = fraction_of(item.taxes, index)
        amount = (base * part / whole):round(INSIDE_DECIMALS)
      end
    end
    if rules.rounding == "line" then
      amount = line_taxes.round(amount, rules)
    end
    result.bases[index] = base
    result.amounts[index] = amount
    if tax.affects_next_base then
      base = base + amount
    end
  end
  if is_included and not line_taxes.is_exact(rules) then
    settle_included(item, result)
  end
  return result
end

---@class billing.TaxGroup
---@field name string
---@field category_code string|nil
---@field percent Decimal|nil
---@field is_withheld boolean
---@field taxable_amount Decimal
---@field tax_amount Decimal      rounded
---@field exact_amount Decimal    before rounding

---@param tax billing.LineTax
---@return string
local function key_of(tax)
  return table.concat({
    tax.name, tax.category_code or "", tax.percent and tostring(tax.percent:round(6)) or "-",
    tax.fixed_amount and "fixed" or "", tax.is_withheld and "withheld" or "",
  }, "\0")
end

--- The groups of a document, in order of first appearance.
---@param items billing.TaxedItem[]
---@param amounts billing.TaxedAmounts[]
---@param rules billing.TaxRules
---@return billing.TaxGroup[]
function line_taxes.groups(items, amounts, rules)
  local groups, at = {}, {}
  for number, item in ipairs(items) do
    for index, tax in ipairs(item.taxes) do
      local key = key_of(tax)
      local group = at[key]
      if not group then
        group = {
          name = tax.name,
          category_code = tax.category_code,
          percent = tax.percent,
          is_withheld = tax.is_withheld,
          group = tax.group,
          taxable_amount = ZERO,
          exact_amount = ZERO,
        }
        at[key] = group
        groups[#groups + 1] = group
      end
      group.taxable_amount = group.taxable_amount + amounts[number].bases[index]
      group.exact_amount = group.exact_amount + amounts[number].amounts[index]
    end
  end
  for _, group in ipairs(groups) do
    group.taxable_amount = line_taxes.round(group.taxable_amount, rules)
    group.tax_amount = line_taxes.round(group.exact_amount, rules)
  end
  return groups
end

---@class billing.TaxTotals
---@field net Decimal
---@field tax Decimal       what is added
---@field withheld Decimal  what the buyer keeps back

--- The totals of a document.
--- `precise` rounds the sums of exact taxes, so that the groups as shown may differ by a cent; a
--- price that includes its tax keeps its total, and the net gives way.
---@param items billing.TaxedItem[]
---@param amounts billing.TaxedAmounts[]
---@param groups billing.TaxGroup[]
---@param rules billing.TaxRules
---@return billing.TaxTotals
function line_taxes.totals(items, amounts, groups, rules)
  local tax, withheld = ZERO, ZERO
  for _, group in ipairs(groups) do
    local amount = rules.rounding == "precise" and group.exact_amount or group.tax_amount
    if group.is_withheld then
      withheld = withheld + amount
    else
      tax = tax + amount
    end
  end
  local net, whole, is_included = ZERO, ZERO, false
  for number, item in ipairs(items) do
    net = net + amounts[number].net
    whole = whole + item.gross
    is_included = is_included or has_included(item)
  end
  local totals = {
    net = line_taxes.round(net, rules),
    tax = line_taxes.round(tax, rules),
    withheld = line_taxes.round(withheld, rules),
  }
  if is_included and line_taxes.is_exact(rules) then
    local added = ZERO
    for number, item in ipairs(items) do
      for index, own in ipairs(item.taxes) do
        if not own.is_included and not own.is_withheld then
          added = added + amounts[number].amounts[index]
        end
      end
    end
    totals.net = line_taxes.round(whole + added, rules) - totals.tax
  end
  return totals
end

return line_taxes
