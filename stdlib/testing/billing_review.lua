--- The stand-in of billing.beside: what was issued beside a bill.
---@class billow.testing.billing_review
local review = {}

local date = require("billow.date")
local decimal = require("billow.decimal")
local tables = require("billow.testing.tables")

local jsonb, given, text = tables.jsonb, tables.given, tables.text

local function is_credited(db, number)
  for _, row in pairs(db.invoices) do
    for _, before in ipairs(row.type_code == "381" and given(row.body.preceding_invoices) or {}) do
      if before.number == number then
        return true
      end
    end
  end
  return false
end

local function is_invoice(row)
  return row.type_code == "380" or row.type_code == "386"
end

--- "order", "amount", or nil.
local function match_of(asked, document, row)
  local totals, day = row.body.totals, row.body.issue_date
  local apart = date.days_between(day, document.issue_date)
  local order = given(document.purchase_order)
  if
    order
    and asked.order_days > 0
    and apart <= asked.order_days
    and given(row.body.purchase_order_reference) == order
    and row.period == asked.period
    and decimal(totals.tax_exclusive_amount) == decimal(document.net)
  then
    return "order"
  end
  local is_same = decimal(totals.payable_amount) == decimal(document.gross)
  local is_other_period = row.contract_id == asked.contract and row.period ~= asked.period
  local is_near = math.abs(apart) <= asked.amount_days
  return is_same and is_near and not is_other_period and "amount" or nil
end

local function add_same(db, asked, rows)
  for _, document in ipairs(asked.documents) do
    for id, row in pairs(db.invoices) do
      local is_other = is_invoice(row) and id ~= document.id
      if
        is_other
        and row.customer_id == document.customer_id
        and row.currency == document.currency
        and not decimal(document.gross):is_zero()
        and not is_credited(db, row.number)
      then
        local what = match_of(asked, document, row)
        rows[#rows + 1] = what
            and { what = what, number = row.number, issue_date = row.body.issue_date }
          or nil
      end
    end
  end
end

local function add_past(db, asked, rows)
  local nets, periods = {}, {}
  for _, row in pairs(db.invoices) do
    if
      row.type_code == "380"
      and row.contract_id == asked.contract
      and row.period < asked.period
    then
      if not nets[row.period] then
        periods[#periods + 1] = row.period
      end
      nets[row.period] = (nets[row.period] or decimal(0))
        + decimal(row.body.totals.tax_exclusive_amount)
    end
  end
  table.sort(periods, function(a, b)
    return a > b
  end)
  for i = 1, math.min(#periods, asked.history) do
    rows[#rows + 1] = { what = "period", period = periods[i], amount = tostring(nets[periods[i]]) }
  end
  return periods[1]
end

local function add_lines(db, asked, last, rows)
  for id, row in pairs(db.invoices) do
    local is_last = row.type_code == "380" and row.contract_id == asked.contract
    for _, line in ipairs(is_last and row.period == last and db.lines[id] or {}) do
      if line.component == "time" then
        rows[#rows + 1] = {
          what = "line",
          period = last,
          description_key = line.description_key,
          unit_price = text(line.unit_price),
        }
      end
    end
  end
end

--- Documents have no time of storing here: a contract or card of more than one version counts as
--- changed.
local function add_amendments(db, asked, rows)
  for _, versions in pairs(db.documents) do
    local newest = versions[#versions]
    local is_ours = newest.kind == "rate_card"
      or newest.kind == "contract" and newest.id == asked.contract
    if is_ours and #versions > 1 then
      rows[#rows + 1] =
        { what = "amendment", description_key = newest.kind .. " " .. newest.id }
    end
  end
end

local function add_customer(db, asked, rows)
  for _, document in ipairs(asked.documents) do
    for _, row in pairs(db.invoices) do
      if row.customer_id == document.customer_id then
        rows[#rows + 1] = { what = "customer" }
        return
      end
    end
  end
end

function review.beside(db, params)
  local asked, rows = jsonb(params[1]), {}
  add_same(db, asked, rows)
  add_customer(db, asked, rows)
  local last = add_past(db, asked, rows)
  if last then
    add_lines(db, asked, last, rows)
    add_amendments(db, asked, rows)
  end
  local function key(row)
    return table.concat({
      row.what,
      row.number or "~",
      row.period or "~",
      row.description_key or "~",
    }, "\0")
  end
  table.sort(rows, function(a, b)
    return key(a) < key(b)
  end)
  return rows
end

--- What a policy decided for the invoices of a period.
function review.recorded_decisions(db, params)
  local policy, period, contract = text(params[1]), text(params[2]), given(params[3])
  local rows = {}
  for _, row in pairs(db.invoices) do
    local is_asked = row.period == period and (not contract or row.contract_id == text(contract))
    for _, decision in ipairs(is_asked and row.explanation and row.explanation.policies or {}) do
      if decision.policy == policy and given(decision.subject) then
        rows[#rows + 1] = {
          number = row.number,
          contract_id = row.contract_id,
          customer_id = row.customer_id,
          subject = decision.subject,
          decided_on = decision.on,
        }
      end
    end
  end
  table.sort(rows, function(a, b)
    return a.number < b.number
  end)
  return rows
end

return review
