--- Receivables as a workflow sees them: credit notes and what follows them, write-downs and
--- write-offs, statements of account. Each step is one transaction, committed with the run.
---
---   local credit = receivables.credit("INV-2026-00214", { all = true })
---   local approved = approval.require(credit.contract, credit.bill)
---   local note = receivables.issue_credit(credit, approved, { reason = "rate" })
---
--- The rules are pure and live in credit_note, dunning, dispute and statement_of_account; reminders
--- and disputes are in collections and disputes.
---@class billow.billing.receivables
local receivables = {}

local billing = require("billow.billing")
local billow = require("billow")
local canonical = require("billow.billing.canonical")
local credit_note = require("billow.billing.credit_note")
local currency = require("billow.billing.currency")
local db = require("billow.db")
local decimal = require("billow.decimal")
local err = require("billow.err")
local event = require("billow.event")
local figures = require("billow.billing.figures")
local html = require("billow.billing.html")
local json = require("billow.json")
local ledger = require("billow.billing.ledger")
local numbering = require("billow.billing.numbering")
local policy = require("billow.policy")
local reading = require("billow.billing.reading")
local rebilling = require("billow.billing.rebilling")
local sql = require("billow.billing.receivables_statements")
local statement_of_account = require("billow.billing.statement_of_account")
local statements = require("billow.billing.statements")
local store = require("billow.billing.store")
local task = require("billow.task")
local text = require("billow.text")

local given = reading.given
local ZERO = decimal(0)

-- Stands in the page where the number goes that the finalising transaction gives.
local NUMBER_MARK = "{{billow:number}}"
-- A day before every entry: nothing is claimed up to it, what the run has claimed is read.
local NOTHING_NEW = "0001-01-01"
local ANSWERS_MAX = 20

local function fail(code, message)
  error(err.new({ code = code, text = message }), 0)
end

---@class billow.billing.Creditable: billing.CreditBasis
---@field id string
---@field number string
---@field period string
---@field contract_id string
---@field customer_id string
---@field note_count integer      credit notes of the contract, customer and period
---@field invoice_count integer

--- An invoice with everything that was credited of it.
---@param reference string   id or number
---@return billow.billing.Creditable
function receivables.creditable(reference)
  local row = db.query(sql.creditable, { reference })[1]
  if not row then
    fail("NOT_FOUND", string.format("there is no invoice %s: give its number or its id", reference))
  end
  return row
end

--- Tells whoever follows an invoice that something about it has changed. The news is only that:
--- what holds now is in the database.
---@param invoice_id string
---@param what "credit"|"dispute"|"hold"|"write_off"|"delivery"
---@param id string   of the change: telling it twice is telling it once
function receivables.changed(invoice_id, what, id)
  event.send("invoice.changed", { what = what, id = id }, {
    key = invoice_id,
    id = what .. "/" .. id,
    expires = "30d",
  })
end

--- A document is issued as it was approved, or not at all.
local function check_approval(bill, approval)
  if approval.digest ~= bill.digest then
    fail("APPROVAL_VOID", "the document is not the one that was approved: have it approved again")
  end
end

--- Adds a document to the finalising transaction: it is about the invoice `of`; `position` is the
--- state of the retainer after it, when it sets that.
local function add_document(tx, statement, contract, object, approval, of, position)
  local series = numbering.series(contract.ctx, object)
  local taken =
    tx:number({ series = series, date = object.issue_date, customer = object.customer_id })
  tx:exec(statement, {
    object,
    taken,
    series,
    billow.run().id,
    approval.by,
    approval.digest,
    contract.period,
    html.render(contract.ctx, object, { number = NUMBER_MARK }),
    of,
    position or json.null,
  }, "one")
end

--- A credit note that waits for approval.
---@class billow.billing.Credit
---@field basis billow.billing.Creditable
---@field request billing.CreditRequest
---@field contract billow.billing.Contract
---@field made billing.CreditMade
---@field bill {canonical: table[], digest: string}   for billow.approval.require
---@field is_whole boolean   nothing of the invoice is left

local function bill_of(objects)
  local list = json.array(objects)
  return { status = "ready", canonical = list, digest = text.sha256_hex(json.encode(list)) }
end

--- The credit note that a request makes, dated today; nil and why when it cannot be made.
---@param reference string   the invoice's id or number
---@param request billing.CreditRequest
---@return billow.billing.Credit?
---@return string? problem
function receivables.credit(reference, request)
  local basis = receivables.creditable(reference)
  local contract = billing.contract(basis.contract_id, basis.period)
  local made, refusal = credit_note.try(basis, request, {
    id = credit_note.next_id(basis.id, credit_note.TYPE_CODE, basis.note_count),
    issue_date = billow.today(contract.ctx.firm.time_zone),
  })
  if not made then
    return nil, tostring(refusal)
  end
  local left = credit_note.left(basis)
  local net = decimal(made.object.totals.tax_exclusive_amount)
  return {
    basis = basis,
    request = request,
    contract = contract,
    made = made,
    bill = bill_of({ made.object }),
    is_whole = net == left.net,
  }
end

--- Usage is credited with its invoice or not at all: events are not chosen one by one.
local function gives_usage_back(credit)
  return credit.contract.contract.model == "usage" and credit.is_whole
end

--- Is a retainer's period taken back as a whole: fee, overage and draws? Only the last one that was
--- billed can be; later ones have drawn on what it left.
local function gives_draws_back(credit)
  local contract = credit.contract.contract
  return contract.model == "retainer"
    and credit.is_whole
    and (given(credit.request.outcome) or "open") == "open"
    and not given(credit.basis.closed_after)
    and not (contract.payers and #contract.payers > 0)
    and credit.basis.invoice.type_code ~= "386"
end

--- The retainer as it was before the period of a credit that takes it back.
local function position_before(credit)
  if not gives_draws_back(credit) then
    return nil
  end
  local state = credit.contract.ctx.opening.retainer[credit.contract.id] or {}
  return {
    buckets = json.array(canonical.value(state.buckets or {})),
    invoiced_periods = json.array({ table.unpack(state.invoiced_periods or {}) }),
  }
end

local function claims_of(movements)
  local claims = json.array({})
  for i, movement in ipairs(movements) do
    claims[i] = { entry_id = movement.entry_id, quantity = movement.quantity }
  end
  return claims
end

local function add_entries(tx, credit, approval, reason, is_rebilled)
  local run, object = billow.run(), credit.made.object
  local outcome = given(credit.request.outcome) or "open"
  tx:exec(sql.credit_entries, { credit.made.movements, run.id, approval.by, reason }, "any")
  if gives_usage_back(credit) then
    tx:exec(
      sql.credit_usage,
      { credit.basis.id, object.id, run.id, approval.by, reason, outcome },
      "any"
    )
  end
  if gives_draws_back(credit) then
    tx:exec(sql.credit_draws, { credit.basis.id, object.id, run.id, approval.by, reason }, "any")
  end
  if is_rebilled then
    tx:exec(sql.claim_exactly, { claims_of(credit.made.movements), run.id, run.workflow }, "any")
    tx:exec(sql.claim_usage, { object.id, run.id, run.workflow }, "any")
  end
end

--- Was this refused because the invoice was credited since the note was made?
local function is_overtaken(problem)
  local detail = err.is(problem) and problem.detail
  local constraint = type(detail) == "table" and detail.constraint
  return err.is(problem, "CONFLICT")
    or constraint == "credit_stays_within_invoice"
    or constraint == "credit_movement_fits"
    or constraint == "nothing_is_billed_twice"
end

--- Issues an approved credit note: number, document, lines and ledger in one transaction. With
--- `is_rebilled` this run claims the credited work in the same transaction, so that nobody else
--- bills it in between. Returns nil when the invoice was credited meanwhile: make the note anew.
---@param credit billow.billing.Credit
---@param approval billow.approval.Approved
---@param options {reason: string, is_rebilled?: boolean}
---@return {id: string, number: string}?
function receivables.issue_credit(credit, approval, options)
  check_approval(credit.bill, approval)
  local object = credit.made.object
  local is_done, results = pcall(db.transaction, function(tx)
    local of, position = credit.basis.id, position_before(credit)
    add_document(tx, sql.put_credit_note, credit.contract, object, approval, of, position)
    tx:exec(sql.put_credit_lines, { object }, "some")
    add_entries(tx, credit, approval, options.reason, options.is_rebilled)
  end)
  if not is_done then
    if is_overtaken(results) then
      return nil
    end
    error(results, 0)
  end
  receivables.changed(credit.basis.id, "credit", object.id)
  return { id = object.id, number = results[1].number }
end

--- Why what a credit gives back cannot be billed anew by itself; nil when it can.
---@param credit billow.billing.Credit
---@return string?
function receivables.rebill_objection(credit)
  return rebilling.objection(credit.contract.contract, credit)
end

--- The bill of exactly what the credit gave back, with a new name, dated today. It starts from what
--- all other invoices use of ceiling and order by now.
---@param credit billow.billing.Credit
---@return billow.billing.Bill bill
---@return billow.billing.Judged judged
---@return billow.billing.Contract contract
function receivables.rebill(credit)
  local basis = receivables.creditable(credit.basis.id)
  local contract = billing.contract(basis.contract_id, basis.period)
  contract.ctx.issue_date = credit.made.object.issue_date
  contract.contract = rebilling.with_rest_of_ceiling(contract.contract, basis)
  contract.ctx.contracts[contract.id] = contract.contract
  rebilling.start_from(contract.ctx.opening, store.position(contract.id), contract.contract)
  local claimed = store.claim(contract.contract, NOTHING_NEW)
  local judged = ledger.judge(contract.ctx, contract.contract, claimed)
  local bill = billing.draft(contract, judged)
  rebilling.rename(bill, basis)
  bill.digest = text.sha256_hex(json.encode(bill.canonical))
  return bill, judged, contract
end

--- Issues the new bill: its number, documents, ledger and exceptions. The period's closing stays:
--- it was closed when the work was billed first.
---@return {id: string, number: string}[]
function receivables.issue_rebill(credit, contract, judged, bill, approval)
  check_approval(bill, approval)
  local run = billow.run()
  local results = db.transaction(function(tx)
    for _, object in ipairs(bill.canonical) do
      local position = (ledger.closing(contract, bill).opening.retainer or {})[contract.id]
      add_document(tx, sql.put_replacement, contract, object, approval, credit.basis.id, position)
      tx:exec(statements.put_lines, { object }, "any")
    end
    if bill.model == "usage" then
      local codes = ledger.usage_exceptions(bill)
      local id = bill.canonical[1].id
      tx:exec(statements.settle_usage, { run.id, id, codes, approval.by }, "any")
    end
    local movements = ledger.settlement(contract.ctx, judged, bill)
    tx:exec(statements.settle, { movements, run.id, approval.by }, "any")
    local exceptions = canonical.exceptions(bill.exceptions)
    tx:exec(statements.put_exceptions, { exceptions, contract.period, run.id }, "any")
  end)
  local issued = {}
  for i, object in ipairs(bill.canonical) do
    issued[i] = { id = object.id, number = results[3 * i - 2].number }
  end
  return issued
end

-- --- Giving up ---------------------------------------------------------------------------------

--- Why this person's yes does not count; nil when it does.
local function objection(decision, approval, name, earlier)
  for _, excluded in ipairs(decision.excluded) do
    if name == excluded then
      return name .. " asked for it and cannot agree to it"
    end
  end
  for _, other in ipairs(earlier) do
    if name == other then
      return name .. " has agreed already: another person is needed"
    end
  end
  if #approval.people > 0 then
    for _, person in ipairs(approval.people) do
      if person == name then
        return nil
      end
    end
    return name .. " is no " .. approval.role
  end
  return nil
end

--- Asks one person of a role; nil when they refuse.
local function ask(decision, approval, subject, earlier)
  local remark
  for _ = 1, ANSWERS_MAX do
    local answer = task.open({
      kind = "approval",
      group = subject.customer,
      assignees = approval.people,
      title = string.format(
        "%s: give up %s %s of %s",
        approval.role,
        subject.amount,
        subject.currency,
        subject.title
      ),
      body = {
        subject = subject,
        role = approval.role,
        reasons = json.array(decision.reasons),
        agreed = json.array(earlier),
        remark = remark or json.null,
        decisions = json.array({ "approve", "reject" }),
      },
    })
    if answer.decision == "reject" then
      return nil
    end
    remark = answer.decision == "approve" and objection(decision, approval, answer.by, earlier)
      or answer.decision ~= "approve" and "approve or reject"
    if not remark then
      return answer.by
    end
  end
  fail("NO_ANSWER", "no valid answer after " .. ANSWERS_MAX .. " answers")
end

--- Has an amount given up as the policy write-off decides. Returns nil when somebody refuses.
---@param subject table   kind, amount, currency, reason_code, customer, title, invoice_amount?
---@param scopes table<string, string>
---@return {by: string, roles: string, decision: table}?
local function agreed(subject, scopes)
  subject.prepared_by = subject.prepared_by or billow.run().started_by
  local decision = policy.decide("write-off", subject, scopes)
  if not decision.is_allowed then
    fail("INVALID", decision.reasons[1])
  end
  local names, roles = {}, {}
  for i, approval in ipairs(decision.approvals) do
    names[i] = ask(decision, approval, subject, names)
    if not names[i] then
      return nil
    end
    roles[i] = approval.role
  end
  return {
    by = #names > 0 and table.concat(names, ", ") or "policy write-off " .. decision.version,
    roles = #roles > 0 and table.concat(roles, ", ") or "automatic",
    decision = decision,
  }
end

---@class billow.billing.WriteOffRequest
---@field amount? any          with tax; absent: all that is open
---@field reason_code string
---@field note? string

--- Writes off what an invoice still owes, or some of it (K3): a bad debt, a difference. The
--- customer is told nothing; the books are. Returns nil when somebody refuses.
---@param reference string
---@param request billow.billing.WriteOffRequest
---@return table?
function receivables.write_off(reference, request)
  local basis = receivables.creditable(reference)
  local today = billow.today(billing.contract(basis.contract_id, basis.period).ctx.firm.time_zone)
  local account = receivables.account(basis.id, today)
  local d = currency.decimals(account.currency)
  local open = decimal(account.open_amount)
  local amount = given(request.amount) and reading.number(request.amount) or open
  if not amount or amount:sign() <= 0 or amount > open or amount:round(d) ~= amount then
    fail(
      "INVALID",
      string.format(
        "amount is %s: write a positive amount of at most %s, which is open",
        tostring(request.amount),
        figures.amount(open, d)
      )
    )
  end
  local totals = basis.invoice.totals
  local yes = agreed({
    kind = "write_off",
    amount = figures.amount(amount, d),
    invoice_amount = totals.payable_amount,
    currency = account.currency,
    reason_code = request.reason_code,
    customer = basis.customer_id,
    title = basis.number,
  }, { customer = basis.customer_id, contract = basis.contract_id })
  if not yes then
    return nil
  end
  local payable = decimal(totals.payable_amount)
  local tax = payable:is_zero() and ZERO or (decimal(totals.tax_amount) * amount / payable):round(d)
  local row = {
    id = billow.run().id .. "/" .. billow.uuid(),
    invoice_id = basis.id,
    amount = figures.amount(amount, d),
    currency = account.currency,
    reason_code = request.reason_code,
    note = given(request.note) or json.null,
    is_tax_relief = yes.decision.is_tax_relief,
    tax_amount = figures.amount(tax, d),
    on = today,
    approved_by = yes.by,
    roles = yes.roles,
  }
  db.transaction(function(tx)
    tx:exec(sql.put_write_off, { row, billow.run().id }, "one")
  end)
  receivables.changed(basis.id, "write_off", row.id)
  return row
end

---@class billow.billing.WriteDownRequest
---@field contract string
---@field customer string
---@field currency string
---@field reason_code string
---@field entries {entry_id: string, from_state?: string, quantity: any, amount: any}[]

--- Writes work down before it is billed (K3): it will be on no invoice, and counts in the report of
--- what was worked and not billed. Returns nil when somebody refuses.
---@param request billow.billing.WriteDownRequest
---@return table?
function receivables.write_down(request)
  local total, rows = ZERO, json.array({})
  for i, item in ipairs(request.entries) do
    local amount = reading.number(item.amount)
    if not amount or amount:sign() < 0 then
      fail(
        "INVALID",
        string.format(
          "entries[%d].amount is %s: write what the work is worth",
          i,
          tostring(item.amount)
        )
      )
    end
    total = total + amount
    rows[i] = {
      entry_id = item.entry_id,
      from_state = given(item.from_state) or "open",
      quantity = tostring(item.quantity),
      amount = tostring(amount),
      currency = request.currency,
    }
  end
  local yes = agreed({
    kind = "write_down",
    amount = tostring(total),
    currency = request.currency,
    reason_code = request.reason_code,
    customer = request.customer,
    title = request.contract,
  }, { customer = request.customer, contract = request.contract })
  if not yes then
    return nil
  end
  db.transaction(function(tx)
    tx:exec(sql.write_down, { rows, billow.run().id, yes.by, request.reason_code }, #rows)
  end)
  return { amount = tostring(total), approved_by = yes.by, roles = yes.roles }
end

-- --- Accounts ----------------------------------------------------------------------------------

--- What an invoice owes, and everything that decides about its reminders.
---@param invoice_id string
---@param today string
---@return table
function receivables.account(invoice_id, today)
  local row = db.query(sql.account, { invoice_id, today })[1]
  if not row then
    fail("NOT_FOUND", string.format("there is no invoice %s that could be owed", invoice_id))
  end
  return row
end

--- A customer's statements of account, one per currency (U5).
---@param customer_id string
---@param period {start_date: string, end_date: string}
---@return table[]
function receivables.statement(customer_id, period)
  local unapplied = {}
  for _, row in ipairs(db.query(sql.unapplied, { customer_id, period.end_date })) do
    unapplied[row.currency] = row.amount
  end
  return statement_of_account.all({
    customer_id = customer_id,
    period = period,
    items = db.query(sql.account_items, { customer_id, period.end_date }),
    open = db.query(sql.open_items, { customer_id }),
    unapplied = unapplied,
  })
end

return receivables
