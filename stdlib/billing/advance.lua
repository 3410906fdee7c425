--- Advances: a deposit billed on its own document, and taken off later invoices (data model 3.7).
---@class billing.advance
local advance = {}

local decimal = require("billow.decimal")

local ZERO = decimal(0)
local PERCENT = decimal(100)

---@class billing.Advance  an advance invoice that was issued
---@field contract_id string
---@field number string
---@field issue_date string
---@field net_amount Decimal
---@field remaining_net Decimal

--- The amount of the advance agreed on.
---@param terms {amount: Decimal|nil, percent: Decimal|nil}
---@param fee Decimal
---@param d integer
---@return Decimal
function advance.amount(terms, fee, d)
  return terms.amount or (fee * terms.percent / PERCENT):round(d)
end

--- The advances of a contract, the oldest first; of one day, by number.
---@param opening_advances billing.Advance[]
---@param contract_id string
---@return billing.Advance[]
function advance.of_contract(opening_advances, contract_id)
  local own = {}
  for _, issued in ipairs(opening_advances) do
    if issued.contract_id == contract_id then
      own[#own + 1] = issued
    end
  end
  table.sort(own, function(a, b)
    if a.issue_date ~= b.issue_date then
      return a.issue_date < b.issue_date
    end
    return a.number < b.number
  end)
  return own
end

---@class billing.AdvancePosition
---@field fee Decimal
---@field billed Decimal      net of milestones or progress, including this invoice
---@field invoice_net Decimal what this invoice has before the deduction
---@field deduction "proportional"|"as_soon_as_possible"|"final"

---@param position billing.AdvancePosition
---@param issued_net Decimal
---@param remaining Decimal
---@param d integer
---@return Decimal
local function wanted(position, issued_net, remaining, d)
  if position.deduction == "as_soon_as_possible" then
    return remaining
  elseif position.deduction == "final" then
    return position.billed >= position.fee and remaining or ZERO
  end
  if position.fee:is_zero() then
    return remaining
  end
  local due_by_now = (issued_net * position.billed / position.fee):round(d)
  return due_by_now - (issued_net - remaining)
end

---@class billing.AdvanceDeduction
---@field number string
---@field issue_date string
---@field amount Decimal  taken now; not zero

--- What this invoice takes from the advances: never more than is left of them or than it has.
---@param advances billing.Advance[]  in the order in which they are used up
---@param position billing.AdvancePosition
---@param d integer
---@return billing.AdvanceDeduction[]
---@return table<string, Decimal> remaining  by number, after this invoice
function advance.deduct(advances, position, d)
  local issued_net, left = ZERO, ZERO
  for _, issued in ipairs(advances) do
    issued_net = issued_net + issued.net_amount
    left = left + issued.remaining_net
  end
  local rest = decimal.min(wanted(position, issued_net, left, d), left)
  rest = decimal.max(ZERO, decimal.min(rest, position.invoice_net))
  local deductions, remaining = {}, {}
  for _, issued in ipairs(advances) do
    local amount = decimal.min(rest, issued.remaining_net)
    remaining[issued.number] = issued.remaining_net - amount
    rest = rest - amount
    if not amount:is_zero() then
      deductions[#deductions + 1] = {
        number = issued.number,
        issue_date = issued.issue_date,
        amount = amount,
      }
    end
  end
  return deductions, remaining
end

return advance
