--- Which series a document takes its number from, by the numbering policy in force on its issue
--- date. The number itself is given by the transaction that stores the document.
---@class billow.billing.numbering
local numbering = {}

local err = require("billow.err")
local number = require("billow.billing.number")
local policy = require("billow.policy")

--- The series of a document; raises NO_SERIES when none may be used, before any number is given.
---@param ctx billing.Context
---@param object {type_code: string, issue_date: string, customer_id: string, contract_id?: string}
---@return string
function numbering.series(ctx, object)
  local decision = policy.decide(
    "numbering",
    number.subject(ctx.firm, object),
    { customer = object.customer_id, contract = object.contract_id },
    object.issue_date
  )
  if decision.problem then
    error(err.new({ code = "NO_SERIES", text = decision.problem }), 0)
  end
  return decision.series
end

return numbering
