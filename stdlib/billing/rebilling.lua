--- Billing credited work anew (K4): when that can be done by itself, under which name, and with
--- what is left of a ceiling. Pure.
local rebilling = {}

local credit_left = require("billow.billing.credit_left")
local credit_note = require("billow.billing.credit_note")
local decimal = require("billow.decimal")
local reading = require("billow.billing.reading")

local given = reading.given
local ZERO = decimal(0)
local SECONDS_PER_HOUR = decimal(3600)

--- Models whose fees are for a period, not for entries: only the whole of it can be made again.
local IS_BY_PERIOD = { ["fixed-fee"] = true, usage = true }

local function retainer_objection(credit)
  if not credit.is_whole then
    return "a retainer's period is made again as a whole: credit all that is left"
  elseif given(credit.basis.closed_after) then
    return "period "
      .. credit.basis.closed_after
      .. " was billed on top of it and has drawn on what it left: void that one first"
  end
  return nil
end

--- Why the work that a credit gives back cannot be billed anew by itself; nil when it can.
---@param contract table
---@param credit {basis: billing.CreditBasis, is_whole: boolean, request: billing.CreditRequest}
---@return string?
function rebilling.objection(contract, credit)
  local outcome = given(credit.request.outcome) or "open"
  if given((credit.basis.invoice or {}).contracts) then
    return "the invoice is of several contracts: credit it without rebilling, its work is open "
      .. "again and is billed with the next period"
  elseif outcome ~= "open" then
    return "the credited work is " .. outcome:gsub("_", " ") .. ": only open work can be billed"
  elseif contract.model == "retainer" and retainer_objection(credit) then
    return retainer_objection(credit)
  elseif IS_BY_PERIOD[contract.model] and not credit.is_whole then
    return "a " .. contract.model .. " invoice is made again as a whole: credit all that is left"
  elseif contract.payers and #contract.payers > 0 then
    return "the invoice is one payer's share: credit every payer's invoice, then bill the period "
      .. "again"
  elseif contract.discount and contract.discount.amount and not credit.is_whole then
    return "the discount is an amount for the whole invoice: credit all that is left"
  elseif credit.made and #credit.made.movements == 0 and contract.model == "tm" then
    return "the credit gives no work back: name lines or entries"
  end
  return nil
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

--- What the rest of the credited invoice goes on using of the ceiling.
local function used(ceiling, basis)
  local left, amount, seconds = credit_left.of(basis), ZERO, ZERO
  local is_time = {}
  for _, rest in ipairs(left.lines) do
    if rest.line.component == "time" then
      amount = amount + rest.net
      is_time[rest.line.id] = not decimal(rest.line.unit_price):is_zero()
    end
  end
  for _, rest in ipairs(left.entries) do
    if is_time[rest.line_id] then
      seconds = seconds + rest.quantity
    end
  end
  return ceiling.amount and amount or seconds / SECONDS_PER_HOUR
end

--- The contract with the ceiling of a period lowered by what the invoice still bills: the new bill
--- shares it.
---@param contract table
---@param basis billing.CreditBasis   after the credit
---@return table
function rebilling.with_rest_of_ceiling(contract, basis)
  local ceiling = contract.terms.ceiling
  if not ceiling or ceiling.scope == "contract" then
    return contract
  end
  local field = ceiling.amount and "amount" or "hours"
  local rest = ceiling[field] - used(ceiling, basis)
  if rest:sign() < 0 then
    rest = ZERO
  end
  local terms = copy_of(contract.terms, { ceiling = copy_of(ceiling, { [field] = rest }) })
  return copy_of(contract, { terms = terms })
end

--- Lets a bill start from what is used by now, later periods included.
---@param opening table    typed, of the period that is billed anew
---@param position table   raw, of now (store.position)
---@param contract table
function rebilling.start_from(opening, position, contract)
  for _, name in ipairs({ "ceiling_used", "purchase_order_used" }) do
    local amount = position[name] and position[name][contract.id]
    if given(amount) then
      opening[name][contract.id] = decimal(amount)
    end
  end
end

--- Gives the documents of a new bill names of their own, and lets them refer to the old invoice.
---@param bill {canonical: table[]}
---@param basis billow.billing.Creditable
function rebilling.rename(bill, basis)
  local counts = {}
  for _, object in ipairs(bill.canonical) do
    local code = object.type_code
    counts[code] = (counts[code] or basis.invoice_count - 1) + 1
    object.id = credit_note.next_id(basis.id, code, counts[code])
    table.insert(object.preceding_invoices, {
      number = basis.invoice.number,
      issue_date = basis.invoice.issue_date,
    })
  end
end

return rebilling
