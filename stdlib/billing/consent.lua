--- The yes of people whom a policy names: one of each role, each by another person, never by
--- whoever asked for it. Decisions are those of the policies write-off and entry-moves.
---@class billow.billing.consent
local consent = {}

local billow = require("billow")
local err = require("billow.err")
local given = require("billow.billing.reading").given
local json = require("billow.json")
local policy = require("billow.policy")
local task = require("billow.task")

local ANSWERS_MAX = 20

---@class billow.billing.ConsentDecision
---@field is_allowed boolean
---@field approvals {role: string, people: string[]}[]
---@field excluded string[]
---@field reasons string[]
---@field version string

--- What is given a yes to: {amount, currency, title, customer?, prepared_by?, ...}.
---@alias billow.billing.ConsentSubject table

--- What the policy says; nil and why when it forbids it.
---@param name string      of the policy
---@param subject billow.billing.ConsentSubject
---@param scopes table
---@return billow.billing.ConsentDecision?
---@return string? problem
function consent.decided(name, subject, scopes)
  subject.prepared_by = given(subject.prepared_by) or billow.run().started_by
  local decision = policy.decide(name, subject, scopes)
  if not decision.is_allowed then
    return nil, decision.reasons[1]
  end
  decision.policy = name
  return decision
end

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
local function ask(decision, approval, subject, earlier, title)
  local remark
  for _ = 1, ANSWERS_MAX do
    local answer = task.open({
      kind = "approval",
      group = subject.customer,
      assignees = approval.people,
      title = approval.role
        .. ": "
        .. string.format(title, subject.amount, subject.currency, subject.title),
      body = {
        subject = subject,
        role = approval.role,
        reasons = json.array(decision.reasons),
        agreed = json.array(earlier),
        remark = remark or json.null,
        remark_kind = remark and "objection" or json.null,
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
  error(
    err.new({
      code = "NO_ANSWER",
      text = "no valid answer after " .. ANSWERS_MAX .. " answers",
    }),
    0
  )
end

--- Has it agreed to by everyone whom the decision names. Returns nil when somebody refuses.
---@param subject billow.billing.ConsentSubject
---@param decision billow.billing.ConsentDecision
---@param title string   of the tasks, with %s for amount, currency and the subject's title
---@return {by: string, roles: string}?
function consent.agreed(subject, decision, title)
  local names, roles = {}, {}
  for i, approval in ipairs(decision.approvals) do
    names[i] = ask(decision, approval, subject, names, title)
    if not names[i] then
      return nil
    end
    roles[i] = approval.role
  end
  return {
    by = #names > 0 and table.concat(names, ", ")
      or "policy " .. decision.policy .. " " .. decision.version,
    roles = #roles > 0 and table.concat(roles, ", ") or "automatic",
  }
end

--- Who would be asked, in words.
---@param decision billow.billing.ConsentDecision
---@return string
function consent.asked(decision)
  local roles = {}
  for i, approval in ipairs(decision.approvals) do
    local people = table.concat(approval.people, " or ")
    roles[i] = approval.role .. (people ~= "" and " (" .. people .. ")" or "")
  end
  return #roles > 0 and "needs " .. table.concat(roles, " and ") or "nobody is asked"
end

--- Who would be asked, for machines.
---@param decision billow.billing.ConsentDecision
---@return {role: string, people: string[]}[]
function consent.approvals(decision)
  local approvals = json.array({})
  for i, approval in ipairs(decision.approvals) do
    approvals[i] = { role = approval.role, people = json.array(approval.people) }
  end
  return approvals
end

return consent
