--- Credit notes (K1, K2, K4): the document that a request for credit makes of an invoice.
---
--- Tax has the original rate; in each tax group credits never exceed the invoice, and the credit
--- that exhausts a group takes what is left of its tax. Amounts are positive, as type 381 has them.
---
--- Pure. Amounts are decimals inside and text in the object. What cannot be credited is refused as
--- a billing.Refusal with field, value and remedy.
local credit_note = {}

local amounts = require("billow.billing.credit")
local credit_left = require("billow.billing.credit_left")
local credit_pick = require("billow.billing.credit_pick")
local decimal = require("billow.decimal")
local figures = require("billow.billing.figures")
local json = require("billow.json")
local reading = require("billow.billing.reading")
local tax = require("billow.billing.tax")
local withholding = require("billow.billing.withholding")

local given = reading.given
local ZERO = decimal(0)

credit_note.TYPE_CODE = "381"

-- What becomes of the credited work: billed again, never billed, or it was no billable work.
local OUTCOMES = { open = true, written_off = true, excluded = true }
local REFERENCE_TYPES = { time = "time_entry", expense = "expense" }

credit_note.left = credit_left.of
credit_note.shown = credit_left.shown

local function reference_of(part, d)
  local entry = part.left
  local reference = { type = REFERENCE_TYPES[entry.kind] or entry.kind, id = entry.ref }
  if entry.kind == "time" then
    reference.seconds = part.quantity:to_integer()
  elseif entry.kind == "expense" then
    reference.amount = figures.amount(part.quantity, math.max(d, part.quantity:scale()))
  end
  return reference
end

--- Lines keep quantity and price where they are credited as they were billed; else they are one
--- piece of the amount.
local function credit_line(invoice, id, picked, d)
  local line, net = picked.left.line, picked.net
  local is_as_billed = picked.left.is_untouched and net == picked.left.net
  local is_by_quantity = picked.quantity ~= nil
  local references = {}
  for i, part in ipairs(picked.entries) do
    references[i] = reference_of(part, d)
  end
  if #references == 0 and is_as_billed then
    references = line.references
  end
  local quantity = is_by_quantity and figures.plain(picked.quantity) or line.quantity
  local is_piece = not (is_as_billed or is_by_quantity)
  return {
    id = tostring(id),
    component = line.component,
    description_key = line.description_key,
    quantity = is_piece and (net:sign() < 0 and "-1" or "1") or quantity,
    unit_code = is_piece and "C62" or line.unit_code,
    unit_price = is_piece and figures.price(net:abs(), d) or line.unit_price,
    net_amount = figures.amount(net, d),
    tax_code = line.tax_code,
    tax_category = line.tax_category,
    tax_percent = line.tax_percent,
    references = json.array(references),
    split_of = line.split_of,
    contract_id = line.contract_id,
    credits = { invoice_id = invoice.id, line_id = line.id },
  }
end

--- A document allowance is given back with the lines that it was given on: in proportion to what
--- is credited in its tax group, all that is left with the last of it. An amount that somebody
--- named is what the note says: no allowance comes off it.
local function allowances_of(basis, picking, is_by_amount)
  local made, d = {}, picking.d
  for i, allowance in ipairs(basis.invoice.allowances) do
    local credited, left = ZERO, ZERO
    for _, rest in ipairs(picking.left.lines) do
      if credit_left.key_of_line(rest.line) == credit_left.key_of_line(allowance) then
        local picked = picking.picks[rest.line.id]
        credited = credited + (picked and picked.net or ZERO)
        left = left + rest.net
      end
    end
    local rest, share = picking.left.allowances[i], ZERO
    if credited == left then
      share = rest
    elseif not is_by_amount and left:sign() > 0 then
      share = (rest * credited / left):round(d)
    end
    if not share:is_zero() then
      made[#made + 1] = {
        component = allowance.component,
        amount = figures.amount(share, d),
        reason = allowance.reason,
        reason_code = allowance.reason_code,
        tax_code = allowance.tax_code,
        tax_category = allowance.tax_category,
        tax_percent = allowance.tax_percent,
        contract_id = allowance.contract_id,
        credits = i,
      }
    end
  end
  return made
end

--- A group of the note: tax at the original rate, rounded as the invoice is, never more than is
--- left; of a rate that is several taxes each by itself.
local function group_of(rest, net_amounts, rounding, d)
  local group, net, written = rest.group, ZERO, nil
  for _, amount in ipairs(net_amounts) do
    net = net + amount
  end
  local function tax_at(percent, left)
    local by_line = tax.of_amounts(net_amounts, percent, rounding, d)
    return amounts.amounts(net, percent, { net = rest.net, tax = left }, d, by_line).tax_amount
  end
  local total = ZERO:round(d)
  if rest.parts then
    written = json.array({})
    for i, part in ipairs(group.parts) do
      local amount = tax_at(decimal(part.percent), rest.parts[i])
      total = total + amount
      written[i] =
        { name = part.name, percent = part.percent, tax_amount = figures.amount(amount, d) }
    end
  else
    total = tax_at(decimal(given(group.percent) or 0), rest.tax)
  end
  return {
    category_code = group.category_code,
    percent = group.percent,
    taxable_amount = figures.amount(net, d),
    tax_amount = figures.amount(total, d),
    exemption_reason = group.exemption_reason,
    exemption_reason_code = group.exemption_reason_code,
    parts = written,
  }
end

--- What each group loses; refused where it would lose more than it has.
local function breakdown_of(picking, lines, allowances, rounding)
  local nets, parts, made, d = {}, {}, {}, picking.d
  local function add(item, amount)
    local key = credit_left.key_of_line(item)
    nets[key], parts[key] = (nets[key] or ZERO) + amount, parts[key] or {}
    table.insert(parts[key], amount)
  end
  for _, line in ipairs(lines) do
    add(line, decimal(line.net_amount))
  end
  for _, allowance in ipairs(allowances) do
    add(allowance, -decimal(allowance.amount))
  end
  for _, rest in ipairs(picking.left.groups) do
    local net, group = nets[credit_left.key_of_group(rest.group)], rest.group
    if net then
      if net:sign() < 0 or net > rest.net then
        reading.refuse(
          "tax group " .. group.category_code .. " " .. (given(group.percent) or "-"),
          figures.amount(net, d),
          "credit between 0 and "
            .. figures.amount(rest.net, d)
            .. " of it without tax: "
            .. "credit what was deducted together with what it was deducted from"
        )
      end
      made[#made + 1] = group_of(rest, parts[credit_left.key_of_group(group)], rounding, d)
    end
  end
  return made
end

local function sum(items, field, d)
  local total = ZERO:round(d)
  for _, item in ipairs(items) do
    total = total + decimal(item[field])
  end
  return total
end

--- The tax in the firm's currency at the original exchange rate: in proportion, the last takes what
--- is left.
local function accounting_of(left, taxes, scale)
  if not left.accounting then
    return json.null
  elseif taxes == left.tax then
    return figures.amount(left.accounting, scale)
  end
  return figures.amount((left.accounting * taxes / left.tax):round(scale), scale)
end

local function totals_of(basis, picking, lines, allowances, breakdown, withheld)
  local d, left = picking.d, picking.left
  local line_extension = sum(lines, "net_amount", d)
  local allowance_total = sum(allowances, "amount", d)
  local exclusive = line_extension - allowance_total
  local taxes = sum(breakdown, "tax_amount", d)
  local rounding = exclusive == left.net and taxes == left.tax and left.rounding or ZERO:round(d)
  local prepaid = withholding.total(withheld, d)
  local accounting = given(basis.invoice.totals.tax_amount_accounting)
  local scale = accounting and decimal(accounting):scale() or 0
  return {
    line_extension_amount = figures.amount(line_extension, d),
    allowance_total_amount = figures.amount(allowance_total, d),
    charge_total_amount = figures.amount(ZERO, d),
    tax_exclusive_amount = figures.amount(exclusive, d),
    tax_amount = figures.amount(taxes, d),
    tax_inclusive_amount = figures.amount(exclusive + taxes, d),
    prepaid_amount = figures.amount(prepaid, d),
    payable_rounding_amount = figures.amount(rounding, d),
    payable_amount = figures.amount(exclusive + taxes - prepaid + rounding, d),
    tax_amount_accounting = accounting_of(left, taxes, scale),
  }
end

--- The name of the next document that follows an invoice: its own name with the type code, counted.
---@param invoice_id string   "C-01/CU-01/2026-10/380"
---@param type_code string
---@param count integer       of such documents that are there
---@return string             "C-01/CU-01/2026-10/381/1"
function credit_note.next_id(invoice_id, type_code, count)
  local base = invoice_id:match("^(.*/%d%d%d%d%-%d%d)/") or invoice_id
  return string.format("%s/%s/%d", base, type_code, count + 1)
end

local function movements_of(picking, object, outcome)
  local movements = json.array({})
  for _, line in ipairs(object.lines) do
    for _, part in ipairs(picking.picks[line.credits.line_id].entries) do
      movements[#movements + 1] = {
        entry_id = part.left.entry_id,
        kind = "credit",
        to_state = outcome,
        quantity = tostring(part.quantity),
        amount = figures.amount(part.amount, picking.d),
        currency = object.currency,
        invoice_id = object.id,
        line_id = line.id,
      }
    end
  end
  return movements
end

--- What the note takes from each contract of a consolidated invoice; nil for other invoices.
local function contracts_of(invoice, lines, allowances, d)
  local list = {}
  for i, part in ipairs(given(invoice.contracts) or {}) do
    local net = decimal(0)
    for _, line in ipairs(lines) do
      net = net + (line.contract_id == part.id and decimal(line.net_amount) or decimal(0))
    end
    for _, allowance in ipairs(allowances) do
      net = net - (allowance.contract_id == part.id and decimal(allowance.amount) or decimal(0))
    end
    list[i] = { id = part.id, name = part.name, net_amount = figures.amount(net, d) }
  end
  return #list > 0 and json.array(list) or nil
end

---@class billing.CreditMade
---@field object table                         the credit note, canonical, without a number
---@field movements billow.billing.Movement[]  of the credited entries

--- The credit note that a request makes; raises a billing.Refusal when it cannot be made.
---@param basis billing.CreditBasis
---@param request billing.CreditRequest
---@param options {id: string, issue_date: string}
---@return billing.CreditMade
function credit_note.build(basis, request, options)
  local invoice, outcome = basis.invoice, given(request.outcome) or "open"
  if invoice.type_code == credit_note.TYPE_CODE then
    reading.refuse("invoice", invoice.number, "name an invoice: this is a credit note")
  elseif not OUTCOMES[outcome] then
    reading.refuse("outcome", outcome, "write one of open, written_off, excluded")
  end
  local picking, lines = credit_pick.of(basis, request), {}
  for _, rest in ipairs(picking.left.lines) do
    local picked = picking.picks[rest.line.id]
    if picked then
      lines[#lines + 1] = credit_line(invoice, #lines + 1, picked, picking.d)
    end
  end
  local allowances = allowances_of(basis, picking, given(request.amount) ~= nil)
  local breakdown = breakdown_of(picking, lines, allowances, given(invoice.tax_rounding))
  local withheld = withholding.credited(basis, picking.left, breakdown, lines, picking.d)
  local object = {
    id = options.id,
    number = json.null,
    type_code = credit_note.TYPE_CODE,
    status = "ready",
    contract_id = invoice.contract_id,
    customer_id = invoice.customer_id,
    currency = invoice.currency,
    issue_date = options.issue_date,
    tax_point_date = invoice.tax_point_date,
    due_date = options.issue_date,
    period = invoice.period,
    buyer_reference = invoice.buyer_reference,
    purchase_order_reference = invoice.purchase_order_reference,
    preceding_invoices = json.array({
      { number = invoice.number, issue_date = invoice.issue_date },
    }),
    lines = json.array(lines),
    allowances = json.array(allowances),
    charges = json.array({}),
    register = invoice.register,
    contracts = contracts_of(invoice, lines, allowances, picking.d),
    tax_breakdown = json.array(breakdown),
    tax_rounding = given(invoice.tax_rounding),
    withholding_taxes = withheld and withholding.written(withheld, picking.d),
    totals = totals_of(basis, picking, lines, allowances, breakdown, withheld),
  }
  return { object = object, movements = movements_of(picking, object, outcome) }
end

--- The same, with the refusal returned.
---@return billing.CreditMade?
---@return billing.Refusal?
function credit_note.try(basis, request, options)
  return reading.try(credit_note.build, basis, request, options)
end

return credit_note
