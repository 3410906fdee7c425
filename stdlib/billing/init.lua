--- Billing as a workflow sees it: a contract's month from open entries to issued invoices, each
--- step durable.
---
---   local contract = billing.contract("C-17", "2026-10")
---   local items = billing.validate(contract, billing.collect(contract))
---   local draft = billing.draft(contract, items)
---   local approved = approval.require(contract, draft)
---   local invoices = billing.issue(contract, draft, approved)
---
--- The arithmetic is pure and lives in the modules beside this one; the database in
--- billow.billing.store.
---@class billow.billing
local billing = {}

local agreed = require("billow.billing.agreed")
local approvals = require("billow.approval")
local billow = require("billow")
local canonical = require("billow.billing.canonical")
local db = require("billow.db")
local edits = require("billow.billing.edits")
local explained = require("billow.billing.explained")
local html = require("billow.billing.html")
local json = require("billow.json")
local ledger = require("billow.billing.ledger")
local moves_statements = require("billow.billing.moves_statements")
local numbering = require("billow.billing.numbering")
local period = require("billow.billing.period")
local place = require("billow.place")
local policy = require("billow.policy")
local statements = require("billow.billing.statements")
local store = require("billow.billing.store")
local task = require("billow.task")
local text = require("billow.text")
local timesheets = require("billow.billing.timesheets")
local usage_statements = require("billow.billing.usage_statements")

-- What a contract's bill reports beside what blocks it.
local IS_NO_BLOCK = { CAP_REACHED = true, CEILING_REACHED = true, TIMESHEET_MISSING = true }

-- Stands in the page where the number goes that the finalising transaction gives.
local NUMBER_MARK = "{{billow:number}}"

--- A contract in one period, as a run works on it.
---@class billow.billing.Contract
---@field id string
---@field period string
---@field ctx billing.Context
---@field contract table
---@field prepared_by? string

--- A bill as it would be issued.
---@class billow.billing.Bill
---@field model string
---@field status "ready"|"blocked"|"on_hold"|"nothing"
---@field canonical table[]              the invoice objects, without numbers
---@field exceptions billing.Exception[] all of the contract: entry, invoice and contract level
---@field closing table
---@field dispositions table<string, table<string, integer>>   of the valid time entries
---@field expense_cuts table<string, table<string, Decimal>>   what caps keep off expenses
---@field moved table<string, billing.Work[]>   by contract: what a ceiling moves there
---@field digest string                  what an approval is bound to
---@field made table[]                   the invoices as assembled, with what is behind each line
---@field place? string                  the line of the script that made the bill

--- Lets the rules of a context ask policies, by the settings in force at the end of its period:
--- whenever a month is computed, it is computed by its own settings.
local function put_policies(ctx, contract)
  local scopes = { customer = contract.customer_id, contract = contract.id }
  local on = ctx.period.end_date
  local questions = { { "numbering", scopes, ctx.issue_date } }
  for _, name in ipairs(agreed.POLICIES) do
    questions[#questions + 1] = { name, scopes, on }
  end
  policy.renew() -- a bill that is made again is made by what is set now
  policy.prepare(questions)
  ctx.decide = function(name, subject)
    return policy.decide(name, subject, scopes, on)
  end
  ctx.locked = function(name)
    return policy.locked(name, scopes, on)
  end
end

local function replace_contract(ctx, contract)
  ctx.contracts[contract.id] = contract
  for i, known in ipairs(ctx.contract_list) do
    if known.id == contract.id then
      ctx.contract_list[i] = contract
    end
  end
end

--- Loads a contract with everything it leads to, and the state before the period.
---@param id string
---@param period_id string      "2026-10"
---@param prepared_by? string   who stands behind this bill; whoever started the run when absent
---@return billow.billing.Contract
function billing.contract(id, period_id, prepared_by)
  local ctx = store.context(id, period_id)
  put_policies(ctx, ctx.contracts[id])
  local contract = agreed.contract(ctx, ctx.contracts[id])
  replace_contract(ctx, contract)
  return {
    id = id,
    period = period_id,
    ctx = ctx,
    contract = contract,
    prepared_by = prepared_by or billow.run().started_by,
  }
end

--- Claims the contract's open time and expenses up to the period's end, so that no other run can
--- bill them.
---@param contract billow.billing.Contract
---@return billow.billing.Claimed
function billing.collect(contract)
  if store.closed(contract.period)[contract.id] then
    error(
      string.format(
        "contract %s is closed for %s: what is open of it is billed with the next period",
        contract.id,
        contract.period
      ),
      0
    )
  end
  return store.claim(contract.ctx, contract.contract)
end

--- Asks a person about exceptions. "hold" leaves what they concern out of this bill; "recheck"
--- looks again, after
--- somebody mended the source.
---@param contract billow.billing.Contract
---@param title string
---@param exceptions billing.Exception[]
---@return string decision
local function ask(contract, title, exceptions)
  local rules = contract.ctx.decide("validation", agreed.subject(contract.ctx, contract.contract))
  local answer = task.open({
    kind = "exception",
    group = contract.id,
    assignees = rules.exceptions_owner,
    title = title,
    body = {
      contract = contract.id,
      period = contract.period,
      exceptions = canonical.exceptions(exceptions),
      decisions = json.array({ "hold", "recheck" }),
    },
  })
  return answer.decision
end

--- The exceptions that the validation policy does not hold without asking.
local function to_be_asked(contract, exceptions)
  local rules = contract.ctx.decide("validation", agreed.subject(contract.ctx, contract.contract))
  local is_silent, open = {}, {}
  for _, code in ipairs(rules.hold_without_asking) do
    is_silent[code] = true
  end
  is_silent.TIMESHEET_MISSING = is_silent.TIMESHEET_MISSING or rules.timesheets.action ~= "ask"
  for _, found in ipairs(exceptions) do
    if not is_silent[found.code] then
      open[#open + 1] = found
    end
  end
  return open
end

--- Judges every claimed entry, and what its people have not reported; asks nobody.
---@param contract billow.billing.Contract
---@param claimed billow.billing.Claimed
---@return billow.billing.Judged
function billing.judge(contract, claimed)
  local judged = ledger.judge(contract.ctx, contract.contract, claimed)
  for _, found in ipairs(timesheets.exceptions(contract.ctx, contract.contract, claimed)) do
    table.insert(judged.exceptions, found)
  end
  return judged
end

--- Judges every claimed entry. Exceptions become one task; the run waits until somebody holds them
--- or mends the
--- source and has them checked again.
---@param contract billow.billing.Contract
---@param claimed billow.billing.Claimed
---@return billow.billing.Judged
function billing.validate(contract, claimed)
  while true do
    local judged = billing.judge(contract, claimed)
    local open = to_be_asked(contract, judged.exceptions)
    if #open == 0 then
      return judged
    end
    local title = string.format(
      "%s %s: %d entries need a decision",
      contract.id,
      contract.period,
      #open
    )
    if ask(contract, title, open) ~= "recheck" then
      return judged
    end
    store.release("to be checked again", contract.contract)
    claimed = billing.collect(contract)
  end
end

local function status_of(result)
  for _, found in ipairs(result.exceptions) do
    if found.code == "CUSTOMER_ON_HOLD" then
      return "on_hold"
    end
  end
  for _, made in ipairs(result.invoices) do
    if made.status == "blocked" then
      return "blocked"
    end
  end
  return #result.invoices > 0 and "ready" or "nothing"
end

--- The bill of a contract by its own model, checked for what would block it.
---@param contract billow.billing.Contract
---@param judged billow.billing.Judged
---@return billow.billing.Bill
function billing.draft(contract, judged)
  local ctx, invoices = contract.ctx, {}
  local result = period.bill(ctx, contract.contract, judged.items)
  for i, made in ipairs(result.invoices) do
    invoices[i] = canonical.invoice(ctx, made)
  end
  return {
    model = contract.contract.model,
    status = status_of(result),
    canonical = json.array(invoices),
    exceptions = result.exceptions,
    closing = result.closing,
    dispositions = result.dispositions,
    expense_cuts = result.expense_cuts,
    moved = result.moved,
    digest = text.sha256_hex(json.encode(json.array(invoices))),
    made = result.invoices,
    place = place.of_script(),
  }
end

--- The bill with edits made to it (billow.billing.edits): a new bill, with a new digest. Who edited
--- it is on it.
---@param contract billow.billing.Contract
---@param judged billow.billing.Judged
---@param list billow.billing.Edit[]
---@return billow.billing.Bill
function billing.edit(contract, judged, list)
  local all, editors = contract.contract.edits or {}, {}
  for _, edit in ipairs(list) do
    all[#all + 1] = edit
  end
  contract.contract.edits = all
  local bill = billing.draft(contract, judged)
  for i, edit in ipairs(all) do
    editors[i] = edit.by
  end
  bill.edits, bill.edited_by = all, editors
  bill.write_down_percent = edits.write_down_percent(bill, all)
  return bill
end

local function of_model(model)
  return function(contract, judged)
    local group = contract.contract.invoice_group
    if group and not contract.contract.is_grouped then
      error(
        string.format(
          "contract %s is billed on one invoice with others: start consolidated with group %s",
          contract.id,
          group
        ),
        2
      )
    elseif contract.contract.model ~= model then
      error(
        string.format(
          "contract %s is billed as %s: start the workflow of that model",
          contract.id,
          contract.contract.model
        ),
        2
      )
    end
    return billing.draft(contract, judged)
  end
end

--- The bill of a contract of this model; refuses contracts of another one.
---@type fun(contract: billow.billing.Contract, judged: billow.billing.Judged): billow.billing.Bill
billing.time_and_materials = of_model("tm")
billing.fixed_fee = of_model("fixed-fee")
billing.retainer = of_model("retainer")
billing.usage = of_model("usage")

--- Asks about a bill that must not go out as it is. Returns true when it is to be made again.
---@param contract billow.billing.Contract
---@param bill billow.billing.Bill
---@return boolean
function billing.is_to_be_redone(contract, bill)
  local blocking = {}
  for _, found in ipairs(bill.exceptions) do
    if found.level ~= "entry" and not IS_NO_BLOCK[found.code] then
      blocking[#blocking + 1] = found
    end
  end
  local title = string.format(
    "%s %s: the bill is %s",
    contract.id,
    contract.period,
    bill.status == "on_hold" and "on hold" or "blocked"
  )
  return ask(contract, title, blocking) == "recheck"
end

--- What is behind each invoice of a bill, to be stored with it.
local function explanations_of(contract, bill, approval)
  local list = {}
  for i, made in ipairs(bill.made) do
    list[i] = explained.invoice(contract.ctx, made, {
      exceptions = bill.exceptions,
      edits = edits.texts(bill.edits or {}),
      policies = policy.made(),
      script = { workflow = billow.run().workflow, place = bill.place },
      approval = approval,
    })
  end
  return list
end

--- What is behind each invoice of a bill, to be stored with it.
billing.explanations_of = explanations_of

--- Adds one invoice to the finalising transaction: its number, the object, its page, its lines.
local function add_invoice(tx, contract, object, series, approval, explanation)
  local ctx, run = contract.ctx, billow.run()
  local given =
    tx:number({ series = series, date = object.issue_date, customer = object.customer_id })
  tx:exec(statements.put_invoice, {
    object,
    given,
    series,
    run.id,
    approval.by,
    approval.digest,
    contract.period,
    html.render(ctx, object, { number = NUMBER_MARK }),
    explanation,
  }, "one")
  tx:exec(statements.put_lines, { object }, "any")
end

--- Adds what a bill does to its time, expenses and milestones; what a ceiling moves arrives in the
--- next contract in the same transaction.
---@param tx billow.db.Transaction
---@param contract billow.billing.Contract
---@param judged billow.billing.Judged
---@param bill billow.billing.Bill
---@param actor string
function billing.add_movements(tx, contract, judged, bill, actor)
  local run = billow.run()
  local movements = ledger.settlement(contract.ctx, judged, bill)
  tx:exec(statements.settle, { movements, run.id, actor }, "any")
  local parts, moves = ledger.transfers(judged, bill)
  if #parts > 0 then
    local reason = "beyond the ceiling of " .. contract.id
    moves_statements.add_transfer(
      tx,
      parts,
      moves,
      { run = run.id, actor = actor, reason = reason }
    )
  end
end

--- Adds what a bill does to its entries, its exceptions and its closing.
local function add_settlement(tx, contract, judged, bill, actor)
  local run = billow.run()
  local first = bill.canonical[1]
  if bill.model == "usage" then
    local codes = ledger.usage_exceptions(bill)
    local is_long = store.is_long(judged.claimed, contract.contract)
    local statement = is_long and usage_statements.decide or usage_statements.settle
    tx:exec(statement, { run.id, first and first.id, codes, actor }, "any")
  end
  billing.add_movements(tx, contract, judged, bill, actor)
  local exceptions = canonical.exceptions(bill.exceptions)
  tx:exec(statements.put_exceptions, { exceptions, contract.period, run.id }, "any")
  local closing = ledger.closing(contract, bill)
  tx:exec(statements.put_closing, { contract.id, contract.period, closing, run.id }, "one")
end

--- For those that issue several bills in one transaction.
billing.add_invoice, billing.add_settlement = add_invoice, add_settlement

--- Moves what the transaction that issued only decided about.
local function settle_rest(contract, judged)
  if store.is_long(judged.claimed, contract.contract) then
    store.settle_usage()
  end
end

billing.settle_rest = settle_rest

--- Issues an approved bill: number, invoice, lines, ledger, exceptions and closing in one
--- transaction.
---@param contract billow.billing.Contract
---@param judged billow.billing.Judged
---@param bill billow.billing.Bill
---@param approval {by: string, digest: string}   of billow.approval.require
---@return {id: string, number: string}[]
function billing.issue(contract, judged, bill, approval)
  approvals.check(bill, approval)
  local series = {}
  for i, object in ipairs(bill.canonical) do
    series[i] = numbering.series(contract.ctx, object)
  end
  local explanations = explanations_of(contract, bill, approval)
  local results = db.transaction(function(tx)
    add_settlement(tx, contract, judged, bill, approval.by)
    -- Last: everybody who issues in the series waits from its number to the commit.
    for i, object in ipairs(bill.canonical) do
      add_invoice(tx, contract, object, series[i], approval, explanations[i])
    end
  end)
  settle_rest(contract, judged)
  local issued, before = {}, #results - 3 * #bill.canonical
  for i, object in ipairs(bill.canonical) do
    issued[i] = { id = object.id, number = results[before + 3 * i - 2].number }
  end
  return issued
end

local function is_empty(claimed)
  return #claimed.time == 0 and #claimed.expenses == 0
end

--- Ends a period in which nothing is to be invoiced: draws on the retainer, exceptions, what was
--- left out, and the closing.
---@param contract billow.billing.Contract
---@param judged billow.billing.Judged
---@param bill billow.billing.Bill
function billing.close(contract, judged, bill)
  if bill.model == "tm" and is_empty(judged.claimed) then
    return -- perhaps another run has claimed it all: that one closes the period
  end
  db.transaction(function(tx)
    add_settlement(tx, contract, judged, bill, billow.run().workflow)
  end)
  settle_rest(contract, judged)
end

--- Ends without an invoice: everything claimed is open again, the exceptions are on record.
---@param contract billow.billing.Contract
---@param bill billow.billing.Bill
---@param reason string
function billing.set_aside(contract, bill, reason)
  local run = billow.run()
  if contract.contract.model == "usage" then
    store.release_usage(reason)
  end
  db.transaction(function(tx)
    tx:exec(statements.release, { run.id, run.workflow, reason }, "any")
    tx:exec(
      statements.put_exceptions,
      { canonical.exceptions(bill.exceptions), contract.period, run.id },
      "any"
    )
  end)
end

--- Gives back what this run claims, to look at it again.
---@param reason string
---@param contract? billow.billing.Contract   whose bill it was
function billing.release(reason, contract)
  store.release(reason, contract and contract.contract)
end

return billing
