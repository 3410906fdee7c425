--- Tiers: inclusive upper bounds; what a quantity costs in each kind of tiered tariff.

local decimal = require("billow.decimal")
local reading = require("billow.billing.reading")
local tiers = require("billow.billing.tiers")

local function read(list, value_name)
  return tiers.read(reading.open({ tiers = list }, "price"), value_name)
end

local GRADUATED = read({
  { up_to = "10", unit_price = "10", flat_amount = "2" },
  { up_to = "20", unit_price = "5", flat_amount = "3" },
  { unit_price = "5", flat_amount = "3" },
}, "unit_price")

local function total(parts)
  local sum = decimal(0)
  for _, part in ipairs(parts) do
    sum = sum + part.quantity * (part.unit_price or part.percent / 100)
  end
  return tostring(sum:round(2))
end

local function refusal_of(list)
  local _, refusal = reading.try(read, list, "unit_price")
  return tostring(refusal)
end

describe("graduated tiers", function()
  it("price the units inside each tier and its flat amount once", function()
    local expected = { ["10"] = "102.00", ["11"] = "110.00", ["21"] = "163.00" }
    for quantity, amount in pairs(expected) do
      assert.are.equal(amount, total(tiers.graduated(GRADUATED, decimal(quantity))))
    end
  end)

  it("charge the first flat amount at quantity 0 only when told", function()
    assert.are.equal("0.00", total(tiers.graduated(GRADUATED, decimal(0))))
    assert.are.equal("2.00", total(tiers.graduated(GRADUATED, decimal(0), true)))
  end)

  it("put a quantity just above a bound into the next tier", function()
    local parts = tiers.graduated(GRADUATED, decimal("10.001"))
    assert.are.equal("0.001", tostring(parts[3].quantity))
    assert.are.equal(2, parts[3].tier)
  end)

  it("take a percentage of the amount inside each tier when they are percentages", function()
    local list = read({
      { up_to = "10", percent = "1", flat_amount = "200" },
      { percent = "2", flat_amount = "300" },
    }, "percent")
    assert.are.equal("500.12", total(tiers.graduated_percentage(list, decimal(11))))
  end)
end)

describe("volume tiers", function()
  local list = read({
    { up_to = "20", unit_price = "2" },
    { unit_price = "1", flat_amount = "50" },
  }, "unit_price")

  it("price everything in the tier that holds the whole quantity", function()
    assert.are.equal("40.00", total(tiers.volume(list, decimal(20))))
    assert.are.equal("71.00", total(tiers.volume(list, decimal(21))))
  end)

  it("pick the tier by full units and charge the prorated ones", function()
    local prorated = read({
      { up_to = "100", unit_price = "1" },
      { unit_price = "0.5", flat_amount = "50" },
    }, "unit_price")
    local parts = tiers.volume(prorated, decimal(300), false, decimal("198.6"))
    assert.are.equal("149.30", total(parts))
  end)
end)

describe("packages", function()
  it("cost a whole one when begun", function()
    local function packages(quantity)
      return total(tiers.package(decimal(10), decimal(15), decimal(quantity)))
    end
    assert.are.equal("15.00", packages("10"))
    assert.are.equal("30.00", packages("10.1"))
    assert.are.equal("0.00", packages("0"))
  end)
end)

describe("blocks", function()
  local list = tiers.read_blocks(reading.open({
    tiers = {
      { block_size = "100", unit_price = "1", max_blocks = 10 },
      { block_size = "1000", unit_price = "1", max_blocks = 100 },
      { block_size = "1000", unit_price = "0.5", max_blocks = 100 },
    },
  }, "price"))

  it("of the top tier price everything there, so that the total drops at the border", function()
    assert.are.equal("101.00", total(tiers.blocks(list, decimal(101000), "top_tier")))
    assert.are.equal("51.00", total(tiers.blocks(list, decimal(101001), "top_tier")))
  end)

  it("of all tiers fill one tier after the other", function()
    assert.are.equal("11.00", total(tiers.blocks(list, decimal(1001), "all_tiers")))
  end)
end)

describe("capacity", function()
  local list = tiers.read_capacity(reading.open({
    tiers = {
      { price = "10", limits = { seats = "100", storage = "50" } },
      { price = "20", limits = { seats = "200" } },
    },
  }, "price"))

  it("costs the lowest tier that is large enough for every unit", function()
    local function price(seats, storage)
      local units = { seats = decimal(seats), storage = decimal(storage) }
      return total(tiers.capacity(list, units))
    end
    assert.are.equal("10.00", price(100, 50))
    assert.are.equal("20.00", price(1, 51))
  end)

  it("refuses what no tier can hold", function()
    local _, refusal = reading.try(tiers.capacity, list, { seats = decimal(201) })
    assert.are.equal("tiers", refusal.field)
  end)
end)

describe("reading tiers", function()
  it("refuses bounds that do not rise, naming the tier", function()
    assert.are.equal('price.tiers[2].up_to is "5": write a bound greater than 10, the bound of '
      .. "the tier before", refusal_of({ { up_to = "10", unit_price = "1" },
      { up_to = "5", unit_price = "1" } }))
  end)

  it("refuses an open tier that is not the last", function()
    assert.are.equal("price.tiers[1].up_to is nothing: write the upper bound of this tier; only "
      .. "the last tier may be open", refusal_of({ { unit_price = "1" }, { unit_price = "2" } }))
  end)

  it("refuses a quantity above a closed last tier", function()
    local list = read({ { up_to = "10", unit_price = "1" } }, "unit_price")
    local _, refusal = reading.try(tiers.graduated, list, decimal(11))
    assert.are.equal("the quantity 11 is above the last tier: make its up_to null",
      refusal.remedy)
  end)
end)
