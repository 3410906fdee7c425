--- What an authority's answer about a tax number allows.

local vat_check = require("billow.billing.vat_check")

local NUMBER = "ATU13585627"

local function judged(answer, terms)
  local verdict = vat_check.judge(NUMBER, "AT", answer, "2026-10-31", terms)
  return verdict.status .. (verdict.may_leave_tax_out and ", without tax" or ", with tax"), verdict
end

describe("a buyer's tax number", function()
  it("that the authority confirmed lately lets the tax be left out", function()
    local text, verdict = judged({ status = "valid", requested_on = "2026-10-10",
      request_id = "W1" })
    assert.equal("valid, without tax", text)
    assert.equal("W1", verdict.evidence.answer.request_id)
    assert.equal(21, verdict.evidence.age_days)
  end)

  it("that the authority does not know does not", function()
    assert.equal("invalid, with tax", (judged({ status = "invalid", requested_on = "2026-10-10" })))
  end)

  it("with a wrong check digit needs no answer", function()
    local verdict = vat_check.judge("ATU13585628", "AT", nil, "2026-10-31")
    assert.equal("invalid", verdict.status)
  end)

  it("of which the answer is old, or for which there is none, goes the agreed way", function()
    local old = { status = "valid", requested_on = "2026-01-01" }
    assert.equal("pending, with tax", (judged(old)))
    assert.equal("blocked, with tax", (judged(nil, { when_unavailable = "block" })))
    assert.equal("pending, without tax", (judged({ status = "unavailable",
      requested_on = "2026-10-31" }, { when_unavailable = "accept_pending" })))
    assert.equal("valid, without tax", (judged(old, { max_age_days = 365 })))
  end)
end)
