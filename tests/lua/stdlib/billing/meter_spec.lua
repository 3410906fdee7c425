--- A meter: aggregate, divide, round, subtract the free allowance, price.

local decimal = require("billow.decimal")
local meter = require("billow.billing.meter")
local reading = require("billow.billing.reading")

local function meter_of(fields)
  fields.id = fields.id or "m"
  fields.price = fields.price or { model = "per_unit", unit_price = "1" }
  return meter.read(reading.open(fields, "meter"))
end

local function events(...)
  local list = {}
  for index, value in ipairs({ ... }) do
    list[index] = { data = { v = value }, time_us = index }
  end
  return list
end

--- "key quantity x price" of the lines.
local function lines(self, list, d)
  local shown = {}
  for index, line in ipairs(meter.lines(self, meter.measure(self, list), d or 2)) do
    shown[index] = line.description_key .. " " .. tostring(line.quantity) .. " x "
      .. tostring(line.unit_price)
  end
  return shown
end

describe("aggregation", function()
  local function aggregate(aggregation, list)
    local self = meter_of({ aggregation = aggregation, field = "v" })
    return tostring(meter.measure(self, list).aggregate)
  end

  it("adds, counts, and takes the greatest", function()
    local list = events("2", 3, "2")
    assert.are.equal("7", aggregate("sum", list))
    assert.are.equal("3", aggregate("count", list))
    assert.are.equal("3", aggregate("max", list))
  end)

  it("takes the value of the greatest time; of equal times the later in the file", function()
    local list = events("1", "2", "3")
    list[1].time_us, list[2].time_us, list[3].time_us = 5, 5, 4
    assert.are.equal("2", aggregate("last", list))
  end)

  it("counts distinct values as text", function()
    assert.are.equal("2", aggregate("unique", events("a", "b", "a")))
    assert.are.equal("1", aggregate("unique", events(1, "1")))
  end)

  it("of nothing is 0", function()
    for _, aggregation in ipairs({ "sum", "count", "max", "last", "unique" }) do
      assert.are.equal("0", aggregate(aggregation, {}))
    end
  end)
end)

describe("quantity", function()
  it("is divided, then rounded, then less the free allowance", function()
    local self = meter_of({
      conversion = { divide_by = "100", rounding = "ceiling" },
      free_quantity = "20",
    })
    assert.are.equal("201", tostring(meter.quantity(self, decimal(22001))))
  end)

  it("is half up at six decimals without a rounding rule", function()
    local self = meter_of({ conversion = { divide_by = "3", rounding = "none" } })
    assert.are.equal("0.666667", tostring(meter.quantity(self, decimal(2))))
  end)

  it("does not fall below 0", function()
    local self = meter_of({ free_quantity = "20" })
    assert.are.equal("0", tostring(meter.quantity(self, decimal(5))))
  end)
end)

describe("lines", function()
  it("of graduated tiers are one per tier, with the flat amount beside it", function()
    local self = meter_of({
      field = "v",
      price = {
        model = "graduated",
        tiers = {
          { up_to = "50", unit_price = "4.90", flat_amount = "25.00" },
          { unit_price = "3.8875" },
        },
      },
    })
    assert.are.same({ "usage:m:tier1 50 x 4.90", "usage:m:tier1:flat 1 x 25.00",
      "usage:m:tier2 51 x 3.8875" }, lines(self, events("101")))
  end)

  it("with quantity 0 are not made", function()
    assert.are.same({}, lines(meter_of({ field = "v" }), {}))
  end)

  it("of a percentage clamp event by event and round the sum once", function()
    local self = meter_of({
      field = "v",
      price = {
        model = "percentage", percent = "2.99", min_per_event = "1.75", max_per_event = "12",
      },
    })
    assert.are.same({ "usage:m 1 x 16.14" }, lines(self, events("10", "80", "10000")))
    assert.are.same({ "usage:m 1 x 16" }, lines(self, events("10", "80", "10000"), 0))
  end)

  it("of a percentage are none without events, and one at 0 with them", function()
    local self = meter_of({ field = "v", price = { model = "percentage", percent = "1" } })
    assert.are.same({}, lines(self, {}))
    assert.are.same({ "usage:m 1 x 0.00" }, lines(self, events("0")))
  end)

  it("of a percentage take the free amount off the sum", function()
    local self = meter_of({
      field = "v",
      free_quantity = "250",
      price = { model = "percentage", percent = "1.3", fixed_per_event = "2" },
    })
    assert.are.same({ "usage:m 1 x 11.15" }, lines(self, events("400", "400")))
  end)

  it("of packages are in pieces, whatever the meter's unit", function()
    local self = meter_of({
      unit_code = "E34", price = { model = "package", size = "50", package_price = "19.90" },
    })
    local made = meter.lines(self, { aggregate = decimal(401), count = 1 }, 2)
    assert.are.equal("C62", made[1].unit_code)
    assert.are.equal("9", tostring(made[1].quantity))
  end)
end)

describe("an event that cannot be counted", function()
  local sum = meter_of({ field = "v" })

  it("has no such field, no number in it, or a negative one", function()
    assert.are.equal("data.v is missing", meter.problem(sum, {}))
    assert.are.equal("data.v is not a number", meter.problem(sum, { v = "many" }))
    assert.are.equal("data.v is not a number", meter.problem(sum, { v = true }))
    assert.are.equal("data.v is negative", meter.problem(sum, { v = -1 }))
    assert.is_nil(meter.problem(sum, { v = "0" }))
  end)

  it("is none for a count, and any value will do for unique", function()
    assert.is_nil(meter.problem(meter_of({ aggregation = "count" }), {}))
    assert.is_nil(meter.problem(meter_of({ aggregation = "unique", field = "v" }), { v = "x" }))
  end)

  it("must have an amount for a percentage, even when events are counted", function()
    local self = meter_of({
      aggregation = "count", field = "v", price = { model = "percentage", percent = "1" },
    })
    assert.are.equal("data.v is missing", meter.problem(self, {}))
  end)
end)

describe("reading a meter", function()
  local function refused(fields)
    local _, refusal = reading.try(meter_of, fields)
    return refusal and refusal.field
  end

  it("refuses a free allowance that cannot be shared among clamped events", function()
    assert.are.equal("meter.free_quantity", refused({
      free_quantity = "5", price = { model = "percentage", percent = "1", max_per_event = "2" },
    }))
  end)

  it("refuses a conversion of a percentage, a division by 0, an unknown model", function()
    local percentage = { model = "percentage", percent = "1" }
    assert.are.equal("meter.conversion", refused({
      conversion = { divide_by = "10" }, price = percentage,
    }))
    assert.are.equal("meter.conversion.divide_by", refused({ conversion = { divide_by = "0" } }))
    assert.are.equal("meter.price.model", refused({ price = { model = "stairs" } }))
  end)
end)
