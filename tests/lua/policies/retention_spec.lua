local policy = dofile("policies/retention/policy.lua")

local function decide(subject, settings)
  subject.on = subject.on or "2026-11-02"
  return policy.decide(subject, settings or {})
end

describe("policy retention", function()
  it("keeps documents and entries ten whole years after the year of their date", function()
    local decision = decide({ kind = "document", date = "2016-03-01" })
    assert.same({ "2026-12-31", false }, { decision.keep_until, decision.may_delete })
    assert.is_true(decide({ kind = "entry", date = "2015-12-31" }).may_delete)
  end)

  it("keeps previews for a number of days", function()
    assert.equal("2026-01-31", decide({ kind = "preview", date = "2026-01-01" }, {
      previews_days = 30,
    }).keep_until)
  end)

  it("deletes nothing under a legal hold", function()
    local decision = decide({ kind = "entry", date = "2001-01-01" }, { legal_hold = true })
    assert.is_false(decision.may_delete)
    assert.equal("a legal hold keeps everything", decision.reasons[2])
  end)

  it("lets runs that wrote nothing go after days, those that wrote after years", function()
    local decision = policy.decide({ kind = "runs", on = "2026-12-01" }, {
      runs_days = 30, documents_years = 7, entries_years = 10, workflows_days = { poll = 2 },
    })
    assert.same({
      { before = "2026-11-01", books_before = "2016-01-01" },
      { workflow = "poll", before = "2026-11-29", books_before = "2016-01-01" },
    }, decision.rules)
    assert.equal("a run that wrote nothing is kept for 30 days", decision.reasons[1])
  end)

  it("lets no run go under a legal hold", function()
    local decision = policy.decide({ kind = "runs", on = "2026-12-01" }, { legal_hold = true })
    assert.same({ {} }, decision.rules)
    assert.same({ "a legal hold keeps everything" }, decision.reasons)
  end)
end)
