-- tm: bills the approved time and expenses of one contract for one period.
local approval = require("billow.approval")
local billing = require("billow.billing")
local report = require("billow.billing.report")
local workflow = require("billow.workflow")

return workflow.define({
  name = "tm",
  version = "1.0.0",
  title = "Time and materials",
  input = { contract = "id", period = "period" },
  policies = { "rates", "rounding", "ceiling", "tax", "approval" },

  run = function(input)
    while true do
      local contract = billing.contract(input.contract, input.period)
      -- Exceptions become tasks; the run waits until somebody clears them.
      local judged = billing.validate(contract, billing.collect(contract))
      local bill = billing.time_and_materials(contract, judged)

      if bill.status == "ready" then
        -- By the policy's matrix, never by who prepared it, bound to the bill's digest.
        local approved = approval.require(contract, bill)
        if approved then
          -- Numbers, invoices, ledger and documents: one transaction.
          local issued = billing.issue(contract, judged, bill, approved)
          return report.issued(contract, judged, bill, issued)
        end
        billing.set_aside(contract, bill, "rejected")
        return report.not_issued(contract, judged, bill, "rejected")
      elseif bill.status == "nothing" or not billing.is_to_be_redone(contract, bill) then
        billing.set_aside(contract, bill, bill.status)
        return report.not_issued(contract, judged, bill, bill.status)
      end
      billing.release("to be made again")
    end
  end,
})
