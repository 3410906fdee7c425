--- A period of a usage contract: base fee, meters, discount, minimum, maximum, in this order.

local build = require("support.billing")
local decimal = require("billow.decimal")
local usage = require("billow.billing.usage")

local CALLS = {
  id = "calls", event_type = "call", aggregation = "sum", field = "n",
  price = { model = "per_unit", unit_price = "1" },
}

local function with(fields)
  local copy = {}
  for name, value in pairs(CALLS) do
    copy[name] = value
  end
  for name, value in pairs(fields) do
    copy[name] = value
  end
  return copy
end

--- Bill October 2026 with these events of type "call".
local function bill(terms, values, contract_changes)
  local contract = contract_changes or {}
  contract.model = "usage"
  contract.usage_subjects = { "s" }
  terms.meters = terms.meters or { CALLS }
  local ctx = build.context_of(terms, contract)
  local events = {}
  for index, value in ipairs(values) do
    events[index] = { data = { n = value }, time_us = index }
  end
  return usage.bill(ctx, ctx.contracts.C, {
    usage = { events_by_type = { call = events }, counted = #events, duplicates_dropped = 0 },
  })
end

local function nets(draft)
  local shown = {}
  for index, line in ipairs(draft.lines) do
    shown[index] = line.description_key .. " " .. tostring(line.net_amount)
  end
  return shown
end

local function allowances(draft)
  local shown = {}
  for index, allowance in ipairs(draft.allowances) do
    shown[index] = allowance.component .. " " .. (allowance.tax_code or "-") .. " "
      .. tostring(allowance.amount)
  end
  return shown
end

describe("minimum commitment", function()
  it("is topped up by what usage is short of it", function()
    local draft = bill({ minimum_commit = { amount = "100" } }, { "60", "10" })
    assert.are.same({ "usage:calls 70.00", "minimum_commit 30.00" }, nets(draft))
  end)

  it("is due without any event", function()
    assert.are.same({ "minimum_commit 100.00" },
      nets(bill({ minimum_commit = { amount = "100" } }, {})))
  end)

  it("is prorated by active days", function()
    local draft = bill({ minimum_commit = { amount = "900.00" } }, {},
      { start_date = "2026-10-19" })
    assert.are.same({ "minimum_commit 377.42" }, nets(draft))
  end)

  it("does not count the base fee", function()
    local draft = bill({ base_fee = "480", minimum_commit = { amount = "100" } }, { "70" })
    assert.are.same({ "base_fee:2026-10 480.00", "usage:calls 70.00", "minimum_commit 30.00" },
      nets(draft))
  end)
end)

describe("maximum spend", function()
  it("caps what the percentage discount leaves", function()
    local draft = bill({ discount_percent = "10", maximum_spend = { amount = "65" } }, { "100" })
    assert.are.same({ "discount - 10.00", "maximum_spend - 25.00" }, allowances(draft))
  end)

  it("counts earlier invoices of the period", function()
    local spend = usage.spend(decimal(75), {
      maximum = decimal(100), billed_before = decimal(90),
    }, 2)
    assert.are.equal("65.00", tostring(spend.reduction))
    assert.are.equal("10.00", tostring(spend.total))
  end)

  it("never turns an invoice negative", function()
    local spend = usage.spend(decimal(5), {
      maximum = decimal(100), billed_before = decimal(120),
    }, 2)
    assert.are.equal("0", tostring(spend.total))
  end)
end)

describe("meters with several tax codes", function()
  it("share the discount by their nets, with largest remainder", function()
    local draft = bill({
      discount_percent = "10",
      meters = { CALLS, with({ id = "books", tax_code = "R" }) },
    }, { "0.33" })
    assert.are.same({ "discount - 0.04", "discount R 0.03" }, allowances(draft))
  end)

  it("have no override when it is the contract's own code", function()
    local draft = bill({ meters = { with({ tax_code = "S" }) } }, { "1" })
    assert.is_nil(draft.lines[1].tax_code)
  end)
end)

describe("base fee", function()
  it("is prorated by active days like a retainer", function()
    local draft = bill({ base_fee = "480.00" }, {}, { start_date = "2026-10-19" })
    assert.are.same({ "base_fee:2026-10 201.29" }, nets(draft))
  end)

  it("is whole when the contract says so", function()
    local draft = bill({ base_fee = "480.00", prorate = false }, {},
      { start_date = "2026-10-19" })
    assert.are.same({ "base_fee:2026-10 480.00" }, nets(draft))
  end)

  it("is not due outside the contract's dates", function()
    assert.are.same({}, nets(bill({ base_fee = "480.00", minimum_commit = { amount = "1" } }, {},
      { start_date = "2026-11-01" })))
  end)
end)

describe("a meter's own terms", function()
  it("raise it to its minimum before the contract's discount and minimum", function()
    local draft = bill({
      meters = { with({ minimum_commit = { amount = "30" } }) },
      minimum_commit = { amount = "100" },
      discount_percent = "10",
    }, { "20" })
    assert.are.same({
      "usage:calls 20.00", "usage:calls:minimum_commit 10.00", "minimum_commit 73.00",
    }, nets(draft))
    assert.are.same({ "discount - 3.00" }, allowances(draft))
  end)

  it("lower it by its discount and to its maximum", function()
    local draft = bill({
      meters = { with({ discount_percent = "10", maximum_spend = { amount = "50" } }) },
    }, { "100" })
    assert.are.same({ "discount - 10.00", "maximum_spend - 40.00" }, allowances(draft))
  end)
end)
