--- Milestone and progress events (model 2, 3.7): typed, and each with the contract whose milestone
--- it names.
local milestones = {}

local decimal = require("billow.decimal")
local draft = require("billow.billing.draft")
local shape = require("billow.billing.shape")

milestones.FILE = "milestones.json"

local required, optional = shape.required, shape.optional

local FEE_PERCENT = decimal(100)
local STATUSES = { "accepted", "submitted", "rejected" }

local EVENT = shape.by_word("type", {
  milestone = shape.record({
    id = required(shape.text),
    contract_id = required(shape.text),
    type = required(shape.text),
    milestone_id = optional(shape.text),
    status = optional(shape.enum(STATUSES)),
    accepted_on = optional(shape.date),
    accepted_by = optional(shape.text),
    evidence_url = optional(shape.text),
  }),
  progress = shape.record({
    id = required(shape.text),
    contract_id = required(shape.text),
    type = required(shape.text),
    percent_complete = required(shape.amount),
    as_of = required(shape.date),
    accepted_by = optional(shape.text),
    evidence_url = optional(shape.text),
  }),
})

--- Read the decoded file; events keep the order of the file.
---@param values table[]
---@return table[]? events
---@return billing.Problem[] problems   when there are no events
function milestones.read(values)
  local problems, events, is_known = {}, {}, {}
  local function report(problem)
    problems[#problems + 1] = problem
  end
  for i, value in ipairs(values) do
    local id = type(value) == "table" and type(value.id) == "string" and value.id or "item " .. i
    local place = { file = milestones.FILE, id = "event " .. id, field = "" }
    local event = EVENT(value, place, report)
    if event and event.id then
      if is_known[event.id] then
        report(
          shape.problem(
            shape.inside(place, "id"),
            event.id,
            "used twice",
            "give each event its own id"
          )
        )
      end
      is_known[event.id] = true
      if event.percent_complete and event.percent_complete > FEE_PERCENT then
        report(
          shape.problem(
            shape.inside(place, "percent_complete"),
            tostring(event.percent_complete),
            "is more than all of the fee",
            "write at most 100; work beyond the fee needs a larger fee_amount"
          )
        )
      end
      event.sequence = i
      events[#events + 1] = event
    end
  end
  if #problems > 0 then
    return nil, problems
  end
  return events, problems
end

local function unknown(event, contract_id, message)
  return draft.exception(
    "MILESTONE_UNKNOWN",
    "milestone:" .. event.id,
    "entry",
    message,
    contract_id
  )
end

local function has_milestone(contract, id)
  for _, milestone in ipairs(contract.terms.milestones) do
    if milestone.id == id then
      return true
    end
  end
  return false
end

--- Why an event belongs to nothing, or nil.
local function stray(ctx, event)
  local contract = ctx.contracts[event.contract_id]
  if not contract then
    return unknown(event, nil, "there is no contract " .. event.contract_id)
  elseif contract.model ~= "fixed-fee" then
    return unknown(event, contract.id, "the contract is not a fixed fee but " .. contract.model)
  elseif event.type == "progress" and contract.terms.billing ~= "percent_complete" then
    return unknown(
      event,
      contract.id,
      "the contract is billed by milestones, not by percent complete"
    )
  elseif event.type == "milestone" and not has_milestone(contract, event.milestone_id) then
    local named = tostring(event.milestone_id)
    return unknown(event, contract.id, "the contract has no milestone " .. named)
  end
  return nil
end

--- Give each event to its contract.
---@param ctx billing.Context
---@param events table[]
---@return {by_contract: table<string, table[]>, exceptions: billing.Exception[]}
function milestones.assign(ctx, events)
  local by_contract, exceptions = {}, {}
  for _, event in ipairs(events) do
    local problem = stray(ctx, event)
    if problem then
      exceptions[#exceptions + 1] = problem
    else
      local list = by_contract[event.contract_id] or {}
      by_contract[event.contract_id] = list
      list[#list + 1] = event
    end
  end
  return { by_contract = by_contract, exceptions = exceptions }
end

return milestones
