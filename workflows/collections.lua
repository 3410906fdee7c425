-- collections: follows one invoice until nothing of it is open: delivery, reminders, interest.
-- Every billing run starts it for what it has issued. A credit note is only delivered.
local billow = require("billow")
local collections = require("billow.billing.collections")
local finish = require("billow.billing.finish")
local workflow = require("billow.workflow")

return workflow.define({
  name = "collections",
  version = "1.0.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Collection of an invoice",
  input = { invoice = "id", deliver = "boolean?" },
  policies = { "dunning", "interest", "delivery", "write-off", "credit-limit", "approval" },

  -- Lives as long as the debt: after each round the run begins anew, what it knows is in the
  -- database.
  run = function(input, state)
    local case = collections.open(input.invoice)
    if input.deliver and not state then
      local delivery = collections.deliver_invoice(case)
      if case.is_credit_note then
        return { invoice = case.id, number = case.invoice.number, status = delivery }
      end
    end
    local account = collections.account(case)
    collections.watch_credit(case) -- service_stop, service_resume
    local step = collections.next(case, account)
    if step.action == "settled" then
      local closed = collections.close(case, account)
      finish.follow({ closed.interest_invoice }) -- when interest was billed
      return closed
    elseif step.action == "send" then
      collections.remind(case, account, step)
    elseif step.action == "hand_over" then
      collections.hand_over(case, account)
    else
      collections.wait(case, step) -- a payment, a dispute, a promise, or the next date
    end
    return billow.checkpoint({ is_delivered = true })
  end,
})
