--- Approval of what leaves the house: who must say yes is a policy's decision, what they say yes to
--- is a digest. Nobody approves what they had a part in, under whatever name and for whomever they
--- act; each yes, each refused one, each reminder is on record.
---@class billow.approval
local approval = {}

local billow = require("billow")
local clock = require("billow.approval_clock")
local credit_note = require("billow.billing.credit_note")
local date = require("billow.date")
local edits = require("billow.billing.edits")
local effect = require("billow.effect")
local err = require("billow.err")
local json = require("billow.json")
local people = require("billow.approval_people")
local policy = require("billow.policy")
local task = require("billow.task")
local text = require("billow.text")

local ROUNDS_MAX = 20

---@class billow.approval.Given
---@field by string         who said yes
---@field acts_for? string  whose delegate they are
---@field at_us integer
---@field stage integer
---@field evidence? table   of a link: what was seen, when

---@class billow.approval.Approved
---@field by string       who approved, several names joined by ", "
---@field digest string   of exactly what was approved
---@field given? billow.approval.Given[]

--- One line an approver sees per document.
local function summary(object)
  return {
    id = object.id,
    customer = object.customer_id,
    currency = object.currency,
    due_date = object.due_date,
    net = object.totals.tax_exclusive_amount,
    tax = object.totals.tax_amount,
    gross = object.totals.payable_amount,
    lines = #object.lines,
  }
end

local function summaries(bill)
  local list = {}
  for i, object in ipairs(bill.canonical) do
    list[i] = summary(object)
  end
  return json.array(list)
end

--- What an approval is bound to: every document, to the last member.
---@param bill {canonical: table[]}
---@return string
function approval.digest(bill)
  return text.sha256_hex(json.encode(json.array(bill.canonical)))
end

--- Refuses a bill that is not, to the last member, the one that was approved.
---@param bill {canonical: table[], digest: string}
---@param approved billow.approval.Approved
function approval.check(bill, approved)
  if approved.digest ~= bill.digest or approved.digest ~= approval.digest(bill) then
    error(err.new({
      code = "APPROVAL_VOID",
      text = "the bill is not the one that was approved: have it approved again",
    }), 0)
  end
end

--- What goes on while a bill is approved.
---@class billow.approval.Round
---@field contract billow.billing.Contract
---@field bill billow.billing.Bill
---@field decision table
---@field remarks table[]
---@field given billow.approval.Given[]
---@field can_edit boolean
---@field edits? billow.billing.Edit[]

local function put_on_record(round, what, fields)
  fields.kind = "approval." .. what
  fields.contract = round.contract.id
  fields.digest = round.bill.digest
  effect.post("note", fields)
end

local function names_of(given)
  local names = {}
  for i, one in ipairs(given) do
    names[i] = one.acts_for and one.by .. " for " .. one.acts_for or one.by
  end
  return names
end

--- "2 invoices", "1 credit note": what is approved, as the title says it.
local function counted(bill)
  local count, name = #bill.canonical, "credit note"
  for _, object in ipairs(bill.canonical) do
    name = object.type_code == credit_note.TYPE_CODE and name or "invoice"
  end
  return string.format("%d %s%s", count, name, count == 1 and "" or "s")
end

local function request(round, stage, state)
  local contract, bill, decision = round.contract, round.bill, round.decision
  local title =
    string.format("Approve %s of %s for %s", counted(bill), contract.id, contract.period)
  return {
    kind = "approval",
    group = contract.id,
    assignees = people.assignees(decision, stage, round.given, state),
    title = state.is_escalated and title .. " (nobody answered in time)" or title,
    body = {
      contract = contract.id,
      period = contract.period,
      digest = bill.digest,
      invoices = summaries(bill),
      documents = bill.canonical,
      reasons = json.array(decision.reasons),
      remarks = json.array(round.remarks),
      involved = json.array(decision.involved),
      approved_by = json.array(names_of(round.given)),
      needed = stage.count,
      stage = stage.why,
      remark = state.remark or json.null,
      remark_kind = state.remark and state.remark_kind or json.null,
      decisions = json.array({
        "approve",
        "reject",
        "reassign",
        round.can_edit and "edit" or nil,
      }),
    },
  }
end

--- Waits for an answer; reminds and escalates by the business hours of the firm. Nil: escalated.
local function wait(round, stage, state)
  local asked = request(round, stage, state)
  local times = not state.is_escalated
    and clock.times(round.decision, round.contract.ctx.firm, effect.now())
  if not times then
    return task.open(asked)
  end
  local answer, key = billow.race({
    answer = function()
      return task.open(asked)
    end,
    clock = function()
      clock.run(times, function()
        put_on_record(round, "reminded", { stage = stage.why, assignees = asked.assignees })
        clock.remind(round.contract, round.bill, asked)
      end)
      return false
    end,
  })
  return key == "answer" and answer or nil
end

local function reassign(round, stage, state, answer)
  local name = answer.comment or (type(answer.data) == "table" and answer.data.to)
  local problem = type(name) ~= "string" and "say to whom, as the comment"
    or people.objection(round.decision, stage, round.given, name, state)
  if problem then
    state.remark, state.remark_kind = "it cannot be reassigned: " .. problem, nil
    return
  end
  state.only, state.remark = name, string.format("%s asks %s to answer", answer.by, name)
  state.remark_kind = "note"
  put_on_record(round, "reassigned", { by = answer.by, to = name })
end

--- May so much be given up, for this reason? The write-off policy says.
local function write_down_problem(round, edit, by)
  local contract = round.contract
  local decision = policy.decide("write-off", {
    kind = "write_down",
    amount = edit.amount,
    currency = contract.contract.currency,
    reason_code = edit.reason_code,
    prepared_by = by,
  }, { customer = contract.contract.customer_id, contract = contract.id })
  return not decision.is_allowed and decision.reasons[1] or nil
end

--- The edits of an answer, each with who made it; nil and why when they cannot be made.
local function edits_of(round, answer)
  local data = type(answer.data) == "table" and answer.data or {}
  local list = data.edits
  if type(list) ~= "table" or #list == 0 then
    return nil, "edit needs data: {\"edits\": [{\"kind\": \"write_down\", ...}]}"
  end
  local contract = round.contract
  local d = contract.ctx.decimals(contract.contract.currency)
  for i, edit in ipairs(list) do
    local problem = edits.problem(round.bill, edit, d)
    if not problem and edit.kind == "write_down" then
      problem = write_down_problem(round, edit, answer.by)
    end
    if problem then
      return nil, string.format("edit %d: %s", i, problem)
    end
    edit.by = answer.by
  end
  return list
end

--- Ends the approval with edits; an approval of the bill as it was counts no more.
local function take_edits(round, state, answer)
  local list, problem = edits_of(round, answer)
  if not list then
    state.remark, state.remark_kind = problem, nil
    put_on_record(round, "refused", { by = answer.by, why = problem })
    return false
  end
  put_on_record(round, "edited", { by = answer.by, edits = list })
  round.edits = list
  return true
end

local function take_yes(round, stage, state, answer)
  local data = type(answer.data) == "table" and answer.data or {}
  local objection, acts_for = people.objection(
    round.decision,
    stage,
    round.given,
    answer.by,
    state
  )
  if not objection and data.digest and data.digest ~= round.bill.digest then
    objection = "the answer was for another bill"
  end
  if objection then
    state.remark, state.remark_kind = objection, "objection"
    put_on_record(round, "refused", { by = answer.by, why = objection })
    return false
  end
  round.given[#round.given + 1] = {
    by = answer.by,
    acts_for = acts_for,
    at_us = answer.at_us,
    stage = stage.number,
    evidence = data.evidence,
  }
  put_on_record(round, "given", { by = answer.by, acts_for = acts_for, stage = stage.why })
  state.only, state.remark = nil, nil
  return true
end

--- Collects the yes of a stage. False: somebody rejects the bill.
local function collect(round, stage)
  local state, got = { is_escalated = false }, 0
  for _ = 1, ROUNDS_MAX do
    if got >= stage.count then
      return true
    end
    local answer = wait(round, stage, state)
    local objection = answer and answer.decision ~= "approve"
      and people.stranger(round.decision, stage, answer.by, state)
    if objection then
      state.remark, state.remark_kind = objection, "objection"
      put_on_record(round, "refused", { by = answer.by, why = objection })
    elseif not answer then
      state.is_escalated, state.only = true, nil
      put_on_record(round, "escalated", { to = round.decision.escalate_to, stage = stage.why })
    elseif answer.decision == "reject" then
      put_on_record(round, "rejected", { by = answer.by, why = answer.comment })
      return false
    elseif answer.decision == "reassign" then
      reassign(round, stage, state, answer)
    elseif answer.decision == "edit" and round.can_edit then
      if take_edits(round, state, answer) then
        return false
      end
    elseif answer.decision ~= "approve" then
      local answers = round.can_edit and "approve, reject, reassign or edit"
        or "approve, reject or reassign"
      state.remark_kind = nil
      state.remark =
        string.format("%q is no answer here: %s", tostring(answer.decision), answers)
    elseif take_yes(round, stage, state, answer) then
      got = got + 1
    end
  end
  error("no valid approval after " .. ROUNDS_MAX .. " answers", 0)
end

local function collect_serial(round)
  for _, stage in ipairs(round.decision.stages) do
    if not collect(round, stage) then
      return false
    end
  end
  return true
end

--- All stages at once; one no ends them all.
local function collect_parallel(round)
  local actions = {}
  for i, stage in ipairs(round.decision.stages) do
    actions[i] = function()
      if not collect(round, stage) then
        error(err.new({ code = "REJECTED", text = "somebody rejected the bill" }), 0)
      end
      return true
    end
  end
  local is_done, problem = pcall(billow.all, actions)
  if not is_done and not err.is(problem, "REJECTED") then
    error(problem, 0)
  end
  return is_done
end

local function subject_of(contract, bill, remarks)
  local customer = contract.ctx.customers[contract.contract.customer_id] or {}
  local started_by = billow.run().started_by
  local involved = { table.unpack(bill.edited_by or {}) }
  if started_by and not started_by:find("^run:") then
    involved[#involved + 1] = started_by
  end
  return {
    contract = contract.contract.id,
    customer = contract.contract.customer_id,
    model = contract.contract.model,
    currency = contract.contract.currency,
    invoices = summaries(bill),
    prepared_by = contract.prepared_by or started_by,
    involved = json.array(involved),
    on = date.of_instant(effect.now(), contract.ctx.firm.time_zone),
    country = customer.address and customer.address.country_code or nil,
    risk = customer.risk,
    is_new_customer = bill.is_new_customer,
    margin_percent = bill.margin_percent,
    write_down_percent = bill.write_down_percent,
    is_unusual = #remarks > 0,
  }
end

--- Has a bill approved as the approval policy decides. Returns nil when somebody rejects it.
---@param contract billow.billing.Contract
---@param bill billow.billing.Bill
---@param remarks? {code: string, message: string}[]   what is unusual about it
---@param can_edit? boolean   whether an approver may edit it instead
---@return billow.approval.Approved?
---@return billow.billing.Edit[]? edits   that somebody makes instead of approving it
function approval.require(contract, bill, remarks, can_edit)
  remarks = remarks or {}
  local decision = policy.decide(
    "approval",
    subject_of(contract, bill, remarks),
    { customer = contract.contract.customer_id, contract = contract.id }
  )
  for i, stage in ipairs(decision.stages) do
    stage.number = i
  end
  local round =
    { contract = contract, bill = bill, decision = decision, remarks = remarks, given = {} }
  round.can_edit = can_edit == true
  local is_parallel = decision.order == "parallel" and #decision.stages > 1
  if not (is_parallel and collect_parallel or collect_serial)(round) then
    return nil, round.edits
  end
  local names = names_of(round.given)
  local by = #names > 0 and table.concat(names, ", ") or "policy approval " .. decision.version
  return { by = by, digest = bill.digest, given = json.array(round.given) }
end

return approval
