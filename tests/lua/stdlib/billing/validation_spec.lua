local build = require("support.billing")
local decimal = require("billow.decimal")

--- Codes of a month with these entries, and its seconds.
local function judge(entries, options)
  options = options or {}
  local ctx = build.context_of(options.terms or {}, options.contract, options.files)
  local month = build.compute(ctx, entries, options.expenses)
  local codes = build.codes(month.exceptions)
  for _, code in ipairs(build.codes(month.contracts.C.exceptions)) do
    codes[#codes + 1] = code
  end
  return codes, month.seconds, month.contracts.C
end

describe("validation of time entries (model 3.2)", function()
  local silent = {
    zero = { duration_seconds = 0 },
    already_invoiced = { invoiced = true },
    non_billable = { billable = false },
    open = { work_date = "2026-11-01" },
  }
  for disposition, changes in pairs(silent) do
    it("passes over an entry silently as " .. disposition, function()
      local codes, seconds, contract = judge({ build.entry(1, changes) })
      assert.same({}, codes)
      assert.equal(changes.duration_seconds or 3600, seconds[disposition])
      assert.equal(0, #contract.invoices)
    end)
  end

  local held = {
    PROJECT_UNKNOWN = { project_code = "Q" },
    CONTRACT_NOT_STARTED = { work_date = "2025-12-31" },
    NOT_APPROVED = { approval_status = "none" },
  }
  for code, changes in pairs(held) do
    it("holds an entry with " .. code, function()
      local codes, seconds = judge({ build.entry(1, changes) })
      assert.same({ code .. " harvest-time:1" }, codes)
      assert.same({ exception = 3600 }, seconds)
    end)
  end

  it("holds work after the contract's end with CONTRACT_ENDED", function()
    local codes = judge({ build.entry(1) }, { contract = { end_date = "2026-10-04" } })
    assert.same({ "CONTRACT_ENDED harvest-time:1" }, codes)
  end)

  it("matches by project name when the code is empty, and never by name when it is not", function()
    local codes, seconds =
      judge({ build.entry(1, { project_code = "" }), build.entry(2, { project_code = "X" }) })
    assert.same({ "PROJECT_UNKNOWN harvest-time:2" }, codes)
    assert.same({ billed = 3600, exception = 3600 }, seconds)
  end)

  it("bills unapproved time when the contract requires no approval", function()
    local codes = judge(
      { build.entry(1, { approval_status = "unapproved" }) },
      { contract = { approval_required = false } }
    )
    assert.same({}, codes)
  end)

  it("holds the second of two entries with the same key, notes compared by words", function()
    local codes = judge({
      build.entry(1, { notes = "Call  with\tBob" }),
      build.entry(2, { notes = " Call with Bob " }),
    })
    assert.same({ "DUPLICATE_ENTRY harvest-time:2" }, codes)
  end)

  it("never takes entries without notes for duplicates", function()
    assert.same({}, (judge({ build.entry(1, { notes = "" }), build.entry(2, { notes = " " }) })))
  end)

  it("finds a duplicate of an entry that is itself not billed", function()
    local codes = judge({
      build.entry(1, { notes = "same", approval_status = "unapproved" }),
      build.entry(2, { notes = "same" }),
    })
    assert.same({ "DUPLICATE_ENTRY harvest-time:2", "NOT_APPROVED harvest-time:1" }, codes)
  end)

  it("holds every entry of a person's day over 24 hours", function()
    local codes = judge({
      build.entry(1, { duration_seconds = 43200 }),
      build.entry(2, { duration_seconds = 43260 }),
      build.entry(3, {
        person = "Ben",
      }),
    })
    assert.same({ "DAY_OVER_24H harvest-time:1", "DAY_OVER_24H harvest-time:2" }, codes)
  end)

  it("leaves duplicates out of the day's 24 hours", function()
    local codes = judge({
      build.entry(1, { duration_seconds = 43200, notes = "a" }),
      build.entry(2, { duration_seconds = 43200, notes = "b" }),
      build.entry(3, { duration_seconds = 43200, notes = "b" }),
    })
    assert.same({ "DUPLICATE_ENTRY harvest-time:3" }, codes)
  end)

  it("bills late entries, or holds them when the contract says exception", function()
    local late = build.entry(1, { work_date = "2026-09-30" })
    assert.same({}, (judge({ late })))
    assert.same(
      { "LATE_ENTRY harvest-time:1" },
      (judge({ late }, { contract = { late_entries = "exception" } }))
    )
  end)

  it("holds an entry without a rate and tells the path searched", function()
    local codes, _, contract = judge(
      { build.entry(1) },
      { files = { rate_cards = { build.card("RC", {}) } } }
    )
    assert.same({ "NO_RATE harvest-time:1" }, codes)
    assert.equal("RC@2026-01-01: task=Development", contract.exceptions[1].details.searched[1])
  end)

  it("holds every entry of a contract without any rate card", function()
    local firm = build.firm()
    firm.rate_card_id = nil
    local codes, _, contract = judge(
      { build.entry(1), build.entry(2) },
      { files = { firm = firm } }
    )
    assert.same({ "NO_RATE harvest-time:1", "NO_RATE harvest-time:2" }, codes)
    assert.same({}, contract.exceptions[1].details.searched)
  end)

  it("holds an entry whose rate is in another currency", function()
    local card = build.card("RC", { { selector = "default", rate = "100" } }, { currency = "CHF" })
    assert.same(
      { "CURRENCY_MISMATCH harvest-time:1" },
      (judge({ build.entry(1) }, { files = { rate_cards = { card } } }))
    )
  end)

  it("gives the first rule that applies and no other", function()
    local codes = judge({ build.entry(1, { approval_status = "none", work_date = "2025-12-31" }) })
    assert.same({ "CONTRACT_NOT_STARTED harvest-time:1" }, codes)
  end)
end)

describe("validation of expenses (model 3.2)", function()
  local function judge_expense(changes, rules)
    return (
      judge({}, { expenses = { build.expense(1, changes) }, contract = { expenses = rules } })
    )
  end

  it("holds an expense of a contract that does not bill expenses", function()
    assert.same({ "EXPENSE_NOT_ALLOWED expenses:1" }, judge_expense({}))
  end)

  it("holds an expense above the limit without a receipt", function()
    local rules = { receipt_required_above = "10" }
    assert.same({}, judge_expense({}, rules))
    assert.same(
      { "RECEIPT_MISSING expenses:1" },
      judge_expense({ amount = decimal("10.01") }, rules)
    )
    assert.same(
      {},
      judge_expense({ amount = decimal("10.01"), receipt_url = "https://r.example/1" }, rules)
    )
  end)

  it("holds an expense in another currency", function()
    assert.same({ "CURRENCY_MISMATCH expenses:1" }, judge_expense({ currency = "USD" }, {}))
  end)

  it("passes over expenses already invoiced or not billable", function()
    assert.same({}, judge_expense({ invoiced = true }))
    assert.same({}, judge_expense({ billable = false }))
  end)
end)
