--- A payment to allocate to open invoices.
local payment_item = {}

local allocation = require("billow.billing.allocation")
local discount_early = require("billow.billing.discount_early")
local decimal = require("billow.decimal")
local explanation = require("billow.billing.explanation")
local json = require("billow.json")

local ACCOUNTING_DECIMALS = 2

---@param invoice billing.Reader
---@param open Decimal
---@param d integer
---@return {last_date: string, amount: Decimal}|nil
local function offer_of(invoice, open, d)
  local offer = invoice:object("early_payment_discount", true)
  if not offer then
    return nil
  end
  local amount = offer:decimal("amount", { is_optional = true, min = 0 })
  if not amount then
    amount = (open * offer:decimal("percent", { min = 0, max = 100 }) / 100):round(d)
  end
  local last_date = offer:date("last_date", true)
    or discount_early.last_date(invoice:date("issue_date"), offer:integer("days", { min = 0 }))
  return { last_date = last_date, amount = amount }
end

---@param reader billing.Reader
---@param d integer
---@return billing.OpenInvoice[]
local function invoices_of(reader, d)
  local invoices, is_known = {}, {}
  for index, invoice in ipairs(reader:objects("invoices", true)) do
    local id = invoice:text("id")
    if is_known[id] then
      invoice:refuse("id", "write each invoice once")
    end
    is_known[id] = true
    local open = invoice:decimal("open_amount", { min = 0 })
    invoices[index] = {
      id = id,
      exchange_rate = invoice:decimal("exchange_rate", { is_optional = true, above = 0 }),
      due_date = invoice:date("due_date", true),
      open_amount = open,
      withholding_base = invoice:decimal("net_amount", { is_optional = true, min = 0 }),
      discount = offer_of(invoice, open, d),
    }
  end
  return invoices
end

---@param payment billing.Reader
---@return billing.Allocation[]
local function told(payment)
  local allocations = {}
  for index, item in ipairs(payment:objects("allocations")) do
    allocations[index] = {
      invoice_id = item:text("invoice_id"),
      amount = item:decimal("amount", { above = 0 }),
      kind = item:choice("kind", allocation.KINDS, "payment"),
    }
  end
  return allocations
end

--- What the buyer keeps back by law, for each invoice; and what the bank took, on the first one.
---@param payment billing.Reader
---@param invoices billing.OpenInvoice[]
---@param d integer
---@return billing.Allocation[]
local function kept_back(payment, invoices, d)
  local made = {}
  local percent = payment:decimal("withholding_percent", { is_optional = true, min = 0, max = 100 })
  for _, invoice in ipairs(percent and invoices or {}) do
    local base = invoice.withholding_base or invoice.open_amount
    made[#made + 1] = { invoice_id = invoice.id, amount = (base * percent / 100):round(d),
      kind = "withholding" }
  end
  local fee = payment:decimal("bank_fee_amount", { default = 0, min = 0 })
  if not fee:is_zero() and invoices[1] then
    made[#made + 1] = { invoice_id = invoices[1].id, amount = fee, kind = "bank_fee" }
  end
  return made
end

--- The difference that exchange rates make: what was paid at the payment's rate, less the same at
--- the rate of its invoice.
---@param payment billing.Reader
---@param invoices billing.OpenInvoice[]
---@param done billing.Allocated
---@param steps billing.Step[]
---@return Decimal|nil
local function exchange_difference(payment, invoices, done, steps)
  local rate = payment:decimal("exchange_rate", { is_optional = true, above = 0 })
  if not rate then
    return nil
  end
  local rate_of, sum = {}, decimal(0)
  for _, invoice in ipairs(invoices) do
    rate_of[invoice.id] = invoice.exchange_rate or rate
  end
  for _, own in ipairs(done.allocations) do
    if own.kind == "payment" then
      local difference = (own.amount * rate):round(ACCOUNTING_DECIMALS)
        - (own.amount * rate_of[own.invoice_id]):round(ACCOUNTING_DECIMALS)
      explanation.add(steps, "exchange_difference", own.invoice_id .. ": "
        .. tostring(own.amount) .. " at " .. tostring(rate) .. " instead of "
        .. tostring(rate_of[own.invoice_id]), difference)
      sum = sum + difference
    end
  end
  return sum
end

---@param reader billing.Reader
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
function payment_item.price(reader, money, steps)
  local payment = reader:object("payment")
  local invoices = invoices_of(reader, money.d)
  local done = allocation.allocate({
    amount = payment:decimal("amount", { min = 0 }),
    date = payment:date("date", true),
    allocations = told(payment),
    tolerance = payment:decimal("tolerance", { default = 0, min = 0 }),
    kept_back = kept_back(payment, invoices, money.d),
  }, invoices, steps)
  local open, open_total = {}, decimal(0)
  for place, invoice in ipairs(invoices) do
    open[place] = { invoice_id = invoice.id, open_amount = done.open[invoice.id] }
    open_total = open_total + done.open[invoice.id]
  end
  return {
    currency = money.currency,
    allocations = json.array(done.allocations),
    unapplied_amount = done.unapplied_amount,
    exchange_difference_amount = exchange_difference(payment, invoices, done, steps),
    open = json.array(open),
    open_total_amount = open_total,
  }
end

return payment_item
