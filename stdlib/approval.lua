--- Approval of what leaves the house: who must say yes is a policy's decision, what they say yes to
--- is a digest.
---@class billow.approval
local approval = {}

local billow = require("billow")
local json = require("billow.json")
local policy = require("billow.policy")
local task = require("billow.task")

local ROUNDS_MAX = 20

---@class billow.approval.Approved
---@field by string       who approved, several names joined by ", "
---@field digest string   of exactly what was approved

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

local function contains(list, name)
  for _, member in ipairs(list) do
    if member == name then
      return true
    end
  end
  return false
end

--- Why this person's approval does not count; nil when it does.
---@param decision table     of the approval policy
---@param name string
---@param earlier string[]   who approved already
---@return string?
local function objection(decision, name, earlier)
  if contains(earlier, name) then
    return name .. " has approved already: another person is needed"
  elseif decision.prepared_by == name and not decision.self_approval then
    return name .. " prepared this bill and cannot approve it"
  elseif #decision.approvers > 0 and not contains(decision.approvers, name) then
    return name .. " is not among the approvers: " .. table.concat(decision.approvers, ", ")
  end
  return nil
end

local function ask(contract, bill, decision, earlier, remark, remarks)
  return task.open({
    kind = "approval",
    group = contract.id,
    assignees = decision.approvers,
    title = string.format(
      "Approve %d invoice%s of %s for %s",
      #bill.canonical,
      #bill.canonical == 1 and "" or "s",
      contract.id,
      contract.period
    ),
    body = {
      contract = contract.id,
      period = contract.period,
      digest = bill.digest,
      invoices = summaries(bill),
      documents = bill.canonical,
      reasons = json.array(decision.reasons),
      remarks = json.array(remarks),
      approved_by = json.array(earlier),
      needed = decision.count,
      remark = remark or json.null,
      decisions = json.array({ "approve", "reject" }),
    },
  })
end

--- Has a bill approved as the approval policy decides. Returns nil when somebody rejects it.
---@param contract billow.billing.Contract
---@param bill billow.billing.Bill
---@param remarks? {code: string, message: string}[]   what is unusual about it
---@return billow.approval.Approved?
function approval.require(contract, bill, remarks)
  remarks = remarks or {}
  local decision = policy.decide("approval", {
    contract = contract.contract.id,
    customer = contract.contract.customer_id,
    model = contract.contract.model,
    currency = contract.contract.currency,
    invoices = summaries(bill),
    prepared_by = contract.prepared_by or billow.run().started_by,
  }, { customer = contract.contract.customer_id, contract = contract.id })
  local approved, remark = {}, nil
  for _ = 1, ROUNDS_MAX do
    if #approved >= decision.count then
      local by = #approved > 0 and table.concat(approved, ", ")
        or "policy approval " .. decision.version
      return { by = by, digest = bill.digest }
    end
    local answer = ask(contract, bill, decision, approved, remark, remarks)
    if answer.decision == "reject" then
      return nil
    elseif answer.decision ~= "approve" then
      remark = string.format("%q is no answer here: approve or reject", tostring(answer.decision))
    else
      remark = objection(decision, answer.by, approved)
      if not remark then
        approved[#approved + 1] = answer.by
      end
    end
  end
  error("no valid approval after " .. ROUNDS_MAX .. " answers", 0)
end

return approval
