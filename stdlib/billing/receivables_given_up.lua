--- Money and work that the firm gives up (K3, K5): write-offs of what an invoice still owes,
--- write-downs of work before it is billed. Who has to agree is the policy write-off's decision,
--- never the engagement partner's alone; what is written is one transaction.
---@class billow.billing.receivables_given_up
local receivables_given_up = {}

local billing = require("billow.billing")
local billow = require("billow")
local consent = require("billow.billing.consent")
local currency = require("billow.billing.currency")
local db = require("billow.db")
local decimal = require("billow.decimal")
local err = require("billow.err")
local figures = require("billow.billing.figures")
local json = require("billow.json")
local reading = require("billow.billing.reading")
local receivables = require("billow.billing.receivables")
local split = require("billow.billing.split")
local sql = require("billow.billing.receivables_statements")
local worth = require("billow.billing.worth")

local given = reading.given
local ZERO = decimal(0)
local TITLE = "give up %s %s of %s"

local function dry_run(subject, decision, more)
  return {
    status = "dry run",
    amount = subject.amount,
    currency = subject.currency,
    approvals = consent.approvals(decision),
    text = string.format(
      "%s of %s %s, %s: %s%s",
      subject.kind == "write_off" and "write-off" or "write-down",
      subject.amount,
      subject.currency,
      subject.title,
      consent.asked(decision),
      more and "\n" .. more or ""
    ),
  }
end

local function refused(problem)
  return { status = "refused", problem = problem }
end

local function rejected()
  return { status = "rejected", problem = "somebody did not agree: nothing was given up" }
end

-- --- After billing -----------------------------------------------------------------------------

---@class billow.billing.WriteOffRequest
---@field amount? any          with tax; absent: all that is open
---@field reason_code string
---@field note? string
---@field prepared_by? string
---@field dry_run? boolean

--- How much is to be written off; nil and why it cannot be.
local function amount_of(request, account)
  local d, open = currency.decimals(account.currency), decimal(account.open_amount)
  local amount = open
  if given(request.amount) then
    amount = reading.number(request.amount)
  elseif open:sign() <= 0 then
    return nil, "nothing of " .. account.number .. " is open"
  end
  if not amount or amount:sign() <= 0 or amount > open or amount:round(d) ~= amount then
    return nil,
      string.format(
        "amount is %s: write a positive amount of at most %s, which is open, with %s",
        tostring(request.amount),
        figures.amount(open, d),
        d == 0 and "no decimals: it is in " .. account.currency or "at most " .. d .. " decimals"
      )
  end
  return amount
end

local function write_off_subject(case, account, amount, request)
  local d = currency.decimals(account.currency)
  return {
    kind = "write_off",
    amount = figures.amount(amount, d),
    invoice_amount = account.payable_amount,
    currency = account.currency,
    reason_code = request.reason_code,
    country = case.firm.country_code,
    engagement_partner = given(given(case.contract) and case.contract.engagement_partner),
    customer = case.customer_id,
    title = case.number,
    prepared_by = request.prepared_by,
  }
end

--- Its share of the invoice's tax, and whether the country lets it be claimed back (K5).
local function row_of(case, subject, request, yes, decision, today)
  local d, payable = currency.decimals(subject.currency), decimal(case.payable_amount)
  local amount = decimal(subject.amount)
  local tax = payable:is_zero() and ZERO or (decimal(case.tax_amount) * amount / payable):round(d)
  return {
    id = billow.run().id .. "/" .. billow.uuid(),
    invoice_id = case.id,
    amount = subject.amount,
    currency = subject.currency,
    reason_code = request.reason_code,
    note = given(request.note) or json.null,
    is_tax_relief = decision.is_tax_relief,
    tax_amount = figures.amount(tax, d),
    on = today,
    approved_by = yes.by,
    roles = yes.roles,
  }
end

--- Writes off what an invoice still owes, or some of it: a bad debt, a difference. The customer is
--- told nothing; the books are. What was paid while people were asked is not written off: they are
--- asked anew.
---@param reference string   number or id
---@param request billow.billing.WriteOffRequest
---@return table result   {status = "written off"|"refused"|"rejected"|"dry run", ...}
function receivables_given_up.write_off(reference, request)
  local case = db.query(sql.case, { reference })[1]
  if not case or case.type_code == "381" then
    return refused(
      case and case.number .. " is a credit note: nothing is owed on it"
        or receivables.missing(reference)
    )
  end
  local today = billow.today(case.firm.time_zone)
  local scopes = { customer = case.customer_id, contract = case.contract_id }
  while true do
    local account = receivables.account(case.id, today)
    local amount, problem = amount_of(request, account)
    local subject = amount and write_off_subject(case, account, amount, request)
    local decision
    if subject then
      decision, problem = consent.decided("write-off", subject, scopes)
    end
    if not decision then
      return refused(problem)
    elseif request.dry_run then
      return dry_run(subject, decision)
    end
    local yes = consent.agreed(subject, decision, TITLE)
    if not yes then
      return rejected()
    end
    local row = row_of(case, subject, request, yes, decision, today)
    local is_done, failure = pcall(db.transaction, function(tx)
      tx:exec(sql.put_write_off, { row, billow.run().id }, "one")
    end)
    if is_done then
      receivables.changed(case.id, "write_off", row.id)
      row.status = "written off"
      row.text = string.format(
        "%s %s of %s written off (%s), agreed by %s",
        row.amount,
        row.currency,
        case.number,
        row.reason_code,
        row.approved_by
      )
      return row
    elseif not err.is(failure, "INVALID") then
      error(failure, 0)
    end
  end
end

-- --- Before billing ----------------------------------------------------------------------------

---@class billow.billing.WriteDownRequest
---@field entries {entry_id: string, quantity?: any}[]
---@field amount? any          what all of it is worth; absent: at its rates
---@field reason_code string
---@field prepared_by? string
---@field dry_run? boolean

--- The entries as they are, with where each is and which contract bills it. Nil and why when one
--- cannot be written down.
local function entries_of(request)
  local ids, wanted, rows = json.array({}), {}, {}
  for i, item in ipairs(request.entries) do
    ids[i], wanted[item.entry_id] = item.entry_id, item
  end
  for _, row in ipairs(db.query(sql.unbilled, { ids })) do
    local item = wanted[row.entry_id] or wanted[row.ref]
    local left = decimal(row.quantity)
    local quantity = given(item.quantity) and reading.number(item.quantity) or left
    if item.row then
      return nil, item.entry_id .. " means several entries: write " .. row.entry_id
    elseif not quantity or quantity:sign() <= 0 or quantity > left then
      return nil, string.format("%s: at most %s of it is not billed", item.entry_id, tostring(left))
    end
    item.row = row
    row.wanted = quantity
    rows[#rows + 1] = row
  end
  for _, item in ipairs(request.entries) do
    if not item.row then
      return nil, item.entry_id .. ": nothing of it is open or held"
    elseif item.row.contract_id ~= rows[1].contract_id then
      return nil, item.entry_id .. " is of another contract: write them down apart"
    end
  end
  if not given(rows[1].contract_id) then
    return nil, rows[1].entry_id .. " is of no contract"
  end
  return rows
end

--- What each entry is worth; nil and why when that cannot be known.
local function worth_of_all(contract, rows, amount)
  local total, d = ZERO, currency.decimals(contract.contract.currency)
  local shares = {}
  for i, row in ipairs(rows) do
    shares[i] = worth.of(contract, row)
    if not shares[i] and not amount then
      return nil, row.entry_id .. " has no rate: say with amount what it is worth"
    end
    total = total + (shares[i] or ZERO)
  end
  if not amount then
    return shares, total
  end
  local whole = reading.number(amount)
  if not whole or whole:sign() < 0 or whole:round(d) ~= whole then
    return nil, "amount is " .. tostring(amount) .. ": write what the work is worth"
  end
  local weights = {}
  for i, row in ipairs(rows) do
    weights[i] = total:is_zero() and row.wanted or shares[i] or ZERO
  end
  return split.largest_remainder(whole, weights, d), whole
end

local function write_down_rows(rows, shares, code)
  local written = json.array({})
  for i, row in ipairs(rows) do
    -- What is held goes first, then what is open.
    local left, share, whole = row.wanted, shares[i], row.wanted
    for _, state in ipairs({ "held", "open" }) do
      local part = decimal.min(left, decimal(row[state]))
      if part:sign() > 0 then
        local is_last = part == left
        local amount = is_last and share
          or (shares[i] * part / whole):round(currency.decimals(code))
        written[#written + 1] = {
          entry_id = row.entry_id,
          from_state = state,
          quantity = tostring(part),
          amount = tostring(amount),
          currency = code,
        }
        left, share = left - part, share - amount
      end
    end
  end
  return written
end

--- Writes work down before it is billed: it will be on no invoice, and counts in the report of what
--- was worked and not billed.
---@param request billow.billing.WriteDownRequest
---@return table result   {status = "written down"|"refused"|"rejected"|"dry run", ...}
function receivables_given_up.write_down(request)
  local rows, problem = entries_of(request)
  if not rows then
    return refused(problem)
  end
  local today = billow.today("UTC")
  local contract = billing.contract(rows[1].contract_id, today:sub(1, 7))
  local code = contract.contract.currency
  local shares, total = worth_of_all(contract, rows, given(request.amount))
  if not shares then
    return refused(total)
  end
  local subject = {
    kind = "write_down",
    amount = figures.amount(total, currency.decimals(code)),
    currency = code,
    reason_code = request.reason_code,
    country = contract.ctx.firm.country_code,
    engagement_partner = contract.contract.engagement_partner,
    customer = contract.contract.customer_id,
    title = contract.id,
    prepared_by = request.prepared_by,
  }
  local scopes = { customer = subject.customer, contract = contract.id }
  local decision
  decision, problem = consent.decided("write-off", subject, scopes)
  if not decision then
    return refused(problem)
  elseif request.dry_run then
    return dry_run(subject, decision, worth.text(rows))
  end
  local yes = consent.agreed(subject, decision, TITLE)
  if not yes then
    return rejected()
  end
  local written = write_down_rows(rows, shares, code)
  local is_done, failure = pcall(db.transaction, function(tx)
    local params = { written, billow.run().id, yes.by, request.reason_code }
    tx:exec(sql.write_down, params, #written)
  end)
  if not is_done and not err.is(failure, "INVALID") then
    error(failure, 0)
  elseif not is_done then
    return refused("some of it was billed meanwhile: look at it again")
  end
  return {
    status = "written down",
    contract = contract.id,
    amount = subject.amount,
    currency = code,
    approved_by = yes.by,
    roles = yes.roles,
    text = string.format(
      "%s %s of %s written down (%s), agreed by %s",
      subject.amount,
      code,
      contract.id,
      request.reason_code,
      yes.by
    ),
  }
end

return receivables_given_up
