-- dispute: one objection to an invoice, from the day it is raised until it is settled.
local disputes = require("billow.billing.disputes")
local workflow = require("billow.workflow")

return workflow.define({
  name = "dispute",
  version = "1.0.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Dispute about an invoice",
  input = {
    invoice = "text", -- number or id
    line_id = "text?",
    entry_id = "text?",
    amount = "text?", -- with tax; absent: all of the line, entry or invoice
    reason_code = "text",
    note = "text?",
    owner = "text",
    raised_by = "text?",
    answer_days = "integer?", -- business days
  },

  run = function(input)
    -- From now on this part is not dunned; the rest is.
    local case, problem = disputes.raise(input)
    if not case then
      return { state = "refused", problem = problem }
    elseif not disputes.take_up(case) then
      return { dispute = case.id, state = "withdrawn" }
    end
    local answer, credit, remark
    repeat
      answer, credit = disputes.answer(case, remark), nil
      if answer.request then
        credit = workflow.call("credit", {
          invoice = case.basis.id,
          request = answer.request,
          reason = "dispute",
          rebill = answer.is_rebilled,
          prepared_by = answer.by, -- who grants it does not approve it too
        })
        remark = credit.problem
      end
    until not answer.request or credit.status == "issued"
    return disputes.close(case, answer, credit)
  end,
})
