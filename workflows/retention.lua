-- retention: what the retention policy says about finished runs on a day: for the tenant, and for
-- the customers and contracts that have settings of their own. The engine's sweep starts it and
-- drops what its result lets go (docs/operating.md).
local policy = require("billow.policy")
local workflow = require("billow.workflow")

-- What a customer or contract says stands for runs of all workflows.
local function scoped(rules, scope)
  for _, rule in ipairs(rules) do
    if not rule.workflow then
      return {
        customer = scope.customer,
        contract = scope.contract,
        before = rule.before,
        books_before = rule.books_before,
      }
    end
  end
end

return workflow.define({
  name = "retention",
  version = "1.0.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Which finished runs may go",
  input = { on = "date", scopes = "list?" },
  policies = { "retention" },

  run = function(input)
    local subject = { kind = "runs", on = input.on }
    local decision = policy("retention", subject, {}, input.on)
    local rules = decision.rules
    for _, scope in ipairs(input.scopes or {}) do
      table.insert(rules, scoped(policy("retention", subject, scope, input.on).rules, scope))
    end
    return { rules = rules, version = decision.version }
  end,
})
