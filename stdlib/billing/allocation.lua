--- A payment finds its invoices: as told, or the oldest due first (capabilities C3, C4, C6).
---
--- The allocations of a payment never exceed its amount plus what was settled without money
--- (discount, write-off, withholding, bank fee), and no invoice is paid below zero. What is left of
--- the payment is unapplied cash, never lost and never forced onto an invoice.
---@class billing.allocation
local allocation = {}

local copy = require("billow.billing.copy")
local decimal = require("billow.decimal")
local explanation = require("billow.billing.explanation")
local reading = require("billow.billing.reading")

local ZERO = decimal(0)
local PAYMENT = "payment"
-- What is due on no known day is paid after everything that is.
local UNDATED = "9999-12-31"

allocation.KINDS = { PAYMENT, "discount", "write_off", "withholding", "bank_fee" }

---@class billing.OpenInvoice
---@field id string
---@field due_date string|nil
---@field open_amount Decimal
---@field discount {last_date: string, amount: Decimal}|nil  early payment discount on offer

---@class billing.Allocation
---@field invoice_id string
---@field amount Decimal
---@field kind string

---@class billing.Allocated
---@field allocations billing.Allocation[]
---@field unapplied_amount Decimal
---@field open table<string, Decimal>  by invoice, afterwards

---@class billing.Settlement  the state while allocating
---@field open table<string, Decimal>
---@field allocations billing.Allocation[]
---@field rest Decimal
---@field steps billing.Step[]|nil

---@param settlement billing.Settlement
---@param invoice_id string
---@param amount Decimal
---@param kind string
---@param reason string
local function settle(settlement, invoice_id, amount, kind, reason)
  settlement.open[invoice_id] = settlement.open[invoice_id] - amount
  if kind == PAYMENT then
    settlement.rest = settlement.rest - amount
  end
  table.insert(settlement.allocations, { invoice_id = invoice_id, amount = amount, kind = kind })
  explanation.add(settlement.steps, kind, invoice_id .. ": " .. reason, amount)
end

--- Allocations as told by the payer or by a person; each is checked.
---@param settlement billing.Settlement
---@param told billing.Allocation[]
local function as_told(settlement, told)
  for index, item in ipairs(told) do
    local field = "payment.allocations[" .. index .. "]"
    local open = settlement.open[item.invoice_id]
    if not open then
      reading.refuse(field .. ".invoice_id", item.invoice_id, "name one of the invoices given")
    elseif item.amount > open then
      reading.refuse(field .. ".amount", item.amount, "write at most " .. tostring(open)
        .. ", what is open on " .. item.invoice_id)
    elseif item.kind == PAYMENT and item.amount > settlement.rest then
      reading.refuse(field .. ".amount", item.amount, "write at most "
        .. tostring(settlement.rest) .. ", what is left of the payment")
    end
    settle(settlement, item.invoice_id, item.amount, item.kind, "as told")
  end
end

---@param invoices billing.OpenInvoice[]
---@return billing.OpenInvoice[]
local function oldest_due_first(invoices)
  local ordered = copy.list(invoices)
  table.sort(ordered, function(a, b)
    local left, right = a.due_date or UNDATED, b.due_date or UNDATED
    if left ~= right then
      return left < right
    end
    return a.id < b.id
  end)
  return ordered
end

--- Whether the early payment discount is earned: in time, and the rest of the invoice is paid.
---@param settlement billing.Settlement
---@param invoice billing.OpenInvoice
---@param paid_on string|nil
---@return boolean
local function earns_discount(settlement, invoice, paid_on)
  local offer = invoice.discount
  return offer ~= nil and paid_on ~= nil and paid_on <= offer.last_date
    and settlement.rest >= settlement.open[invoice.id] - offer.amount
end

---@param settlement billing.Settlement
---@param invoices billing.OpenInvoice[]
---@param paid_on string|nil
---@param tolerance Decimal
local function by_due_date(settlement, invoices, paid_on, tolerance)
  for _, invoice in ipairs(oldest_due_first(invoices)) do
    if settlement.rest > ZERO and settlement.open[invoice.id] > ZERO then
      if earns_discount(settlement, invoice, paid_on) then
        settle(settlement, invoice.id, invoice.discount.amount, "discount",
          "paid by " .. invoice.discount.last_date)
      end
      local amount = decimal.min(settlement.rest, settlement.open[invoice.id])
      settle(settlement, invoice.id, amount, PAYMENT,
        invoice.due_date and "due " .. invoice.due_date or "no due date")
      local short = settlement.open[invoice.id]
      if short > ZERO and short <= tolerance then
        settle(settlement, invoice.id, short, "write_off", "short by no more than the tolerance")
      end
    end
  end
end

---@class billing.PaymentTerms
---@field amount Decimal
---@field date string|nil
---@field allocations billing.Allocation[]|nil  as told
---@field tolerance Decimal|nil                 shortest payment still taken as full; default 0
---@field kept_back billing.Allocation[]|nil     withheld, or taken by a bank: settled first

--- Allocate a payment.
---@param payment billing.PaymentTerms
---@param invoices billing.OpenInvoice[]
---@param steps billing.Step[]|nil
---@return billing.Allocated
function allocation.allocate(payment, invoices, steps)
  local settlement = { open = {}, allocations = {}, rest = payment.amount, steps = steps }
  for _, invoice in ipairs(invoices) do
    settlement.open[invoice.id] = invoice.open_amount
  end
  for _, own in ipairs(payment.kept_back or {}) do
    local amount = decimal.min(own.amount, settlement.open[own.invoice_id])
    if amount > ZERO then
      settle(settlement, own.invoice_id, amount, own.kind, "kept back")
    end
  end
  if payment.allocations and #payment.allocations > 0 then
    as_told(settlement, payment.allocations)
  else
    by_due_date(settlement, invoices, payment.date, payment.tolerance or ZERO)
  end
  return {
    allocations = settlement.allocations,
    unapplied_amount = settlement.rest,
    open = settlement.open,
  }
end

return allocation
