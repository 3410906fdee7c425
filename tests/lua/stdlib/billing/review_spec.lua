local decimal = require("billow.decimal")
local review = require("billow.billing.review")
local testing = require("billow.testing")

local RULES = { deviation_percent = "50", history_min = 3 }

local function history(...)
  local list = {}
  for i, value in ipairs({ ... }) do
    list[i] = decimal(value)
  end
  return list
end

describe("V9: the amount of a bill", function()
  it("is compared with the median of the periods before", function()
    assert.equal(decimal("200"), review.median(history("900", "200", "100")))
    assert.equal(decimal("150"), review.median(history("100", "200")))
  end)

  it("is unusual when it is too far away, above or below", function()
    local past = history("100", "110", "90", "5000")
    assert.is_nil(review.unusual_amount(decimal("157.50"), past, RULES))
    local remark = review.unusual_amount(decimal("157.51"), past, RULES)
    assert.equal("AMOUNT_UNUSUAL", remark.code)
    assert.equal(
      "the net of 157.51 is more than 50 % away from 105, the median of the last 4 periods",
      remark.message
    )
    assert.truthy(review.unusual_amount(decimal("10"), past, RULES))
  end)

  it("is not judged with too little history, or when the policy does not want it", function()
    assert.is_nil(review.unusual_amount(decimal("9999"), history("1", "1"), RULES))
    assert.is_nil(review.unusual_amount(decimal("9999"), history("1", "1", "1"), {}))
  end)
end)

describe("V9: what is unusual", function()
  local world

  --- An issued October bill, as if it were of September, with other prices.
  local function plant_september(price, net)
    local run = world:start("tm", { contract = "C-02", period = "2026-10" }, { as = "otto" })
    world:task("exception"):answer("hold", { as = "nina" })
    local document = world:task("approval").body.documents[1]
    world:task("approval"):reject({ as = "dana" })
    assert.equal("rejected", run.result.status)
    local lines = {}
    for i, line in ipairs(document.lines) do
      local copy = {}
      for name, value in pairs(line) do
        copy[name] = value
      end
      copy.unit_price = price or copy.unit_price
      lines[i] = copy
    end
    local totals = { tax_exclusive_amount = net or "1.00", payable_amount = "1.19" }
    for _, period in ipairs({ "2026-07", "2026-08", "2026-09" }) do
      world.billing.lines[period] = lines
      world.billing.invoices[period] = {
        id = period,
        number = "OLD-" .. period,
        type_code = "380",
        contract_id = "C-02",
        customer_id = document.customer_id,
        currency = document.currency,
        period = period,
        body = { issue_date = period .. "-01", totals = totals, lines = lines },
      }
    end
  end

  local function remarks()
    world:start("tm", { contract = "C-02", period = "2026-10" }, { as = "otto" })
    world:task("exception"):answer("hold", { as = "nina" })
    local codes = {}
    for i, remark in ipairs(world:task("approval").body.remarks) do
      codes[i] = remark.code
    end
    return codes
  end

  before_each(function()
    world = testing.world({ now = "2026-11-02T09:00:00Z", fixtures = "acme" })
  end)

  it("is shown to the approver: an amount far from the median", function()
    plant_september()
    assert.same({ "AMOUNT_UNUSUAL" }, remarks())
  end)

  it("is shown to the approver: a price that nobody agreed to change", function()
    plant_september("1.00")
    local codes = remarks()
    assert.same({ "AMOUNT_UNUSUAL", "RATE_CHANGED" }, { codes[1], codes[2] })
  end)

  it("is nothing without a history", function()
    assert.same({}, remarks())
  end)
end)

describe("P1: the margin of a bill", function()
  local function margin(cost_rates, net)
    local works = {
      { person = "Ana", worked_seconds = 3600 },
      { person = "Ben", worked_seconds = 1800 },
    }
    return review.margin({ cost_rates = cost_rates }, {
      canonical = { { totals = { tax_exclusive_amount = net or "200.00" } } },
      made = { { lines = { { works = works }, {} } } },
    })
  end

  it("is what the net leaves after the cost of the hours", function()
    assert.equal("55.0", margin({ Ana = decimal("60"), Ben = decimal("60") }))
    assert.equal("-5.0", margin({ Ana = decimal("150"), Ben = decimal("120") }))
  end)

  it("is unknown without the cost of everybody, and of nothing", function()
    assert.is_nil(margin({ Ana = decimal("60") }))
    assert.is_nil(margin(nil))
    assert.is_nil(margin({ Ana = decimal("60"), Ben = decimal("60") }, "0.00"))
  end)
end)
