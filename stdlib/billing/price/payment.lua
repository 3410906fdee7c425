--- A payment to allocate to open invoices.
local payment_item = {}

local allocation = require("billow.billing.allocation")
local discount_early = require("billow.billing.discount_early")
local decimal = require("billow.decimal")
local json = require("billow.json")

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
      due_date = invoice:date("due_date", true) or "",
      open_amount = open,
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

---@param reader billing.Reader
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
function payment_item.price(reader, money, steps)
  local payment = reader:object("payment")
  local done = allocation.allocate({
    amount = payment:decimal("amount", { min = 0 }),
    date = payment:date("date", true),
    allocations = told(payment),
    tolerance = payment:decimal("tolerance", { default = 0, min = 0 }),
  }, invoices_of(reader, money.d), steps)
  local open, open_total = {}, decimal(0)
  for id, amount in pairs(done.open) do
    open[#open + 1] = { invoice_id = id, open_amount = amount }
    open_total = open_total + amount
  end
  return {
    currency = money.currency,
    allocations = json.array(done.allocations),
    unapplied_amount = done.unapplied_amount,
    open = json.array(open),
    open_total_amount = open_total,
  }
end

return payment_item
