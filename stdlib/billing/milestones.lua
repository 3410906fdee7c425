--- Which milestones of a fixed fee are due, and what each is worth (data model 3.7).
---
--- Percent milestones are priced cumulatively, so that their amounts add up to the fee's part
--- without a cent lost or won. A milestone is due once, on its first accepted and evidenced event.
---@class billing.milestones
local milestones = {}

local decimal = require("billow.decimal")
local draft = require("billow.billing.draft")

local ZERO = decimal(0)
local PERCENT = decimal(100)

---@class billing.PricedMilestone
---@field id string
---@field amount Decimal
---@field depends_on string[]

--- The amounts of a contract's milestones, in contract order.
---@param terms table  of a fixed-fee contract
---@param d integer
---@return billing.PricedMilestone[]
---@return Decimal total
function milestones.price(terms, d)
  local priced, total, cumulative = {}, ZERO, ZERO
  for index, milestone in ipairs(terms.milestones or {}) do
    local amount = milestone.amount
    if milestone.percent then
      local before = (terms.fee_amount * cumulative / PERCENT):round(d)
      cumulative = cumulative + milestone.percent
      amount = (terms.fee_amount * cumulative / PERCENT):round(d) - before
    end
    priced[index] = {
      id = milestone.id,
      amount = amount,
      depends_on = milestone.depends_on or {},
    }
    total = total + amount
  end
  return priced, total
end

---@param list string[]
---@return table<string, boolean>
local function set_of(list)
  local set = {}
  for _, value in ipairs(list) do
    set[value] = true
  end
  return set
end

---@param event table
---@return boolean
local function is_evidenced(event)
  return event.accepted_by ~= nil and event.accepted_by ~= ""
end

---@class billing.Acceptances
---@field evidenced table<string, table>  milestone id -> its first event that counts, with evidence
---@field first table<string, table>      milestone id -> its first event that counts

--- The events that count by the end of a period, by milestone.
---@param events table[]  of the contract, file order
---@param period_end string
---@return billing.Acceptances
function milestones.accepted(events, period_end)
  local result = { evidenced = {}, first = {} }
  for _, event in ipairs(events) do
    local is_counting = event.type == "milestone" and event.status == "accepted"
      and event.accepted_on and event.accepted_on <= period_end
    if is_counting then
      result.first[event.milestone_id] = result.first[event.milestone_id] or event
      if is_evidenced(event) then
        result.evidenced[event.milestone_id] = result.evidenced[event.milestone_id] or event
      end
    end
  end
  return result
end

---@class billing.DueMilestones
---@field due {milestone: billing.PricedMilestone, event: table}[]  contract order
---@field exceptions billing.Exception[]

--- The milestones to bill now.
---@param contract table
---@param priced billing.PricedMilestone[]
---@param accepted billing.Acceptances
---@param billed_ids string[]  by earlier invoices
---@return billing.DueMilestones
function milestones.due(contract, priced, accepted, billed_ids)
  local is_billed = set_of(billed_ids)
  local result = { due = {}, exceptions = {} }
  local function report(code, event, message)
    result.exceptions[#result.exceptions + 1] =
      draft.exception(code, "milestone:" .. event.id, "entry", message, contract.id)
  end
  local function missing_dependency(milestone)
    for _, id in ipairs(milestone.depends_on) do
      if not is_billed[id] and not accepted.evidenced[id] then
        return id
      end
    end
    return nil
  end
  for _, milestone in ipairs(priced) do
    local event, first = accepted.evidenced[milestone.id], accepted.first[milestone.id]
    local missing = event and missing_dependency(milestone)
    local is_open = not is_billed[milestone.id]
    if is_open and missing then
      report("MILESTONE_DEPENDENCY", event, "milestone " .. milestone.id .. " depends on "
        .. missing .. ", which is not accepted: get it accepted or change the dependency")
    elseif is_open and event then
      result.due[#result.due + 1] = { milestone = milestone, event = event }
    elseif is_open and first then
      report("MILESTONE_NOT_EVIDENCED", first, "milestone " .. milestone.id
        .. " is accepted but nobody is named in accepted_by: add who accepted it")
    end
  end
  return result
end

---@class billing.DueProgress
---@field event table|nil   the event the progress was taken from
---@field amount Decimal    0 when nothing is due
---@field exceptions billing.Exception[]

--- Percent complete: the fee's part reached by the latest report, less what was billed.
---@param contract table
---@param events table[]  of the contract, file order
---@param period_end string
---@param billed_net Decimal
---@param d integer
---@return billing.DueProgress
function milestones.progress(contract, events, period_end, billed_net, d)
  local latest
  for _, event in ipairs(events) do
    local is_counting = event.type == "progress" and event.as_of and event.as_of <= period_end
    if is_counting and (not latest or event.as_of >= latest.as_of) then
      latest = event
    end
  end
  local result = { event = latest, amount = ZERO, exceptions = {} }
  if not latest then
    return result
  end
  local ref = "milestone:" .. latest.id
  local reached = (contract.terms.fee_amount * latest.percent_complete / PERCENT):round(d)
  local amount = reached - billed_net
  if not is_evidenced(latest) then
    result.exceptions[1] = draft.exception("MILESTONE_NOT_EVIDENCED", ref, "entry", "progress of "
      .. tostring(latest.percent_complete) .. " % is reported but nobody is named in accepted_by: "
      .. "add who accepted it", contract.id)
  elseif amount < ZERO then
    result.exceptions[1] = draft.exception("PROGRESS_DECREASED", ref, "entry", "progress of "
      .. tostring(latest.percent_complete) .. " % comes to " .. tostring(reached) .. ", but "
      .. tostring(billed_net) .. " is billed: correct the report or write a credit note",
      contract.id)
  else
    result.amount = amount
  end
  return result
end

return milestones
