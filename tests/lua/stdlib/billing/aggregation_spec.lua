--- What the events of a meter come to.

local aggregation = require("billow.billing.aggregation")
local decimal = require("billow.decimal")

local HOUR = 3600 * 1000000
local DAY = { start_us = 0, end_us = 24 * HOUR }

local function of(name, values, weighting)
  local events = {}
  for i, value in ipairs(values) do
    local pair = type(value) == "table" and value or { i, value }
    events[i] = { value = pair[2], time_us = pair[1] * HOUR }
  end
  weighting = weighting or {}
  return tostring(aggregation.of(name, events, {
    values = weighting.values or "change",
    unit = weighting.unit or "period",
    initial_value = decimal(weighting.initial_value or 0),
  }, DAY):round(6):round(2))
end

describe("an aggregation", function()
  it("sums, counts, takes the greatest, the least, the mean, the latest, the distinct", function()
    local values = { "4", "1", "4", "3" }
    local expected = {
      sum = "12.00", count = "4.00", max = "4.00", min = "1.00", average = "3.00", last = "3.00",
      unique = "3.00",
    }
    for name, result in pairs(expected) do
      assert.equal(result, of(name, values), name)
    end
  end)

  it("of nothing is 0", function()
    for _, name in ipairs(aggregation.NAMES) do
      assert.equal("0.00", of(name, {}), name)
    end
  end)
end)

describe("a weighted sum", function()
  it("counts a level for as long as it lasts, by its changes", function()
    -- 10 from 06:00, 15 from 12:00, 5 from 18:00: (0 x 6 + 10 x 6 + 15 x 6 + 5 x 6) / 24.
    assert.equal("7.50", of("weighted_sum", { { 6, "10" }, { 12, "5" }, { 18, "-10" } }))
  end)

  it("takes values as levels, and begins with the level before, when told", function()
    assert.equal("9.00", of("weighted_sum", { { 12, "8" } },
      { values = "level", initial_value = "10" }))
  end)

  it("may be in unit hours", function()
    assert.equal("120.00", of("weighted_sum", { { 12, "10" } }, { unit = "hour" }))
  end)

  it("takes events before its window as its first level and none after it", function()
    assert.equal("10.00", of("weighted_sum", { { -5, "10" }, { 30, "99" } }))
  end)
end)

describe("two stretches of a period", function()
  local function combined(name)
    local value = aggregation.combined(name, decimal(5), decimal(3))
    return value and tostring(value)
  end

  it("combine by their aggregation, where that is possible without the events", function()
    assert.equal("8", combined("sum"))
    assert.equal("8", combined("count"))
    assert.equal("5", combined("max"))
    assert.equal("3", combined("min"))
    assert.equal("3", combined("last"))
    assert.is_nil(combined("unique"))
    assert.is_nil(combined("weighted_sum"))
  end)
end)
