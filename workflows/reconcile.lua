-- reconcile: takes a bank file and books what came in on the invoices it pays.
local cash = require("billow.billing.cash")
local workflow = require("billow.workflow")

return workflow.define({
  name = "reconcile",
  version = "1.1.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Payments to invoices",
  input = {
    id = "text?",
    text = "text?", -- the file; or in pieces, as events "bank.chunk" with key "<id>/<n>": {text}
    chunks = "integer?",
    format = "text?", -- "camt", "mt940", "csv"; found by how the file begins
    options = "table?", -- of a CSV file
    statements = "list?", -- statements that another system has read
    unmatched = "boolean?", -- instead of a file: look again at what nobody has placed
  },
  policies = { "matching" },

  run = function(input)
    if input.unmatched then
      return cash.told({ entries = cash.reconcile(cash.open_entries()) })
    end
    -- A file that cannot be read is an answer, not a fault: nothing of it was taken.
    local statements, problem = cash.read(input)
    if not statements then
      return { problem = problem }
    end
    for i, statement in ipairs(statements) do
      -- Stored once, whichever file brings it; gaps in the balances are asked about.
      local taken = cash.take(statement)
      -- Sure matches by the policy, the rest by a person; each in one transaction.
      local booked = cash.reconcile(taken.entries)
      taken.entries = booked
      statements[i] = taken
    end
    return cash.told({ statements = statements })
  end,
})
