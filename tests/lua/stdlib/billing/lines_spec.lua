local build = require("support.billing")
local decimal = require("billow.decimal")
local lines = require("billow.billing.lines")

local function terms(changes)
  local made = {
    grouping = { "task" },
    quantity_decimals = 2,
    quantity_basis = "line",
    hours_per_day = decimal(8),
  }
  for name, value in pairs(changes or {}) do
    made[name] = value
  end
  return made
end

local function written(list)
  local texts = {}
  for i, line in ipairs(list) do
    texts[i] = string.format(
      "%s %s %s x %s = %s",
      line.description_key,
      tostring(line.quantity),
      line.unit_code,
      tostring(line.unit_price),
      tostring(line.net_amount)
    )
  end
  return texts
end

describe("lines from time (model 3.5)", function()
  it("puts entries with the same grouping values, unit and price on one line", function()
    local made = lines.of_time("time", {
      build.work(1, 60),
      build.work(2, 30),
      build.work(3, 60, { rate = build.rate("120") }),
      build.work(4, 60, { task = "Testing" }),
    }, terms(), 2)
    assert.same({
      "time:Development 1.50 HUR x 100 = 150.00",
      "time:Development 1.00 HUR x 120 = 120.00",
      "time:Testing 1.00 HUR x 100 = 100.00",
    }, written(made))
  end)

  it("treats prices of equal value as one price", function()
    local made = lines.of_time("time", {
      build.work(1, 60, { rate = build.rate("142") }),
      build.work(2, 60, { rate = build.rate("142.00") }),
    }, terms(), 2)
    assert.equal(1, #made)
  end)

  it("rounds the line's quantity once by basis line, each entry's by basis entry", function()
    local works = { build.work(1, 10), build.work(2, 10), build.work(3, 10) }
    assert.same(
      { "time:Development 0.50 HUR x 100 = 50.00" },
      written(lines.of_time("time", works, terms(), 2))
    )
    local by_entry = terms({ quantity_basis = "entry" })
    assert.same(
      { "time:Development 0.51 HUR x 100 = 51.00" },
      written(lines.of_time("time", works, by_entry, 2))
    )
  end)

  it("divides by hours_per_day for day rates", function()
    local day = build.rate("1000", { unit_code = "DAY" })
    local made = lines.of_time("time", { build.work(1, 240, { rate = day }) }, terms(), 2)
    assert.same({ "time:Development 0.50 DAY x 1000 = 500.00" }, written(made))
  end)

  it("names the line after its grouping values, or just the component", function()
    local function key(grouping)
      return lines.description_key("time", grouping, build.work(1, 60))
    end
    assert.equal("time", key({}))
    assert.equal("time:P/2026-W41", key({ "project", "week" }))
    assert.equal("time:Ana/2026-10-05", key({ "person", "date" }))
    assert.equal("time:harvest-time:1/Consultant", key({ "entry", "role" }))
  end)

  it("keeps a line whose quantity rounds to zero", function()
    local work = build.work(1, 0, { billed_seconds = 5 })
    assert.same(
      { "time:Development 0.00 HUR x 100 = 0.00" },
      written(lines.of_time("time", { work }, terms(), 2))
    )
  end)

  it("rounds the net amount to the currency's decimals, half away from zero", function()
    local made =
      lines.of_time("time", { build.work(1, 30, { rate = build.rate("85.01") }) }, terms(), 2)
    assert.equal("42.51", tostring(made[1].net_amount))
    made = lines.of_time("time", { build.work(1, 30, { rate = build.rate("85") }) }, terms(), 0)
    assert.equal("43", tostring(made[1].net_amount))
  end)

  it("names every entry with its seconds, in source order", function()
    local made = lines.of_time("time", { build.work(7, 30), build.work(3, 60) }, terms(), 2)
    assert.same({
      { type = "time_entry", id = "harvest-time:3", seconds = 3600 },
      { type = "time_entry", id = "harvest-time:7", seconds = 1800 },
    }, made[1].references)
  end)
end)
