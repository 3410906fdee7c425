--- What blocks an invoice: same figures, no number, until the reason is gone (model 3.2, invoice
--- level).
local blocks = {}

local decimal = require("billow.decimal")
local draft = require("billow.billing.draft")
local figures = require("billow.billing.figures")
local supply = require("billow.billing.supply")
local tax = require("billow.billing.tax")

local COMMERCIAL = "380"
local NEEDS_SELLER_VAT_ID =
  { S = true, Z = true, E = true, AE = true, K = true, G = true, L = true, M = true }
local NEEDS_BUYER_VAT_ID = { AE = true, K = true }

-- Each check returns a message when it applies.
--- One rate of a document is made of the same taxes on every line: CGST and SGST, or IGST.
local function mixed_parts(firm, made)
  local codes = {}
  for _, line in ipairs(made.lines) do
    local percent = line.tax_percent and figures.plain(line.tax_percent) or "-"
    local key = line.tax_category .. " " .. percent
    local code = tax.find(firm, line.tax_code)
    codes[key] = codes[key] or code
    if tax.parts_text(codes[key]) ~= tax.parts_text(code) then
      return string.format(
        "tax codes %s and %s have the same rate and are not the same taxes: use one of them",
        codes[key].id, code.id)
    end
  end
  return nil
end

local checks = {}

checks[1] = {
  "MISSING_BUYER_REFERENCE",
  function(ctx, _, made)
    if ctx.customers[made.customer_id].buyer_reference_required and not made.buyer_reference then
      return "the customer requires a buyer reference: set it on the contract or the customer"
    end
  end,
}

checks[2] = {
  "MISSING_VAT_ID",
  function(ctx, _, made)
    for _, group in ipairs(made.tax_breakdown) do
      if NEEDS_SELLER_VAT_ID[group.category_code] and not ctx.firm.vat_id then
        return "category " .. group.category_code .. " needs the firm's vat_id"
      elseif
        NEEDS_BUYER_VAT_ID[group.category_code] and not ctx.customers[made.customer_id].vat_id
      then
        return "category " .. group.category_code .. " needs the customer's vat_id"
      end
    end
  end,
}

checks[3] = {
  "TAX_CATEGORY_MIX",
  function(ctx, _, made)
    local has_out_of_scope, has_other = false, false
    for _, group in ipairs(made.tax_breakdown) do
      if group.category_code == "O" then
        has_out_of_scope = true
      else
        has_other = true
      end
    end
    if has_out_of_scope and has_other then
      return "category O stands beside another one: bill what is out of scope of VAT by itself"
    end
    return mixed_parts(ctx.firm, made)
  end,
}

checks[4] = {
  "PO_EXPIRED",
  function(ctx, contract)
    local order = contract.purchase_order
    if order and order.end_date and ctx.period.end_date > order.end_date then
      return string.format(
        "purchase order %s ended on %s: ask for a new one",
        tostring(order.number),
        order.end_date
      )
    end
  end,
}

checks[5] = {
  "PO_EXCEEDED",
  function(ctx, contract, _, net)
    local order = contract.purchase_order
    local used = ctx.opening.purchase_order_used[contract.id] or decimal(0)
    if order and order.amount and order.amount < used + net then
      return string.format(
        "purchase order %s is for %s; %s would be used: ask for an increase",
        tostring(order.number),
        figures.plain(order.amount),
        figures.plain(used + net)
      )
    end
  end,
}

checks[6] = {
  "EXCHANGE_RATE_MISSING",
  function(_, _, made)
    if made.is_exchange_rate_missing then
      return string.format(
        "the tax must be stated in the firm's currency and no %s rate is known on or before %s",
        made.currency,
        made.tax_point_date
      )
    end
  end,
}

checks[7] = {
  "NEGATIVE_INVOICE",
  function(_, _, made)
    if made.totals.payable_amount:sign() < 0 then
      return "the payable amount is negative: issue a credit note or hold the invoice"
    end
  end,
}

-- Checks that concern a document and not a contract.
local OF_WHOLE = { TAX_CATEGORY_MIX = true, NEGATIVE_INVOICE = true, EXCHANGE_RATE_MISSING = true }

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

--- What stands in the way of a document of several contracts as a whole: each contract's own
--- checks were made on its own bill.
---@param ctx billing.Context
---@param document table
---@return billing.Exception[]
function blocks.of_document(ctx, document)
  local exceptions = {}
  for _, check in ipairs(checks) do
    local message = OF_WHOLE[check[1]] and check[2](ctx, {}, document, decimal(0))
    if message then
      block(document, check[1], message, exceptions)
    end
  end
  return exceptions
end

--- Mark what may not go out as blocked; every reason is reported, once for each payer.
---@param ctx billing.Context
---@param contract table
---@param made table[]   the contract's invoices of this run
---@param own_blocks {code: string, message: string}[]   of the draft; they block every 380
---@return billing.Exception[]
function blocks.find(ctx, contract, made, own_blocks)
  local exceptions, net = {}, net_of(made)
  for _, document in ipairs(made) do
    for _, check in ipairs(checks) do
      local message = check[2](ctx, contract, document, net)
      if message then
        block(document, check[1], message, exceptions)
      end
    end
    for _, found in ipairs(supply.problems(ctx, document)) do
      block(document, found.code, found.message, exceptions)
    end
    if document.type_code == COMMERCIAL then
      for _, own in ipairs(own_blocks) do
        block(document, own.code, own.message, exceptions)
      end
    end
  end
  return exceptions
end

return blocks
