--- How a bill ends, the same for every model: approved and issued, closed without an invoice, set
--- aside, or made again.
local finish = {}

local approval = require("billow.approval")
local billing = require("billow.billing")
local report = require("billow.billing.report")
local review = require("billow.billing.review")
local workflow = require("billow.workflow")

--- Lets a run of collections follow each invoice from here on: delivery, reminders, interest. Its
--- key is the invoice's id: whoever asks again, and however often, one run follows an invoice.
---@param issued {id: string}[]
function finish.follow(issued)
  for _, invoice in ipairs(issued) do
    workflow.start("collections", { invoice = invoice.id, deliver = true }, {
      key = invoice.id,
    })
  end
end

--- Takes a bill to its end. Returns the run's result; nil when the bill is to be made again.
---@param contract billow.billing.Contract
---@param judged billow.billing.Judged
---@param bill billow.billing.Bill
---@return table? result
function finish.bill(contract, judged, bill)
  if bill.status == "ready" then
    -- Beside what was issued before: is it billed already, is it unusual?
    local reviewed = review.bill(contract, bill)
    if reviewed.is_repetition then
      billing.set_aside(contract, bill, "looks billed already")
      return report.not_issued(contract, judged, bill, "repetition")
    end
    -- By the policy's matrix, never by who prepared it, bound to the bill's digest.
    local approved, edited = approval.require(contract, bill, reviewed.remarks, true)
    if edited then
      -- Another bill, for others to approve.
      return finish.bill(contract, judged, billing.edit(contract, judged, edited))
    elseif not approved then
      billing.set_aside(contract, bill, "rejected")
      return report.not_issued(contract, judged, bill, "rejected")
    end
    -- Numbers, invoices, ledger and documents: one transaction.
    local issued = billing.issue(contract, judged, bill, approved)
    finish.follow(issued)
    return report.issued(contract, judged, bill, issued)
  elseif bill.status == "nothing" then
    billing.close(contract, judged, bill)
    return report.not_issued(contract, judged, bill, "nothing")
  elseif billing.is_to_be_redone(contract, bill) then
    billing.release("to be made again", contract)
    return nil
  end
  billing.set_aside(contract, bill, bill.status)
  return report.not_issued(contract, judged, bill, bill.status)
end

return finish
