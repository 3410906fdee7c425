--- Receivables as a workflow sees them: credit notes and what follows them, statements of account.
--- Each step is one transaction, committed with the run.
---
---   local credit = receivables.credit("INV-2026-00214", { all = true })
---   local approved = approval.require(credit.contract, credit.bill)
---   local note = receivables.issue_credit(credit, approved, { reason = "rate" })
---
--- The rules are pure and live in credit_note, dunning, dispute and statement_of_account. Reminders
--- are in collections, disputes in disputes, write-downs and write-offs in receivables_given_up.
---@class billow.billing.receivables
local receivables = {}

local approvals = require("billow.approval")
local billing = require("billow.billing")
local billow = require("billow")
local canonical = require("billow.billing.canonical")
local credit_note = require("billow.billing.credit_note")
local credit_request = require("billow.billing.credit_request")
local credit_text = require("billow.billing.credit_text")
local date = require("billow.date")
local db = require("billow.db")
local decimal = require("billow.decimal")
local err = require("billow.err")
local event = require("billow.event")
local html = require("billow.billing.html")
local json = require("billow.json")
local ledger = require("billow.billing.ledger")
local numbering = require("billow.billing.numbering")
local reading = require("billow.billing.reading")
local rebilling = require("billow.billing.rebilling")
local sql = require("billow.billing.receivables_statements")
local statement_of_account = require("billow.billing.statement_of_account")
local statement_of_account_text = require("billow.billing.statement_of_account_text")
local statement_of_account_ubl = require("billow.billing.statement_of_account_ubl")
local statements = require("billow.billing.statements")
local store = require("billow.billing.store")
local text = require("billow.text")
local usage_statements = require("billow.billing.usage_statements")

local given = reading.given

-- Stands in the page where the number goes that the finalising transaction gives.
local NUMBER_MARK = "{{billow:number}}"

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

--- An invoice with everything that was credited of it; nil when there is none.
---@param reference string   id or number
---@return billow.billing.Creditable?
function receivables.find(reference)
  return db.query(sql.creditable, { reference })[1]
end

---@param reference string
---@return string
function receivables.missing(reference)
  return string.format("there is no invoice %s: give its number or its id", reference)
end

--- The same, where the invoice must be there.
---@param reference string
---@return billow.billing.Creditable
function receivables.creditable(reference)
  return receivables.find(reference) or fail("NOT_FOUND", receivables.missing(reference))
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
    of or json.null,
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

--- Documents as something to approve.
---@param objects table[]   canonical
---@return {status: string, canonical: table[], digest: string}
function receivables.bill_of(objects)
  local list = json.array(objects)
  return { status = "ready", canonical = list, digest = text.sha256_hex(json.encode(list)) }
end

--- The credit note that a request makes, dated today; nil and why when it cannot be made.
---@param reference string   the invoice's id or number
---@param asked table        a request, its lists perhaps as text (billow.billing.credit_request)
---@param prepared_by? string   who wants it, and cannot approve it; whoever started the run
---@return billow.billing.Credit?
---@return string? problem
function receivables.credit(reference, asked, prepared_by)
  local request, malformed = reading.try(credit_request.read, asked)
  local basis = receivables.find(reference)
  if malformed or not basis then
    return nil, malformed and tostring(malformed) or receivables.missing(reference)
  end
  local contract = billing.contract(basis.contract_id, basis.period, prepared_by)
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
    bill = receivables.bill_of({ made.object }),
    is_whole = net == left.net,
  }
end

--- A credit in words, with the note that would be issued.
---@param credit billow.billing.Credit
---@return table {status, note, text}
function receivables.shown(credit)
  local text_of_it =
    credit_text.note(credit.made.object, credit_note.left(credit.basis), credit.basis.number)
  return { status = "dry run", note = credit.made.object, text = text_of_it }
end

--- Usage is credited with its invoice or not at all: events are not chosen one by one.
local function gives_usage_back(credit)
  local is_usage = credit.contract.contract.model == "usage"
  for _, line in ipairs(credit.basis.invoice.contracts and credit.basis.invoice.lines or {}) do
    is_usage = is_usage or line.component == "usage"
  end
  return is_usage and credit.is_whole
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
    and not given(credit.basis.invoice.contracts)
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
--- bills it in between. Returns nil and what the database says when the invoice was credited
--- meanwhile: make the note anew.
---@param credit billow.billing.Credit
---@param approval billow.approval.Approved
---@param options {reason: string, is_rebilled?: boolean}
---@return {id: string, number: string}? note
---@return string? problem
function receivables.issue_credit(credit, approval, options)
  approvals.check(credit.bill, approval)
  local object = credit.made.object
  if options.is_rebilled then
    store.keep_no_claims(credit.contract.contract)
  end
  local is_done, results = pcall(db.transaction, function(tx)
    local of, position = credit.basis.id, position_before(credit)
    add_document(tx, sql.put_credit_note, credit.contract, object, approval, of, position)
    tx:exec(sql.put_credit_lines, { object }, "some")
    add_entries(tx, credit, approval, options.reason, options.is_rebilled)
  end)
  if not is_done then
    if is_overtaken(results) then
      return nil, results.text
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
  local claimed = store.claimed(contract.ctx, contract.contract)
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
  approvals.check(bill, approval)
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
      tx:exec(usage_statements.settle, { run.id, id, codes, approval.by }, "any")
    end
    billing.add_movements(tx, contract, judged, bill, approval.by)
    local exceptions = canonical.exceptions(bill.exceptions)
    tx:exec(statements.put_exceptions, { exceptions, contract.period, run.id }, "any")
  end)
  local issued = {}
  for i, object in ipairs(bill.canonical) do
    issued[i] = { id = object.id, number = results[3 * i - 2].number }
  end
  return issued
end

--- Issues the invoice for interest on another one: its number, its line and what it charges, in one
--- transaction.
---@param contract billow.billing.Contract
---@param bill table       of receivables.bill_of
---@param approved billow.approval.Approved
---@param charge fun(id: string): table   the row of the charge that it bills
---@return {id: string, number: string}
function receivables.issue_interest(contract, bill, approved, charge)
  approvals.check(bill, approved)
  local object = bill.canonical[1]
  local results = db.transaction(function(tx)
    add_document(tx, statements.put_invoice, contract, object, approved)
    tx:exec(statements.put_lines, { object }, "some")
    tx:exec(sql.put_interest, { charge(object.id), billow.run().id }, "one")
  end)
  return { id = object.id, number = results[1].number }
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

--- A customer's statements of account, one per currency (U5). What is open is what had not been
--- settled by the last day, whatever has happened since.
---@param customer_id string
---@param period {start_date: string, end_date: string}
---@return table[]
function receivables.statement(customer_id, period)
  local unapplied, disputed = {}, {}
  for _, row in ipairs(db.query(sql.unapplied, { customer_id, period.end_date })) do
    unapplied[row.currency] = row.amount
  end
  for _, row in ipairs(db.query(sql.disputed, { customer_id, period.end_date })) do
    disputed[row.number] = row.amount
  end
  local items = db.query(sql.account_items, { customer_id, period.end_date })
  return statement_of_account.all({
    customer_id = customer_id,
    period = period,
    items = items,
    open = statement_of_account.open_at(items, disputed),
    unapplied = unapplied,
  })
end

--- The days of a statement; nil and why they are none.
local function days_of(input, today)
  local as_of, from = given(input.as_of) or today, given(input.from) or "0001-01-01"
  for name, day in pairs({ as_of = as_of, from = from }) do
    if not date.is_valid(day) then
      return nil, string.format("%s is %s: write a day as YYYY-MM-DD", name, day)
    end
  end
  if as_of > today then
    return nil, string.format("as_of is %s: that is after today, %s", as_of, today)
  elseif from > as_of then
    return nil, string.format("from is %s: that is after %s", from, as_of)
  end
  return { start_date = from, end_date = as_of }
end

--- The statement that somebody asks for, in words, as data, and as UBL when that is asked for.
---@param input {customer: string, from?: string, as_of?: string, format?: string}
---@return table
function receivables.statement_for(input)
  local parties = db.query(sql.parties, { input.customer })[1]
  if not parties or not given(parties.customer) then
    return { status = "refused", problem = "there is no customer " .. input.customer }
  end
  local period, problem = days_of(input, billow.today(parties.firm.time_zone))
  if not period then
    return { status = "refused", problem = problem }
  end
  local made = receivables.statement(input.customer, period)
  local first = made[1] and made[1].movements[1]
  if not given(input.from) and first then
    for _, statement in ipairs(made) do
      local movement = statement.movements[1]
      statement.period.start_date = movement and movement.date or period.end_date
    end
  end
  local result = {
    status = "made",
    customer = input.customer,
    as_of = period.end_date,
    statements = made,
    text = statement_of_account_text.render(made, parties.customer),
  }
  if input.format == "ubl" then
    result.documents = json.array({})
    for i, statement in ipairs(made) do
      result.documents[i] = statement_of_account_ubl.render(statement, parties)
    end
    result.text = table.concat(result.documents, "\n")
  end
  return result
end

return receivables
