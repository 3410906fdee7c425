--- A bill beside what was issued before: what looks like a repetition (V7), and what looks unusual
--- (V9). A repetition is decided by the duplicate-guard policy, before anybody is asked to approve;
--- what is unusual is shown to the approver, and the approval policy may ask for more people.
---@class billow.billing.review
local review = {}

local agreed = require("billow.billing.agreed")
local copy = require("billow.billing.copy")
local db = require("billow.db")
local decimal = require("billow.decimal")
local figures = require("billow.billing.figures")
local given = require("billow.billing.reading").given
local json = require("billow.json")
local statements = require("billow.billing.review_statements")
local task = require("billow.task")

local HISTORY_MAX = 6

---@class billow.billing.Remark
---@field code "AMOUNT_UNUSUAL"|"RATE_CHANGED"
---@field message string

---@class billow.billing.Reviewed
---@field is_repetition boolean          it was decided not to issue it
---@field remarks billow.billing.Remark[]

local function question(contract, bill, guard)
  local documents = json.array({})
  for i, object in ipairs(bill.canonical) do
    documents[i] = {
      id = object.id,
      customer_id = object.customer_id,
      currency = object.currency,
      purchase_order = object.purchase_order_reference,
      net = object.totals.tax_exclusive_amount,
      gross = object.totals.payable_amount,
      issue_date = object.issue_date,
    }
  end
  return {
    documents = documents,
    contract = contract.id,
    period = contract.period,
    order_days = guard.order_window_days,
    amount_days = guard.amount_window_days or -1,
    history = HISTORY_MAX,
  }
end

--- Rows by what they are: order, amount, period, line, amendment, customer.
local function by_kind(rows)
  local lists = { order = {}, amount = {}, period = {}, line = {}, amendment = {}, customer = {} }
  for _, row in ipairs(rows) do
    table.insert(lists[row.what], row)
  end
  return lists
end

--- The median; of an even number the mean of the two in the middle.
---@param values Decimal[]
---@return Decimal
function review.median(values)
  local sorted = copy.list(values)
  table.sort(sorted)
  local middle = #sorted // 2
  if #sorted % 2 == 1 then
    return sorted[middle + 1]
  end
  return (sorted[middle] + sorted[middle + 1]) / decimal(2)
end

local function net_of(bill)
  local net = decimal(0)
  for _, object in ipairs(bill.canonical) do
    net = net + decimal(object.totals.tax_exclusive_amount)
  end
  return net
end

--- A net that is far from the median of the periods before.
---@param net Decimal
---@param history Decimal[]
---@param rules {deviation_percent?: string, history_min: integer}
---@return billow.billing.Remark?
function review.unusual_amount(net, history, rules)
  if not rules.deviation_percent or #history < rules.history_min then
    return nil
  end
  local median = review.median(history)
  local limit = median:abs() * decimal(rules.deviation_percent) / decimal(100)
  if (net - median):abs() <= limit then
    return nil
  end
  local text = "the net of %s is more than %s %% away from %s, the median of the last %d periods"
  return {
    code = "AMOUNT_UNUSUAL",
    message = text:format(
      figures.plain(net),
      rules.deviation_percent,
      figures.plain(median),
      #history
    ),
  }
end

--- One price for each line key of time; false where a key has several.
local function prices_of(lines)
  local prices = {}
  for _, line in ipairs(lines) do
    local price = decimal(line.unit_price)
    if prices[line.description_key] == nil then
      prices[line.description_key] = price
    elseif prices[line.description_key] ~= price then
      prices[line.description_key] = false
    end
  end
  return prices
end

local function time_lines(bill)
  local lines = {}
  for _, object in ipairs(bill.canonical) do
    for _, line in ipairs(object.lines) do
      if line.component == "time" then
        lines[#lines + 1] = line
      end
    end
  end
  return lines
end

--- Does a rate card change within the periods between the bills? Then a new price is agreed.
local function has_new_card(ctx, last_period)
  for _, card in ipairs(ctx.rate_card_list or {}) do
    for _, version in ipairs(card.versions) do
      local since = version.valid_from or ""
      if since > last_period .. "-01" and since <= ctx.period.end_date then
        return true
      end
    end
  end
  return false
end

--- Prices that are not those of the last bill, though neither contract nor card was changed since.
local function changed_rates(ctx, bill, found)
  local last = found.line[1]
  if not last or #found.amendment > 0 or has_new_card(ctx, last.period) then
    return {}
  end
  local before, remarks = prices_of(found.line), {}
  local now = prices_of(time_lines(bill))
  for _, line in ipairs(time_lines(bill)) do
    local key = line.description_key
    if now[key] and before[key] and now[key] ~= before[key] then
      local text = "%s costs %s, it was %s in %s, and neither the contract nor a card was changed"
      remarks[#remarks + 1] = {
        code = "RATE_CHANGED",
        message = text:format(
          key,
          figures.plain(now[key]),
          figures.plain(before[key]),
          last.period
        ),
      }
      now[key] = nil
    end
  end
  return remarks
end

local function remarks_of(contract, bill, found, rules)
  local history = {}
  for i, row in ipairs(found.period) do
    history[i] = decimal(row.amount)
  end
  local remarks = changed_rates(contract.ctx, bill, found)
  table.insert(remarks, 1, review.unusual_amount(net_of(bill), history, rules))
  return remarks
end

local function issued_of(found)
  local issued = json.array({})
  for _, kind in ipairs({ "order", "amount" }) do
    for _, row in ipairs(found[kind]) do
      issued[#issued + 1] =
        { number = row.number, issue_date = given(row.issue_date), match = kind }
    end
  end
  return issued
end

--- Asks whether what looks like a repetition is to be issued all the same.
local function is_to_be_issued(contract, decision, rules)
  if decision.action == "issue" then
    return true
  end
  local answer = task.open({
    kind = "exception",
    group = contract.id,
    assignees = rules.exceptions_owner,
    title = string.format("%s %s: this looks billed already", contract.id, contract.period),
    body = {
      contract = contract.id,
      period = contract.period,
      reasons = json.array(decision.reasons),
      decisions = decision.action == "block" and json.array({ "hold" })
        or json.array({ "issue", "hold" }),
    },
  })
  return decision.action == "ask" and answer.decision == "issue"
end

--- What the bill leaves of its net after what its hours cost, in percent with one decimal; nil
--- without cost rates of everybody who worked.
---@param firm table
---@param bill billow.billing.Bill
---@return string?
function review.margin(firm, bill)
  local net, cost, is_known = net_of(bill), decimal(0), false
  for _, made in ipairs(bill.made) do
    for _, line in ipairs(made.lines) do
      for _, work in ipairs(line.works or {}) do
        local rate = (firm.cost_rates or {})[work.person]
        if not rate then
          return nil
        end
        is_known, cost = true, cost + rate * decimal(work.worked_seconds) / decimal(3600)
      end
    end
  end
  if not is_known or net:sign() <= 0 then
    return nil
  end
  return tostring(((net - cost) * decimal(100) / net):round(1))
end

--- Looks at a bill before it is approved; notes on it what the approval policy may ask about.
---@param contract billow.billing.Contract
---@param bill billow.billing.Bill
---@return billow.billing.Reviewed
function review.bill(contract, bill)
  local ctx = contract.ctx
  local subject = agreed.subject(ctx, contract.contract)
  local rules, guard = ctx.decide("validation", subject), ctx.decide("duplicate-guard", subject)
  local rows = db.query(statements.beside, { question(contract, bill, guard) })
  local found = by_kind(rows)
  local issued = issued_of(found)
  bill.is_new_customer = #found.customer == 0
  bill.margin_percent = review.margin(ctx.firm, bill)
  local decision = guard
  if #issued > 0 then
    subject.issued = issued
    decision = ctx.decide("duplicate-guard", subject)
  end
  return {
    is_repetition = not is_to_be_issued(contract, decision, rules),
    remarks = json.array(remarks_of(contract, bill, found, rules)),
  }
end

return review
