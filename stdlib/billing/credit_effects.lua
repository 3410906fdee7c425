--- What credit notes, and the invoices made anew after them, change of the state that the next
--- period starts from: ceiling and purchase order used, milestones billed and withheld, advances
--- taken off, the retainer's buckets.
---
--- A closing keeps which documents it has counted; whatever was issued since is counted here, so
--- that no credit is forgotten and none counts twice, in whatever order credits and periods come.
---
---   * money that is credited was not used up, whatever becomes of the work;
---   * milestones and progress are due again only when their work was given back ("open"): a
---     concession, or work that is written off, is not billed once more;
---   * hours count by the work that was given back, as much as the credited line billed of it;
---   * a retainer's buckets are as its last document says, when one was voided or made anew.
---
--- Pure. The opening is as stored: amounts are text.
local credit_effects = {}

local decimal = require("billow.decimal")
local json = require("billow.json")
local reading = require("billow.billing.reading")
local reductions = require("billow.billing.reductions")

local given = reading.given
local ZERO, SECONDS_PER_HOUR = decimal(0), decimal(3600)
-- The fixed order of discounts.
local RANK = {}
for rank, kind in ipairs(reductions.KINDS) do
  RANK[kind] = rank
end
local HOURS_DECIMALS = 6

--- A document that changes what was billed before.
---@class billing.LaterDocument
---@field id string
---@field body table             canonical: a credit note, or the invoice made anew
---@field credited_body? table   credit note: the invoice that it credits
---@field outcome? string        credit note: where the credited work went; "open" when absent
---@field position? table        the retainer's state after it
---@field still_billed? table<string, boolean>   by milestone event: other invoices bill it too

local function lines_by_id(body)
  local map = {}
  for _, line in ipairs(body and body.lines or {}) do
    map[line.id] = line
  end
  return map
end

local function seconds_of(line)
  local seconds = ZERO
  for _, reference in ipairs(line.references) do
    if reference.type == "time_entry" then
      seconds = seconds + decimal(reference.seconds)
    end
  end
  return seconds
end

--- Hours that a time line counts for: what it printed, or as much of that as was given back of its
--- work. Lines without a price count for nothing.
local function hours_of(line, origin, hours_per_day)
  local of = origin or line
  local worked = seconds_of(of)
  if decimal(of.unit_price):is_zero() or worked:is_zero() then
    return ZERO
  end
  local hours = decimal(of.quantity)
  if of.unit_code == "DAY" then
    hours = hours * hours_per_day
  end
  local exact = worked / SECONDS_PER_HOUR
  local is_unrounded = exact:round(hours:scale() > 0 and hours:scale() or 2) == hours
  local given_back = origin and seconds_of(line) or worked
  -- Multiplied before it is divided: a product of two quotients may have too many digits.
  local counted = is_unrounded and given_back / SECONDS_PER_HOUR
    or hours * given_back / worked
  return counted:round(HOURS_DECIMALS, "down")
end

local function add(map, id, amount)
  if map and map[id] then
    local sum = decimal.max(decimal(map[id]) + amount, ZERO)
    map[id] = tostring(sum)
  end
end

local function without(list, value)
  local kept = json.array({})
  for _, member in ipairs(list) do
    if member ~= value then
      kept[#kept + 1] = member
    end
  end
  return kept
end

local function with(list, value)
  local kept = without(list, value)
  kept[#kept + 1] = value
  return kept
end

--- Is the work behind this line due again (credit note), or billed by it (new invoice)?
local function moves_work(document, line)
  if document.credited_body then
    return (given(document.outcome) or "open") == "open" and #line.references > 0
  end
  return #line.references > 0
end

local fixed = {}

function fixed.milestone(position, line, sign, document, origin)
  if not moves_work(document, line) then
    return
  end
  local id = line.description_key:match("^milestone:(.*)$")
  local whole = origin or line
  local split_of = given(whole.split_of)
  local net = decimal(split_of and split_of.net_amount or whole.net_amount)
  if sign < 0 then
    if not given(document.still_billed) or not document.still_billed[line.references[1].id] then
      position.milestones_billed = without(position.milestones_billed, id)
      add(position, "billed_net", -net)
    end
  else
    position.milestones_billed = with(position.milestones_billed, id)
    add(position, "billed_net", net)
  end
end

function fixed.progress(position, line, sign, document)
  if moves_work(document, line) then
    add(position, "billed_net", decimal(line.net_amount) * decimal(sign))
  end
end

local function is_given_up(document)
  return document.credited_body and (given(document.outcome) or "open") ~= "open"
end

--- Is what was withheld or released with the work taken back: together with work, or the whole
--- line? A concession that falls on such a line too moves nothing.
local function moves_retainage(document, line, origin)
  if not document.credited_body then
    return true
  elseif is_given_up(document) then
    return false
  end
  for _, other in ipairs(document.body.lines) do
    if #other.references > 0 then
      return true
    end
  end
  return origin ~= nil and origin.net_amount == line.net_amount
end

function fixed.retainage(position, line, sign, document, origin)
  if moves_retainage(document, line, origin) then
    add(position, "withheld_net", -decimal(line.net_amount) * decimal(sign))
  end
end

function fixed.retainage_release(position, line, sign, document, origin)
  if moves_retainage(document, line, origin) then
    add(position, "released_net", decimal(line.net_amount) * decimal(sign))
  end
end

local function count_fixed_fee(opening, contract, document, origins, sign)
  local position = opening.fixed_fee and opening.fixed_fee[contract.id]
  for _, line in ipairs(document.body.lines) do
    local count = fixed[line.component]
    if position and count then
      count(position, line, sign, document, origins[line.credits and line.credits.line_id])
    end
    local number = line.description_key:match("^advance_deduction:(.*)$")
    if number then -- its net is below 0: credited, it is left again
      add(opening.advances_remaining, number, decimal(line.net_amount) * decimal(sign))
    end
  end
  if sign < 0 and document.credited_body.type_code == "386" then
    local net = decimal(document.body.totals.tax_exclusive_amount)
    add(opening.advances_remaining, document.credited_body.number, -net)
  end
end

local function count_ceiling(opening, contract, document, origins, sign)
  local terms = contract.terms
  local ceiling = given(terms.ceiling)
  if not ceiling then
    return
  end
  local amount = ZERO
  for _, line in ipairs(document.body.lines) do
    if line.component == "time" then
      local origin = origins[line.credits and line.credits.line_id]
      local hours_per_day = decimal(given(terms.hours_per_day) or 8)
      amount = amount
        + (
          given(ceiling.amount) and decimal(line.net_amount)
          or hours_of(line, origin, hours_per_day)
        )
    end
  end
  add(opening.ceiling_used, contract.id, amount * decimal(sign))
end

--- What a discount was on, and what was granted of it, is given back with the lines. What earlier
--- discounts took off those lines was never counted.
local function count_discounts(opening, contract, document, sign)
  local of_name, taken = {}, {}
  for _, own in ipairs(given(contract.discounts) or {}) do
    of_name[own.name] = own
  end
  for _, allowance in ipairs(document.body.allowances or {}) do
    taken[allowance.reason] = (taken[allowance.reason] or ZERO) + decimal(allowance.amount)
  end
  for _, row in ipairs((opening.discount_used or {})[contract.id] or {}) do
    local own, net = of_name[row.name], ZERO
    local is_in_term = own and (document.credited_body or document.body).period.end_date:sub(1, 7)
      >= row.since
    for _, component in ipairs(is_in_term and own.components or {}) do
      for _, line in ipairs(document.body.lines) do
        net = net + (line.component == component and decimal(line.net_amount) or ZERO)
      end
    end
    for name, amount in pairs(is_in_term and taken or {}) do
      local other = of_name[name]
      net = net - (other and RANK[other.kind] < RANK[own.kind] and amount or ZERO)
    end
    if is_in_term then
      add(row, "net", net * decimal(sign))
      add(row, "granted", (taken[row.name] or ZERO) * decimal(sign))
    end
  end
end

--- Usage of a term: what a period counted goes with its invoice, when that is credited as a whole
--- and its events are open again, and comes back with the invoice that is made anew of them.
local function count_usage(changed, original, contract, document, sign)
  local rows = (changed.usage_counted or {})[contract.id]
  local credited = document.credited_body
  local month = document.body.period.end_date:sub(1, 7)
  local is_whole = credited
    and decimal(credited.totals.tax_exclusive_amount)
      == decimal(document.body.totals.tax_exclusive_amount)
  if not rows or sign < 0 and (is_given_up(document) or not is_whole) then
    return
  end
  local kept = json.array({})
  for _, row in ipairs(rows) do
    kept[#kept + 1] = row.period ~= month and row or nil
  end
  for _, row in ipairs(sign > 0 and original.usage_counted[contract.id] or {}) do
    kept[#kept + 1] = row.period == month and row or nil
  end
  changed.usage_counted[contract.id] = kept
end

local function count_retainer(opening, contract, document, sign)
  local position = given(document.position)
  local state = opening.retainer and opening.retainer[contract.id]
  if position then
    opening.retainer = opening.retainer or {}
    opening.retainer[contract.id] = position
  elseif state and sign < 0 and not is_given_up(document) then
    -- A fee for a month to come that is credited is billed when the month comes.
    for _, line in ipairs(document.body.lines) do
      local month = line.description_key:match("^retainer:(.*)$")
      local origin = lines_by_id(document.credited_body)[line.credits.line_id]
      if month and month > document.body.period.end_date:sub(1, 7) then
        local is_whole = origin and origin.net_amount == line.net_amount
        state.invoiced_periods = is_whole and without(state.invoiced_periods, month)
          or state.invoiced_periods
      end
    end
  end
end

--- The part of a consolidated document that is a contract's.
local function of_contract(body, contract_id)
  if not body or not given(body.contracts) then
    return body
  end
  local own, lines, allowances = {}, json.array({}), json.array({})
  for name, value in pairs(body) do
    own[name] = value
  end
  for _, line in ipairs(body.lines) do
    lines[#lines + 1] = line.contract_id == contract_id and line or nil
  end
  for _, allowance in ipairs(body.allowances or {}) do
    allowances[#allowances + 1] = allowance.contract_id == contract_id and allowance or nil
  end
  local net = "0"
  for _, part in ipairs(body.contracts) do
    net = part.id == contract_id and part.net_amount or net
  end
  own.lines, own.allowances, own.totals = lines, allowances, { tax_exclusive_amount = net }
  return own
end

local function copied(value)
  if type(value) ~= "table" or value == json.null then
    return value
  end
  local copy = {}
  for name, member in pairs(value) do
    copy[name] = copied(member)
  end
  return json.is_array(value) and json.array(copy) or copy
end

--- The opening with these documents counted.
---@param opening table    raw; advances_remaining: net by number of the advance
---@param contract table   raw
---@param documents billing.LaterDocument[]   in the order in which they were issued
---@return table opening
---@return string[] ids   of what was counted
function credit_effects.count(opening, contract, documents)
  local changed, ids = copied(opening), json.array({})
  for i, document in ipairs(documents) do
    local credited = of_contract(given(document.credited_body), contract.id)
    local sign, origins = credited and -1 or 1, lines_by_id(credited)
    document = {
      body = of_contract(document.body, contract.id),
      credited_body = credited,
      outcome = given(document.outcome),
      position = given(document.position),
      still_billed = given(document.still_billed),
      id = document.id,
    }
    local net = decimal(document.body.totals.tax_exclusive_amount)
    local first = (document.credited_body or document.body).lines[1]
    local is_of_work = not first or first.component ~= "interest" -- that uses up nothing
    if is_of_work then
      add(changed.purchase_order_used, contract.id, net * decimal(sign))
    end
    count_discounts(changed, contract, document, sign)
    if contract.model == "tm" then
      count_ceiling(changed, contract, document, origins, sign)
    elseif contract.model == "fixed-fee" then
      count_fixed_fee(changed, contract, document, origins, sign)
    elseif contract.model == "retainer" then
      count_retainer(changed, contract, document, sign)
    elseif contract.model == "usage" then
      count_usage(changed, opening, contract, document, sign)
    end
    ids[i] = document.id
  end
  return changed, ids
end

return credit_effects
