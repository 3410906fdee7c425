--- Disputes: by line, entry or amount; the states; the service level; what an answer credits.

local dispute = require("billow.billing.dispute")
local reading = require("billow.billing.reading")
local receivables = require("support.receivables")

local function basis()
  return {
    invoice = receivables.invoice("C/CU/2026-10/380", "INV-1", {
      receivables.line("1", "3", "100", "S"),
      receivables.line("2", "1", "80", "R"),
    }),
    credits = {},
    credited = {},
    billed = {
      {
        entry_id = "o/t:1",
        ref = "t:1",
        kind = "time",
        line_id = "1",
        quantity = 7200,
        amount = "200",
      },
      {
        entry_id = "o/t:2",
        ref = "t:2",
        kind = "time",
        line_id = "1",
        quantity = 3600,
        amount = "100",
      },
      {
        entry_id = "o/t:3",
        ref = "t:3",
        kind = "time",
        line_id = "2",
        quantity = 3600,
        amount = "80",
      },
    },
  }
end

local function opened(request)
  request.reason_code = request.reason_code or "hours"
  return dispute.open(basis(), request)
end

local function refusal(rule, ...)
  local result, problem = reading.try(rule, ...)
  assert.is_nil(result)
  return tostring(problem)
end

describe("a dispute", function()
  it("about a line, an entry or the invoice comes to its amount with tax", function()
    assert.equal("357.00", opened({ line_id = "1" }).amount)
    assert.equal("85.60", opened({ line_id = "2" }).amount)
    assert.equal("442.60", opened({}).amount)
    local made = opened({ entry_id = "t:2" })
    assert.same({ "1", "o/t:2", "119.00" }, { made.line_id, made.entry_id, made.amount })
  end)

  it("may be about less, never about more", function()
    assert.equal("50.00", opened({ line_id = "1", amount = "50.00" }).amount)
    assert.equal(
      'amount is "357.01": write a positive amount, with tax, of at most 357.00',
      refusal(dispute.open, basis(), { line_id = "1", amount = "357.01", reason_code = "rate" })
    )
  end)

  it("about a line is never about more than what the invoice asks", function()
    local with_deduction = {
      invoice = receivables.invoice("C/CU/2026-10/380", "INV-1", {
        receivables.line("1", "3", "100", "S"),
        receivables.line("2", "-1", "200", "S"),
      }),
      credits = {},
      credited = {},
      billed = {},
    }
    local made = dispute.open(with_deduction, { line_id = "1", reason_code = "scope" })
    assert.equal("119.00", made.amount)
  end)

  it("has a reason that is counted, and a place that exists", function()
    assert.equal(
      'reason_code is "mood": write one of delivery, duplicate, hours, order, other, '
        .. "quality, rate, scope, tax",
      refusal(dispute.open, basis(), { reason_code = "mood" })
    )
    assert.equal(
      'line_id is "9": name a line of the invoice',
      refusal(dispute.open, basis(), { line_id = "9", reason_code = "rate" })
    )
    assert.equal(
      'entry_id is "t:9": name an entry that the invoice bills',
      refusal(dispute.open, basis(), { entry_id = "t:9", reason_code = "rate" })
    )
  end)
end)

describe("the states of a dispute", function()
  it("follow one another", function()
    assert.is_true(dispute.may_follow(nil, "raised"))
    assert.is_true(dispute.may_follow("raised", "acknowledged"))
    assert.is_true(dispute.may_follow("investigating", "partly"))
    assert.is_false(dispute.may_follow("raised", "accepted"))
    assert.is_false(dispute.may_follow("rejected", "accepted"))
    assert.is_false(dispute.may_follow(nil, "closed"))
  end)

  it("keep the disputed part out of dunning until the answer is carried out", function()
    local open = {}
    for state in pairs(dispute.FOLLOWING) do
      if dispute.is_open(state) then
        open[#open + 1] = state
      end
    end
    assert.same({ "accepted", "acknowledged", "investigating", "partly", "raised" }, open)
  end)
end)

describe("the service level", function()
  it("counts business days", function()
    assert.equal("2026-12-28", dispute.answer_by("2026-12-23", 2, { "2026-12-25" }))
    assert.equal(2, dispute.business_days("2026-12-23", "2026-12-28", { "2026-12-25" }))
  end)
end)

describe("an accepted dispute", function()
  local function request(about, accepted)
    about.reason_code = "hours"
    return dispute.credit_request(basis(), dispute.open(basis(), about), accepted)
  end

  it("in full credits the whole entry, line or invoice, so that the work is open again", function()
    assert.same({ entries = { { entry_id = "o/t:2" } } }, request({ entry_id = "t:2" }, "119.00"))
    assert.same({ lines = { { line_id = "2" } } }, request({ line_id = "2" }, "85.60"))
    assert.same({ all = true }, request({}, "442.60"))
  end)

  it("in part is an amount without tax, of the line or of the invoice", function()
    assert.same(
      { lines = { { line_id = "1", amount = "100.00" } } },
      request({ line_id = "1" }, "119.00")
    )
    assert.same(
      { lines = { { line_id = "1", amount = "50.00" } } },
      request({ entry_id = "t:1" }, "59.50")
    )
    assert.same({ amount = "190.00" }, request({}, "221.30"))
  end)

  it("is never about more than was disputed", function()
    assert.equal(
      'accepted_amount is "120.00": write a positive amount, with tax, of at most 119.00',
      refusal(dispute.credit_request, basis(), opened({ entry_id = "t:2" }), "120.00")
    )
  end)
end)
