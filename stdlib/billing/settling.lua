--- How a payment settles a set of open items: exactly, short for a reason, or with something over
--- (C3, C4, C6).
---
--- A short payment is explained by, in this order: an early payment discount that is still open,
--- charges that banks took on the way, what is in dispute, a statutory withholding, the tolerance.
--- An instalment that is due is no short payment. What is not explained stays open; what is too
--- much stays unapplied.
---@class billow.billing.settling
local settling = {}

local currencies = require("billow.billing.currency")
local date = require("billow.date")
local decimal = require("billow.decimal")

local ZERO = decimal(0)

---@class billing.OpenItem
---@field invoice_id string
---@field number string
---@field customer_id string
---@field customer_name? string
---@field currency string
---@field issue_date? string
---@field due_date string
---@field open_amount Decimal         more than zero
---@field payable_amount Decimal
---@field net_amount? Decimal         without tax: the base of withholding that the invoice does
---                                   not state; nil where it states what is withheld
---@field reference? string           structured reference printed on the invoice
---@field end_to_end_id? string       of a collection sent for it
---@field discount? {last_date: string, amount: Decimal, tax_amount: Decimal}
---@field disputed_amount? Decimal
---@field accounts? string[]          from which this customer paid before
---@field instalments? {due_date: string, amount: Decimal}[]

---@class billing.MatchSettings
---@field tolerance_amounts table<string, Decimal>  by currency
---@field tolerance_amount Decimal                  of other currencies
---@field tolerance_percent Decimal
---@field subset_max integer
---@field subset_steps_max integer
---@field withholding_percents Decimal[]
---@field bank_fee_max Decimal
---@field discount_grace_days integer

---@class billing.Settled
---@field outcome string   exact, discount, bank_fee, dispute, withholding, tolerance, instalment,
---                        part or over
---@field allocations {invoice_id: string, amount: Decimal, kind: string, tax_amount?: Decimal}[]
---@field unapplied_amount Decimal   in the items' currency
---@field short_amount Decimal       open on these items afterwards
---@field text string

--- The greatest difference still taken as full: the smaller of an amount and a share.
---@param amount Decimal
---@param currency string
---@param settings billing.MatchSettings
---@return Decimal
function settling.tolerance(amount, currency, settings)
  local fixed = settings.tolerance_amounts[currency] or settings.tolerance_amount
  local share = amount * settings.tolerance_percent / decimal(100)
  return decimal.min(fixed, share:round(currencies.decimals(currency), "down"))
end

--- Oldest due first.
---@param items billing.OpenItem[]
---@return billing.OpenItem[]
function settling.by_due_date(items)
  local ordered = table.move(items, 1, #items, 1, {})
  table.sort(ordered, function(a, b)
    if a.due_date ~= b.due_date then
      return a.due_date < b.due_date
    end
    return a.number < b.number
  end)
  return ordered
end

--- What is open of each instalment: what was settled before went to the oldest.
---@param item billing.OpenItem
---@return {due_date: string, amount: Decimal}[]
function settling.instalments(item)
  local parts, settled = {}, item.payable_amount - item.open_amount
  local ordered = table.move(item.instalments or {}, 1, #(item.instalments or {}), 1, {})
  table.sort(ordered, function(a, b)
    return a.due_date < b.due_date
  end)
  for _, part in ipairs(ordered) do
    local covered = decimal.min(settled, part.amount)
    settled = settled - covered
    if part.amount > covered then
      parts[#parts + 1] = { due_date = part.due_date, amount = part.amount - covered }
    end
  end
  return parts
end

--- The discount of an item when it is paid on a day; nil when there is none or the day is past. An
--- item that is partly paid has lost it.
---@param item billing.OpenItem
---@param paid_on string
---@param settings billing.MatchSettings
---@return {amount: Decimal, tax_amount: Decimal, last_date: string}?
function settling.discount(item, paid_on, settings)
  local offer = item.discount
  if not offer or item.open_amount ~= item.payable_amount then
    return nil
  end
  local last = date.add_days(offer.last_date, settings.discount_grace_days)
  return paid_on <= last and offer or nil
end

local function total_of(items)
  local total = ZERO
  for _, item in ipairs(items) do
    total = total + item.open_amount
  end
  return total
end

local function shown(amount, currency)
  return amount:fixed(math.max(amount:scale(), currencies.decimals(currency))) .. " " .. currency
end

--- Whether the next instalments of an item make up the amount.
local function is_instalment(items, paid)
  local sum = ZERO
  for _, part in ipairs(#items == 1 and settling.instalments(items[1]) or {}) do
    sum = sum + part.amount
    if sum == paid then
      return true
    end
  end
  return false
end

--- Whether the amount short is a statutory percentage of the net of all items.
local function withheld_percent(items, short, settings, d)
  local net = ZERO
  for _, item in ipairs(items) do
    if not item.net_amount or item.open_amount ~= item.payable_amount then
      return nil
    end
    net = net + item.net_amount
  end
  for _, percent in ipairs(settings.withholding_percents) do
    if (net * percent / decimal(100)):round(d) == short then
      return percent
    end
  end
  return nil
end

--- Why a payment is short: a kind of allocation for each item, or nil.
---@return string? outcome
---@return string? text
local function reason_of(paid, items, short, settings)
  local currency = items[1].currency
  local discount = ZERO
  for _, item in ipairs(items) do
    local offer = settling.discount(item, paid.date, settings)
    discount = discount + (offer and offer.amount or ZERO)
  end
  local amount = shown(short, currency)
  if discount > ZERO and short == discount then
    return "discount", amount .. " less is the early payment discount, still in time"
  end
  local is_on_the_way = paid.sent and paid.sent - paid.amount == short
  if short <= settings.bank_fee_max and (paid.charges == short or is_on_the_way) then
    return "bank_fee", amount .. " less is what banks took on the way"
  end
  local disputed = ZERO
  for _, item in ipairs(items) do
    disputed = disputed + (item.disputed_amount or ZERO)
  end
  if disputed > ZERO and disputed == short then
    return "dispute", amount .. " less is what is in dispute"
  end
  local percent = withheld_percent(items, short, settings, currencies.decimals(currency))
  if percent then
    return "withholding",
      string.format(
        "%s less is %s %% of the net: tax withheld, ask for the certificate",
        amount,
        tostring(percent)
      )
  end
  if short <= settling.tolerance(total_of(items), currency, settings) then
    return "tolerance", amount .. " less is within the tolerance"
  end
  return nil
end

local KINDS = {
  discount = "discount",
  bank_fee = "bank_fee",
  withholding = "withholding",
  tolerance = "write_off",
}

--- Divides what is short over the items: each item's own discount, else as much as it can take.
local function short_parts(items, outcome, short, paid, settings)
  local parts, rest = {}, short
  for i, item in ipairs(items) do
    local offer = outcome == "discount" and settling.discount(item, paid.date, settings)
    local part
    if outcome == "discount" then
      part = offer and offer.amount or ZERO
    else
      part = decimal.min(rest, item.open_amount)
    end
    rest = rest - part
    parts[i] = { amount = part, tax_amount = offer and offer.tax_amount or nil }
  end
  return parts
end

local function allocate(result, items, rest, parts, kind)
  for i, item in ipairs(items) do
    local part = parts and parts[i]
    local open = item.open_amount
    if part and part.amount > ZERO then
      table.insert(result.allocations, {
        invoice_id = item.invoice_id,
        amount = part.amount,
        kind = kind,
        tax_amount = part.tax_amount,
      })
      open = open - part.amount
    end
    local amount = decimal.min(rest, open)
    if amount > ZERO then
      table.insert(
        result.allocations,
        { invoice_id = item.invoice_id, amount = amount, kind = "payment" }
      )
      rest = rest - amount
    end
    result.short_amount = result.short_amount + open - amount
  end
  result.unapplied_amount = rest
  return result
end

---@class billing.Paid
---@field amount Decimal      in the items' currency
---@field date string
---@field charges? Decimal    that banks took
---@field sent? Decimal       what the payer sent, in the items' currency

--- Settle items with a payment, oldest due first.
---@param paid billing.Paid
---@param items billing.OpenItem[]   of one currency, at least one
---@param settings billing.MatchSettings
---@return billing.Settled
function settling.settle(paid, items, settings)
  local ordered = settling.by_due_date(items)
  local total, currency = total_of(ordered), ordered[1].currency
  local result = { allocations = {}, short_amount = ZERO, unapplied_amount = ZERO }
  local short = total - paid.amount
  if short:is_zero() then
    result.outcome = "exact"
    result.text = shown(paid.amount, currency) .. " is exactly what is open"
    return allocate(result, ordered, paid.amount)
  elseif short < ZERO then
    result.outcome = "over"
    result.text = shown(-short, currency) .. " more than is open"
    return allocate(result, ordered, paid.amount)
  end
  local outcome, reason = reason_of(paid, ordered, short, settings)
  if outcome then
    result.outcome, result.text = outcome, reason
    local kind = KINDS[outcome]
    local parts = kind and short_parts(ordered, outcome, short, paid, settings)
    return allocate(result, ordered, paid.amount, parts, kind)
  elseif is_instalment(ordered, paid.amount) then
    result.outcome = "instalment"
    result.text = shown(paid.amount, currency) .. " is exactly the next instalment"
    return allocate(result, ordered, paid.amount)
  end
  result.outcome = "part"
  result.text = shown(short, currency) .. " stays open, without a reason that could be found"
  return allocate(result, ordered, paid.amount)
end

return settling
