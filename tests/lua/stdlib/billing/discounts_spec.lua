--- A contract's list of discounts (A21): in their fixed order, off what the ones before left, and
--- counted over their term.

local build = require("support.billing")
local decimal = require("billow.decimal")
local model = require("billow.billing.model")

local VOLUME = {
  kind = "volume",
  name = "Year",
  components = { "time" },
  tiers = {
    { up_to = "1000", percent = "0" },
    { up_to = "2000", percent = "5" },
    { percent = "10" },
  },
}

local function with(base, changes)
  local copy = {}
  for name, value in pairs(base) do
    copy[name] = value
  end
  for name, value in pairs(changes) do
    copy[name] = value
  end
  return copy
end

--- The written month of a contract with these discounts; `hours` of work at 100 an hour.
local function bill(discounts, options)
  options = options or {}
  local ctx = build.context_of(options.terms or {}, {
    discounts = discounts,
    expenses = { tax_code = "R" },
    start_date = options.start_date,
  }, {
    opening = {
      period = "2026-10",
      issue_date = "2026-11-02",
      discount_used = options.used and { C = options.used } or nil,
    },
  })
  local entry = build.entry(1, { duration_seconds = (options.hours or 5) * 3600 })
  local expenses = {}
  if options.expense then
    expenses[1] = build.expense(1, { amount = decimal(options.expense) })
  end
  return build.compute(ctx, { entry }, expenses).contracts.C
end

local function texts(month)
  local list = {}
  for i, allowance in ipairs(month.invoices[1].allowances) do
    list[i] = string.format("%s %s %s", allowance.reason, allowance.tax_code, allowance.amount)
  end
  return list
end

local function used(net, granted, since)
  return { { name = "Year", since = since or "2026-01", net = net, granted = granted or "0" } }
end

describe("a volume discount", function()
  it("is nothing below the first border", function()
    assert.same({}, texts(bill({ VOLUME })))
  end)

  it("has the tier that the year reaches with this invoice", function()
    assert.same({ "Year S 25.00" }, texts(bill({ VOLUME }, { used = used("600.00") })))
    assert.same({ "Year S 50.00" }, texts(bill({ VOLUME }, { used = used("1900.00") })))
  end)

  it("may have each part at the tier it falls into", function()
    local marginal = with(VOLUME, { mode = "marginal" })
    assert.same({ "Year S 5.00" }, texts(bill({ marginal }, { used = used("600.00") })))
    assert.same({ "Year S 45.00" }, texts(bill({ marginal }, { used = used("1900.00") })))
  end)

  it("keeps with the closing what the year came to", function()
    local closing = bill({ VOLUME }, { used = used("600.00", "1.00") }).closing
    assert.same(
      { { name = "Year", since = "2026-01", net = "1100.00", granted = "26.00" } },
      closing.discount_used
    )
  end)

  it("begins again with a new term", function()
    assert.same({}, texts(bill({ VOLUME }, { used = used("1900.00", "0", "2025-01") })))
    local year_of_contract = with(VOLUME, { term = "contract_year" })
    local month = bill({ year_of_contract }, { start_date = "2024-10-15", hours = 15 })
    assert.equal("2026-10", month.closing.discount_used[1].since)
    assert.same({ "Year S 75.00" }, texts(month))
  end)
end)

describe("a list of discounts", function()
  it("has a fixed order, however it is written: percent, volume, amount, credit", function()
    local month = bill({
      { kind = "credit", name = "Sorry", amount = "1000", components = { "time" } },
      { kind = "amount", name = "Flat", amount = "10", components = { "time" } },
      with(VOLUME, {}),
      { kind = "percent", name = "Friend", percent = "10", components = { "time" } },
    }, { used = used("1900.00") })
    assert.same(
      { "Friend S 50.00", "Year S 45.00", "Flat S 10.00", "Sorry S 395.00" },
      texts(month)
    )
    assert.equal("0.00", month.invoices[1].totals.payable_amount)
  end)

  it("grants a promised credit once, over as many invoices as it takes", function()
    local promise = { kind = "credit", name = "Year", amount = "700", components = { "time" } }
    local first = bill({ promise }, { start_date = "2026-01-01" })
    assert.same({ "Year S 500.00" }, texts(first))
    local second = bill({ promise }, { used = first.closing.discount_used })
    assert.same({ "Year S 200.00" }, texts(second))
    local third = bill({ promise }, { used = second.closing.discount_used })
    assert.same({}, texts(third))
    assert.equal("700.00", third.closing.discount_used[1].granted)
  end)

  it("is divided over tax codes to the cent", function()
    local off = { kind = "amount", name = "Flat", amount = "0.01",
      components = { "time", "expense" } }
    local month = bill({ off, with(off, { name = "More", amount = "10" }) },
      { hours = 1, expense = "50.00" })
    assert.same({ "Flat S 0.01", "More S 6.67", "More R 3.33" }, texts(month))
  end)

  it("discounts what the model's own discount left, never more than there is", function()
    local ctx = build.context_of({
      base_fee = "10",
      discount_percent = "60",
      meters = { { id = "m", event_type = "e", aggregation = "count",
        price = { model = "per_unit", unit_price = "100" } } },
      minimum_commit = { amount = "0" },
    }, {
      model = "usage",
      usage_subjects = { "s" },
      discounts = { { kind = "percent", name = "All", percent = "100", components = { "usage" } } },
    })
    local period = require("billow.billing.period")
    local result = period.bill(ctx, ctx.contracts.C, {
      time = {}, expenses = {}, milestones = {}, exceptions = {}, dispositions = {},
      usage = { events_by_type = { e = { { data = {}, time_us = 0 } } }, counted = 1,
        duplicates_dropped = 0 },
    })
    assert.equal(decimal("10.00"), result.invoices[1].totals.tax_exclusive_amount)
  end)

  it("says how each came about", function()
    local ctx = build.context_of({}, { discounts = { VOLUME } }, {
      opening = { period = "2026-10", issue_date = "2026-11-02",
        discount_used = { C = used("1900.00") } },
    })
    local period = require("billow.billing.period")
    local explained = require("billow.billing.explained")
    local items = period.collect(ctx, { time = { build.entry(1) }, expenses = {}, milestones = {},
      usage = {}, exceptions = {} }).C
    local made = period.bill(ctx, ctx.contracts.C, items).invoices[1]
    local told = table.concat(explained.totals(ctx, made), "\n")
    assert.truthy(told:find("less Year: 5.00 EUR (S): 100 on 2000 since 2026-01", 1, true), told)
  end)

  local function problem(discounts, field)
    local contract = build.contract({ discounts = discounts })
    local _, problems = model.read(build.files({ contracts = { contract } }))
    assert.equal(field, problems[1].field)
  end

  it("is refused when it does not fit together, and says where", function()
    problem({ with(VOLUME, { tiers = { { up_to = "10", percent = "1" } } }) },
      "discounts[1].tiers[1].up_to")
    problem({ { kind = "percent", name = "A", components = { "time" } } }, "discounts[1].percent")
    problem({ { kind = "credit", name = "A", components = { "time" } } }, "discounts[1].amount")
    problem({ VOLUME, VOLUME }, "discounts[2].name")
    problem({ with(VOLUME, { components = { "coffee" } }) }, "discounts[1].components[1]")
    problem({ with(VOLUME, { tiers = { { percent = "1" }, { percent = "2" } } }) },
      "discounts[1].tiers[1].up_to")
    problem({ { kind = "percent", name = "A", percent = "101", components = { "time" } } },
      "discounts[1].percent")
  end)
end)
