--- What is stored with an issued invoice, so that it explains itself years later.

local build = require("support.billing")
local explained = require("billow.billing.explained")
local json = require("billow.json")
local period = require("billow.billing.period")

local AROUND = {
  exceptions = {
    { code = "CEILING_REACHED", level = "contract", message = "2 hours are beyond it" },
    { code = "NO_RATE", level = "entry", message = "no rate" },
  },
  policies = { { policy = "rates", version = "1.0.0" } },
  script = { workflow = "tm", place = "workflows/tm.lua:19" },
  approval = { by = "Dana", digest = "d" },
}

local function of(entries, contract_changes)
  local terms = { rounding = { increment_minutes = 15, mode = "up", scope = "entry" } }
  local ctx = build.context_of(terms, contract_changes)
  local by_contract = period.collect(ctx, {
    time = entries,
    expenses = {},
    milestones = {},
    usage = {},
    exceptions = {},
  })
  local made = period.bill(ctx, ctx.contracts.C, by_contract.C).invoices[1]
  return explained.invoice(ctx, made, AROUND), made
end

describe("the explanation of an invoice", function()
  local two = {
    build.entry(1, { duration_seconds = 600 }),
    build.entry(2, { duration_seconds = 600, notes = "another" }),
  }

  it("has a part for every line", function()
    local explanation, made = of(two)
    assert.are.equal(#made.lines, #explanation.lines)
    assert.are.equal("1", explanation.lines[1].id)
    assert.are.equal("time:Development: 0.5 HUR x 100.00 = 50.00 EUR", explanation.lines[1].line)
  end)

  it("writes a rate path and a rounding once, however many entries share them", function()
    local line = of(two).lines[1]
    assert.are.equal(2, #line.entries)
    assert.are.equal(1, #line.rates)
    assert.are.equal(1, #line.roundings)
    assert.are.equal(1, line.entries[2].rate)
    assert.are.equal(900, line.entries[2].billed_seconds)
    assert.is_true(#line.rates[1].searched > 0)
  end)

  it("goes from the lines to what is to be paid, and when", function()
    assert.are.same({
      "1 lines: 50.00 EUR",
      "less Discount: 5.00 EUR (S)",
      "net: 45.00 EUR",
      "tax S: 19 % of 45.00 = 8.55 EUR",
      "with tax: 53.55 EUR",
      "to pay: 53.55 EUR",
      "due 2026-12-02: net 30 from 2026-11-02, by the terms of the default",
    }, of(two, { discount = { percent = "10", components = { "time" } } }).totals)
  end)

  it("tells ceilings, policies, the script's line and the approver", function()
    local explanation = of(two)
    assert.are.same({ "CEILING_REACHED: 2 hours are beyond it" }, explanation.effects)
    assert.are.equal("rates", explanation.policies[1].policy)
    assert.are.equal("workflows/tm.lua:19", explanation.script.place)
    assert.are.equal("Dana", explanation.approval.by)
  end)

  it("is plain data that can be stored", function()
    local explanation = of(two)
    assert.are.same(json.encode(explanation), json.encode(json.decode(json.encode(explanation))))
  end)
end)
