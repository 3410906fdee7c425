-- setup: stores a firm's documents (firm, customers, contracts, rate cards, opening) after checking
-- that they fit.
local setup = require("billow.billing.setup")
local workflow = require("billow.workflow")

return workflow.define({
  name = "setup",
  version = "1.0.0",
  limits = { steps = "50M", memory = "64MiB" },
  title = "Documents of a firm",
  input = { documents = "table", period = "period" },

  -- documents: {firm, customers, contracts, rate_cards, opening}, as in the files of a month's
  -- folder.
  -- Result: {stored = number of new versions} or {problems = list of texts}; nothing is stored when
  -- there are problems.
  run = function(input)
    local problems = setup.check(input.documents, input.period)
    if #problems > 0 then
      return { problems = problems }
    end
    return { stored = setup.store(input.documents) }
  end,
})
