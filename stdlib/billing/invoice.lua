--- From a draft to invoices: line order, discount, split, tax, totals, due date, and what blocks them (model 3.10-3.12).
---
--- Amounts stay decimals until invoice.canonical writes the finished object with exactly d decimals. An assembled
--- invoice has no number; it is given when the invoice is finalised.
local invoice = {}

local decimal = require("billow.decimal")
local discount = require("billow.billing.discount")
local draft = require("billow.billing.draft")
local due = require("billow.billing.due")
local figures = require("billow.billing.figures")
local json = require("billow.json")
local split = require("billow.billing.split")
local tax = require("billow.billing.tax")
local totals = require("billow.billing.totals")

invoice.COMMERCIAL = "380"
invoice.PREPAYMENT = "386"

local RANK = {}
for rank, component in ipairs(draft.COMPONENTS) do
  RANK[component] = rank
end

local IS_SORTED_BY_KEY = { time = true, overage = true }
local NEEDS_SELLER_VAT_ID = { S = true, Z = true, E = true, AE = true, K = true, G = true }
local NEEDS_BUYER_VAT_ID = { AE = true, K = true }

local function is_line_before(a, b)
  if RANK[a.component] ~= RANK[b.component] then
    return RANK[a.component] < RANK[b.component]
  elseif not IS_SORTED_BY_KEY[a.component] then
    return false
  elseif a.description_key ~= b.description_key then
    return a.description_key < b.description_key
  elseif a.unit_price ~= b.unit_price then
    return a.unit_price < b.unit_price
  end
  return a.unit_code < b.unit_code
end

local function copy_of(fields, changes)
  local copy = {}
  for name, value in pairs(fields) do
    copy[name] = value
  end
  for name, value in pairs(changes) do
    copy[name] = value
  end
  return copy
end

--- The lines in invoice order, each with the tax code it overrides, or none.
---@param ctx billing.Context
---@param contract table
---@param lines billing.Line[]
---@return billing.Line[]
function invoice.in_order(ctx, contract, lines)
  local ordered = {}
  for i, line in ipairs(lines) do
    local copy = copy_of(line, {})
    copy.tax_code = tax.override(ctx, contract, line.tax_code)
    ordered[i] = copy
  end
  table.sort(ordered, is_line_before)
  return ordered
end

local function with_tax(ctx, contract, payer, items)
  local taxed, tax_point = {}, ctx.period.end_date
  for i, item in ipairs(items) do
    local id, reason = tax.code_of(ctx, contract, payer, item)
    local code = tax.find(ctx.firm, id)
    local copy = copy_of(item, { tax_code = id, tax_category = code.category_code, tax_reason = reason })
    copy.tax_percent = tax.percent(code, tax_point)
    taxed[i] = copy
  end
  return taxed
end

local function number_lines(lines)
  for i, line in ipairs(lines) do
    line.id = tostring(i)
  end
  return lines
end

local function object(ctx, contract, payer, type_code, lines, allowances)
  local d, customer = ctx.decimals(contract.currency), payer.customer
  local tax_point_date = ctx.period.end_date
  local breakdown = tax.breakdown(ctx.firm, lines, allowances, d)
  local sums = totals.of(lines, allowances, breakdown, contract.payable_rounding_increment, d)
  local is_rate_missing
  sums.tax_amount_accounting, is_rate_missing =
    totals.tax_accounting(ctx, contract.currency, sums.tax_amount, tax_point_date)
  local terms = due.terms(contract, customer)
  return {
    id = table.concat({ contract.id, customer.id, ctx.period.id, type_code }, "/"),
    type_code = type_code, status = "ready", contract_id = contract.id, customer_id = customer.id,
    currency = contract.currency, issue_date = ctx.issue_date, tax_point_date = tax_point_date,
    due_date = due.date(ctx.issue_date, terms, ctx.firm.holidays),
    period = { start_date = ctx.period.start_date, end_date = ctx.period.end_date },
    buyer_reference = contract.buyer_reference or customer.buyer_reference,
    purchase_order_reference = contract.purchase_order and contract.purchase_order.number or nil,
    preceding_invoices = {}, lines = number_lines(lines), allowances = allowances, charges = {},
    tax_breakdown = breakdown, totals = sums, is_exchange_rate_missing = is_rate_missing,
  }
end

local function documents(ctx, contract, type_code, lines, allowances)
  local d, made = ctx.decimals(contract.currency), {}
  local payers = split.payers(ctx, contract)
  local lines_of = split.lines(lines, payers, d)
  local allowances_of = split.allowances(allowances, payers, d)
  for i, payer in ipairs(payers) do
    if #lines_of[i] > 0 or #allowances_of[i] > 0 then
      made[#made + 1] = object(ctx, contract, payer, type_code, with_tax(ctx, contract, payer, lines_of[i]),
        with_tax(ctx, contract, payer, allowances_of[i]))
    end
  end
  return made
end

-- What blocks an invoice. Each check returns a message when it applies.
local blocks = {}

blocks[1] = { "MISSING_BUYER_REFERENCE", function(ctx, _, made)
  if ctx.customers[made.customer_id].buyer_reference_required and not made.buyer_reference then
    return "the customer requires a buyer reference: set buyer_reference on the contract or the customer"
  end
end }

blocks[2] = { "MISSING_VAT_ID", function(ctx, _, made)
  for _, group in ipairs(made.tax_breakdown) do
    if NEEDS_SELLER_VAT_ID[group.category_code] and not ctx.firm.vat_id then
      return "category " .. group.category_code .. " needs the firm's vat_id"
    elseif NEEDS_BUYER_VAT_ID[group.category_code] and not ctx.customers[made.customer_id].vat_id then
      return "category " .. group.category_code .. " needs the customer's vat_id"
    end
  end
end }

blocks[3] = { "TAX_CATEGORY_MIX", function(_, _, made)
  local has_out_of_scope, has_other = false, false
  for _, group in ipairs(made.tax_breakdown) do
    if group.category_code == "O" then
      has_out_of_scope = true
    else
      has_other = true
    end
  end
  if has_out_of_scope and has_other then
    return "category O stands beside another one: bill what is out of scope of VAT on an invoice of its own"
  end
end }

blocks[4] = { "PO_EXPIRED", function(ctx, contract)
  local order = contract.purchase_order
  if order and order.end_date and ctx.period.end_date > order.end_date then
    return string.format("purchase order %s ended on %s: ask for a new one", tostring(order.number), order.end_date)
  end
end }

blocks[5] = { "PO_EXCEEDED", function(ctx, contract, _, net)
  local order = contract.purchase_order
  local used = ctx.opening.purchase_order_used[contract.id] or decimal(0)
  if order and order.amount and order.amount < used + net then
    return string.format("purchase order %s is for %s; %s would be used: ask for an increase", tostring(order.number),
      figures.plain(order.amount), figures.plain(used + net))
  end
end }

blocks[6] = { "EXCHANGE_RATE_MISSING", function(_, _, made)
  if made.is_exchange_rate_missing then
    return string.format("the tax must be stated in the firm's currency and no %s rate is known on or before %s",
      made.currency, made.tax_point_date)
  end
end }

blocks[7] = { "NEGATIVE_INVOICE", function(_, _, made)
  if made.totals.payable_amount:sign() < 0 then
    return "the payable amount is negative: issue a credit note or hold the invoice"
  end
end }

local function net_of(made)
  local net = decimal(0)
  for _, document in ipairs(made) do
    net = net + document.totals.tax_exclusive_amount
  end
  return net
end

local function block(made, code, message, exceptions)
  made.status = "blocked"
  local ref = made.contract_id .. "/" .. made.customer_id
  for _, known in ipairs(exceptions) do
    if known.code == code and known.ref == ref then
      return
    end
  end
  exceptions[#exceptions + 1] = draft.exception(code, ref, "invoice", message, made.contract_id)
end

--- Mark what may not go out; every reason is reported, once for each payer.
local function find_blocks(ctx, contract, made, own_blocks)
  local exceptions, net = {}, net_of(made)
  for _, document in ipairs(made) do
    for _, check in ipairs(blocks) do
      local message = check[2](ctx, contract, document, net)
      if message then
        block(document, check[1], message, exceptions)
      end
    end
    if document.type_code == invoice.COMMERCIAL then
      for _, own in ipairs(own_blocks) do
        block(document, own.code, own.message, exceptions)
      end
    end
  end
  return exceptions
end

--- The invoices of a contract: 386 first, then 380, each by payer order; without numbers.
---@param ctx billing.Context
---@param contract table
---@param made billing.Draft
---@return table[] invoices
---@return billing.Exception[] exceptions   invoice level
function invoice.assemble(ctx, contract, made)
  if made.is_void then
    return {}, {}
  end
  local d = ctx.decimals(contract.currency)
  local lines = invoice.in_order(ctx, contract, made.lines)
  local allowances = {}
  for i, allowance in ipairs(made.allowances) do
    local copy = copy_of(allowance, {})
    copy.tax_code = tax.override(ctx, contract, allowance.tax_code)
    allowances[i] = copy
  end
  for _, allowance in ipairs(discount.allowances(contract, lines, d)) do
    allowances[#allowances + 1] = allowance
  end
  local advance_lines = invoice.in_order(ctx, contract, made.advance_lines)
  local invoices = documents(ctx, contract, invoice.PREPAYMENT, advance_lines, {})
  for _, document in ipairs(documents(ctx, contract, invoice.COMMERCIAL, lines, allowances)) do
    document.preceding_invoices = made.preceding_invoices
    invoices[#invoices + 1] = document
  end
  return invoices, find_blocks(ctx, contract, invoices, made.blocks)
end

local function or_null(value)
  if value == nil then
    return json.null
  end
  return value
end

local function array(list, write)
  local written = {}
  for i, item in ipairs(list) do
    written[i] = write(item)
  end
  return json.array(written)
end

local function percent_text(percent)
  return percent and figures.plain(percent) or json.null
end

local function reference_writer(d)
  return function(reference)
    local written = { type = reference.type, id = reference.id, seconds = reference.seconds }
    written.amount = reference.amount and figures.amount(reference.amount, d) or nil
    written.quantity = reference.quantity and figures.plain(reference.quantity) or nil
    return written
  end
end

local function split_of_written(split_of, d)
  if not split_of then
    return json.null
  end
  return {
    quantity = figures.plain(split_of.quantity), unit_code = split_of.unit_code,
    unit_price = figures.price(split_of.unit_price, d), net_amount = figures.amount(split_of.net_amount, d),
    percent = figures.plain(split_of.percent),
  }
end

local function line_writer(d)
  return function(line)
    return {
      id = line.id, component = line.component, description_key = line.description_key,
      quantity = figures.plain(line.quantity), unit_code = line.unit_code,
      unit_price = figures.price(line.unit_price, d), net_amount = figures.amount(line.net_amount, d),
      tax_code = line.tax_code, tax_category = line.tax_category, tax_percent = percent_text(line.tax_percent),
      references = array(line.references, reference_writer(d)), split_of = split_of_written(line.split_of, d),
    }
  end
end

local function allowance_writer(d)
  return function(allowance)
    return {
      component = allowance.component, amount = figures.amount(allowance.amount, d), reason = allowance.reason,
      reason_code = allowance.reason_code, tax_code = allowance.tax_code, tax_category = allowance.tax_category,
      tax_percent = percent_text(allowance.tax_percent),
    }
  end
end

local function group_writer(d)
  return function(group)
    return {
      category_code = group.category_code, percent = percent_text(group.percent),
      taxable_amount = figures.amount(group.taxable_amount, d), tax_amount = figures.amount(group.tax_amount, d),
      exemption_reason = or_null(group.exemption_reason), exemption_reason_code = or_null(group.exemption_reason_code),
    }
  end
end

local function totals_written(sums, d, accounting_d)
  local written = {}
  for name, value in pairs(sums) do
    written[name] = figures.amount(value, name == "tax_amount_accounting" and accounting_d or d)
  end
  written.tax_amount_accounting = or_null(written.tax_amount_accounting)
  return written
end

--- The finished object of model 2: amounts as text, absent values as null, nothing else in it.
---@param ctx billing.Context
---@param made table   an invoice of invoice.assemble, number set when it has one
---@return table
function invoice.canonical(ctx, made)
  local d = ctx.decimals(made.currency)
  return {
    id = made.id, number = or_null(made.number), type_code = made.type_code, status = made.status,
    contract_id = made.contract_id, customer_id = made.customer_id, currency = made.currency,
    issue_date = made.issue_date, tax_point_date = made.tax_point_date, due_date = made.due_date,
    period = { start_date = made.period.start_date, end_date = made.period.end_date },
    buyer_reference = or_null(made.buyer_reference),
    purchase_order_reference = or_null(made.purchase_order_reference),
    preceding_invoices = array(made.preceding_invoices, function(known)
      return { number = known.number, issue_date = known.issue_date }
    end),
    lines = array(made.lines, line_writer(d)),
    allowances = array(made.allowances, allowance_writer(d)),
    charges = json.array({}),
    tax_breakdown = array(made.tax_breakdown, group_writer(d)),
    totals = totals_written(made.totals, d, ctx.decimals(ctx.firm.currency)),
  }
end

--- `value` with every decimal written as text, keeping its scale: for closing and details.
---@param value any
---@return any
function invoice.canonical_value(value)
  if decimal.is(value) then
    return tostring(value)
  elseif type(value) ~= "table" then
    return value
  end
  local written = {}
  for key, member in pairs(value) do
    written[key] = invoice.canonical_value(member)
  end
  return written
end

return invoice
