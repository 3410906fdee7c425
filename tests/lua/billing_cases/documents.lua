--- Cases of documents: lines with taxes to totals.
local rules = {}

local decimal = require("billow.decimal")
local json = require("billow.json")
local translate = require("billing_cases.translate")

local priced = translate.priced
local given = translate.given
local from_cents = translate.from_cents
local to_cents = translate.to_cents

rules["tax/percent_tax"] = function(facts)
  local taxes = {}
  for index, tax in ipairs(facts.taxes) do
    taxes[index] = {
      name = "tax " .. index,
      percent = tax.percent,
      is_included = tax.included,
      affects_next_base = tax.affects_next_base,
    }
  end
  local point = facts.precision:find(".", 1, true)
  local decimals = point and #facts.precision - point or 0
  local result = priced({
    amount_decimals = decimals,
    rounding = facts.rounding == "round_per_line" and "line" or "precise",
    rounding_increment = facts.precision,
    lines = { { unit_price = facts.price, taxes = taxes } },
  })
  local amounts = {}
  for index, tax in ipairs(result.lines[1].taxes) do
    amounts[index] = tax.amount
  end
  return {
    taxes = amounts,
    tax = result.totals.tax_amount,
    total_excluded = result.totals.tax_exclusive_amount,
    total_included = result.totals.tax_inclusive_amount,
  }
end

rules["totals/invoice"] = function(facts)
  local lines = {}
  for index, line in ipairs(facts.lines) do
    lines[index] = {
      quantity = line.qty,
      unit_price = line.cost,
      tax_percent = facts.invoice_tax or line.tax,
    }
  end
  local result = priced({
    rounding = facts.inclusive and "line" or "group",
    prices_include_tax = facts.inclusive,
    lines = lines,
    allowances = facts.discount_amount and { { amount = facts.discount_amount } },
    charges = facts.surcharge and { {
      amount = facts.surcharge,
      tax_percent = facts.surcharge_taxed and facts.invoice_tax or nil,
    } },
    payable_rounding_increment = facts.cash_rounding,
  })
  local line_taxes = {}
  for index, line in ipairs(result.lines) do
    line_taxes[index] = line.tax_amount
  end
  return {
    amount = result.totals.payable_amount,
    total_tax = result.totals.tax_amount,
    line_taxes = line_taxes,
  }
end

rules["totals/coupon_allocation"] = function(facts)
  local lines = {}
  for index, cents in ipairs(facts.fees_cents) do
    lines[index] = { net_amount = from_cents(cents), tax_percent = facts.tax_percent[index] }
  end
  local result = priced({
    lines = lines,
    allowances = { { amount = from_cents(facts.coupon_cents) } },
  })
  local split, taxes = {}, {}
  for index, line in ipairs(result.lines) do
    split[index] = -to_cents(line.share_amount)
    taxes[index] = to_cents(line.tax_amount)
  end
  return {
    coupon_split_cents = split,
    taxes_cents = taxes,
    subtotal_cents = to_cents(result.totals.tax_exclusive_amount),
    total_tax_cents = to_cents(result.totals.tax_amount),
    total_cents = to_cents(result.totals.tax_inclusive_amount),
  }
end

rules["totals/en16931_line_then_tax"] = function(facts)
  local lines = {}
  for index, line in ipairs(facts.lines) do
    lines[index] = {
      quantity = line.qty,
      unit_price = line.price,
      tax_percent = facts.tax_percent,
    }
  end
  local totals = priced({ lines = lines }).totals
  return { tax = totals.tax_amount, total = totals.tax_inclusive_amount }
end

-- Taxes that the buyer keeps back, by the name they have in their country.
local WITHHELD = { IRPF = true, IRPEF = true }

local function plain_percent(text)
  return text and (text:gsub("%%$", ""))
end

local function gobl_taxes(taxes, includes)
  local list = {}
  for index, tax in ipairs(taxes or {}) do
    list[index] = {
      name = tax.cat,
      category_code = tax.key,
      percent = plain_percent(tax.percent),
      is_withheld = WITHHELD[tax.cat] or false,
      is_included = includes == tax.cat,
    }
  end
  return json.array(list)
end

local function gobl_reductions(list)
  local reductions = {}
  for index, own in ipairs(list or {}) do
    reductions[index] = own.percent and { percent = plain_percent(own.percent) }
      or { amount = own.amount }
    reductions[index].taxes = gobl_taxes(own.taxes)
  end
  return json.array(reductions)
end

local function gobl_item(facts, expected)
  local includes = given(facts.prices_include)
  local lines = {}
  for index, line in ipairs(facts.lines) do
    lines[index] = {
      quantity = line.quantity,
      unit_price = line.price,
      discounts = gobl_reductions(line.discounts),
      charges = gobl_reductions(line.charges),
      taxes = gobl_taxes(line.taxes, includes),
    }
  end
  return {
    currency = facts.currency,
    rounding = facts.rounding == "currency" and "group" or "precise",
    lines = lines,
    allowances = gobl_reductions(facts.discounts),
    charges = gobl_reductions(facts.charges),
    -- What was paid before is a fact of the case although it stands among the results.
    prepaid_amount = expected.advance,
  }
end

--- Groups by name of the tax, as the source nests them.
local function gobl_categories(result)
  local categories, at = {}, {}
  for _, group in ipairs(result.tax_breakdown) do
    local category = at[group.name]
    if not category then
      category = { cat = group.name, retained = group.is_withheld or false,
        amount = decimal(0), rates = {} }
      at[group.name] = category
      categories[#categories + 1] = category
    end
    category.amount = category.amount + decimal(group.tax_amount)
    table.insert(category.rates, {
      key = group.category_code,
      base = group.taxable_amount,
      percent = group.percent and group.percent .. "%",
      amount = group.tax_amount,
    })
  end
  if #categories == 1 and not categories[1].retained then
    categories[1].amount = decimal(result.totals.tax_amount)
  end
  for _, category in ipairs(categories) do
    category.amount = tostring(category.amount)
  end
  return categories
end

rules["totals/gobl_invoice"] = function(facts, case)
  local result = priced(gobl_item(facts, case.expected))
  local totals = result.totals
  return {
    sum = totals.priced_amount,
    discount = totals.allowance_total_amount,
    charge = totals.charge_total_amount,
    tax_included = totals.tax_amount,
    total = totals.tax_exclusive_amount,
    tax = totals.tax_amount,
    total_with_tax = totals.tax_inclusive_amount,
    retained_tax = totals.withheld_amount,
    payable = tostring(decimal(totals.payable_amount) + decimal(totals.prepaid_amount)),
    advance = totals.prepaid_amount,
    due = totals.payable_amount,
    tax_categories = gobl_categories(result),
  }
end

return rules
