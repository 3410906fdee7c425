--- Tax that the buyer keeps back from the price and pays to the authority in the seller's name
--- (T5): Spain's IRPF, Italy's ritenuta d'acconto, India's TDS.
---
--- It is no tax on the invoice: lines, tax groups and what the invoice comes to stay as they are.
--- It lowers what is left to pay, which is what is collected; so it stands in the paid amount of
--- EN 16931 (BT-113), by which BR-CO-16 takes it off, and apart in `withholding_taxes`, as UBL's
--- WithholdingTaxTotal does.
---
--- The base is the document's amount without tax, less what is out of scope (category O: what was
--- laid out in the buyer's name is none of the seller's income), and less contributions to funds,
--- unless the tax says otherwise: of Italy's ritenuta the cassa of a profession is no part, the
--- rivalsa INPS is.
---@class billing.withholding
local withholding = {}

local contributions = require("billow.billing.contributions")
local decimal = require("billow.decimal")
local figures = require("billow.billing.figures")
local json = require("billow.json")
local reading = require("billow.billing.reading")

local ZERO, PERCENT = decimal(0), decimal(100)
local OUT_OF_SCOPE = "O"

---@class billing.WithheldTax
---@field name string             "IRPF"
---@field percent Decimal
---@field taxable_amount Decimal
---@field tax_amount Decimal
---@field includes_contributions boolean

local function base_of(groups)
  local base = ZERO
  for _, group in ipairs(groups) do
    if group.category_code ~= OUT_OF_SCOPE then
      base = base + decimal(group.taxable_amount)
    end
  end
  return base
end

--- What is withheld from a document; nil when the contract says nothing of it.
---@param rules table[]?   contract.withholding_taxes
---@param groups table[]   the document's tax groups
---@param lines table[]
---@param d integer        each tax is rounded half up to so many decimals
---@return billing.WithheldTax[]?
function withholding.of(rules, groups, lines, d)
  if not rules or #rules == 0 then
    return nil
  end
  local all, list = base_of(groups), {}
  for i, rule in ipairs(rules) do
    local base = all - (rule.includes_contributions and ZERO or contributions.net(lines))
    list[i] = {
      name = rule.name,
      percent = rule.percent,
      taxable_amount = base:round(d),
      tax_amount = (base * rule.percent / PERCENT):round(d),
      includes_contributions = rule.includes_contributions,
    }
  end
  return list
end

---@param list billing.WithheldTax[]?
---@param d integer
---@return Decimal
function withholding.total(list, d)
  local total = ZERO:round(d)
  for _, tax in ipairs(list or {}) do
    total = total + decimal(tax.tax_amount)
  end
  return total
end

--- The written form.
---@param list billing.WithheldTax[]
---@param d integer
---@return table[]
function withholding.written(list, d)
  local written = json.array({})
  for i, tax in ipairs(list) do
    written[i] = {
      name = tax.name,
      percent = figures.plain(tax.percent),
      taxable_amount = figures.amount(tax.taxable_amount, d),
      tax_amount = figures.amount(tax.tax_amount, d),
      includes_contributions = tax.includes_contributions or nil,
    }
  end
  return written
end

--- What of an invoice is not credited yet: of its base, and of the contributions in that.
local function left_base(left)
  local base, contributed = ZERO, {}
  for _, rest in ipairs(left.groups) do
    if rest.group.category_code ~= OUT_OF_SCOPE then
      base = base + rest.net
    end
  end
  for i, rest in ipairs(left.lines) do
    contributed[i] = { component = rest.line.component, net_amount = rest.net }
  end
  return base, contributions.net(contributed)
end

--- What a credit note takes back of it: as much as is too much for what the invoice keeps, so that
--- however it is cut, an invoice credited in full has all of it credited, to the cent.
---@param basis billing.CreditBasis
---@param left billing.CreditLeft
---@param groups table[]   tax groups of the note, written
---@param lines table[]    of the note
---@param d integer
---@return billing.WithheldTax[]?
function withholding.credited(basis, left, groups, lines, d)
  local taxes = reading.given(basis.invoice.withholding_taxes)
  if not taxes then
    return nil
  end
  local all, contributed = left_base(left)
  local list = {}
  for i, tax in ipairs(taxes) do
    local rest = decimal(tax.tax_amount)
    for _, note in ipairs(basis.credits) do
      local before = reading.given(note.withholding_taxes)
      rest = rest - (before and decimal(before[i].tax_amount) or ZERO)
    end
    local percent, base, kept = decimal(tax.percent), base_of(groups), all
    if not reading.given(tax.includes_contributions) then
      base, kept = base - contributions.net(lines), kept - contributed
    end
    kept = kept - base
    list[i] = {
      name = tax.name,
      percent = percent,
      taxable_amount = base:round(d),
      tax_amount = decimal.max(ZERO, rest - (kept * percent / PERCENT):round(d)):round(d),
      includes_contributions = reading.given(tax.includes_contributions),
    }
  end
  return list
end

return withholding
