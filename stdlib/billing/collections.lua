--- Collections as a workflow sees them: an invoice from the day it goes out until nothing is open.
---
--- What is known is in the database; events only wake the run. So whatever happens twice, or while
--- the engine is down, is seen once and rightly:
---   payment.booked     key = invoice id   cash was applied to it
---   invoice.changed    key = invoice id   credit, dispute, write-off: receivables.changed
---   collections.hold   key = invoice id   {kind, until_date?, amount?, note?, by} or {lift, by}
--- What goes out is the event message.send, key = channel, once per message id; a channel that
--- confirms answers with message.result, key = message id, {status = "delivered"|"failed", reason}.
---@class billow.billing.collections
local collections = {}

local approval = require("billow.approval")
local billing = require("billow.billing")
local billow = require("billow")
local currency = require("billow.billing.currency")
local date = require("billow.date")
local db = require("billow.db")
local decimal = require("billow.decimal")
local dunning = require("billow.billing.dunning")
local err = require("billow.err")
local event = require("billow.event")
local figures = require("billow.billing.figures")
local interest_invoice = require("billow.billing.interest_invoice")
local interest_rates = require("billow.billing.interest_rates")
local json = require("billow.json")
local letters = require("billow.billing.letters")
local policy = require("billow.policy")
local reading = require("billow.billing.reading")
local receivables = require("billow.billing.receivables")
local given_up = require("billow.billing.receivables_given_up")
local settling = require("billow.billing.settling")
local sql = require("billow.billing.receivables_statements")
local task = require("billow.task")

local given = reading.given

---@class billow.billing.Case
---@field id string            of the invoice
---@field invoice {number: string, type_code: string, currency: string, issue_date: string,
---       payable_amount: string}
---@field is_credit_note boolean
---@field customer {id: string, language?: string}
---@field firm {time_zone: string, holidays: string[]}
---@field scopes table<string, string>
---@field terms policy.dunning.Decision
---@field interest policy.interest.Decision

--- Starts to follow an invoice: the terms in force today.
---@param reference string   id or number
---@return billow.billing.Case
function collections.open(reference)
  local row = db.query(sql.case, { reference })[1]
  if not row then
    local text = string.format("there is no invoice %s: give its number or its id", reference)
    error(err.new({ code = "NOT_FOUND", text = text }), 0)
  end
  local firm, customer = row.firm, row.customer
  local scopes = { customer = row.customer_id, contract = row.contract_id }
  local subject = {
    customer = row.customer_id,
    contract = row.contract_id,
    currency = row.currency,
    country = customer.address.country_code,
  }
  local interest = policy.decide("interest", subject, scopes)
  if interest_invoice.is(row.id) then
    interest.method = "none" -- no interest on interest
  end
  return {
    id = row.id,
    invoice = {
      number = row.number,
      type_code = row.type_code,
      currency = row.currency,
      issue_date = row.issue_date,
      payable_amount = row.payable_amount,
    },
    is_credit_note = row.type_code == "381",
    customer = { id = row.customer_id, language = given(customer.language) },
    firm = { time_zone = firm.time_zone, holidays = given(firm.holidays) or {} },
    scopes = scopes,
    terms = policy.decide("dunning", subject, scopes),
    interest = interest,
    period = row.period,
    instalments = given(row.instalments),
  }
end

local function typed(list)
  local rows = {}
  for i, row in ipairs(list) do
    local copy = {}
    for name, value in pairs(row) do
      copy[name] = given(value)
    end
    copy.amount = copy.amount and decimal(copy.amount)
    rows[i] = copy
  end
  return rows
end

---@class billow.billing.Account
---@field today string
---@field open Decimal
---@field disputed Decimal
---@field due_date string
---@field sent table[]
---@field attempts table[]
---@field holds billing.DunningHold[]
---@field disputes table[]
---@field reductions table[]
---@field charged_until? string
---@field is_cash_unmatched boolean

--- Of instalments the oldest that is open is dunned, each with levels of its own: the first
--- instalment has levels 1 to n, the second n + 1 to 2n.
local function by_instalment(case, account, payable)
  local parts = {}
  for i, part in ipairs(case.instalments) do
    parts[i] = { due_date = part.due_date, amount = decimal(part.amount) }
  end
  local item = { payable_amount = payable, open_amount = account.open, instalments = parts }
  local left = settling.instalments(item)
  if not left[1] then
    return account
  end
  local count = #case.terms.levels
  account.offset = (#parts - #left) * count
  account.due_date, account.due = left[1].due_date, decimal(0)
  for i, part in ipairs(left) do
    if i == 1 or part.due_date < account.today then
      account.due = account.due + part.amount
    end
  end
  local sent = {}
  for _, step in ipairs(account.sent) do
    local level = step.level - account.offset
    if level >= 1 and level <= count then
      sent[#sent + 1] = { level = level, sent_on = step.sent_on, fee = step.fee }
    end
  end
  account.sent = sent
  return account
end

--- What the invoice owes now, with everything that decides about reminders.
---@param case billow.billing.Case
---@return billow.billing.Account
function collections.account(case)
  local today = billow.today(case.firm.time_zone)
  local row = receivables.account(case.id, today)
  local account = {
    today = today,
    offset = 0,
    open = decimal(row.open_amount),
    disputed = decimal(row.disputed_amount),
    due_date = given(row.due_date) or row.issue_date,
    sent = row.sent,
    attempts = row.attempts,
    holds = typed(row.holds),
    disputes = typed(row.disputes),
    reductions = typed(row.reductions),
    charged_until = given(row.charged_until),
    is_cash_unmatched = row.is_cash_unmatched == true,
  }
  account.all_sent = account.sent
  local has_parts = case.instalments and account.open:sign() > 0
  return has_parts and by_instalment(case, account, decimal(row.payable_amount)) or account
end

--- What is to be done next; `at` is the instant, where there is one.
---@param case billow.billing.Case
---@param account billow.billing.Account
---@return billing.DunningNext
function collections.next(case, account)
  local next_step = dunning.next(case.terms, {
    today = account.today,
    due_date = account.due_date,
    open = account.open,
    due = account.due,
    disputed = account.disputed,
    sent = account.sent,
    holds = account.holds,
    is_cash_unmatched = account.is_cash_unmatched,
    holidays = case.firm.holidays,
  })
  if not case.terms.is_on and next_step.action ~= "settled" then
    return { action = "wait", reason = case.terms.reasons[1] }
  elseif next_step.on then
    local zone = case.firm.time_zone
    next_step.at = dunning.instant(next_step.on, billow.now(), case.terms, zone, case.firm.holidays)
    if next_step.action ~= "wait" and next_step.at ~= billow.now() then
      next_step.action = "wait"
      next_step.reason = next_step.reason .. "; in office hours"
    end
  end
  return next_step
end

--- Keeps reminders back, or lets them go again.
local function take_hold(case, body, id)
  local run, today = billow.run(), billow.today(case.firm.time_zone)
  local actor = given(body.by) or run.started_by or run.workflow
  db.transaction(function(tx)
    if given(body.lift) then
      tx:exec(sql.lift_hold, { body.lift, today, actor }, "any")
      return
    end
    tx:exec(sql.put_hold, {
      {
        id = id,
        customer_id = case.customer.id,
        invoice_id = body.kind ~= "flag" and case.id or json.null,
        kind = body.kind,
        from_date = today,
        until_date = given(body.until_date) or json.null,
        amount = given(body.amount) or json.null,
        note = given(body.note) or json.null,
      },
      actor,
    }, "one")
  end)
end

--- Waits until the next step's instant, or until something happens to the invoice. A hold that
--- comes in is stored.
---@param case billow.billing.Case
---@param next_step billing.DunningNext
function collections.wait(case, next_step)
  local function on(topic)
    return function()
      return event.wait(topic, { key = case.id, timeout = next_step.at })
    end
  end
  local happened, topic = billow.race({
    ["collections.hold"] = on("collections.hold"),
    ["invoice.changed"] = on("invoice.changed"),
    ["payment.booked"] = on("payment.booked"),
  })
  if happened and topic == "collections.hold" then
    take_hold(case, happened.body, happened.id)
  end
end

--- Interest up to today; nothing, and an alarm, when the table of rates does not reach so far.
local function interest_of(case, account)
  local d = currency.decimals(case.invoice.currency)
  local claim, refusal = reading.try(interest_rates.claim, case.interest, {
    amount = decimal(case.invoice.payable_amount),
    due_date = account.due_date,
    reductions = account.reductions,
    disputes = account.disputes,
    charged_until = account.charged_until,
  }, account.today, d)
  if refusal then
    event.send("billing.alarm", { code = "INTEREST_RATES_STALE", text = tostring(refusal) }, {
      key = "interest",
      id = "interest-rates/" .. refusal.value,
    })
    return nil
  end
  return claim
end

local function delivery_of(case, kind)
  return policy.decide("delivery", {
    kind = kind,
    customer = { id = case.customer.id, language = case.customer.language },
    contract = case.scopes.contract,
  }, case.scopes)
end

--- Gives a message to its channel, and waits for its word where the channel gives one. Returns why
--- it was not delivered; nil when it was.
local function post(message, delivery, attempt)
  event.send("message.send", message, {
    key = message.channel,
    id = message.id .. "/" .. attempt,
  })
  if delivery.confirm_days == 0 then
    return nil
  end
  local timeout = delivery.confirm_days .. "d"
  local result = event.wait("message.result", { key = message.id, timeout = timeout })
  if not result then
    return "no confirmation after " .. delivery.confirm_days .. " days"
  end
  return result.body.status ~= "delivered" and (given(result.body.reason) or "not delivered") or nil
end

--- Delivers a message: again when it fails, and a person is asked in the end.
---@param case billow.billing.Case
---@param message table                     id, kind, channel, ...
---@param delivery policy.delivery.Decision
---@param record? fun(attempt: integer, status: string, reason?: string)
---@return string status   "sent", or what a person said: "done", "drop"
function collections.deliver(case, message, delivery, record)
  local attempt = 0
  while true do
    attempt = attempt + 1
    local problem = post(message, delivery, attempt)
    if record then
      local taken = delivery.confirm_days == 0 and "sent" or "confirmed"
      record(attempt, problem and "failed" or taken, problem)
    end
    if not problem then
      return "sent"
    elseif attempt % delivery.max_attempts == 0 then
      local answer = task.open({
        kind = "delivery",
        group = case.customer.id,
        title = string.format("%s: %s could not be delivered", case.invoice.number, message.kind),
        body = {
          message = message,
          problem = problem,
          decisions = json.array({ "again", "done", "drop" }),
        },
      })
      if answer.decision ~= "again" then
        return answer.decision
      end
    end
  end
end

local function message_of(case, kind, id, delivery, more)
  local message = {
    id = id,
    kind = kind,
    channel = delivery.channel,
    customer_id = case.customer.id,
    recipients = json.array(delivery.recipients),
    copies = json.array(delivery.copies),
    language = delivery.language,
    invoice_id = case.id,
    number = case.invoice.number,
  }
  for name, value in pairs(more or {}) do
    message[name] = value
  end
  return message
end

--- Sends the invoice itself (delivery watch).
---@param case billow.billing.Case
---@return string status
function collections.deliver_invoice(case)
  local kind = case.is_credit_note and "credit_note" or "invoice"
  local delivery = delivery_of(case, kind)
  local message = message_of(case, kind, kind .. "/" .. case.id, delivery)
  local run, attempts = billow.run(), 0
  local function record(attempt, outcome, reason)
    attempts = attempt
    db.transaction(function(tx)
      local params = { case.id, attempt, message.channel, outcome, reason, run.id }
      tx:exec(sql.put_delivery, params, "any")
    end)
  end
  local status = collections.deliver(case, message, delivery, record)
  if status ~= "sent" then
    record(attempts + 1, status, "said by a person")
  end
  return status
end

local function reminder(case, account, step, claim)
  local delivery = delivery_of(case, "reminder")
  local level = case.terms.levels[step.level]
  local d = currency.decimals(case.invoice.currency)
  local facts = {
    template = given(level.template),
    number = case.invoice.number,
    issue_date = case.invoice.issue_date,
    due_date = account.due_date,
    amount = figures.amount(step.amount, d),
    currency = case.invoice.currency,
    fee = figures.amount(dunning.fee(case.terms, step.level), d),
    interest = claim and figures.amount(claim.amount, d) or nil,
    disputed_amount = figures.amount(account.disputed, d),
  }
  local letter = letters.reminder(delivery.language, facts)
  delivery.channel = given(level.channel) or delivery.channel
  local id = string.format("dunning/%s/%d", case.id, account.offset + step.level)
  return message_of(case, "reminder", id, delivery, {
    level = step.level,
    facts = facts,
    subject = letter.subject,
    text = letter.text,
  }),
    delivery
end

--- Sends a reminder: its level is recorded first, in a transaction that only one can win; then the
--- message goes out, under an id that is the level's.
---@param case billow.billing.Case
---@param account billow.billing.Account
---@param step billing.DunningNext
---@return boolean is_sent   false: somebody else has sent this level
function collections.remind(case, account, step)
  local claim = interest_of(case, account)
  local message, delivery = reminder(case, account, step, claim)
  local run = billow.run()
  local is_recorded, problem = pcall(db.transaction, function(tx)
    tx:exec(sql.put_step, {
      {
        invoice_id = case.id,
        level = account.offset + step.level,
        sent_on = account.today,
        channel = message.channel,
        language = message.language,
        open_amount = tostring(account.open),
        disputed_amount = tostring(account.disputed),
        fee = message.facts.fee,
        interest = message.facts.interest or "0",
        message = message,
      },
      run.id,
    }, "one")
  end)
  if not is_recorded then
    if not err.is(problem, "CONFLICT") then
      error(problem, 0)
    end
    return false
  end
  collections.deliver(case, message, delivery, function(attempt, status, reason)
    db.transaction(function(tx)
      local level = account.offset + step.level
      tx:exec(sql.put_attempt, { case.id, level, attempt, status, reason, run.id }, "any")
    end)
  end)
  return true
end

--- After the last reminder people decide: wait for a promise, go to law, or write it off.
---@param case billow.billing.Case
---@param account billow.billing.Account
function collections.hand_over(case, account)
  local d = currency.decimals(case.invoice.currency)
  local answer = task.open({
    kind = "collections",
    group = case.customer.id,
    title = string.format(
      "%s: %s %s is open after the last reminder",
      case.invoice.number,
      figures.amount(account.open, d),
      case.invoice.currency
    ),
    body = {
      invoice = case.id,
      customer = case.customer.id,
      open_amount = figures.amount(account.open, d),
      disputed_amount = figures.amount(account.disputed, d),
      days_overdue = date.days_between(account.due_date, account.today),
      decisions = json.array({ "wait", "legal", "write_off" }),
      data = { wait = "until_date, note", write_off = "reason_code, amount, note" },
    },
  })
  local data, id = given(answer.data) or {}, billow.uuid()
  if answer.decision == "legal" then
    take_hold(case, { kind = "legal", by = answer.by, note = answer.comment }, id)
  elseif answer.decision == "write_off" then
    given_up.write_off(case.id, {
      amount = data.amount,
      prepared_by = answer.by,
      reason_code = given(data.reason_code) or "uncollectable",
      note = given(data.note) or answer.comment,
    })
  else
    local until_date = given(data.until_date)
    if not date.is_valid(until_date) or until_date < account.today then
      until_date = date.add_days(account.today, case.terms.hand_over_days)
    end
    local note = given(data.note) or answer.comment
    take_hold(case, { kind = "promise", until_date = until_date, by = answer.by, note = note }, id)
  end
end

--- Stops work for a customer who owes too much or for too long, and lets it go on again (U6): the
--- change is recorded once, then told as an event service_stop or service_resume with the customer
--- as its key.
---@param case billow.billing.Case
function collections.watch_credit(case)
  local scopes = { customer = case.customer.id }
  local subject = { customer = case.customer.id, currency = case.invoice.currency }
  if not policy.decide("credit-limit", subject, scopes).is_on then
    return
  end
  local today = billow.today(case.firm.time_zone)
  local row = db.query(sql.exposure, { case.customer.id, today })[1]
  local is_stopped, reasons = false, json.array({})
  for _, owed in ipairs(row.owed) do
    local decision = policy.decide("credit-limit", {
      customer = case.customer.id,
      currency = owed.currency,
      open_amount = owed.open,
      overdue_amount = owed.overdue,
      overdue_days = owed.days,
    }, scopes)
    for _, reason in ipairs(decision.is_stopped and decision.reasons or {}) do
      is_stopped, reasons[#reasons + 1] = true, reason
    end
  end
  local state = given(row.state) or { position = 0, is_stopped = false }
  if state.is_stopped == is_stopped then
    return
  end
  local position = state.position + 1
  local params = { case.customer.id, position, is_stopped, reasons, billow.run().id }
  local is_first, problem = pcall(db.transaction, function(tx)
    tx:exec(sql.put_service_state, params, "one")
  end)
  if is_first then
    local body = { customer = case.customer.id, reasons = reasons }
    event.send(is_stopped and "service_stop" or "service_resume", body, {
      key = case.customer.id,
      id = "service/" .. case.customer.id .. "/" .. position,
    })
  elseif not err.is(problem, "CONFLICT") then
    error(problem, 0)
  end
end

local function charge_row(case, claim, interest_invoice_id)
  local d = currency.decimals(case.invoice.currency)
  return {
    invoice_id = case.id,
    from_date = claim.from_date,
    until_date = claim.until_date,
    amount = figures.amount(claim.amount, d),
    compensation = figures.amount(claim.compensation:round(d), d),
    currency = case.invoice.currency,
    basis = { terms = case.interest, parts = json.array(claim.parts) },
    interest_invoice_id = interest_invoice_id or json.null,
  }
end

--- The interest as an invoice of its own: approved like any other, numbered, and followed. Nil when
--- nobody approved it: then nothing is claimed.
local function bill_interest(case, account, claim)
  local contract = billing.contract(case.scopes.contract, case.period)
  local object = interest_invoice.build(contract.ctx, contract.contract, {
    invoice = {
      id = case.id,
      number = case.invoice.number,
      issue_date = case.invoice.issue_date,
      currency = case.invoice.currency,
    },
    customer = contract.ctx.customers[case.customer.id],
    claim = claim,
    fees = interest_invoice.fees(account.all_sent, decimal(case.interest.fees_max)),
    issue_date = account.today,
  })
  local bill = object and receivables.bill_of({ object })
  local approved = bill and approval.require(contract, bill)
  return approved
    and receivables.issue_interest(contract, bill, approved, function(id)
      return charge_row(case, claim, id)
    end)
end

--- The end: nothing is open. Interest on what came late is claimed, where the policy says so.
---@param case billow.billing.Case
---@param account billow.billing.Account
---@return table report
function collections.close(case, account)
  local claim = interest_of(case, account)
  local least = decimal(case.interest.minimum_amount)
  local is_claimed = claim ~= nil and claim.from_date ~= nil and claim.amount >= least
  local issued
  if is_claimed and case.interest.document == "invoice" then
    issued = bill_interest(case, account, claim)
    is_claimed = issued ~= nil
  elseif is_claimed then
    db.transaction(function(tx)
      tx:exec(sql.put_interest, { charge_row(case, claim), billow.run().id }, "one")
    end)
  end
  return {
    invoice = case.id,
    number = case.invoice.number,
    status = "settled",
    settled_on = account.today,
    reminders = #account.all_sent,
    interest = is_claimed and tostring(claim.amount) or json.null,
    interest_invoice = issued,
  }
end

return collections
