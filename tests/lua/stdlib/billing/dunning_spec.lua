--- Dunning: levels by days overdue with a gap, pauses, business days and office hours.

local decimal = require("billow.decimal")
local dunning = require("billow.billing.dunning")

local TERMS = {
  levels = { { after_days = 5 }, { after_days = 20, fee = "10.00" }, { after_days = 35 } },
  minimum_amount = "5.00",
  minimum_gap_days = 10,
  hand_over_days = 14,
  max_attempts = 3,
  is_paused_by_dispute = false,
  send_from = "09:00",
  send_until = "17:00",
}

--- Due on Wednesday 2026-12-02; 100.00 open.
local function next_of(changes, terms)
  local state = {
    today = "2026-12-02",
    due_date = "2026-12-02",
    open = decimal("100.00"),
    disputed = decimal(0),
    sent = {},
    holds = {},
    holidays = { "2026-12-25" },
  }
  for name, value in pairs(changes) do
    state[name] = value
  end
  return dunning.next(terms or TERMS, state)
end

local function terms_with(changes)
  local terms = {}
  for name, value in pairs(TERMS) do
    terms[name] = value
  end
  for name, value in pairs(changes) do
    terms[name] = value
  end
  return terms
end

describe("the first reminder", function()
  it("waits for its days after the due date, and for a business day", function()
    local step = next_of({ today = "2026-12-04" })
    assert.same(
      { "wait", "2026-12-07", "reminder 1 is due on 2026-12-07" },
      { step.action, step.on, step.reason }
    )
  end)

  it("asks for what is open", function()
    local step = next_of({ today = "2026-12-07" })
    assert.same({ "send", 1, "100.00" }, { step.action, step.level, tostring(step.amount) })
  end)

  it("comes first, however late it is", function()
    assert.equal(1, next_of({ today = "2027-06-01" }).level)
  end)

  it("is the only one until it is sent, then never again", function()
    local sent = { { level = 1, sent_on = "2026-12-07" } }
    assert.same({ "wait", "2026-12-22" }, {
      next_of({ today = "2026-12-07", sent = sent }).action,
      next_of({ today = "2026-12-07", sent = sent }).on,
    })
    assert.equal(2, next_of({ today = "2026-12-22", sent = sent }).level)
  end)
end)

describe("a later reminder", function()
  it("keeps the gap to the one before, even when that came late", function()
    local step = next_of({ today = "2027-01-20", sent = { { level = 1, sent_on = "2027-01-18" } } })
    assert.same({ "wait", "2027-01-28" }, { step.action, step.on })
  end)

  it("goes on at the next level after a pause", function()
    local lifted = { kind = "flag", from_date = "2026-12-10", lifted_on = "2027-03-01" }
    local step = next_of({
      today = "2027-03-01",
      sent = { { level = 1, sent_on = "2026-12-07" } },
      holds = { lifted },
    })
    assert.same({ "send", 2 }, { step.action, step.level })
  end)

  it("is the last one; after it people decide", function()
    local sent = { { level = 3, sent_on = "2027-01-11" } }
    assert.equal("2027-01-25", next_of({ today = "2027-01-20", sent = sent }).on)
    assert.equal("hand_over", next_of({ today = "2027-01-25", sent = sent }).action)
  end)

  it("may cost a fee", function()
    assert.equal("10.00", tostring(dunning.fee(TERMS, 2)))
    assert.is_true(dunning.fee(TERMS, 1):is_zero())
  end)
end)

describe("nothing goes out", function()
  it("when nothing is open: it is settled", function()
    assert.equal("settled", next_of({ open = decimal(0), today = "2027-06-01" }).action)
    assert.equal("settled", next_of({ open = decimal("-5"), today = "2027-06-01" }).action)
  end)

  it("while payment is promised; the day after, it goes on", function()
    local holds = { { kind = "promise", from_date = "2026-12-05", until_date = "2026-12-18" } }
    local step = next_of({ today = "2026-12-08", holds = holds })
    assert.same(
      { "wait", "2026-12-19", "payment is promised until 2026-12-18" },
      { step.action, step.on, step.reason }
    )
    assert.equal("send", next_of({ today = "2026-12-21", holds = holds }).action)
  end)

  it("while reminders are off, or there is a legal hold, until somebody lifts it", function()
    for _, kind in ipairs({ "flag", "legal" }) do
      local step =
        next_of({ today = "2027-06-01", holds = { { kind = kind, from_date = "2026-12-05" } } })
      assert.same({ "wait" }, { step.action, step.on })
    end
  end)

  it("below the minimum", function()
    local step = next_of({ today = "2027-06-01", open = decimal("4.99") })
    assert.same({ "wait", "4.99 is below the minimum of 5.00" }, { step.action, step.reason })
  end)

  it("while cash has come in that nobody has matched", function()
    local step = next_of({ today = "2026-12-11", is_cash_unmatched = true })
    assert.same({ "wait", "2026-12-14" }, { step.action, step.on })
  end)
end)

describe("a dispute", function()
  it("takes its part out; the rest is dunned", function()
    local step = next_of({ today = "2026-12-07", disputed = decimal("40.00") })
    assert.same({ "send", "60.00" }, { step.action, tostring(step.amount) })
  end)

  it("of everything stops the reminders, without a date", function()
    local step = next_of({ today = "2027-06-01", disputed = decimal("100.00") })
    assert.same({ "wait", "all of it is disputed" }, { step.action, step.reason })
    assert.is_nil(step.on)
  end)

  it("may stop them for the whole invoice", function()
    local terms = terms_with({ is_paused_by_dispute = true })
    local step = next_of({ today = "2027-06-01", disputed = decimal("1.00") }, terms)
    assert.equal("there is a dispute", step.reason)
  end)
end)

describe("the instant", function()
  local function instant(on, now)
    return dunning.instant(on, now, TERMS, "Europe/Berlin", { "2026-12-25" })
  end

  it("is the opening of the day, in the firm's time zone", function()
    assert.equal("2026-12-07T08:00:00Z", instant("2026-12-07", "2026-12-04T12:00:00Z"))
    assert.equal("2026-07-06T07:00:00Z", instant("2026-07-06", "2026-07-04T12:00:00Z"))
  end)

  it("is now within office hours", function()
    assert.equal("2026-12-07T10:00:00Z", instant("2026-12-07", "2026-12-07T10:00:00Z"))
  end)

  it("is the next business day after hours, on weekends and holidays", function()
    assert.equal("2026-12-08T08:00:00Z", instant("2026-12-07", "2026-12-07T20:00:00Z"))
    assert.equal("2026-12-28T08:00:00Z", instant("2026-12-20", "2026-12-25T10:00:00Z"))
  end)
end)

describe("a delivery that fails", function()
  it("is tried again, then it is a person's business", function()
    assert.same(
      { "again", "ask" },
      { dunning.after_failure(TERMS, 2), dunning.after_failure(TERMS, 3) }
    )
  end)
end)

describe("a credit note of the whole amount", function()
  -- A worked case: dunned, credited in full, the credit note cancelled.
  it("resolves the dunning, and its cancelling opens it again", function()
    local states = {}
    for i, open in ipairs({ "100.00", "0.00", "100.00" }) do
      local step = next_of({ today = "2026-12-07", open = decimal(open) })
      states[i] = step.action == "settled" and "Resolved" or "Unresolved"
    end
    assert.same({ "Unresolved", "Resolved", "Unresolved" }, states)
  end)
end)
