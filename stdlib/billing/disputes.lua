--- Disputes as a workflow sees them: raised by the customer, answered by an owner within the agreed
--- business days, ended by a credit, a new bill, or a rejection with evidence (X1, X2).
---@class billow.billing.disputes
local disputes = {}

local billing = require("billow.billing")
local billow = require("billow")
local credit_note = require("billow.billing.credit_note")
local date = require("billow.date")
local db = require("billow.db")
local dispute = require("billow.billing.dispute")
local dispute_suggestion = require("billow.billing.dispute_suggestion")
local err = require("billow.err")
local json = require("billow.json")
local reading = require("billow.billing.reading")
local receivables = require("billow.billing.receivables")
local sql = require("billow.billing.receivables_statements")
local task = require("billow.task")
local workflow = require("billow.workflow")

local given = reading.given

-- Answers are due at the end of the last business day.
local DUE_TIME = "17:00"
local ANSWER_DAYS_DEFAULT = 5

---@class billow.billing.DisputeCase
---@field id string               the run's
---@field basis billow.billing.Creditable
---@field disputed billing.Disputed
---@field firm table
---@field owner string
---@field raised_on string
---@field answer_by string
---@field is_escalated boolean

---@class billow.billing.DisputeStep
---@field state string
---@field actor string
---@field accepted_amount? string
---@field credit_note_id? string
---@field evidence? string
---@field note? string

local function add_step(tx, case, step)
  tx:exec(sql.put_dispute_step, {
    {
      dispute_id = case.id,
      state = step.state,
      accepted_amount = step.accepted_amount or json.null,
      credit_note_id = step.credit_note_id or json.null,
      evidence = step.evidence or json.null,
      note = step.note or json.null,
      actor = step.actor,
    },
    billow.run().id,
  }, "one")
end

--- Takes steps of a dispute, together, and tells who follows the invoice.
---@param case billow.billing.DisputeCase
---@param steps billow.billing.DisputeStep[]
function disputes.step(case, steps)
  db.transaction(function(tx)
    for _, step in ipairs(steps) do
      add_step(tx, case, step)
    end
  end)
  local last = steps[#steps]
  receivables.changed(case.basis.id, "dispute", case.id .. "/" .. last.state)
end

---@class billow.billing.DisputeInput: billing.DisputeRequest
---@field invoice string       id or number
---@field owner string         who answers
---@field raised_by? string
---@field answer_days? integer business days

--- Puts a dispute on record: from now on its amount is not dunned. Nil and why when there is
--- nothing of the kind to dispute.
---@param input billow.billing.DisputeInput
---@return billow.billing.DisputeCase?
---@return string? problem
function disputes.raise(input)
  local basis = receivables.find(input.invoice)
  if not basis then
    return nil, receivables.missing(input.invoice)
  end
  local firm = billing.contract(basis.contract_id, basis.period).ctx.firm
  local run, today = billow.run(), billow.today(firm.time_zone)
  local days = given(input.answer_days) or ANSWER_DAYS_DEFAULT
  local disputed, refusal = reading.try(dispute.open, basis, input)
  if not disputed then
    return nil, tostring(refusal)
  end
  local case = {
    id = run.id,
    basis = basis,
    disputed = disputed,
    firm = firm,
    owner = input.owner,
    raised_on = today,
    answer_by = dispute.answer_by(today, days, firm.holidays),
    is_escalated = false,
  }
  local actor = given(input.raised_by) or basis.customer_id
  local row = {
    id = case.id,
    invoice_id = basis.id,
    owner = case.owner,
    raised_by = actor,
    raised_on = today,
    answer_by = case.answer_by,
  }
  for _, name in ipairs({ "line_id", "entry_id", "amount", "currency", "reason_code", "note" }) do
    row[name] = case.disputed[name] or json.null
  end
  local is_done, failure = pcall(db.transaction, function(tx)
    tx:exec(sql.put_dispute, { row, run.id }, "one")
    add_step(tx, case, { state = "raised", actor = actor, note = case.disputed.note })
  end)
  local detail = not is_done and err.is(failure) and failure.detail
  if type(detail) == "table" and detail.constraint == "dispute_fits" then
    return nil, string.format(
      "with %s %s more, the open disputes of %s would come to more than the invoice: "
        .. "'billow dispute list' shows them; give a smaller amount, or resolve one first",
      row.amount,
      row.currency,
      input.invoice
    )
  elseif not is_done then
    error(failure, 0)
  end
  receivables.changed(basis.id, "dispute", case.id .. "/raised")
  return case
end

local function question(case, decisions, remark)
  local assignees = { case.owner }
  if case.is_escalated and case.escalate_to then
    assignees[2] = case.escalate_to
  end
  return {
    kind = "dispute",
    group = case.basis.customer_id,
    assignees = assignees,
    due = date.at(case.answer_by, DUE_TIME, case.firm.time_zone),
    title = string.format(
      "%sDispute about %s: %s %s, %s",
      case.is_escalated and "Overdue: " or "",
      case.basis.number,
      case.disputed.amount,
      case.disputed.currency,
      dispute.REASONS[case.disputed.reason_code]
    ),
    body = {
      dispute = case.id,
      disputed = case.disputed,
      invoice = case.basis.id,
      left = credit_note.shown(case.basis),
      answer_by = case.answer_by,
      remark = remark or json.null,
      decisions = json.array(decisions),
      data = {
        accept = "rebill",
        partly = "amount (with tax), rebill",
        reject = "evidence",
      },
    },
  }
end

--- Asks the owner, once more and louder when the time is over.
local function ask(case, decisions, remark)
  if case.is_escalated then
    return task.open(question(case, decisions, remark))
  end
  local due = date.at(case.answer_by, DUE_TIME, case.firm.time_zone)
  local answer, who = billow.race({
    answer = function()
      return task.open(question(case, decisions, remark))
    end,
    late = function()
      billow.sleep_until(due)
    end,
  })
  if who == "answer" then
    return answer
  end
  case.is_escalated = true
  return task.open(question(case, decisions, remark))
end

--- The owner takes the dispute up: acknowledged, then investigated; or it was withdrawn.
---@param case billow.billing.DisputeCase
---@return boolean is_going_on
function disputes.take_up(case)
  local answer = ask(case, { "investigate", "withdrawn" })
  if answer.decision == "withdrawn" then
    disputes.step(
      case,
      { { state = "withdrawn", actor = answer.by, note = given(answer.comment) } }
    )
    return false
  end
  disputes.step(case, {
    { state = "acknowledged", actor = answer.by, note = given(answer.comment) },
    { state = "investigating", actor = answer.by },
  })
  return true
end

---@class billow.billing.DisputeAnswer
---@field decision "accept"|"partly"|"reject"|"withdrawn"
---@field by string
---@field amount? string               with tax
---@field request? billing.CreditRequest
---@field is_rebilled? boolean
---@field evidence? string
---@field note? string

--- The credit that an answer asks for, or why it cannot be.
local function credit_of(case, answer, data)
  local amount = case.disputed.amount
  if answer.decision == "partly" then
    amount = given(data.amount)
  end
  case.basis = receivables.creditable(case.basis.id) -- it may have been credited since
  local request, refusal = reading.try(dispute.credit_request, case.basis, case.disputed, amount)
  if refusal then
    return nil, tostring(refusal)
  end
  return {
    decision = answer.decision,
    by = answer.by,
    amount = tostring(amount),
    request = request,
    is_rebilled = given(data.rebill) == true,
    note = given(answer.comment),
  }
end

--- What the owner answers; asked again until the answer can be carried out.
---@param case billow.billing.DisputeCase
---@param remark? string   why the last answer could not
---@return billow.billing.DisputeAnswer
function disputes.answer(case, remark)
  while true do
    local answer = ask(case, { "accept", "partly", "reject", "withdrawn" }, remark)
    local data = given(answer.data) or {}
    local evidence = given(data.evidence) or given(answer.comment)
    if answer.decision == "accept" or answer.decision == "partly" then
      local found
      found, remark = credit_of(case, answer, data)
      if found then
        return found
      end
    elseif answer.decision == "withdrawn" then
      return { decision = "withdrawn", by = answer.by, note = given(answer.comment) }
    elseif answer.decision == "reject" and evidence and evidence ~= "" then
      return { decision = "reject", by = answer.by, evidence = evidence }
    elseif answer.decision == "reject" then
      remark = "a rejection needs evidence: what shows that the invoice is right"
    else
      remark = string.format("%q is no answer here", tostring(answer.decision))
    end
  end
end

--- Ends the dispute as answered; `credit` is the result of the credit workflow, if there was one.
---@param case billow.billing.DisputeCase
---@param answer billow.billing.DisputeAnswer
---@param credit? table
---@return table report
function disputes.close(case, answer, credit)
  local steps
  if credit then
    steps = {
      {
        state = answer.decision == "accept" and "accepted" or "partly",
        accepted_amount = answer.amount,
        credit_note_id = credit.id,
        actor = answer.by,
        note = answer.note,
      },
      { state = "closed", actor = answer.by },
    }
  else
    local state = answer.decision == "reject" and "rejected" or "withdrawn"
    steps = { { state = state, evidence = answer.evidence, note = answer.note, actor = answer.by } }
  end
  disputes.step(case, steps)
  local suggestion = credit
    and dispute_suggestion.of({
      dispute = case.id,
      invoice = case.basis.number,
      customer = case.basis.customer_id,
      reason_code = case.disputed.reason_code,
      reason = dispute.REASONS[case.disputed.reason_code],
    })
  if suggestion then
    workflow.start("suggestion", {
      suggestion = suggestion,
      customer = case.basis.customer_id,
      owner = case.owner,
    }, { key = case.id })
  end
  local today = billow.today(case.firm.time_zone)
  local words = string.format(
    "dispute %s of %s: %s%s",
    case.id,
    case.basis.number,
    steps[1].state,
    credit and ", credit note " .. credit.number or ""
  )
  return {
    dispute = case.id,
    invoice = case.basis.id,
    text = words,
    state = steps[1].state,
    amount = case.disputed.amount,
    accepted_amount = answer.amount or json.null,
    credit_note = credit and credit.number or json.null,
    rebilled = credit and credit.rebilled or json.null,
    business_days = dispute.business_days(case.raised_on, today, case.firm.holidays),
    is_late = case.is_escalated,
    suggestion = suggestion and suggestion.title or json.null,
  }
end

return disputes
