--- Retainers: fee, grant, draw order, overage, rollover, credit.

local build = require("support.billing")
local decimal = require("billow.decimal")
local retainer = require("billow.billing.retainer")

local function terms_of(changes)
  local terms = {
    unit = "hours", quantity = "10", price = "1000", overage = { rate = "150" },
  }
  for name, value in pairs(changes or {}) do
    terms[name] = value
  end
  return terms
end

--- Bill October 2026 of a retainer with these works.
local function bill(terms, works, opening, contract_changes)
  local contract = { model = "retainer" }
  for name, value in pairs(contract_changes or {}) do
    contract[name] = value
  end
  local ctx = build.context_of(terms_of(terms), contract, {
    opening = {
      period = "2026-10", issue_date = "2026-11-02",
      retainer = opening and { C = opening } or nil,
    },
  })
  return retainer.bill(ctx, ctx.contracts.C, { time = works or {} })
end

local function work(number, hours, day, rate)
  return build.work(number, hours * 60, {
    work_date = day or "2026-10-05", rate = build.rate(rate or "100"),
  })
end

local function lines(draft)
  local shown = {}
  for index, line in ipairs(draft.lines) do
    shown[index] = line.description_key .. " " .. tostring(line.quantity) .. " x "
      .. tostring(line.unit_price) .. " = " .. tostring(line.net_amount)
  end
  return shown
end

local function buckets(draft)
  local shown = {}
  for index, bucket in ipairs(draft.closing.retainer.buckets) do
    shown[index] = bucket.period .. " " .. tostring(bucket.quantity) .. " until "
      .. bucket.expires_on
  end
  return shown
end

local function september(quantity, expires_on)
  return { period = "2026-09", quantity = quantity, expires_on = expires_on or "2026-11-30" }
end

describe("the fee", function()
  it("in arrears is the period's, once", function()
    assert.are.same({ "retainer:2026-10 1 x 1000.00 = 1000.00" }, lines(bill()))
    assert.are.same({}, lines(bill(nil, nil, { invoiced_periods = { "2026-10" } })))
  end)

  it("in advance is the next month's too, when that is not billed yet", function()
    assert.are.same({ "retainer:2026-11 1 x 1000.00 = 1000.00" },
      lines(bill({ billed = "advance" }, nil, { invoiced_periods = { "2026-10" } })))
  end)

  it("is prorated by active days of its month", function()
    assert.are.same({ "retainer:2026-10 1 x 645.16 = 645.16",
      "retainer:2026-11 1 x 500.00 = 500.00" },
      lines(bill({ billed = "advance" }, nil, nil,
        { start_date = "2026-10-12", end_date = "2026-11-15" })))
  end)
end)

describe("drawing hours", function()
  it("makes no line for what the grant holds, and overage at the second for the rest", function()
    local draft = bill(nil, { work(1, 7), work(2, 4) })
    assert.are.equal("overage 1.00 x 150 = 150.00", lines(draft)[2])
    assert.are.same({ billed = 4 * 3600 }, draft.dispositions["harvest-time:2"])
  end)

  it("goes by work date, then source order", function()
    local draft = bill(nil, { work(1, 7, "2026-10-20"), work(2, 4, "2026-10-03") })
    assert.are.equal("harvest-time:1", draft.lines[2].references[1].id)
  end)

  it("takes the oldest bucket first, or the current one first", function()
    local opening = { buckets = { september("5") } }
    assert.are.same({ "2026-09 2.0000 until 2026-11-30" },
      buckets(bill({ draw_order = "oldest_first" }, { work(1, 3) }, opening)))
    assert.are.same({ "2026-09 5.0000 until 2026-11-30" },
      buckets(bill({ draw_order = "current_first" }, { work(1, 3) }, opening)))
  end)

  it("cannot use a bucket after its last day", function()
    local draft = bill({ quantity = "0" }, { work(1, 1, "2026-10-16") },
      { buckets = { september("5", "2026-10-15") } })
    assert.are.equal("overage 1.00 x 150 = 150.00", lines(draft)[2])
  end)

  it("treats earlier work as work of the period's first day", function()
    local draft = bill({ quantity = "0" }, { work(1, 1, "2026-09-20") },
      { buckets = { september("5", "2026-10-01") } })
    assert.are.equal(1, #draft.lines)
  end)
end)

describe("drawing money", function()
  local MONEY = { unit = "money", quantity = "250", overage = { source = "card" } }

  it("takes the value at the entry's own rate, whole minutes of the entry that crosses", function()
    local draft = bill(MONEY, { work(1, 2, nil, "100"), work(2, 1, nil, "90") })
    assert.are.same({ "overage 0.45 x 90 = 40.50" }, { lines(draft)[2] })
    assert.are.equal(27 * 60, draft.lines[2].references[1].seconds)
  end)

  it("is exhausted by the first overage, even if a later entry would fit", function()
    -- 154 minutes are worth 248.97; what is left of 250.00 would pay for the later hour at 1.00.
    local draft = bill(MONEY, { work(1, 3, "2026-10-05", "97"), work(2, 1, "2026-10-06", "1") })
    assert.are.equal("overage 1.00 x 1 = 1.00", lines(draft)[3])
  end)
end)

describe("overage", function()
  it("at card price may have a multiplier", function()
    local draft = bill({ quantity = "0", overage = { source = "card", multiplier = "1.25" } },
      { work(1, 1, nil, "104.95") })
    assert.are.equal("overage 1.00 x 131.1875 = 131.19", lines(draft)[2])
  end)
end)

describe("after the period", function()
  it("unused hours expire", function()
    assert.are.same({}, buckets(bill({ unused = "expire" }, { work(1, 3) })))
  end)

  it("unused hours roll over until the end of a later month", function()
    assert.are.same({ "2026-10 7.0000 until 2026-12-31" }, buckets(bill({
      unused = "rollover", rollover = { expires_after_periods = 2 },
    }, { work(1, 3) })))
  end)

  it("more than the maximum leaves the buckets that expire first", function()
    assert.are.same({ "2026-10 6.0000 until 2026-12-31" }, buckets(bill({
      unused = "rollover", draw_order = "current_first",
      rollover = { expires_after_periods = 2, max_quantity = "6" },
    }, { work(1, 3) }, { buckets = { september("2") } })))
  end)

  it("buckets whose last day has come are gone", function()
    assert.are.same({}, buckets(bill(nil, {}, {
      buckets = { september("2", "2026-10-31") },
    })))
  end)

  it("unused hours are credited with two decimals", function()
    local draft = bill({ unused = "credit", credit_rate = "110.55" },
      { build.work(1, 100, { work_date = "2026-10-05" }) })
    assert.are.equal("retainer_unused:2026-10 -8.33 x 110.55 = -920.88", lines(draft)[2])
  end)
end)

describe("the grant", function()
  it("is prorated and has two decimals of hours", function()
    local ctx = build.context_of(terms_of({ quantity = "90" }),
      { model = "retainer", start_date = "2026-10-12" })
    assert.are.equal("58.06", tostring(retainer.grant(ctx.contracts.C, ctx.period, 2)))
  end)
end)

describe("a bucket", function()
  it("holds whole seconds", function()
    local hours = { unit = "hours" }
    assert.are.equal("15600", tostring(retainer.amount_of(hours, decimal("4.3333"))))
    assert.are.equal("4.3333", tostring(retainer.quantity_of(hours, decimal(15600))))
  end)
end)

describe("a balance", function()
  local replenish = { below = "5", quantity = "10", price = "1400", max_per_period = 2 }

  it("below the threshold is topped up, as often as it takes and is allowed", function()
    local made = bill({ unused = "rollover", rollover = {}, replenish = replenish },
      { work(1, 7) })
    assert.equal("retainer_top_up:2026-10", made.lines[2].description_key)
    assert.equal("1400.00", tostring(made.lines[2].net_amount))
    assert.is_true(decimal(13) == made.closing.retainer.buckets[1].quantity
      + made.closing.retainer.buckets[2].quantity)
    replenish.below = "100"
    made = bill({ unused = "rollover", rollover = {}, replenish = replenish }, { work(1, 7) })
    assert.equal("2800.00", tostring(made.lines[2].net_amount))
  end)

  it("that is low is told", function()
    local made = bill({ unused = "rollover", rollover = {}, low_balance = { below = "5" } },
      { work(1, 7) })
    assert.equal("RETAINER_LOW", made.exceptions[1].code)
    assert.equal("contract", made.exceptions[1].level)
  end)

  it("of an evergreen retainer never expires, and never falls below its least", function()
    local made = bill({ unused = "rollover", rollover = { min_quantity = "4" } }, { work(1, 9) })
    local bucket = made.closing.retainer.buckets[1]
    assert.equal("9999-12-31", bucket.expires_on)
    assert.is_true(decimal(4) == bucket.quantity)
  end)
end)

describe("a retainer whose price follows an index", function()
  it("costs the indexed price from the day of the adjustment", function()
    local made = bill({}, {}, nil, {
      indexation = {
        base_value = "100",
        adjustments = { { valid_from = "2026-10-01", value = "103" } },
      },
    })
    assert.equal("1030.00", tostring(made.lines[1].net_amount))
  end)
end)

describe("balances of one date", function()
  local order = require("billow.billing.buckets")

  local function drawn(day, list)
    for _, bucket in ipairs(list) do
      bucket.amount = decimal(10)
      bucket.period = "2026-09"
      bucket.expires_on = "2026-12-31"
    end
    local _, parts = order.take(order.new(list, "priority", "2026-10"), day, decimal(15))
    return #parts
  end

  it("are used in the order in which they were given", function()
    local list = {}
    for i = 1, 20 do
      list[i] = { name = i, amount = decimal(1), period = "2026-09", expires_on = "2026-12-31" }
    end
    for i, bucket in ipairs(order.new(list, "oldest_first", "2026-10")) do
      assert.equal(i, bucket.name)
    end
  end)

  it("are not used before they are valid", function()
    assert.equal(1, drawn("2026-10-05", { {}, { valid_from = "2026-10-06" } }))
    assert.equal(2, drawn("2026-10-06", { {}, { valid_from = "2026-10-06" } }))
  end)
end)
