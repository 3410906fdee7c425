--- Usage that is rated together over a term (A16): tiers and free quantities of a year, billed by
--- the month.

local build = require("support.billing")
local credit_effects = require("billow.billing.credit_effects")
local decimal = require("billow.decimal")
local explain = require("billow.billing.explain")
local json = require("billow.json")
local model = require("billow.billing.model")
local period = require("billow.billing.period")

local TIERS = { { up_to = "100", unit_price = "2" }, { unit_price = "1" } }

local function terms_of(price, changes)
  local meter = { id = "m", event_type = "e", aggregation = "sum", field = "n",
    term = "calendar_year", price = price }
  for name, value in pairs(changes or {}) do
    meter[name] = value
  end
  return { meters = { meter } }
end

local function counted(amount, since)
  return { C = {
    { meter = "m", since = since or "2026-01", period = "2026-09", aggregate = amount, count = 3 },
  } }
end

local function bill(price, now, before, changes, contract)
  contract = contract or {}
  contract.model, contract.usage_subjects = "usage", { "s" }
  local ctx = build.context_of(terms_of(price, changes), contract, {
    opening = { period = "2026-10", issue_date = "2026-11-02", usage_counted = before },
  })
  local result = period.bill(ctx, ctx.contracts.C, {
    time = {}, expenses = {}, milestones = {}, exceptions = {}, dispositions = {},
    usage = { events_by_type = { e = { { data = { n = now }, time_us = 0 } } }, counted = 1,
      duplicates_dropped = 0 },
  })
  local texts = {}
  for i, line in ipairs(result.invoices[1] and result.invoices[1].lines or {}) do
    texts[i] = string.format("%s: %s x %s = %s", line.description_key, tostring(line.quantity),
      tostring(line.unit_price), tostring(line.net_amount))
  end
  return texts, result, ctx
end

describe("a meter over a year", function()
  it("fills the tiers where the months before left them", function()
    local graduated = { model = "graduated", tiers = TIERS }
    assert.same({ "usage:m:tier1: 20 x 2 = 40.00", "usage:m:tier2: 30 x 1 = 30.00" },
      (bill(graduated, "50", counted("80"))))
    assert.same({ "usage:m:tier2: 50 x 1 = 50.00" }, (bill(graduated, "50", counted("120"))))
  end)

  it("comes to the same as the whole, however it is sliced", function()
    local price = { model = "per_unit", unit_price = "0.333" }
    assert.same({ "usage:m: 1 x 0.34 = 0.34" }, (bill(price, "1", counted("1"))))
    assert.same({ "usage:m: 1 x 0.333 = 0.33" }, (bill(price, "1", counted("3")))) -- 1.33 - 1.00
  end)

  it("gives a free quantity once, not every month", function()
    local price = { model = "per_unit", unit_price = "1" }
    local free = { free_quantity = "100" }
    assert.same({ "usage:m: 30 x 1 = 30.00" }, (bill(price, "50", counted("80"), free)))
    assert.same({}, (bill(price, "10", counted("80"), free)))
  end)

  it("gives back what a cheaper tier of the whole volume makes of the months before", function()
    local texts, result = bill({ model = "volume", tiers = TIERS }, "10", counted("95"))
    -- 105 at 1 less 95 at 2: what was billed too dear comes back.
    assert.equal(2, #texts)
    assert.equal(decimal("-85.00"), result.invoices[1].totals.line_extension_amount)
    assert.equal("blocked", result.invoices[1].status)
  end)

  it("keeps what each period came to, and begins again with a new term", function()
    local price = { model = "per_unit", unit_price = "1" }
    local _, result = bill(price, "50", counted("80"))
    local kept = result.closing.usage_counted
    assert.same({ "2026-09", "2026-10" }, { kept[1].period, kept[2].period })
    assert.equal(decimal("50"), kept[2].aggregate)
    local _, anew = bill({ model = "graduated", tiers = TIERS }, "50", counted("80", "2025-01"))
    assert.equal(1, #anew.closing.usage_counted)
    assert.equal(decimal("100.00"), anew.invoices[1].totals.line_extension_amount)
  end)

  it("explains what it was rated together with", function()
    local _, result, ctx = bill({ model = "graduated", tiers = TIERS }, "50", counted("80"))
    local told = table.concat(explain.line(ctx, result.invoices[1], "1").notes, "; ")
    assert.truthy(told:find("rated together with 80 since 2026-01", 1, true), told)
  end)

  it("is refused where a term cannot be told from its months, and says why", function()
    local function problem(changes, price)
      local contract = build.contract({ model = "usage" })
      contract.terms = terms_of(price or { model = "per_unit", unit_price = "1" }, changes)
      local _, problems = model.read(build.files({ contracts = { contract } }))
      assert.equal("terms.meters[1].term", problems[1].field)
      return problems[1].text
    end
    assert.truthy(problem({ aggregation = "unique" }):find("use sum or count", 1, true))
    local of_cost = problem({}, { model = "cost_plus", multiplier = "1" })
    assert.truthy(of_cost:find("one period", 1, true))
  end)

  it("forgets a period whose invoice was credited as a whole, until it is billed anew", function()
    local contract = { id = "C", model = "usage", terms = {} }
    local body = { type_code = "380", lines = json.array({}), allowances = json.array({}),
      period = { end_date = "2026-09-30" }, totals = { tax_exclusive_amount = "10.00" } }
    local note = { id = "N", body = body, credited_body = body }
    local opening = { usage_counted = counted("80") }
    assert.equal(0, #credit_effects.count(opening, contract, { note }).usage_counted.C)
    local anew = { id = "A", body = body }
    assert.equal(1, #credit_effects.count(opening, contract, { note, anew }).usage_counted.C)
  end)
end)
