--- Lines with taxes to totals: a whole document, as an invoice states it.
local totals_item = {}

local copy = require("billow.billing.copy")
local currency = require("billow.billing.currency")
local decimal = require("billow.decimal")
local explanation = require("billow.billing.explanation")
local json = require("billow.json")
local line_taxes = require("billow.billing.line_taxes")
local reading = require("billow.billing.reading")
local split = require("billow.billing.split")
local tax = require("billow.billing.tax")
local totals = require("billow.billing.totals")

local ZERO = decimal(0)
local PERCENT = decimal(100)
local OUT_OF_SCOPE = "O"
local TAX_NAME_DEFAULT = "VAT"

---@class billing.PricedDocument
---@field rules billing.TaxRules
---@field codes table<string, table>  firm tax codes by id
---@field tax_point_date string|nil
---@field is_including boolean        every percentage and fixed tax is inside the prices
---@field taxes billing.LineTax[]|nil  of lines that say nothing of taxes

--- The tax of a firm tax code on the tax point date.
---@param reader billing.Reader
---@param document billing.PricedDocument
---@return billing.LineTax
local function tax_of_code(reader, document)
  local id = reader:text("tax_code")
  local code = document.codes[id]
  if not code then
    reader:refuse("tax_code", "name one of the item's tax_codes")
  elseif not document.tax_point_date then
    reading.refuse("tax_point_date", nil, "write the day whose rate applies")
  end
  local has_rate = code.category_code ~= "S"
    or tax.rate_on(code, document.tax_point_date) ~= nil
  if not has_rate then
    reader:refuse("tax_code", "add a rate valid on " .. document.tax_point_date)
  end
  return {
    name = TAX_NAME_DEFAULT,
    category_code = code.category_code,
    percent = tax.percent(code, document.tax_point_date),
  }
end

---@param reader billing.Reader
---@param document billing.PricedDocument
---@return billing.LineTax
local function stated_tax(reader, document)
  local own = {
    name = reader:text("name", TAX_NAME_DEFAULT),
    category_code = reader:text("category_code", false),
    percent = reader:decimal("percent", { is_optional = true }),
    fixed_amount = reader:decimal("fixed_amount", { is_optional = true }),
    is_withheld = reader:boolean("is_withheld", false),
    affects_next_base = reader:boolean("affects_next_base", false),
    is_percent_of_total = reader:boolean("is_percent_of_total", false),
    group = reader:text("group", false),
  }
  if own.percent and own.fixed_amount then
    reader:refuse("fixed_amount", "leave out percent or fixed_amount: a tax is one of both")
  elseif own.is_percent_of_total and not (own.percent and own.percent < PERCENT) then
    reader:refuse("percent", "write a percentage of the total, less than 100")
  end
  own.is_included = not own.is_withheld and reader:boolean("is_included", document.is_including)
  return own
end

--- The taxes of a line, allowance or charge; nil when it does not say.
---@param reader billing.Reader
---@param document billing.PricedDocument
---@return billing.LineTax[]|nil
local function taxes_of(reader, document)
  reader:only_one({ "taxes", "tax_code", "tax_percent" })
  if reader:has("taxes") then
    local list = {}
    for index, own in ipairs(reader:objects("taxes")) do
      list[index] = stated_tax(own, document)
    end
    return list
  elseif reader:has("tax_code") then
    local own = tax_of_code(reader, document)
    own.is_included = document.is_including
    return { own }
  elseif reader:has("tax_percent") or reader:has("tax_category") then
    return { {
      name = TAX_NAME_DEFAULT,
      category_code = reader:text("tax_category", false),
      percent = reader:decimal("tax_percent", { is_optional = true }),
      is_included = document.is_including,
    } }
  end
  return nil
end

--- The amount of an allowance or charge on `base`, by percent or as stated.
---@param reader billing.Reader
---@param base Decimal
---@param rules billing.TaxRules
---@param percent_max integer|nil   nothing can be taken off that is not there
---@return Decimal
local function reduction(reader, base, rules, percent_max)
  reader:only_one({ "percent", "amount" })
  if not reader:has("percent") then
    if not reader:has("amount") then
      reader:refuse("amount", "write percent or amount")
    end
    return reader:decimal("amount", { min = 0 })
  end
  local amount = base * reader:decimal("percent", { min = 0, max = percent_max }) / PERCENT
  return line_taxes.is_exact(rules) and amount or line_taxes.round(amount, rules)
end

---@param reader billing.Reader
---@param document billing.PricedDocument
---@return billing.TaxedItem
local function line_of(reader, document)
  local quantity = reader:decimal("quantity", { default = 1 })
  local gross, text
  reader:only_one({ "unit_price", "net_amount" })
  if reader:has("unit_price") then
    local priced = quantity * reader:decimal("unit_price")
    gross, text = priced, tostring(quantity) .. " x " .. tostring(reader:decimal("unit_price"))
    for _, discount in ipairs(reader:objects("discounts")) do
      local off = reduction(discount, priced, document.rules, 100)
      gross, text = gross - off, text .. " - discount " .. tostring(off)
    end
    for _, charge in ipairs(reader:objects("charges")) do
      local on = reduction(charge, priced, document.rules)
      gross, text = gross + on, text .. " + charge " .. tostring(on)
    end
  else
    if not reader:has("net_amount") then
      reader:refuse("unit_price", "write unit_price, or net_amount for the whole line")
    end
    gross = reader:decimal("net_amount")
    text = tostring(gross)
  end
  if not line_taxes.is_exact(document.rules) then
    gross = line_taxes.round(gross, document.rules)
  end
  local taxes = taxes_of(reader, document) or document.taxes or {}
  return { gross = gross, quantity = quantity, taxes = taxes, text = text }
end

--- Take an amount off the lines (or put it on), by their size; the tax bases follow.
---@param items billing.TaxedItem[]
---@param amount Decimal  negative: an allowance
---@param rules billing.TaxRules
local function spread(items, amount, rules)
  local weights = {}
  for index, item in ipairs(items) do
    weights[index] = item.gross:abs()
  end
  if decimal.sum(weights):is_zero() then
    reading.refuse("allowances", amount, "give it taxes of its own: the lines come to 0")
  end
  local shares = split.largest_remainder(line_taxes.round(amount, rules), weights, rules.d)
  for index, share in ipairs(shares) do
    items[index].gross = items[index].gross + share
    items[index].share = (items[index].share or ZERO) + share
  end
end

--- Document allowances or charges; returns their sum.
---@param reader billing.Reader
---@param name "allowances"|"charges"
---@param items billing.TaxedItem[]   lines; shares are spread over them
---@param extra billing.TaxedItem[]   gets those with taxes of their own
---@param base Decimal
---@param document billing.PricedDocument
---@return Decimal
local function document_level(reader, name, items, extra, base, document)
  local sum = ZERO
  local sign = name == "allowances" and -1 or 1
  for _, own in ipairs(reader:objects(name)) do
    local amount = reduction(own, base, document.rules)
    local taxes = taxes_of(own, document)
    if taxes then
      extra[#extra + 1] = { gross = amount * sign, quantity = decimal(sign), taxes = taxes }
    else
      spread(items, amount * sign, document.rules)
    end
    sum = sum + amount
  end
  return line_taxes.round(sum, document.rules)
end

---@param reader billing.Reader
---@param money billing.PriceMoney
---@return billing.PricedDocument
local function document_of(reader, money)
  local codes = {}
  for _, code in ipairs(reader:objects("tax_codes")) do
    local rates = {}
    for index, rate in ipairs(code:objects("rates")) do
      rates[index] = { valid_from = rate:date("valid_from"), percent = rate:decimal("percent") }
    end
    codes[code:text("id")] = {
      id = code:text("id"),
      category_code = code:text("category_code"),
      rates = rates,
    }
  end
  local document = {
    rules = {
      rounding = reader:choice("rounding", line_taxes.ROUNDINGS, "group"),
      d = money.d,
      increment = reader:decimal("rounding_increment", { is_optional = true, above = 0 }),
    },
    codes = codes,
    tax_point_date = reader:date("tax_point_date", true),
    is_including = reader:boolean("prices_include_tax", false),
  }
  document.taxes = taxes_of(reader, document)
  return document
end

---@param items billing.TaxedItem[]
---@param amounts billing.TaxedAmounts[]
---@param rules billing.TaxRules
---@return table[]
local function shown_lines(items, amounts, rules)
  local shown = {}
  for index, item in ipairs(items) do
    local taxes, sum = {}, ZERO
    for number, amount in ipairs(amounts[index].amounts) do
      local own = item.taxes[number]
      taxes[number] = { name = own.name, amount = line_taxes.round(amount, rules) }
      sum = own.is_withheld and sum or sum + amount
    end
    shown[index] = {
      priced_amount = line_taxes.round(item.gross - (item.share or ZERO), rules),
      share_amount = item.share,
      net_amount = line_taxes.round(amounts[index].net, rules),
      tax_amount = line_taxes.round(sum, rules),
      taxes = json.array(taxes),
    }
  end
  return json.array(shown)
end

--- How each line comes to its net, and what the document's allowances and charges do to it.
---@param items billing.TaxedItem[]
---@param amounts billing.TaxedAmounts[]
---@param rules billing.TaxRules
---@param steps billing.Step[]
local function explain_lines(items, amounts, rules, steps)
  for index, item in ipairs(items) do
    local text = item.text
    if item.share then
      text = text .. (item.share < ZERO and " less " or " and ") .. tostring(item.share:abs())
        .. " of the document"
    end
    if line_taxes.round(item.gross, rules) ~= line_taxes.round(amounts[index].net, rules) then
      text = text .. ", with the tax inside"
    end
    explanation.add(steps, "line", index .. ": " .. text,
      line_taxes.round(amounts[index].net, rules))
  end
end

---@param groups billing.TaxGroup[]
---@param steps billing.Step[]
---@return table[]
local function shown_groups(groups, steps)
  local shown = {}
  for index, group in ipairs(groups) do
    shown[index] = {
      name = group.name,
      category_code = group.category_code,
      percent = group.percent,
      is_withheld = group.is_withheld or nil,
      taxable_amount = group.taxable_amount,
      tax_amount = group.tax_amount,
    }
    local rate = group.percent and tostring(group.percent) .. " %" or "no rate"
    explanation.add(steps, "tax", group.name .. " " .. (group.category_code or "") .. " " .. rate
      .. " on " .. tostring(group.taxable_amount), group.tax_amount)
  end
  return json.array(shown)
end

--- The rate of the firm's currency: given, or the latest of a table on the tax point date.
---@param reader billing.Reader
---@param money billing.PriceMoney
---@param document billing.PricedDocument
---@return {rate: Decimal, date: string|nil, source: string|nil}|nil
local function exchange_of(reader, money, document)
  if not reader:has("exchange_rates") then
    local rate = reader:decimal("exchange_rate", { is_optional = true, above = 0 })
    return rate and { rate = rate, date = document.tax_point_date }
  elseif not document.tax_point_date then
    reading.refuse("tax_point_date", nil, "write the day whose exchange rate applies")
  end
  local rates = {}
  for index, own in ipairs(reader:objects("exchange_rates")) do
    rates[index] = {
      currency = own:text("currency"),
      rate = own:decimal("rate", { above = 0 }),
      date = own:date("date"),
      source = own:text("source", false),
    }
  end
  local found = totals.exchange_rate(rates, money.currency, document.tax_point_date)
  if not found then
    reader:refuse("exchange_rates", "add a rate of " .. money.currency .. " on or before "
      .. document.tax_point_date .. ", the tax point date")
  end
  return found
end

--- The tax in the firm's currency, when the item gives a rate.
---@param reader billing.Reader
---@param money billing.PriceMoney
---@param document billing.PricedDocument
---@param tax_amount Decimal
---@param steps billing.Step[]
---@return Decimal|nil
---@return table|nil exchange_rate
local function accounting_tax(reader, money, document, tax_amount, steps)
  local exchange = exchange_of(reader, money, document)
  if not exchange then
    return nil, nil
  end
  local code = reader:text("accounting_currency", false)
  if code and not currency.is_known(code) then
    reader:refuse("accounting_currency", "write an ISO 4217 code, for example EUR")
  end
  local d = reader:integer("accounting_decimals",
    { default = code and currency.decimals(code) or 2, min = 0, max = 2 })
  local amount = (tax_amount * exchange.rate):round(d)
  explanation.add(steps, "accounting_currency", tostring(tax_amount) .. " x "
    .. tostring(exchange.rate), amount)
  return amount, exchange
end

--- Sums of the groups that taxes were put into; nil when none was.
---@param groups billing.TaxGroup[]
---@return table[]|nil
local function group_sums(groups)
  local sums, at = {}, {}
  for _, group in ipairs(groups) do
    if group.group then
      if not at[group.group] then
        at[group.group] = { name = group.group, tax_amount = ZERO }
        sums[#sums + 1] = at[group.group]
      end
      at[group.group].tax_amount = at[group.group].tax_amount + group.tax_amount
    end
  end
  return #sums > 0 and json.array(sums) or nil
end

--- What is contradictory in the taxes: the document could not go out like this.
---@param groups billing.TaxGroup[]
---@return table[]
local function exceptions_of(groups)
  local has_out_of_scope, has_other, found = false, false, {}
  for _, group in ipairs(groups) do
    if group.category_code == OUT_OF_SCOPE then
      has_out_of_scope = true
    elseif group.category_code then
      has_other = true
    end
    local is_free = group.category_code == "AE" or group.category_code == "E"
      or group.category_code == "K" or group.category_code == "G"
    if is_free and not group.tax_amount:is_zero() then
      found[#found + 1] = { code = "TAX_NOT_ZERO", message = "category " .. group.category_code
        .. " has no tax: leave out its percent" }
    end
  end
  if has_out_of_scope and has_other then
    found[#found + 1] = { code = "TAX_CATEGORY_MIX", message = "category O stands beside another "
      .. "one: bill what is out of scope of VAT by itself" }
  end
  return json.array(found)
end

--- What was paid before: an amount, or a percentage of the total.
---@param reader billing.Reader
---@param inclusive Decimal
---@param d integer
---@return Decimal
local function prepaid_of(reader, inclusive, d)
  reader:only_one({ "prepaid_amount", "prepaid_percent" })
  if reader:has("prepaid_percent") then
    local percent = reader:decimal("prepaid_percent", { min = 0, max = 100 })
    return (inclusive * percent / PERCENT):round(d)
  end
  return reader:decimal("prepaid_amount", { default = 0 })
end

---@param reader billing.Reader
---@param due Decimal
---@param d integer
---@param steps billing.Step[]
---@return Decimal
local function payable_rounding(reader, due, d, steps)
  local increment = reader:decimal("payable_rounding_increment", { is_optional = true, above = 0 })
  local mode = reader:choice("payable_rounding_mode", { "half_up", "up", "down" }, "half_up")
  local rounding = totals.payable_rounding(due, increment, d, mode)
  if increment then
    explanation.add(steps, "payable_rounding", tostring(due) .. " to a multiple of "
      .. tostring(increment) .. ", " .. mode, due + rounding)
  end
  return rounding
end

---@param items billing.TaxedItem[]
---@param extra billing.TaxedItem[]
---@return billing.TaxedItem[]
local function all_of(items, extra)
  local all = copy.list(items)
  for _, item in ipairs(extra) do
    all[#all + 1] = item
  end
  return all
end

---@param reader billing.Reader
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
function totals_item.price(reader, money, steps)
  local document = document_of(reader, money)
  local rules = document.rules
  local items, extra, base = {}, {}, ZERO
  for index, line in ipairs(reader:objects("lines", true)) do
    items[index] = line_of(line, document)
    base = base + items[index].gross
  end
  local allowance = document_level(reader, "allowances", items, extra, base, document)
  local charge = document_level(reader, "charges", items, extra, base, document)
  local all, amounts = all_of(items, extra), {}
  for index, item in ipairs(all) do
    amounts[index] = line_taxes.of_item(item, rules)
  end
  explain_lines(items, amounts, rules, steps)
  local groups = line_taxes.groups(all, amounts, rules)
  local shown_breakdown = shown_groups(groups, steps)
  local sums = line_taxes.totals(all, amounts, groups, rules)
  local inclusive = sums.net + sums.tax
  local prepaid = prepaid_of(reader, inclusive - sums.withheld, money.d)
  local due = inclusive - sums.withheld - prepaid
  explanation.add(steps, "payable", "net " .. tostring(sums.net) .. " + tax " .. tostring(sums.tax)
    .. " - withheld " .. tostring(sums.withheld) .. " - prepaid " .. tostring(prepaid), due)
  local rounding = payable_rounding(reader, due, money.d, steps)
  local accounting, exchange = accounting_tax(reader, money, document, sums.tax, steps)
  return {
    currency = money.currency,
    lines = shown_lines(items, amounts, rules),
    tax_breakdown = shown_breakdown,
    tax_groups = group_sums(groups),
    exceptions = exceptions_of(groups),
    exchange_rate = exchange,
    totals = {
      priced_amount = line_taxes.round(base, rules),
      line_extension_amount = sums.net + allowance - charge,
      allowance_total_amount = allowance,
      charge_total_amount = charge,
      tax_exclusive_amount = sums.net,
      tax_amount = sums.tax,
      tax_inclusive_amount = inclusive,
      withheld_amount = sums.withheld,
      prepaid_amount = prepaid,
      payable_rounding_amount = rounding,
      payable_amount = due + rounding,
      tax_amount_accounting = accounting and tostring(accounting),
    },
  }
end

return totals_item
