--- What a person does with work before it is billed: keep it out of billing (hold), let it go again
--- (release), move it to another contract (transfer). Each is one transaction of ledger rows, with
--- who and why; who else has to agree is the decision of the policy entry-moves.
---@class billow.billing.moves
local moves = {}

local billing = require("billow.billing")
local billow = require("billow")
local consent = require("billow.billing.consent")
local credit_request = require("billow.billing.credit_request")
local currency = require("billow.billing.currency")
local date = require("billow.date")
local db = require("billow.db")
local decimal = require("billow.decimal")
local err = require("billow.err")
local event = require("billow.event")
local figures = require("billow.billing.figures")
local json = require("billow.json")
local reading = require("billow.billing.reading")
local sql = require("billow.billing.moves_statements")
local statements = require("billow.billing.statements")
local workflow = require("billow.workflow")
local worth = require("billow.billing.worth")

local given = reading.given
local ZERO = decimal(0)
local REASON_MAX = 500

-- From which states a move takes, in this order. What is on hold is released first.
local TAKES = {
  hold = { "held", "open" },
  release = { "on_hold" },
  transfer = { "held", "open" },
}
local SECONDS_PER_HOUR = decimal(3600)
local IS_WHOLE = { milestone = true, usage = true }
local TITLES = {
  hold = "hold of %s %s of %s",
  release = "release of %s %s of %s",
  transfer = "transfer of %s %s of %s",
}
local DONE = { hold = "put on hold", release = "released", transfer = "transferred" }

local function refused(problem)
  return { status = "refused", problem = problem }
end

--- Why nothing can be taken of an entry: where it is.
local function whereabouts(row)
  local states = row.states
  if states.claimed then
    return "it is in a bill that is not issued yet: reject that, or wait (run "
      .. row.claimed_by
      .. ")"
  elseif states.on_hold then
    return "it is on hold: release it first"
  elseif states.billed then
    return "it is billed (" .. (given(row.billed_on) or "on a retainer") .. "): credit it first"
  elseif states.moved then
    return "it was transferred to another contract: name the part that is there"
  elseif states.written_off then
    return "it is written off"
  elseif states.excluded then
    return "it is no billable work"
  end
  return "nothing of it is open or held"
end

--- As people speak of it: of time the hours, not the seconds that are kept.
local function amount(row, quantity)
  if row.kind == "time" then
    return tostring((quantity / SECONDS_PER_HOUR):round(2)) .. " h"
  end
  return tostring(quantity)
end

local function quantity_of(kind, row, item, left)
  local quantity = given(item.quantity) and reading.number(item.quantity) or left
  local text = row.entry_id .. ": "
  if left:is_zero() then
    local why = kind == "release" and "it is not on hold" or whereabouts(row)
    return nil, text .. why
  elseif not quantity or quantity:sign() <= 0 or quantity > left then
    return nil, string.format("%sat most %s of it can be taken, not %s", text, amount(row, left),
      quantity and amount(row, quantity) or tostring(item.quantity))
  elseif row.kind == "time" and quantity:round(0) ~= quantity then
    return nil,
      string.format("%s%s is no whole number of seconds: write hours as 1.5h, or seconds as 5400",
        text, tostring(item.quantity))
  elseif IS_WHOLE[row.kind] and quantity ~= left then
    return nil, text .. "a " .. row.kind .. " is moved as a whole"
  elseif kind == "transfer" and IS_WHOLE[row.kind] then
    return nil, text .. "only time and expenses are transferred: correct it at its source"
  end
  return quantity
end

--- How much of each state is taken.
local function takings(kind, row)
  local list, left = {}, row.wanted
  for _, state in ipairs(TAKES[kind]) do
    local part = decimal.min(left, decimal(row.states[state] or "0"))
    if part:sign() > 0 then
      list[#list + 1] =
        { entry_id = row.entry_id, from_state = state, quantity = tostring(part) }
      left = left - part
    end
  end
  return list
end

local function item_of(items, row)
  return items[row.entry_id] or items[row.ref]
end

--- The entries that are asked for, each with how much of it is wanted; nil and why not.
local function rows_of(kind, request)
  local ids, wanted, rows = json.array({}), {}, {}
  for i, item in ipairs(request.entries) do
    ids[i], wanted[item.entry_id] = item.entry_id, item
  end
  for _, row in ipairs(db.query(sql.movable, { ids })) do
    local item = item_of(wanted, row)
    if item.row then
      return nil,
        string.format("%s means several entries: write %s or %s", item.entry_id,
          item.row.entry_id, row.entry_id)
    end
    local left = ZERO
    for _, state in ipairs(TAKES[kind]) do
      left = left + decimal(row.states[state] or "0")
    end
    local quantity, problem = quantity_of(kind, row, item, left)
    if not quantity then
      return nil, problem
    end
    item.row, row.wanted, row.contract_id = row, quantity, given(row.contract_id)
    rows[#rows + 1] = row
  end
  for _, item in ipairs(request.entries) do
    if not item.row then
      return nil, "there is no entry " .. item.entry_id
        .. ": an entry is called SET/FILE:RECORD, for example 2026-10/harvest-time:17"
    elseif item.row.contract_id ~= rows[1].contract_id then
      return nil, item.entry_id .. " is of another contract: one contract at a time"
    end
  end
  return rows
end

--- What the work is worth by the contract that bills it now, else by the one that is to.
local function subject_of(kind, rows, contract, request)
  local total, d = ZERO, currency.decimals(contract.contract.currency)
  for _, row in ipairs(rows) do
    total = total + (worth.of(contract, row) or ZERO)
  end
  return {
    kind = kind,
    amount = figures.amount(total, d),
    currency = contract.contract.currency,
    customer = contract.contract.customer_id,
    title = contract.id,
    reason = request.reason,
    entries = worth.text(rows),
    prepared_by = request.prepared_by,
  }
end

local function period_of(rows)
  local day = given(rows[1].date)
  return (day or billow.today("UTC")):sub(1, 7)
end

local function read(input)
  local reason = given(input.reason)
  if not reason or not reason:find("%S") or #reason > REASON_MAX then
    reading.refuse("reason", reason or "nothing", "say why, in at most 500 characters")
  end
  return credit_request.read(input)
end

--- Asks whom the policy names, then writes; refused when somebody else was faster.
---@param subject table
---@param scopes table
---@param request table
---@param write fun(tx: table, actor: string, decision: table)
---@return table result
---@return table[]? results   of the statements, when it was done
local function carry_out(subject, scopes, request, write)
  local decision, problem = consent.decided("entry-moves", subject, scopes)
  if not decision then
    return refused(problem)
  elseif request.dry_run then
    return {
      status = "dry run",
      amount = subject.amount,
      currency = subject.currency,
      approvals = consent.approvals(decision),
      text = string.format("%s: %s\n%s",
        TITLES[subject.kind]:format(subject.amount, subject.currency, subject.title),
        consent.asked(decision), subject.entries),
    }
  end
  local yes = consent.agreed(subject, decision, TITLES[subject.kind])
  if not yes then
    return { status = "rejected", problem = "somebody did not agree: nothing was moved" }
  end
  -- On record is who asked for it; who agreed is with them.
  local actor = subject.prepared_by
  if yes.roles ~= "automatic" then
    actor = actor .. ", agreed by " .. yes.by
  end
  local is_done, outcome = pcall(db.transaction, function(tx)
    write(tx, actor, decision)
  end)
  if not is_done then
    if err.is(outcome, "INVALID") or err.is(outcome, "CONFLICT") then
      return refused("some of it was billed or moved meanwhile: look at it again")
    end
    error(outcome, 0)
  end
  local result = {
    status = DONE[subject.kind],
    amount = subject.amount,
    currency = subject.currency,
    approved_by = yes.by,
    roles = yes.roles,
    text = string.format("%s (%s %s of %s), by %s\n%s", DONE[subject.kind], subject.amount,
      subject.currency, subject.title, actor, subject.entries),
  }
  return result, outcome
end

local function all_takings(kind, rows)
  local list = json.array({})
  for _, row in ipairs(rows) do
    for _, taking in ipairs(takings(kind, row)) do
      list[#list + 1] = taking
    end
  end
  return list
end

--- The request and its entries, in the contract that bills them; nil and why not.
local function prepared(kind, input)
  local request, malformed = reading.try(read, input)
  if malformed then
    return nil, tostring(malformed)
  end
  local rows, problem = rows_of(kind, request)
  if not rows then
    return nil, problem
  end
  return { request = request, rows = rows, contract_id = rows[1].contract_id }
end

local function no_contract(rows)
  return rows[1].entry_id .. " is of no contract: nothing bills it"
end

local function review_day(request, decision, today)
  local day = given(request.review_on)
  return day or date.add_days(today, decision.review_days)
end

-- --- Hold and release ---------------------------------------------------------------------------

--- Keeps work out of every bill until it is released. The owner is asked about it when the day
--- comes.
---@param input {entries: string, reason: string, owner?: string, review_on?: string}
---@return table result   {status = "put on hold"|"refused"|"rejected"|"dry run", ...}
function moves.hold(input)
  local asked, problem = prepared("hold", input)
  if not asked then
    return refused(problem)
  elseif not asked.contract_id then
    return refused(no_contract(asked.rows))
  end
  local request, today = asked.request, billow.today("UTC")
  local day = given(request.review_on)
  if day and (not date.is_valid(day) or day <= today) then
    return refused("review_on is " .. day .. ": write a day after today as YYYY-MM-DD")
  end
  local contract = billing.contract(asked.contract_id, period_of(asked.rows))
  local subject = subject_of("hold", asked.rows, contract, request)
  local run = billow.run()
  local owner, review_on = given(request.owner), nil
  local result = carry_out(subject, { customer = subject.customer, contract = contract.id },
    request, function(tx, actor, decision)
      owner = owner or subject.prepared_by
      review_on = review_day(request, decision, today)
      tx:exec(sql.put_hold, { run.id, request.reason, owner, review_on, actor, today }, "one")
      local list = all_takings("hold", asked.rows)
      tx:exec(sql.hold, { list, run.id, actor, request.reason }, #list)
    end)
  if result.status == DONE.hold then
    result.hold, result.owner, result.review_on = run.id, owner, review_on
    result.text = string.format("%s\n%s looks at it on %s", result.text, owner, review_on)
    workflow.start("hold-review", { hold = run.id }, { key = run.id })
  end
  return result
end

--- Lets what is on hold be billed again.
---@param input {entries: string, reason: string}
---@return table result   {status = "released"|"refused"|"rejected"|"dry run", ...}
function moves.release(input)
  local asked, problem = prepared("release", input)
  if not asked then
    return refused(problem)
  elseif not asked.contract_id then
    return refused(no_contract(asked.rows))
  end
  local contract = billing.contract(asked.contract_id, period_of(asked.rows))
  local subject = subject_of("release", asked.rows, contract, asked.request)
  local run, ids = billow.run(), json.array({})
  local result = carry_out(subject, { customer = subject.customer, contract = contract.id },
    asked.request, function(tx, actor)
      local list = all_takings("release", asked.rows)
      tx:exec(sql.release, { list, run.id, actor, asked.request.reason }, #list)
    end)
  if result.status == DONE.release then
    for i, row in ipairs(asked.rows) do
      ids[i] = row.entry_id
    end
    for _, hold in ipairs(db.query(sql.holds_of, { ids })) do
      event.send("hold.changed", { by = run.id }, { key = hold.id, id = run.id, expires = "30d" })
    end
  end
  return result
end

-- --- Transfer ------------------------------------------------------------------------------------

--- The project of the other contract under which the work is to stand there; nil and why when
--- nobody says which.
local function project_of(contract, name)
  local names = {}
  for i, project in ipairs(contract.projects) do
    if name and (project.code == name or project.name == name) then
      return project
    end
    names[i] = project.code or project.name
  end
  if name then
    return nil, string.format("contract %s has no project %s: it has %s", contract.id, name,
      #names > 0 and table.concat(names, ", ") or "none")
  elseif #names > 1 then
    return nil, string.format("contract %s has several projects: name one of %s", contract.id,
      table.concat(names, ", "))
  end
  return contract.projects[1] or {}
end

--- What cannot be work of that contract, whoever agrees.
local function misfit(rows, contract)
  for _, row in ipairs(rows) do
    local day = given(row.date)
    local is_early = day and day < contract.start_date
    if is_early or (day and contract.end_date and day > contract.end_date) then
      return string.format("%s is of %s: contract %s runs from %s to %s", row.entry_id, day,
        contract.id, contract.start_date, contract.end_date or "no end")
    elseif row.kind == "expense" and given(row.body.currency)
      and row.body.currency ~= contract.currency then
      return string.format("%s is in %s, contract %s in %s", row.entry_id, row.body.currency,
        contract.id, contract.currency)
    end
  end
  return nil
end

--- What a part says otherwise than what it comes from.
local function said_of(row, project)
  local said = {
    moved_by = "person",
    project_code = project.code or "",
    project_name = project.name or "",
  }
  if row.kind == "time" then
    said.duration_seconds = row.wanted:to_integer()
  else
    said.amount = tostring(row.wanted)
  end
  return said
end

local function parts_of(rows, contract, project)
  local parts = json.array({})
  for i, row in ipairs(rows) do
    parts[i] = {
      entry_id = row.entry_id,
      quantity = tostring(row.wanted),
      contract_id = contract.id,
      said = said_of(row, project),
    }
  end
  return parts
end

--- The rows as they would be in the other contract.
local function rows_there(rows, project)
  local list = {}
  for i, row in ipairs(rows) do
    local body = {}
    for _, fields in ipairs({ row.body, said_of(row, project) }) do
      for name, value in pairs(fields) do
        body[name] = value
      end
    end
    list[i] = { entry_id = row.entry_id, kind = row.kind, body = body, wanted = row.wanted }
  end
  return list
end

local function contract_of(id, period)
  if #db.query(statements.documents, { "contract", json.array({ id }) }) == 0 then
    return nil, "there is no contract " .. id
  end
  return billing.contract(id, period)
end

--- Moves work to another contract, whole or in part: there it is an entry of its own, which leads
--- back to what was worked. It is billed with that contract's next bill, by its rates.
---@param input {entries: string, to: string, project?: string, reason: string}
---@return table result   {status = "transferred"|"refused"|"rejected"|"dry run", ...}
function moves.transfer(input)
  local asked, problem = prepared("transfer", input)
  if not asked then
    return refused(problem)
  elseif asked.contract_id == input.to then
    return refused(asked.rows[1].entry_id .. " is of contract " .. input.to .. " already")
  end
  local period = period_of(asked.rows)
  local target, project
  target, problem = contract_of(input.to, period)
  if target then
    problem = misfit(asked.rows, target.contract)
    if not problem then
      project, problem = project_of(target.contract, given(input.project))
    end
  end
  if problem then
    return refused(problem)
  end
  local source = asked.contract_id and billing.contract(asked.contract_id, period)
  local there = subject_of("transfer", rows_there(asked.rows, project), target, asked.request)
  local subject = source and subject_of("transfer", asked.rows, source, asked.request) or there
  subject.is_other_customer = source ~= nil and there.customer ~= subject.customer
  subject.title = string.format("%s to %s", source and source.id or "no contract", target.id)
  subject.worth_there = there.amount .. " " .. there.currency
  subject.entries = subject.entries .. "\n  there it is worth " .. subject.worth_there
  local scopes = { customer = subject.customer, contract = source and source.id or target.id }
  local run, parts = billow.run(), parts_of(asked.rows, target, project)
  local result, done = carry_out(subject, scopes, asked.request, function(tx, actor)
    sql.add_transfer(tx, parts, all_takings("transfer", asked.rows), {
      run = run.id,
      actor = actor,
      reason = asked.request.reason,
    })
  end)
  if result.status == DONE.transfer then
    result.to, result.parts = target.id, json.array({})
    for i, row in ipairs(done[2]) do
      result.parts[i] = row.id
    end
    result.text = result.text .. "\n  as " .. table.concat(result.parts, ", ")
  end
  return result
end

return moves
