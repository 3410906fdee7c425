--- The finished, written form of invoices, exceptions and closings (model 2, 3.13): amounts as text
--- with exactly d decimals, absent values as null, nothing in it that is only of use inside.
local canonical = {}

local copy = require("billow.billing.copy")
local decimal = require("billow.decimal")
local figures = require("billow.billing.figures")
local json = require("billow.json")
local withholding = require("billow.billing.withholding")

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
    quantity = figures.plain(split_of.quantity),
    unit_code = split_of.unit_code,
    unit_price = figures.price(split_of.unit_price, d),
    net_amount = figures.amount(split_of.net_amount, d),
    percent = figures.plain(split_of.percent),
  }
end

local function line_writer(d)
  return function(line)
    return {
      id = line.id,
      component = line.component,
      description_key = line.description_key,
      narrative = line.narrative,
      quantity = figures.plain(line.quantity),
      unit_code = line.unit_code,
      unit_price = figures.price(line.unit_price, d),
      net_amount = figures.amount(line.net_amount, d),
      tax_code = line.tax_code,
      tax_category = line.tax_category,
      tax_percent = percent_text(line.tax_percent),
      references = array(line.references, reference_writer(d)),
      contract_id = line.contract_id, -- of consolidated invoices
      split_of = split_of_written(line.split_of, d),
    }
  end
end

local function allowance_writer(d)
  return function(allowance)
    return {
      component = allowance.component,
      amount = figures.amount(allowance.amount, d),
      contract_id = allowance.contract_id,
      reason = allowance.reason,
      reason_code = allowance.reason_code,
      tax_code = allowance.tax_code,
      tax_category = allowance.tax_category,
      tax_percent = percent_text(allowance.tax_percent),
    }
  end
end

local function group_writer(d)
  return function(group)
    local parts = group.parts
      and array(group.parts, function(part)
        return {
          name = part.name,
          percent = figures.plain(part.percent),
          tax_amount = figures.amount(part.tax_amount, d),
        }
      end)
    return {
      category_code = group.category_code,
      percent = percent_text(group.percent),
      taxable_amount = figures.amount(group.taxable_amount, d),
      tax_amount = figures.amount(group.tax_amount, d),
      exemption_reason = or_null(group.exemption_reason),
      exemption_reason_code = or_null(group.exemption_reason_code),
      parts = parts, -- of a rate that is several taxes
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

--- The statement of hours, where the contract asks for one.
local function annex_written(annex, d)
  return {
    by = json.array(copy.list(annex.by)),
    hours = figures.plain(annex.hours),
    rows = array(annex.rows, function(row)
      local written = {
        line = or_null(row.line),
        seconds = row.seconds,
        hours = figures.plain(row.hours),
        amount = row.amount and figures.amount(row.amount, d),
        notes = row.notes and json.array(copy.list(row.notes)),
      }
      for name, value in pairs(row.values) do
        written[name] = value
      end
      return written
    end),
  }
end

--- When and how it may be paid otherwise than at once on the due date: in instalments, or early for
--- less. Absent where nothing of the kind is agreed.
local function add_terms(written, made, d)
  written.instalments = made.instalments
    and array(made.instalments, function(part)
      return { due_date = part.due_date, amount = figures.amount(part.amount, d) }
    end)
  local early = made.early_payment_discount
  written.early_payment_discount = early
    and { percent = figures.plain(early.percent), days = early.days, mode = early.mode }
  written.payment_terms_note = made.payment_terms_note
  written.register = made.register
  written.contracts = made.contracts
    and array(made.contracts, function(part)
      return { id = part.id, name = part.name, net_amount = figures.amount(part.net_amount, d) }
    end)
  written.annex = made.annex and annex_written(made.annex, d)
  written.tax_rounding = made.tax_rounding
  written.withholding_taxes = made.withholding_taxes
    and withholding.written(made.withholding_taxes, d)
  return written
end

--- The finished object of model 2: amounts as text, absent values as null, nothing else in it.
---@param ctx billing.Context
---@param made table   an invoice of invoice.assemble, number set when it has one
---@return table
function canonical.invoice(ctx, made)
  local d = ctx.decimals(made.currency)
  return add_terms({
    id = made.id,
    number = or_null(made.number),
    type_code = made.type_code,
    status = made.status,
    contract_id = made.contract_id,
    customer_id = made.customer_id,
    currency = made.currency,
    issue_date = made.issue_date,
    tax_point_date = made.tax_point_date,
    due_date = made.due_date,
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
  }, made, d)
end

--- `value` with every decimal written as text, keeping its scale: for closing and details.
---@param value any
---@return any
function canonical.value(value)
  if decimal.is(value) then
    return tostring(value)
  elseif type(value) ~= "table" then
    return value
  end
  local written = {}
  for key, member in pairs(value) do
    written[key] = canonical.value(member)
  end
  return written
end

local function exception_written(exception)
  return {
    code = exception.code,
    ref = exception.ref,
    contract_id = or_null(exception.contract_id),
    level = exception.level,
    message = exception.message,
    details = canonical.value(exception.details),
  }
end

--- Exceptions in order of code, then ref.
---@param exceptions billing.Exception[]
---@return table[]
function canonical.exceptions(exceptions)
  local ordered = copy.list(exceptions)
  table.sort(ordered, function(a, b)
    if a.code ~= b.code then
      return a.code < b.code
    end
    return a.ref < b.ref
  end)
  return array(ordered, exception_written)
end

local function amounts_of(map, d)
  local written = {}
  for key, value in pairs(map) do
    written[key] = figures.amount(value, d)
  end
  return written
end

local closings = {}

function closings.fixed_fee(state, d)
  local written = amounts_of({
    billed_net = state.billed_net,
    withheld_net = state.withheld_net,
    released_net = state.released_net,
  }, d)
  written.milestones_billed = json.array(copy.list(state.milestones_billed))
  return written
end

function closings.advances_remaining(state, d)
  return amounts_of(state, d)
end

function closings.retainer(state, d, contract)
  return {
    buckets = array(state.buckets, function(bucket)
      return {
        period = bucket.period,
        expires_on = bucket.expires_on,
        quantity = contract.terms.unit == "money" and figures.amount(bucket.quantity, d)
          or figures.plain(bucket.quantity),
      }
    end),
  }
end

--- The state of a contract after the period; the next opening is made of it.
---@param ctx billing.Context
---@param contract table
---@param closing table   of billing.Result
---@return table
function canonical.closing(ctx, contract, closing)
  local d, written = ctx.decimals(contract.currency), {}
  for name, state in pairs(closing) do
    local write = closings[name]
    written[name] = write and write(state, d, contract) or canonical.value(state)
  end
  return written
end

--- A contract's part of the result.
---@param ctx billing.Context
---@param contract table
---@param result billing.Result
---@return table
function canonical.result(ctx, contract, result)
  return {
    invoices = array(result.invoices, function(made)
      return canonical.invoice(ctx, made)
    end),
    exceptions = canonical.exceptions(result.exceptions),
    closing = canonical.closing(ctx, contract, result.closing),
  }
end

return canonical
