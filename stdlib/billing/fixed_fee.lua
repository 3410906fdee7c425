--- The fixed-fee model: milestones or percent complete, retainage, advances (data model 3.7).
---
--- The position of a contract is four figures carried from period to period: what is billed, which
--- milestones, what is withheld of it, what of that was released. Everything due now is a
--- difference between the position the contract has reached and the one it had.
---@class billing.fixed_fee
local fixed_fee = {}

local advance = require("billow.billing.advance")
local decimal = require("billow.decimal")
local draft = require("billow.billing.draft")
local milestones = require("billow.billing.milestones")
local retainage = require("billow.billing.retainage")

local ZERO = decimal(0)
local MINUS_ONE = decimal(-1)
local DEDUCTION_DEFAULT = "proportional"

---@class billing.FixedFeePosition
---@field milestones_billed string[]
---@field billed_net Decimal
---@field withheld_net Decimal
---@field released_net Decimal

---@param opening table|nil
---@return billing.FixedFeePosition
local function position_of(opening)
  opening = opening or {}
  return {
    milestones_billed = { table.unpack(opening.milestones_billed or {}) },
    billed_net = opening.billed_net or ZERO,
    withheld_net = opening.withheld_net or ZERO,
    released_net = opening.released_net or ZERO,
  }
end

---@param made billing.Draft
---@param d integer
---@param fields table  of the line
---@return Decimal net_amount
local function add_line(made, d, fields)
  local line = draft.line(d, fields)
  made.lines[#made.lines + 1] = line
  return line.net_amount
end

---@param made billing.Draft
---@param list billing.Exception[]
local function add_exceptions(made, list)
  for _, exception in ipairs(list) do
    made.exceptions[#made.exceptions + 1] = exception
  end
end

--- Bill the milestones that are due; returns their net. A milestone worth 0 makes no line.
---@param made billing.Draft
---@param contract table
---@param priced billing.PricedMilestone[]
---@param accepted billing.Acceptances
---@param position billing.FixedFeePosition  gets the billed milestones
---@param d integer
---@return Decimal
local function bill_milestones(made, contract, priced, accepted, position, d)
  local found = milestones.due(contract, priced, accepted, position.milestones_billed)
  add_exceptions(made, found.exceptions)
  local net = ZERO
  for _, due in ipairs(found.due) do
    local id = due.milestone.id
    position.milestones_billed[#position.milestones_billed + 1] = id
    if not due.milestone.amount:is_zero() then
      net = net + add_line(made, d, {
        component = "milestone",
        description_key = "milestone:" .. id,
        unit_price = due.milestone.amount,
        references = { { type = "milestone", id = due.event.id } },
      })
    end
  end
  return net
end

---@param made billing.Draft
---@param contract table
---@param events table[]
---@param position billing.FixedFeePosition
---@param period billing.Period
---@param d integer
---@return Decimal
local function bill_progress(made, contract, events, position, period, d)
  local found = milestones.progress(contract, events, period.end_date, position.billed_net, d)
  add_exceptions(made, found.exceptions)
  if found.amount:is_zero() then
    return ZERO
  end
  return add_line(made, d, {
    component = "progress",
    description_key = "progress:" .. period.id,
    unit_price = found.amount,
    references = { { type = "milestone", id = found.event.id } },
  })
end

--- Withhold and release; returns the net of both lines. `position.billed_net` is already new.
---@param made billing.Draft
---@param terms table
---@param accepted billing.Acceptances
---@param position billing.FixedFeePosition
---@param period billing.Period
---@param d integer
---@return Decimal
local function bill_retainage(made, terms, accepted, position, period, d)
  if not terms.retainage then
    return ZERO
  end
  local net = ZERO
  local withheld = retainage.withhold(terms.retainage, terms.fee_amount, position.billed_net,
    position.withheld_net, d)
  if not withheld:is_zero() then
    position.withheld_net = position.withheld_net + withheld
    net = net + add_line(made, d, {
      component = "retainage",
      description_key = "retainage",
      quantity = MINUS_ONE,
      unit_price = withheld,
    })
  end
  local is_billed = {}
  for _, id in ipairs(position.milestones_billed) do
    is_billed[id] = true
  end
  local function is_accepted(id)
    return is_billed[id] or accepted.evidenced[id] ~= nil
  end
  local held = position.withheld_net - position.released_net
  if held > ZERO and retainage.is_released(terms.retainage, is_accepted, period.end_date) then
    position.released_net = position.released_net + held
    net = net + add_line(made, d, {
      component = "retainage_release",
      description_key = "retainage_release",
      unit_price = held,
    })
  end
  return net
end

--- The separate advance invoice, due in the period in which the contract starts.
---@param made billing.Draft
---@param contract table
---@param has_advances boolean
---@param period billing.Period
---@param d integer
local function bill_advance(made, contract, has_advances, period, d)
  local terms = contract.terms
  local is_starting = contract.start_date >= period.start_date
    and contract.start_date <= period.end_date
  if not terms.advance or has_advances or not is_starting then
    return
  end
  local amount = advance.amount(terms.advance, terms.fee_amount, d)
  if not amount:is_zero() then
    made.advance_lines[1] = draft.line(d, {
      component = "advance",
      description_key = "advance",
      unit_price = amount,
    })
  end
end

---@param made billing.Draft
---@param advances billing.Advance[]
---@param terms table
---@param position billing.FixedFeePosition
---@param invoice_net Decimal
---@param d integer
local function deduct_advances(made, advances, terms, position, invoice_net, d)
  if #advances == 0 then
    return
  end
  local deductions, remaining = advance.deduct(advances, {
    fee = terms.fee_amount,
    billed = position.billed_net,
    invoice_net = invoice_net,
    deduction = terms.advance and terms.advance.deduction or DEDUCTION_DEFAULT,
  }, d)
  for _, deduction in ipairs(deductions) do
    add_line(made, d, {
      component = "advance_deduction",
      description_key = "advance_deduction:" .. deduction.number,
      quantity = MINUS_ONE,
      unit_price = deduction.amount,
    })
    made.preceding_invoices[#made.preceding_invoices + 1] =
      { number = deduction.number, issue_date = deduction.issue_date }
  end
  made.closing.advances_remaining = remaining
end

---@param made billing.Draft
---@param contract table
---@param total Decimal
local function void_if_over_fee(made, contract, total)
  local fee = contract.terms.fee_amount
  if total <= fee then
    return
  end
  made.is_void = true
  made.exceptions[#made.exceptions + 1] = draft.exception("MILESTONES_EXCEED_FEE", contract.id,
    "contract", "the milestones add up to " .. tostring(total) .. ", the fee is " .. tostring(fee)
    .. ": correct the milestones or the fee", contract.id)
  made.lines, made.advance_lines, made.preceding_invoices, made.closing = {}, {}, {}, {}
end

--- Bill a period of a fixed-fee contract.
---@param ctx billing.Context
---@param contract table
---@param items billing.Items
---@return billing.Draft
function fixed_fee.bill(ctx, contract, items)
  local terms, period = contract.terms, ctx.period
  local d = ctx.decimals(contract.currency)
  local made = draft.new()
  local position = position_of(ctx.opening.fixed_fee[contract.id])
  local priced, total = milestones.price(terms, d)
  local accepted = milestones.accepted(items.milestones or {}, period.end_date)
  local advances = advance.of_contract(ctx.opening.advances, contract.id)

  local net
  if terms.billing == "percent_complete" then
    net = bill_progress(made, contract, items.milestones or {}, position, period, d)
  else
    net = bill_milestones(made, contract, priced, accepted, position, d)
  end
  position.billed_net = position.billed_net + net
  local invoice_net = net + bill_retainage(made, terms, accepted, position, period, d)
  made.closing.fixed_fee = position
  deduct_advances(made, advances, terms, position, invoice_net, d)
  bill_advance(made, contract, #advances > 0, period, d)
  void_if_over_fee(made, contract, total)
  return made
end

return fixed_fee
