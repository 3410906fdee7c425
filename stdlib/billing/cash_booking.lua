--- What booking a payment writes: the payment, its allocations in both currencies, what becomes of
--- differences (C3, C5, C6). Pure.
---@class billow.billing.cash_booking
local cash_booking = {}

local currencies = require("billow.billing.currency")
local date = require("billow.date")
local decimal = require("billow.decimal")
local discount_early = require("billow.billing.discount_early")
local json = require("billow.json")
local reading = require("billow.billing.reading")
local split = require("billow.billing.split")

local ZERO, ONE = decimal(0), decimal(1)
local given = reading.given

---@class billing.Rates
---@field currency string    of the books
---@field list {currency: string, date: string, rate: Decimal}[]   1 currency = rate in the books'

--- The rate of a currency on a day: the latest not after it; nil when there is none.
---@param rates billing.Rates
---@param currency string
---@param day string
---@return Decimal?
function cash_booking.rate(rates, currency, day)
  if currency == rates.currency then
    return ONE
  end
  local best
  for _, row in ipairs(rates.list) do
    if row.currency == currency and row.date <= day and (not best or row.date >= best.date) then
      best = row
    end
  end
  return best and best.rate
end

--- The exchange difference of one allocation in the books' currency: what arrived, less what stood
--- in the books. Gain is positive. Nil when nothing differs or a rate is missing.
---@param taken {amount: Decimal, currency: string, date: string}  of the payment
---@param owed {amount: Decimal, currency: string, date: string}   of the invoice, at its issue
---@param rates billing.Rates
---@return Decimal?
function cash_booking.exchange_difference(taken, owed, rates)
  if taken.currency == rates.currency and owed.currency == rates.currency then
    return nil
  end
  local paid_rate = cash_booking.rate(rates, taken.currency, taken.date)
  local owed_rate = cash_booking.rate(rates, owed.currency, owed.date)
  if not paid_rate or not owed_rate then
    return nil
  end
  local d = currencies.decimals(rates.currency)
  local difference = (taken.amount * paid_rate):round(d) - (owed.amount * owed_rate):round(d)
  return not difference:is_zero() and difference or nil
end

--- What each allocation takes from the payment, in the payment's currency: its own amount, or a
--- share when the currencies differ; shares and the rest make up the payment to the cent.
local function taken_of(entry, choice)
  local places, weights, taken = {}, {}, {}
  for i, row in ipairs(choice.allocations) do
    taken[i] = ZERO
    if row.kind == "payment" then
      places[#places + 1] = i
      weights[#weights + 1] = row.amount
      taken[i] = row.amount
    end
  end
  if choice.currency == entry.currency or #places == 0 then
    return taken
  end
  weights[#weights + 1] = choice.unapplied_amount
  local d = currencies.decimals(entry.currency)
  local shares = split.largest_remainder(entry.amount, weights, d)
  for number, i in ipairs(places) do
    taken[i] = shares[number]
  end
  return taken
end

local function difference_of(entry, row, taken, item, rates)
  if row.kind ~= "payment" or not item.issue_date then
    return nil
  end
  return cash_booking.exchange_difference(
    { amount = taken, currency = entry.currency, date = entry.value_date },
    { amount = row.amount, currency = item.currency, date = item.issue_date },
    rates
  )
end

---@class billing.Choice   a candidate, or what a person told
---@field allocations table[]
---@field currency string
---@field unapplied_amount Decimal
---@field customer_id? string
---@field surplus_use? string
---@field reason? string
---@field match table    why, for the record

--- The id of the payment that an entry becomes: one for each entry, so that it is booked once.
---@param entry billing.bank.Entry
---@return string
function cash_booking.payment_id(entry)
  return "bank:" .. entry.id
end

--- Rows of payment and allocations; decimals as text.
---@param entry billing.bank.Entry
---@param choice billing.Choice
---@param items table<string, billing.OpenItem>   by invoice id
---@param rates billing.Rates
---@return table payment
---@return table[] allocations
function cash_booking.rows(entry, choice, items, rates)
  local id, rows = cash_booking.payment_id(entry), json.array({})
  local taken = taken_of(entry, choice)
  for i, row in ipairs(choice.allocations) do
    local difference = difference_of(entry, row, taken[i], items[row.invoice_id] or {}, rates)
    rows[i] = {
      payment_id = id,
      invoice_id = row.invoice_id,
      kind = row.kind,
      amount = tostring(row.amount),
      currency = choice.currency,
      payment_amount = tostring(taken[i]),
      tax_amount = row.tax_amount and tostring(row.tax_amount),
      difference_amount = difference and tostring(difference),
      difference_currency = difference and rates.currency,
      reason = row.reason or choice.reason,
    }
  end
  local payment = {
    id = id,
    entry_id = entry.id,
    date = entry.value_date,
    amount = tostring(entry.amount),
    currency = entry.currency,
    customer_id = choice.customer_id,
    payer_name = entry.counterparty_name,
    payer_account = entry.counterparty_account,
    remittance_text = entry.text,
    end_to_end_id = entry.end_to_end_id,
    surplus_use = choice.surplus_use,
    match = choice.match,
  }
  return payment, rows
end

--- The early payment discount that an invoice offers, with the tax in it; nil without terms. Tax
--- groups are discounted one by one, by the country's mode.
---@param terms table?          {percent, days | last_date, mode}
---@param invoice {issue_date: string, currency: string, tax_breakdown: table[]?}
---@return {last_date: string, amount: Decimal, tax_amount: Decimal}?
function cash_booking.discount(terms, invoice)
  if not given(terms) then
    return nil
  end
  local reader = reading.open(terms, "early_payment_discount")
  local offer = {
    percent = reader:decimal("percent", { min = 0, max = 100 }),
    mode = reader:choice("mode", discount_early.MODES, "included"),
  }
  local last_date = reader:date("last_date", true)
    or discount_early.last_date(invoice.issue_date, reader:integer("days", { min = 0 }))
  local amount, tax, d = ZERO, ZERO, currencies.decimals(invoice.currency)
  for _, group in ipairs(given(invoice.tax_breakdown) or {}) do
    local percent = given(group.percent)
    local made = discount_early.amounts(
      decimal(group.taxable_amount),
      percent and decimal(percent) or ZERO,
      nil,
      offer,
      d
    )
    amount = amount + made.base_discount_amount + made.tax_discount_amount
    tax = tax + made.tax_discount_amount
  end
  return amount > ZERO and { last_date = last_date, amount = amount, tax_amount = tax } or nil
end

--- Terms from their text form in XRechnung: `#SKONTO#TAGE=14#PROZENT=2.00#`. Nil for other text.
---@param words string
---@return {percent: string, days: integer}?
function cash_booking.skonto(words)
  local days, percent = words:match("#SKONTO#TAGE=(%d+)#PROZENT=(%d+%.%d%d)#")
  return days and { days = math.tointeger(tonumber(days)), percent = percent } or nil
end

--- A row of cash.open_items as the rules know it.
---@param row table
---@return billing.OpenItem
function cash_booking.item(row)
  local function number(name)
    local value = given(row[name])
    return value and decimal(value) or nil
  end
  local instalments = {}
  for i, part in ipairs(given(row.instalments) or {}) do
    instalments[i] = { due_date = part.due_date, amount = decimal(part.amount) }
  end
  -- What the invoice says is withheld is off its payable amount already: never a second time.
  local states_withheld = given(row.withholding_taxes) ~= nil
  return {
    invoice_id = row.invoice_id,
    number = row.number,
    customer_id = row.customer_id,
    customer_name = given(row.customer_name),
    currency = row.currency,
    issue_date = row.issue_date,
    due_date = given(row.due_date) or row.issue_date,
    open_amount = decimal(row.open_amount),
    payable_amount = decimal(row.payable_amount),
    net_amount = not states_withheld and number("net_amount") or nil,
    reference = given(row.reference),
    end_to_end_id = given(row.end_to_end_id),
    disputed_amount = number("disputed_amount"),
    accounts = given(row.accounts) or {},
    instalments = #instalments > 0 and instalments or nil,
    discount = cash_booking.discount(row.early_payment_discount, row),
  }
end

--- The settings of the matching policy as the rules know them.
---@param settings table
---@return billing.MatchSettings
function cash_booking.match_settings(settings)
  local amounts, percents = {}, {}
  for _, row in ipairs(settings.tolerances or {}) do
    amounts[row.currency] = decimal(row.amount)
  end
  for i, percent in ipairs(settings.withholding_percents or {}) do
    percents[i] = decimal(percent)
  end
  return {
    tolerance_amounts = amounts,
    tolerance_amount = decimal(settings.tolerance_amount or "1.00"),
    tolerance_percent = decimal(settings.tolerance_percent or "0.1"),
    subset_max = settings.subset_max or 6,
    subset_steps_max = 20000,
    withholding_percents = percents,
    bank_fee_max = decimal(settings.bank_fee_max or "25.00"),
    discount_grace_days = settings.discount_grace_days or 0,
  }
end

--- Rates from the firm's documents.
---@param row table?   of cash.rates
---@return billing.Rates
function cash_booking.rates(row)
  local list = {}
  for _, rate in ipairs(row and given(row.exchange_rates) or {}) do
    if date.is_valid(rate.date) then
      list[#list + 1] =
        { currency = rate.currency, date = rate.date, rate = reading.number(rate.rate) }
    end
  end
  return { currency = row and given(row.currency) or "EUR", list = list }
end

return cash_booking
