--- Cash as a workflow sees it: a bank file becomes entries that nobody counts twice, each entry
--- becomes a payment on invoices, by policy or by a person's word.
---
---   local statements = cash.statements(input)
---   local taken = cash.take(statements[1])        -- stored; what was known before is left out
---   local results = cash.reconcile(taken.entries) -- proposed, decided, booked
---
--- Reading, matching and arithmetic are pure and live in billow.billing.bank, matching, settling
--- and cash_booking; this module has the effects. A payment, its allocations and the entry's state
--- are one transaction; the payment's id is the entry's, so that a second run of the same entry
--- books nothing.
---@class billow.billing.cash
local cash = {}

local allocation = require("billow.billing.allocation")
local bank = require("billow.billing.bank")
local billow = require("billow")
local booking = require("billow.billing.cash_booking")
local db = require("billow.db")
local decimal = require("billow.decimal")
local err = require("billow.err")
local event = require("billow.event")
local json = require("billow.json")
local matching = require("billow.billing.matching")
local policy = require("billow.policy")
local reading = require("billow.billing.reading")
local sql = require("billow.billing.cash_statements")
local statement = require("billow.billing.bank.statement")
local task = require("billow.task")

local ROUNDS_MAX = 20
local ROWS_MAX = 1000 -- entries in one statement
local ZERO = decimal(0)
local SURPLUS = { on_account = true, refund = true, credit = true }

local function invalid(refusal)
  error(err.new({ code = "BANK_FILE_INVALID", text = tostring(refusal), detail = refusal }), 0)
end

--- The whole text of a file that comes in pieces, as events "bank.chunk" with key "<id>/<n>".
local function text_of(input)
  if input.text then
    return input.text
  end
  local parts = {}
  for n = 1, input.chunks do
    parts[n] = event.wait("bank.chunk", { key = input.id .. "/" .. n }).body.text
  end
  return table.concat(parts)
end

--- The statements of an input: `statements` as plain data, or a file as `text` or in `chunks`.
---@param input table   of workflow reconcile
---@return billing.bank.Statement[]
function cash.statements(input)
  if input.statements then
    local made = {}
    for i, source in ipairs(input.statements) do
      local read, refusal = statement.read(source, "statements[" .. i .. "]")
      made[i] = read or invalid(refusal)
    end
    return made
  elseif not input.text and not input.chunks then
    invalid(reading.refusal("input", "without a statement", "give statements, text or chunks"))
  end
  local made, refusal = bank.parse(text_of(input), input.format, input.options)
  return made or invalid(refusal)
end

--- The same, with what is wrong with the file returned.
---@param input table
---@return billing.bank.Statement[]?
---@return string? problem
function cash.read(input)
  local is_read, result = pcall(cash.statements, input)
  if is_read then
    return result
  elseif err.is(result, "BANK_FILE_INVALID") then
    return nil, err.of(result).text
  end
  error(result, 0)
end

--- What is stored of the account, typed.
local function known_of(account)
  local known = db.query(sql.known_statements, { account })
  for _, row in ipairs(known) do
    row.opening_amount = reading.given(row.opening_amount) and decimal(row.opening_amount) or nil
    row.closing_amount = reading.given(row.closing_amount) and decimal(row.closing_amount) or nil
  end
  return known
end

--- A value with every decimal as text, so that it can be stored and come back the same.
local function plain(value)
  if decimal.is(value) then
    return tostring(value)
  elseif type(value) ~= "table" then
    return value
  end
  local copy = {}
  for name, member in pairs(value) do
    copy[name] = plain(member)
  end
  return json.is_array(value) and json.array(copy) or copy
end

--- An entry as it was before it was stored.
local function typed(body)
  local entry = {}
  for name, value in pairs(body) do
    entry[name] = value ~= json.null and value or nil
  end
  entry.amount = decimal(entry.amount)
  entry.charges = entry.charges and decimal(entry.charges)
  if entry.instructed then
    entry.instructed =
      { amount = decimal(entry.instructed.amount), currency = entry.instructed.currency }
  end
  return entry
end

local function entry_row(made, entry, position)
  local is_out = entry.amount <= ZERO
  return {
    id = entry.id,
    account = made.account,
    reference = entry.reference,
    amount = tostring(entry.amount),
    currency = entry.currency,
    booking_date = entry.booking_date,
    value_date = entry.value_date,
    format = made.format,
    statement_id = made.id,
    position = position,
    end_to_end_id = entry.end_to_end_id,
    counterparty_name = entry.counterparty_name,
    counterparty_account = entry.counterparty_account,
    text = entry.text,
    body = plain(entry),
    status = is_out and not entry.is_reversal and "ignored" or "new",
    status_reason = is_out and not entry.is_reversal and "money out" or nil,
  }
end

local function statement_row(made)
  local row = plain(made)
  row.entries, row.opening, row.closing = nil, nil, nil
  row.opening_amount = made.opening and tostring(made.opening.amount)
  row.closing_amount = made.closing and tostring(made.closing.amount)
  row.entry_count = #made.entries
  return row
end

--- Asks whether a statement with doubtful balances or days is to be taken.
local function is_wanted(made, findings)
  local texts, is_blocking = json.array({}), false
  for i, found in ipairs(findings) do
    texts[i] = found.text
    is_blocking = is_blocking or found.is_blocking
  end
  if not is_blocking then
    return true
  end
  local answer = task.open({
    kind = "question",
    group = made.account,
    title = string.format("Statement %s of %s: %s", made.id, made.account, texts[1]),
    body = {
      account = made.account,
      statement = made.id,
      findings = texts,
      decisions = json.array({ "take", "leave" }),
    },
  })
  return answer.decision == "take"
end

---@class billow.billing.cash.Taken
---@field status "taken"|"duplicate"|"left"
---@field account string
---@field statement string
---@field findings billing.bank.Finding[]
---@field entries billing.bank.Entry[]   that no file brought before, money in or taken back
---@field known integer                  entries that were there already
---@field repeated string[]              places of entries that stand twice in the file

--- Stores a statement and its new entries. A duplicate stores nothing; overlapping days store what
--- is new; a gap in the balances is asked about first.
---@param made billing.bank.Statement
---@return billow.billing.cash.Taken
function cash.take(made)
  local findings = statement.findings(made, known_of(made.account))
  local taken = {
    status = "taken",
    account = made.account,
    statement = made.id,
    findings = json.array(findings),
    entries = {},
    known = #made.entries,
    repeated = json.array(made.repeated),
  }
  if findings[1] and findings[1].code == "DUPLICATE" then
    taken.status = "duplicate"
    return taken
  elseif not is_wanted(made, findings) then
    taken.status = "left"
    return taken
  end
  local rows, by_id, run = json.array({}), {}, billow.run()
  for position, entry in ipairs(made.entries) do
    rows[position] = entry_row(made, entry, position)
    by_id[entry.id] = entry
  end
  local results = db.transaction(function(tx)
    tx:exec(sql.put_statement, { statement_row(made), run.id }, "any")
    for from = 1, #rows, ROWS_MAX do
      local part = table.move(rows, from, math.min(from + ROWS_MAX - 1, #rows), 1, json.array({}))
      tx:exec(sql.put_entries, { part, run.id }, "any")
    end
  end)
  local is_new = {}
  for number = 2, #results do
    for _, row in ipairs(results[number]) do
      is_new[row.id] = true
    end
  end
  for _, row in ipairs(rows) do
    if is_new[row.id] then
      taken.known = taken.known - 1
      if row.status == "new" then
        taken.entries[#taken.entries + 1] = by_id[row.id]
      end
    end
  end
  return taken
end

--- Entries of earlier statements that nobody has placed yet.
---@param accounts? string[]
---@return billing.bank.Entry[]
function cash.open_entries(accounts)
  local entries = {}
  for i, row in ipairs(db.query(sql.open_entries, { json.array(accounts or {}) })) do
    entries[i] = typed(row.body)
  end
  return entries
end

--- All that customers owe.
---@return billing.OpenItem[]
function cash.open_items()
  local items, last = {}, ""
  repeat
    local rows = db.query(sql.open_items, { last })
    for _, row in ipairs(rows) do
      items[#items + 1] = booking.item(row)
      last = row.invoice_id
    end
  until #rows < 1000
  return items
end

--- What matching stands on: open items, settings, rates. `settle` keeps it in step with bookings.
---@class billow.billing.cash.Books
---@field items billing.OpenItem[]
---@field settings billing.MatchSettings
---@field rates billing.Rates

---@return billow.billing.cash.Books
local function books()
  return {
    items = cash.open_items(),
    settings = booking.match_settings(policy.settings("matching", {}).settings),
    rates = booking.rates(db.one(sql.rates, {})),
  }
end

local function by_id(items)
  local map = {}
  for _, item in ipairs(items) do
    map[item.invoice_id] = item
  end
  return map
end

--- Takes what was booked off the open items; the payer's account is known from now on.
local function settle(open, entry, choice)
  local map, left = by_id(open.items), {}
  for _, row in ipairs(choice.allocations) do
    local item = map[row.invoice_id]
    item.open_amount = item.open_amount - row.amount
  end
  for _, item in ipairs(open.items) do
    if item.customer_id == choice.customer_id and entry.counterparty_account then
      table.insert(item.accounts, entry.counterparty_account)
    end
    if item.open_amount > ZERO then
      left[#left + 1] = item
    end
  end
  open.items = left
end

local function candidates_of(proposal)
  local list = {}
  for i, candidate in ipairs(proposal.candidates) do
    list[i] = plain(candidate)
    list[i].allocations = json.array(list[i].allocations)
    list[i].items, list[i].numbers = json.array(list[i].items), json.array(list[i].numbers)
    list[i].explanation = json.array(list[i].explanation)
  end
  return json.array(list)
end

local function decide(entry, proposal)
  local best, summary = proposal.candidates[1], json.array({})
  for i, candidate in ipairs(proposal.candidates) do
    summary[i] = { rule = candidate.rule, score = candidate.score, outcome = candidate.outcome }
  end
  return policy.decide("matching", {
    entry = entry.id,
    amount = tostring(entry.amount),
    currency = entry.currency,
    is_complete = proposal.is_complete,
    candidates = summary,
  }, best and { customer = best.customer_id } or {})
end

--- Books a choice: payment, allocations and the entry's state in one transaction. Returns nil and
--- the reason when the books have moved on since it was proposed.
---@param open billow.billing.cash.Books
---@param entry billing.bank.Entry
---@param choice billing.Choice
---@param actor string
---@return string? payment_id
---@return billow.Error? problem
local function book(open, entry, choice, actor)
  local payment, rows = booking.rows(entry, choice, by_id(open.items), open.rates)
  local run = billow.run()
  local is_done, problem = pcall(db.transaction, function(tx)
    tx:exec(sql.put_payment, { payment, run.id, actor }, "one")
    if #rows > 0 then
      tx:exec(sql.put_allocations, { rows, run.id, actor }, #rows)
    end
    tx:exec(sql.mark_entry, { entry.id, "booked", choice.match.rule, run.id }, "one")
  end)
  if not is_done then
    local code = err.of(problem).code
    if code ~= "CONFLICT" and code ~= "INVALID" then
      error(problem, 0)
    end
    return nil, err.of(problem)
  end
  settle(open, entry, choice)
  local told = {}
  for _, row in ipairs(rows) do
    if not told[row.invoice_id] then
      told[row.invoice_id] = true
      local body = { payment = payment.id, invoice = row.invoice_id }
      local id = payment.id .. "/" .. row.invoice_id
      event.send("payment.booked", body, { key = row.invoice_id, id = id, expires = "30d" })
    end
  end
  return payment.id
end

--- A candidate as a choice, with why it was taken.
local function chosen(candidate, reasons, surplus_use)
  return {
    allocations = candidate.allocations,
    currency = candidate.currency,
    unapplied_amount = candidate.unapplied_amount,
    customer_id = candidate.customer_id,
    surplus_use = surplus_use,
    match = {
      rule = candidate.rule,
      score = candidate.score,
      outcome = candidate.outcome,
      explanation = json.array(candidate.explanation),
      reasons = json.array(reasons),
    },
  }
end

--- What a person told, checked like any other allocation: nil and why it cannot be.
local function as_told(open, entry, answer)
  local data, map, items, list = answer.data or {}, by_id(open.items), {}, {}
  local customer = data.customer_id
  for _, item in ipairs(open.items) do
    map[item.number] = map[item.number] or item -- people know the number
  end
  for i, row in ipairs(data.allocations or {}) do
    local item = map[row.invoice_id or row.invoice]
    if not item then
      return nil, string.format("%s is not open", tostring(row.invoice_id or row.invoice))
    elseif item.currency ~= entry.currency then
      return nil, item.number .. " is in " .. item.currency .. ": accept a candidate"
    elseif customer and customer ~= item.customer_id then
      return nil, item.number .. " is not of customer " .. customer
    end
    local amount, kind = reading.number(row.amount), row.kind or "payment"
    if not amount or amount <= ZERO then
      return nil, "the amount of " .. item.number .. " must be a decimal above 0"
    end
    customer, list[i] =
      item.customer_id, { invoice_id = item.invoice_id, amount = amount, kind = kind }
    items[i] = { id = item.invoice_id, due_date = item.due_date, open_amount = item.open_amount }
  end
  local is_fine, done =
    pcall(allocation.allocate, { amount = entry.amount, allocations = list }, items)
  if not is_fine then
    return nil, tostring(done)
  end
  return {
    allocations = #list > 0 and done.allocations or {},
    currency = entry.currency,
    unapplied_amount = #list > 0 and done.unapplied_amount or entry.amount,
    customer_id = customer,
    surplus_use = data.surplus,
    reason = answer.comment,
    match = { rule = "told", reasons = json.array({ answer.comment or "as told" }) },
  }
end

--- The one of a list that an answer means: of several none is taken for it. Nil and why not.
---@param list table[]
---@param name string      the member of the answer's data: "candidate", "payment"
---@param number any
---@param label fun(one: table): string
local function picked(list, name, number, label)
  if #list == 0 then
    return nil, "there is no " .. name .. " to choose"
  elseif number == nil and #list == 1 then
    return list[1]
  elseif list[number] then
    return list[number]
  end
  local labels = {}
  for i, one in ipairs(list) do
    labels[i] = i .. " " .. label(one)
  end
  local which = table.concat(labels, ", ")
  local example = string.format('--data \'{"%s": 1}\'', name)
  if number == nil then
    return nil, string.format("say which %s, such as %s: %s", name, example, which)
  end
  local missing = string.format("there is no %s %s; ", name, tostring(number))
  return nil, missing .. string.format("say which %s, such as %s: %s", name, example, which)
end

local function label_of_candidate(candidate)
  return table.concat(candidate.numbers or candidate.items or {}, " and ")
end

--- The choice that an answer stands for; nil and a remark when it stands for none.
local function choice_of(open, entry, proposal, answer)
  local data = answer.data or {}
  if data.surplus and not SURPLUS[data.surplus] then
    return nil, "surplus is one of on_account, refund, credit"
  elseif answer.decision == "accept" then
    local candidate, problem =
      picked(proposal.candidates, "candidate", data.candidate, label_of_candidate)
    if not candidate then
      return nil, problem
    end
    return chosen(candidate, { "accepted by " .. answer.by }, data.surplus)
  elseif answer.decision == "allocate" or answer.decision == "on_account" then
    if answer.decision == "on_account" then
      data.allocations = nil
    elseif not data.allocations or #data.allocations == 0 then
      local example = '{"allocations": [{"invoice_id": NUMBER, "amount": "1.00"}]}'
      return nil, "allocate needs data.allocations: --data '" .. example .. "'"
    end
    return as_told(open, entry, { data = data, comment = answer.comment })
  end
  return nil,
    tostring(answer.decision) .. " is no answer here: accept, allocate, on_account or ignore"
end

local function ask(entry, proposal, decision, remark)
  local title = string.format(
    "%s %s of %s from %s: %s",
    tostring(entry.amount),
    entry.currency,
    entry.value_date,
    entry.counterparty_name or "an unknown payer",
    decision.reasons[1]
  )
  return task.open({
    kind = "question",
    group = "cash",
    assignees = decision.assignees,
    title = title,
    body = {
      entry = plain(entry),
      candidates = candidates_of(proposal),
      tried = json.array(proposal.explanation),
      reasons = json.array(decision.reasons),
      remark = remark or json.null,
      decisions = json.array({ "accept", "allocate", "on_account", "ignore" }),
    },
  })
end

local function mark(entry, status, reason)
  local run = billow.run()
  return db.transaction(function(tx)
    tx:exec(sql.mark_entry, { entry.id, status, reason, run.id }, "any")
  end)
end

local function result_of(entry, status, fields)
  local made = {
    entry = entry.id,
    amount = tostring(entry.amount),
    currency = entry.currency,
    status = status,
  }
  for name, value in pairs(fields or {}) do
    made[name] = value
  end
  return made
end

local function booked_of(entry, choice, payment_id, by)
  return result_of(entry, "booked", {
    payment = payment_id,
    by = by,
    rule = choice.match.rule,
    score = choice.match.score,
    unapplied = tostring(choice.unapplied_amount),
    allocations = #choice.allocations,
  })
end

--- Asks until the answer can be booked; the books are read anew for every question.
local function by_person(entry)
  mark(entry, "asked", "no sure match")
  local remark
  for _ = 1, ROUNDS_MAX do
    local open = books()
    local proposal = matching.propose(entry, open.items, open.settings)
    local answer = ask(entry, proposal, decide(entry, proposal), remark)
    if answer.decision == "ignore" then
      mark(entry, "ignored", answer.comment or "ignored by " .. answer.by)
      return result_of(entry, "ignored", { by = answer.by })
    end
    local choice
    choice, remark = choice_of(open, entry, proposal, answer)
    if choice then
      local payment_id, problem = book(open, entry, choice, answer.by)
      if payment_id then
        return booked_of(entry, choice, payment_id, answer.by)
      elseif problem.code == "CONFLICT" then
        return result_of(entry, "known", { reason = "another run has booked it" })
      end
      remark = problem.text
    end
  end
  error("no answer that can be booked after " .. ROUNDS_MAX .. " questions", 0)
end

local function label_of_payment(payment)
  return string.format("%s of %s from %s", payment.id, payment.date, payment.payer_name or "?")
end

--- Money that a bank took back: the payment it belongs to is undone, after a person said which.
local function by_return(entry)
  local found = db.query(sql.returnable, {
    tostring(-entry.amount),
    entry.currency,
    entry.end_to_end_id or "",
    entry.counterparty_account or "",
    entry.booking_date,
  })
  local answer, payment, remark
  for _ = 1, ROUNDS_MAX do
    answer = task.open({
      kind = "question",
      group = "cash",
      title = string.format("%s %s taken back by the bank", tostring(entry.amount), entry.currency),
      body = {
        entry = plain(entry),
        payments = json.array(found),
        remark = remark or json.null,
        decisions = json.array({ "return", "ignore" }),
      },
    })
    local data = answer.data or {}
    if answer.decision == "ignore" then
      break
    elseif answer.decision == "return" then
      payment, remark = picked(found, "payment", data.payment, label_of_payment)
    else
      remark = tostring(answer.decision) .. " is no answer here: return or ignore"
    end
    if payment then
      break
    end
  end
  if not payment then
    mark(entry, "ignored", answer.comment or "no payment of ours")
    return result_of(entry, "ignored", { by = answer.by })
  end
  local run = billow.run()
  db.transaction(function(tx)
    tx:exec(sql.take_back, { payment.id, run.id, answer.by, "returned by the bank" }, "some")
    tx:exec(sql.mark_entry, { entry.id, "returned", payment.id, run.id }, "one")
  end)
  return result_of(entry, "returned", { payment = payment.id, by = answer.by })
end

--- Books what is sure, in order of booking; what is not comes back for a question.
local function by_policy(open, entry)
  local proposal = matching.propose(entry, open.items, open.settings)
  local decision = decide(entry, proposal)
  if decision.action ~= "book" then
    return nil
  end
  local choice = chosen(proposal.candidates[1], decision.reasons)
  choice.match.policy = decision.version
  local by = "policy matching " .. decision.version
  local payment_id, problem = book(open, entry, choice, by)
  if payment_id then
    return booked_of(entry, choice, payment_id, by)
  elseif problem.code == "CONFLICT" then
    return result_of(entry, "known", { reason = "another run has booked it" })
  end
  return nil
end

--- Places entries: first everything that is sure, then questions, side by side.
---@param entries billing.bank.Entry[]
---@return table[] results   one for each entry, in order
function cash.reconcile(entries)
  if #entries == 0 then
    return json.array({})
  end
  local open, results, strands, places = books(), json.array({}), {}, {}
  for i, entry in ipairs(entries) do
    results[i] = entry.amount > ZERO and by_policy(open, entry) or false
  end
  for i, entry in ipairs(entries) do
    if not results[i] then
      places[#places + 1] = i
      strands[#strands + 1] = function()
        return entry.amount > ZERO and by_person(entry) or by_return(entry)
      end
    end
  end
  for number, result in ipairs(#strands > 0 and billow.all(strands) or {}) do
    results[places[number]] = result
  end
  return results
end

local function counted(entries)
  local counts, order = {}, {}
  for _, entry in ipairs(entries) do
    if not counts[entry.status] then
      counts[entry.status], order[#order + 1] = 0, entry.status
    end
    counts[entry.status] = counts[entry.status] + 1
  end
  table.sort(order)
  local texts = {}
  for i, status in ipairs(order) do
    texts[i] = counts[status] .. " " .. status
  end
  return #texts > 0 and table.concat(texts, ", ") or "nothing to place"
end

--- A result with what it says in words: each statement, its doubts, what was booked.
---@param result table   {statements} or {entries}
---@return table
function cash.told(result)
  local texts = {}
  for _, taken in ipairs(result.statements or {}) do
    texts[#texts + 1] = string.format(
      "statement %s of %s: %s, %d known before, %s",
      taken.statement,
      taken.account,
      taken.status,
      taken.known,
      counted(taken.entries)
    )
    for _, found in ipairs(taken.findings) do
      texts[#texts + 1] = "  " .. found.text
    end
    for _, place in ipairs(taken.repeated) do
      texts[#texts + 1] = "  " .. place .. " stands twice in the file: taken once"
    end
  end
  if result.entries then
    texts[#texts + 1] = "looked again: " .. counted(result.entries)
  end
  result.text = #texts > 0 and table.concat(texts, "\n") or "no statement in the file"
  return result
end

--- Money that waits for its invoice, by customer and age, on a day.
---@param on string
---@return table[]
function cash.unapplied(on)
  return db.query(sql.unapplied_aging, { on })
end

return cash
