--- Statement of account (U5): what a customer owed at the start, what came and went, what they owe
--- now, how old it is, and what of it is disputed or not yet matched.
---
--- One statement per currency. Debits are positive (invoices, interest, fees), credits negative
--- (credit notes, cash, write-offs); cash that is not applied to an invoice lowers what is owed all
--- the same. Aging counts from the due date. Pure.
---@class billing.statement_of_account
local statement_of_account = {}

local currency = require("billow.billing.currency")
local date = require("billow.date")
local decimal = require("billow.decimal")
local figures = require("billow.billing.figures")
local json = require("billow.json")
local reading = require("billow.billing.reading")

local given = reading.given
local ZERO = decimal(0)

--- Which way an item moves the balance.
local SIGNS = {
  invoice = 1,
  interest = 1,
  credit_note = -1,
  payment = -1,
  write_off = -1,
  refund = 1,
}

--- Buckets by days overdue: up to and including.
local BUCKETS = {
  { id = "not_due", up_to = 0 },
  { id = "days_1_30", up_to = 30 },
  { id = "days_31_60", up_to = 60 },
  { id = "days_61_90", up_to = 90 },
  { id = "days_over_90" },
}

---@class billing.AccountItem
---@field kind "invoice"|"interest"|"credit_note"|"payment"|"write_off"|"refund"
---@field date string
---@field number string        of the document, or what a payment said
---@field amount any           positive
---@field currency string
---@field due_date? string
---@field refers_to? string    the invoice that a credit, payment or write-off is for

---@class billing.OpenItem
---@field number string
---@field issue_date string
---@field due_date string
---@field currency string
---@field open_amount any
---@field disputed_amount any

local function bucket_of(item, on)
  local days = date.days_between(item.due_date, on)
  for _, bucket in ipairs(BUCKETS) do
    if not bucket.up_to or days <= bucket.up_to then
      return bucket.id
    end
  end
end

--- What is open by age, from the due date.
---@param open billing.OpenItem[]   of one currency
---@param on string
---@param d integer
---@return table<string, string>
function statement_of_account.aging(open, on, d)
  local sums, aging = {}, {}
  for _, item in ipairs(open) do
    local bucket = bucket_of(item, on)
    sums[bucket] = (sums[bucket] or ZERO) + decimal(item.open_amount)
  end
  for _, bucket in ipairs(BUCKETS) do
    aging[bucket.id] = figures.amount(sums[bucket.id] or ZERO, d)
  end
  return aging
end

local function signed(item)
  local sign = SIGNS[item.kind]
  if not sign then
    reading.refuse(
      "kind",
      item.kind,
      "write invoice, interest, credit_note, payment, refund " .. "or write_off"
    )
  end
  return decimal(item.amount) * decimal(sign)
end

local ORDER = { invoice = 1, interest = 2, credit_note = 3, payment = 4, refund = 5, write_off = 6 }

local function is_before(a, b)
  if a.date ~= b.date then
    return a.date < b.date
  elseif a.kind ~= b.kind then
    return ORDER[a.kind] < ORDER[b.kind]
  end
  return a.number < b.number
end

--- The items of the period with the balance after each; and the balance before and after.
local function movements(items, period, d)
  local opening, balance, rows = ZERO, ZERO, {}
  for _, item in ipairs(items) do
    local amount = signed(item)
    if item.date < period.start_date then
      opening = opening + amount
    end
    if item.date <= period.end_date then
      balance = balance + amount
    end
  end
  local running = opening
  for _, item in ipairs(items) do
    if item.date >= period.start_date and item.date <= period.end_date then
      running = running + signed(item)
      rows[#rows + 1] = {
        kind = item.kind,
        date = item.date,
        number = item.number,
        refers_to = given(item.refers_to) or json.null,
        due_date = given(item.due_date) or json.null,
        amount = figures.amount(signed(item), d),
        balance = figures.amount(running, d),
      }
    end
  end
  return rows, opening, balance
end

local function of_currency(list, code)
  local found = {}
  for _, item in ipairs(list) do
    if item.currency == code then
      found[#found + 1] = item
    end
  end
  return found
end

local function sum_by_kind(items, period, kind)
  local total = ZERO
  for _, item in ipairs(items) do
    if item.kind == kind and item.date >= period.start_date and item.date <= period.end_date then
      total = total + decimal(item.amount)
    end
  end
  return total
end

local function open_rows(open, on, d)
  local rows, total, disputed = {}, ZERO, ZERO
  for i, item in ipairs(open) do
    total = total + decimal(item.open_amount)
    disputed = disputed + decimal(item.disputed_amount)
    rows[i] = {
      number = item.number,
      issue_date = item.issue_date,
      due_date = item.due_date,
      days_overdue = math.max(date.days_between(item.due_date, on), 0),
      open_amount = figures.amount(decimal(item.open_amount), d),
      disputed_amount = figures.amount(decimal(item.disputed_amount), d),
    }
  end
  return json.array(rows), total, disputed
end

--- The invoices that were not settled on the last day of these items, whichever way: credit notes,
--- payments and write-offs name the invoice that they are for. Never negative: what was settled
--- beyond an invoice is not open.
---@param items billing.AccountItem[]
---@param disputed table<string, any>   by number of the invoice
---@return billing.OpenItem[]
function statement_of_account.open_at(items, disputed)
  local settled, open = {}, {}
  for _, item in ipairs(items) do
    local number = given(item.refers_to)
    if number and SIGNS[item.kind] == -1 then
      settled[number] = (settled[number] or ZERO) + decimal(item.amount)
    end
  end
  for _, item in ipairs(items) do
    local left = item.kind == "invoice" and decimal(item.amount) - (settled[item.number] or ZERO)
    if left and left:sign() > 0 then
      open[#open + 1] = {
        number = item.number,
        issue_date = item.date,
        due_date = given(item.due_date) or item.date,
        currency = item.currency,
        open_amount = left,
        disputed_amount = decimal.min(decimal(disputed[item.number] or 0), left),
      }
    end
  end
  table.sort(open, function(a, b)
    if a.due_date ~= b.due_date then
      return a.due_date < b.due_date
    end
    return a.number < b.number
  end)
  return open
end

---@class billing.AccountInput
---@field customer_id string
---@field period {start_date: string, end_date: string}
---@field items billing.AccountItem[]   of all time up to the period's end
---@field open billing.OpenItem[]       at the period's end
---@field unapplied table<string, any>  cash without an invoice, by currency

--- The statement in one currency. `difference` is what balance and open items do not agree by: "0"
--- unless something is missing.
---@param input billing.AccountInput
---@param code string
---@return table
function statement_of_account.of(input, code)
  local d, period = currency.decimals(code), input.period
  local items = of_currency(input.items, code)
  table.sort(items, is_before)
  local rows, opening, closing = movements(items, period, d)
  local open = of_currency(input.open, code)
  local open_list, total, disputed = open_rows(open, period.end_date, d)
  local unapplied = decimal(input.unapplied[code] or 0)
  local interest =
    sum_by_kind(items, { start_date = "0001-01-01", end_date = period.end_date }, "interest")
  return {
    customer_id = input.customer_id,
    currency = code,
    period = { start_date = period.start_date, end_date = period.end_date },
    opening_balance = figures.amount(opening, d),
    movements = json.array(rows),
    invoiced = figures.amount(sum_by_kind(items, period, "invoice"), d),
    credited = figures.amount(sum_by_kind(items, period, "credit_note"), d),
    paid = figures.amount(sum_by_kind(items, period, "payment"), d),
    interest = figures.amount(sum_by_kind(items, period, "interest"), d),
    closing_balance = figures.amount(closing, d),
    open_items = open_list,
    open_amount = figures.amount(total, d),
    disputed_amount = figures.amount(disputed, d),
    unapplied_amount = figures.amount(unapplied, d),
    open_interest = figures.amount(interest, d),
    aging = statement_of_account.aging(open, period.end_date, d),
    difference = figures.amount(closing - (total + interest - unapplied), d),
  }
end

--- Statements in every currency that occurs, in order of the currency.
---@param input billing.AccountInput
---@return table[]
function statement_of_account.all(input)
  local codes, statements = {}, {}
  for _, item in ipairs(input.items) do
    codes[item.currency] = true
  end
  for code in pairs(codes) do
    statements[#statements + 1] = statement_of_account.of(input, code)
  end
  return json.array(statements)
end

return statement_of_account
