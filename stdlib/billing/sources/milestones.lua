--- Milestone events find their contract (data model 3.7).
--
-- An event is unknown, whatever its status or date, when its contract does not exist or is not
-- fixed-fee, when the contract has no such milestone, or when it reports progress on a contract
-- that is not billed by percent complete.
---@class billing.sources.milestones
local milestones = {}

local draft = require("billow.billing.draft")

---@param contract table|nil
---@param event table
---@return string|nil  what is unknown about it
local function unknown(contract, event)
  if not contract then
    return "there is no contract " .. tostring(event.contract_id)
  elseif contract.model ~= "fixed-fee" then
    return "contract " .. contract.id .. " is not a fixed-fee contract"
  elseif event.type == "progress" then
    if contract.terms.billing ~= "percent_complete" then
      return "contract " .. contract.id .. " is not billed by percent complete"
    end
    return nil
  end
  for _, milestone in ipairs(contract.terms.milestones or {}) do
    if milestone.id == event.milestone_id then
      return nil
    end
  end
  return "contract " .. contract.id .. " has no milestone " .. tostring(event.milestone_id)
end

--- Sort events by contract, in file order.
---@param ctx billing.Context
---@param events table[]  as in `milestones.json`, decimals read
---@return {by_contract: table<string, table[]>, exceptions: billing.Exception[]}
function milestones.assign(ctx, events)
  local by_contract, exceptions = {}, {}
  for _, event in ipairs(events) do
    local contract = ctx.contracts[event.contract_id]
    local problem = unknown(contract, event)
    if problem then
      exceptions[#exceptions + 1] = draft.exception("MILESTONE_UNKNOWN", "milestone:" .. event.id,
        "entry", problem .. ": correct the event or the contract", contract and contract.id)
    else
      by_contract[contract.id] = by_contract[contract.id] or {}
      table.insert(by_contract[contract.id], event)
    end
  end
  return { by_contract = by_contract, exceptions = exceptions }
end

return milestones
