--- The invoice for interest on late payment (U3): interest, the fixed sum for the costs of
--- recovery, and fees of reminders up to a cap. Damages for delay are no turnover: they are outside
--- the scope of VAT. Pure.
local interest_invoice = {}

local canonical = require("billow.billing.canonical")
local decimal = require("billow.decimal")
local due = require("billow.billing.due")
local reading = require("billow.billing.reading")
local tax = require("billow.billing.tax")
local totals = require("billow.billing.totals")

local OUT_OF_SCOPE = "O"
local ZERO = decimal(0)

--- The fees of reminders that were sent, at most the cap.
---@param sent {fee?: any}[]
---@param cap Decimal
---@return Decimal
function interest_invoice.fees(sent, cap)
  local total = ZERO
  for _, step in ipairs(sent) do
    total = total + decimal(reading.given(step.fee) or 0)
  end
  return decimal.min(total, cap)
end

local function tax_code(firm)
  for _, code in ipairs(firm.tax_codes) do
    if code.category_code == OUT_OF_SCOPE then
      return code.id
    end
  end
  reading.refuse(
    "firm.tax_codes",
    "without category O",
    "add a tax code of category O to firm.json: interest on late payment is outside VAT"
  )
end

local function line(id, component, number, amount, code)
  return {
    id = tostring(id),
    component = component,
    description_key = component .. ":" .. number,
    quantity = decimal(1),
    unit_code = "C62",
    unit_price = amount,
    net_amount = amount,
    tax_code = code,
    tax_category = OUT_OF_SCOPE,
    references = {},
  }
end

---@class billing.InterestInvoice
---@field invoice {id: string, number: string, issue_date: string, currency: string}
---@field customer table     typed
---@field claim billing.InterestClaim
---@field fees Decimal
---@field issue_date string

--- The object of the invoice, without a number; nil when it would be over nothing.
---@param ctx billing.Context
---@param contract table
---@param input billing.InterestInvoice
---@return table?
function interest_invoice.build(ctx, contract, input)
  local d, number, claim = ctx.decimals(input.invoice.currency), input.invoice.number, input.claim
  local code, lines = tax_code(ctx.firm), {}
  for _, part in ipairs({
    { "interest", claim.amount },
    { "compensation", claim.compensation:round(d) },
    { "reminder_fee", input.fees:round(d) },
  }) do
    if part[2]:sign() > 0 then
      lines[#lines + 1] = line(#lines + 1, part[1], number, part[2], code)
    end
  end
  if #lines == 0 then
    return nil
  end
  local breakdown = tax.breakdown(ctx.firm, lines, {}, d)
  local terms = due.terms(contract, input.customer)
  return canonical.invoice(ctx, {
    id = input.invoice.id .. "/interest/" .. claim.until_date,
    type_code = "380",
    status = "ready",
    contract_id = contract.id,
    customer_id = input.customer.id,
    currency = input.invoice.currency,
    issue_date = input.issue_date,
    tax_point_date = input.issue_date,
    due_date = due.date(input.issue_date, terms, ctx.firm.holidays),
    period = { start_date = claim.from_date or input.issue_date, end_date = claim.until_date },
    buyer_reference = contract.buyer_reference or input.customer.buyer_reference,
    preceding_invoices = { { number = number, issue_date = input.invoice.issue_date } },
    lines = lines,
    allowances = {},
    tax_breakdown = breakdown,
    totals = totals.of(lines, {}, breakdown, nil, d),
  })
end

--- Is this the id of such an invoice? On it no interest is claimed again.
---@param id string
---@return boolean
function interest_invoice.is(id)
  return id:find("/interest/", 1, true) ~= nil
end

return interest_invoice
