-- statement: a customer's statement of account, one for each currency.
local receivables = require("billow.billing.receivables")
local workflow = require("billow.workflow")

return workflow.define({
  name = "statement",
  version = "1.0.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Statement of account",
  input = {
    customer = "text",
    from = "text?", -- the first day; absent: from the first invoice
    as_of = "text?", -- the last day; absent: today
    format = "text?", -- "ubl": the documents too
  },

  run = function(input)
    return receivables.statement_for(input)
  end,
})
