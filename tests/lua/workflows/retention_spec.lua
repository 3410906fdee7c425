-- What the workflow "retention" answers: which finished runs of a tenant may go, by the policy's
-- periods for each scope.
local testing = require("billow.testing")

local function rules_of(settings, scopes)
  local world = testing.world({ now = "2026-12-01T03:00:00Z", settings = settings })
  return world:start("retention", { on = "2026-12-01", scopes = scopes })
end

describe("retention", function()
  it("says from which days on finished runs may go", function()
    local run = rules_of({ retention = { runs_days = 30, workflows_days = { poll = 5 } } })
    assert.equal("done", run.status)
    assert.same({
      { before = "2026-11-01", books_before = "2016-01-01" },
      { workflow = "poll", before = "2026-11-26", books_before = "2016-01-01" },
    }, run.result.rules)
    assert.equal("1.1.0", run.result.version)
  end)

  it("asks for each customer and contract that has settings of its own", function()
    local row = function(name, value, scope_type, id)
      return { policy = "retention", name = name, value = value, scope_type = scope_type,
        scope_id = id, valid_from = "2026-01-01" }
    end
    local run = rules_of({
      row("documents_years", 20, "customer", "K-1"),
      row("legal_hold", true, "contract", "C-1"),
    }, { { customer = "K-1" }, { contract = "C-1" } })
    assert.same({
      { before = "2025-10-27", books_before = "2016-01-01" },
      { customer = "K-1", before = "2025-10-27", books_before = "2006-01-01" },
      { contract = "C-1" },
    }, run.result.rules)
  end)

  it("keeps everything under a legal hold of the tenant", function()
    assert.same({ {} }, rules_of({ retention = { legal_hold = true } }).result.rules)
  end)
end)
