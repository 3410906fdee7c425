--- From a draft to invoices: line order, discount, split, tax, totals, due date, and what blocks
--- them (model 3.10-3.12).
---
--- Amounts stay decimals until canonical.invoice writes the finished object with exactly d
--- decimals. An assembled invoice has no number; it is given when the invoice is finalised.
local invoice = {}

local annex = require("billow.billing.annex")
local blocks = require("billow.billing.blocks")
local canonical = require("billow.billing.canonical")
local contributions = require("billow.billing.contributions")
local discount = require("billow.billing.discount")
local draft = require("billow.billing.draft")
local due = require("billow.billing.due")
local instalments = require("billow.billing.instalments")
local split = require("billow.billing.split")
local supply = require("billow.billing.supply")
local tax = require("billow.billing.tax")
local totals = require("billow.billing.totals")
local withholding = require("billow.billing.withholding")

invoice.COMMERCIAL = "380"
invoice.PREPAYMENT = "386"

local RANK = {}
for rank, component in ipairs(draft.COMPONENTS) do
  RANK[component] = rank
end

local IS_SORTED_BY_KEY = { time = true, overage = true }

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
    local copy =
      copy_of(item, { tax_code = id, tax_category = code.category_code, tax_reason = reason })
    copy.has_own_tax_code = item.tax_code ~= nil
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
  local withheld = withholding.of(contract.withholding_taxes, breakdown, lines, d)
  local increment = contract.payable_rounding_increment
  local sums =
    totals.of(lines, allowances, breakdown, increment, d, withholding.total(withheld, d))
  local is_rate_missing
  sums.tax_amount_accounting, is_rate_missing =
    totals.tax_accounting(ctx, contract.currency, sums.tax_amount, tax_point_date)
  local terms = due.terms(contract, customer)
  local payable, holidays = sums.payable_amount, ctx.firm.holidays
  return {
    id = table.concat({ contract.id, customer.id, ctx.period.id, type_code }, "/"),
    type_code = type_code,
    status = "ready",
    contract_id = contract.id,
    customer_id = customer.id,
    currency = contract.currency,
    issue_date = ctx.issue_date,
    tax_point_date = tax_point_date,
    due_date = due.date(ctx.issue_date, terms, holidays),
    instalments = instalments.of_terms(payable, ctx.issue_date, terms, holidays, d),
    early_payment_discount = terms.early_payment_discount,
    payment_terms_note = due.note(terms),
    period = { start_date = ctx.period.start_date, end_date = ctx.period.end_date },
    buyer_reference = contract.buyer_reference or customer.buyer_reference,
    purchase_order_reference = contract.purchase_order and contract.purchase_order.number or nil,
    preceding_invoices = {},
    lines = number_lines(lines),
    allowances = allowances,
    charges = {},
    tax_breakdown = breakdown,
    tax_rounding = ctx.firm.tax_rounding ~= "group" and ctx.firm.tax_rounding or nil,
    withholding_taxes = withheld,
    totals = sums,
    is_exchange_rate_missing = is_rate_missing,
    supply = supply.of(ctx, contract, customer),
    register = ctx.firm.country_code == "ES" and "ES" or nil, -- the database keeps it
  }
end

--- A document of lines and allowances that have their taxes: totals, due date, references.
---@param ctx billing.Context
---@param contract table
---@param payer billing.Payer
---@param type_code string
---@param lines table[]        numbered here
---@param allowances table[]
---@return table
function invoice.document(ctx, contract, payer, type_code, lines, allowances)
  return object(ctx, contract, payer, type_code, lines, allowances)
end

local function documents(ctx, contract, type_code, lines, allowances, drawn)
  local d, made = ctx.decimals(contract.currency), {}
  local payers = split.payers(ctx, contract)
  local lines_of, allowances_of = split.shares(lines, allowances, payers, d)
  for i, payer in ipairs(payers) do
    if #lines_of[i] > 0 or #allowances_of[i] > 0 then
      local document = object(
        ctx,
        contract,
        payer,
        type_code,
        with_tax(ctx, contract, payer, lines_of[i]),
        with_tax(ctx, contract, payer, allowances_of[i])
      )
      document.annex = annex.of(contract.annex, document.lines, drawn, d)
      made[#made + 1] = document
    end
  end
  return made
end

local function add_all(list, more)
  for _, item in ipairs(more) do
    list[#list + 1] = item
  end
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
  add_all(allowances, discount.allowances(contract, lines, d))
  add_all(lines, contributions.lines(ctx, contract, lines, allowances))
  local advance_lines = invoice.in_order(ctx, contract, made.advance_lines)
  add_all(advance_lines, contributions.lines(ctx, contract, advance_lines, {}))
  local invoices = documents(ctx, contract, invoice.PREPAYMENT, advance_lines, {})
  local commercial =
    documents(ctx, contract, invoice.COMMERCIAL, lines, allowances, made.drawn)
  for _, document in ipairs(commercial) do
    document.preceding_invoices = made.preceding_invoices
    invoices[#invoices + 1] = document
  end
  return invoices, blocks.find(ctx, contract, invoices, made.blocks)
end

--- The finished object of model 2, and any value with its decimals as text (canonical.lua).
invoice.canonical = canonical.invoice
invoice.canonical_value = canonical.value

return invoice
