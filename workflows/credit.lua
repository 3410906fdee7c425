-- credit: credits an invoice, whole or in part, and bills the credited work anew when asked to.
local approval = require("billow.approval")
local billing = require("billow.billing")
local finish = require("billow.billing.finish")
local receivables = require("billow.billing.receivables")
local workflow = require("billow.workflow")

local TRIES_MAX = 3
local OVERTAKEN = "the invoice changed %d times while its credit note waited for approval, and "
  .. "nothing was issued (the last time: %s). Look at its other credit notes with "
  .. "'billow invoice show', and ask for this credit again"

return workflow.define({
  name = "credit",
  version = "1.2.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Credit note",
  -- request: {all = true}, {lines = {{line_id, amount?, quantity?}}}, {entries = {{entry_id,
  -- quantity?}}} or {amount = "100.00"}; outcome "written_off" or "excluded" when the work is not
  -- to be billed again.
  input = {
    invoice = "text", -- number or id
    request = "table",
    reason = "text",
    rebill = "boolean?",
    dry_run = "boolean?",
    prepared_by = "text?", -- who wants it, and does not approve it
  },
  policies = { "approval", "tax" },

  run = function(input)
    local credit, note, problem
    for try = 1, TRIES_MAX do
      credit, problem = receivables.credit(input.invoice, input.request, input.prepared_by)
      problem = problem or input.rebill and receivables.rebill_objection(credit)
      if problem then
        return { status = "refused", problem = problem }
      elseif input.dry_run then
        return receivables.shown(credit)
      end
      local approved = approval.require(credit.contract, credit.bill)
      if not approved then
        return { status = "rejected", problem = "the credit note was not approved" }
      end
      local options = { reason = input.reason, is_rebilled = input.rebill }
      note, problem = receivables.issue_credit(credit, approved, options)
      if note then
        break
      elseif try == TRIES_MAX then
        return { status = "refused", problem = OVERTAKEN:format(TRIES_MAX, problem) }
      end -- credited meanwhile: made anew from what is left, and approved anew
    end
    finish.follow({ note })
    local result = { status = "issued", id = note.id, number = note.number }
    if not input.rebill then
      return result
    end
    -- Exactly the credited work, which this run holds since the credit note.
    local bill, judged, contract = receivables.rebill(credit)
    contract.prepared_by = input.prepared_by or contract.prepared_by
    local approved = bill.status == "ready" and approval.require(contract, bill)
    if approved then
      result.rebilled = receivables.issue_rebill(credit, contract, judged, bill, approved)
      finish.follow(result.rebilled)
    else
      billing.release("not billed again: " .. bill.status)
      result.not_rebilled = bill.status == "ready" and "rejected" or bill.status
    end
    return result
  end,
})
