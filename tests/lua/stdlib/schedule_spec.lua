-- Recurring starts, in virtual time: when they are due, what becomes of those that were missed, and
-- that each due moment starts one run whatever happens.
local testing = require("billow.testing")

local TICK = [[
  local workflow = require("billow.workflow")
  return workflow.define({
    name = "tick",
    version = "1.0.0",
    input = { period = "period?", before = "period?", due = "instant?", day = "date?" },
    run = function(input) return input end,
  })
]]

local LONG = [[
  local workflow = require("billow.workflow")
  local timer = require("billow.timer")
  return workflow.define({
    name = "long",
    version = "1.0.0",
    run = function() timer.sleep("36h") end,
  })
]]

local function world_at(now, zones)
  return testing.world({
    now = now,
    time_zones = zones or { "Europe/Berlin" },
    files = { ["workflows/tick.lua"] = TICK, ["workflows/long.lua"] = LONG },
  })
end

local function keys(world)
  local list = {}
  for i, run in ipairs(world:runs()) do
    list[i] = run.key:match("@(.*)")
  end
  return list
end

describe("a schedule", function()
  it("starts a run on the last day of each month, a year long", function()
    local world = world_at("2027-02-15T00:00:00Z")
    local month_end = world:schedule("month-end", {
      workflow = "tick",
      rule = "FREQ=MONTHLY;BYMONTHDAY=-1",
      zone = "Europe/Berlin",
      at = "23:30",
      input = { period = "{month}", before = "{previous-month}", due = "{due}", day = "{date}" },
    })
    world:advance_to("2028-03-01T12:00:00Z")
    local runs = world:runs()
    assert.equals(13, #runs)
    assert.equals(13, month_end.fired)
    assert.equals("2027-02-28T22:30:00Z", keys(world)[1])
    assert.equals("2027-03-31T21:30:00Z", keys(world)[2])
    assert.equals("2028-02-29T22:30:00Z", keys(world)[13])
    assert.same({
      period = "2027-03",
      before = "2027-02",
      due = "2027-03-31T21:30:00Z",
      day = "2027-03-31",
    }, runs[2].result)
    assert.equals("schedule month-end", runs[2].started_by)
  end)

  it("starts once at a local time that spring skips, once at one that autumn repeats", function()
    local world = world_at("2026-03-27T12:00:00Z")
    world:schedule("night", {
      workflow = "tick",
      rule = "FREQ=DAILY",
      zone = "Europe/Berlin",
      at = "02:30",
    })
    world:advance_to("2026-03-31T12:00:00Z")
    assert.same({
      "2026-03-28T01:30:00Z",
      "2026-03-29T01:30:00Z", -- 02:30 does not exist: 03:30 by the new clock
      "2026-03-30T00:30:00Z",
      "2026-03-31T00:30:00Z",
    }, keys(world))
    world = world_at("2026-10-24T12:00:00Z")
    world:schedule("night", {
      workflow = "tick",
      rule = "FREQ=DAILY",
      zone = "Europe/Berlin",
      at = "02:30",
    })
    world:advance_to("2026-10-26T12:00:00Z")
    assert.same({ "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z" }, keys(world))
  end)

  it("moves to the next or the previous business day", function()
    local world = world_at("2026-12-01T00:00:00Z")
    local spec = {
      workflow = "tick",
      rule = "FREQ=MONTHLY;BYMONTHDAY=25,26,27",
      shift = "next",
      holidays = { "2026-12-25" },
      input = { day = "{date}" },
    }
    world:schedule("late", spec)
    spec.shift = "previous"
    world:schedule("early", spec)
    world:advance_to("2026-12-31T00:00:00Z")
    -- Friday 25 is a holiday, 26 and 27 are a weekend: three days of the rule, one start each way.
    assert.same({ "2026-12-24T00:00:00Z", "2026-12-28T00:00:00Z" }, keys(world))
    assert.equals("2026-12-25", world:runs()[2].result.day)
  end)

  it("spreads the schedules over its window, each always at the same place", function()
    local world = world_at("2026-01-01T00:00:00Z")
    for i = 1, 50 do
      world:schedule("s" .. i, { workflow = "tick", rule = "FREQ=DAILY", spread_s = 3600 })
    end
    world:advance_to("2026-01-02T00:00:01Z")
    assert.is_true(#world:runs() < 5)
    world:advance_to("2026-01-02T00:30:00Z")
    local half = #world:runs()
    assert.is_true(half > 10 and half < 40)
    world:advance_to("2026-01-02T01:00:00Z")
    assert.equals(50, #world:runs())
    world:advance_to("2026-01-03T00:30:00Z")
    assert.equals(50 + half, #world:runs())
  end)

  it("does not start while its last run is open, unless it may overlap", function()
    local world = world_at("2026-01-01T00:00:00Z")
    local alone = world:schedule("alone", { workflow = "long", rule = "FREQ=DAILY" })
    world:advance_to("2026-01-05T12:00:00Z")
    assert.equals(2, alone.fired)
    assert.equals(2, alone.skipped)
    world = world_at("2026-01-01T00:00:00Z")
    local both =
      world:schedule("both", { workflow = "long", rule = "FREQ=DAILY", overlap = "allow" })
    world:advance_to("2026-01-05T12:00:00Z")
    assert.equals(4, both.fired)
    assert.equals(0, both.skipped)
  end)

  it("rests while it is paused, and makes up for nothing afterwards", function()
    local world = world_at("2026-01-01T06:00:00Z")
    local daily = world:schedule("daily", { workflow = "tick", rule = "FREQ=DAILY" })
    world:advance("24h")
    daily:pause()
    assert.is_true(daily.is_paused)
    world:advance("240h")
    assert.equals(1, daily.fired)
    daily:resume()
    assert.equals("2026-01-13T00:00:00Z", daily.next_due)
    world:advance("24h")
    assert.equals(2, daily.fired)
    daily:delete()
    world:advance("240h")
    assert.equals(2, #world:runs())
  end)

  it("begins and ends with its dates", function()
    local world = world_at("2026-01-01T06:00:00Z")
    local short = world:schedule("short", {
      workflow = "tick",
      rule = "FREQ=DAILY",
      from = "2026-01-10",
      ["until"] = "2026-01-12",
    })
    assert.same(
      { "2026-01-10T00:00:00Z", "2026-01-11T00:00:00Z", "2026-01-12T00:00:00Z" },
      short:next(10)
    )
    world:advance("2400h")
    assert.equals(3, #world:runs())
    assert.is_nil(short.next_due)
  end)

  it("says what is wrong with it", function()
    local world = world_at("2026-01-01T00:00:00Z")
    local function refused(spec, text)
      spec.workflow = spec.workflow or "tick"
      local is_set, problem = pcall(world.schedule, world, spec.name or "bad", spec)
      assert.is_false(is_set)
      assert.is_truthy(tostring(problem):find(text, 1, true), problem)
    end
    refused({ rule = "FREQ=MONTHLY;BYMONTHDAY=32" }, "BYMONTHDAY=32")
    refused({ rule = "FREQ=DAILY", zone = "Europe/Bonn" }, "no time zone 'Europe/Bonn'")
    refused({ rule = "FREQ=DAILY", at = "7:30" }, "at is '7:30'")
    refused({ rule = "FREQ=DAILY", workflow = "tock" }, "no workflow 'tock'")
    refused({ rule = "FREQ=DAILY", catch_up = "all" }, "overlap 'allow'")
    refused({ rule = "FREQ=DAILY", catch_up = "sometimes" }, "skip, one or all")
    refused({ rule = "FREQ=DAILY", ["until"] = "2025-12-31" }, "until lies before from")
    refused({ rule = "FREQ=DAILY;COUNT=1", from = "2025-01-01" }, "no start is ever due")
    refused({ rule = "FREQ=DAILY", holidays = { "25.12.2026" } }, "'25.12.2026' is not a date")
    refused({ rule = "FREQ=DAILY", spread_s = -1 }, "spread_s is -1")
    refused({ rule = "FREQ=DAILY", every = 1 }, "no member 'every'")
    assert.same({}, world:runs())
  end)

  it("stays due when its workflow is gone, and starts when it is back", function()
    local world = world_at("2026-01-01T06:00:00Z")
    local daily = world:schedule("daily", { workflow = "tick", rule = "FREQ=DAILY" })
    world:deploy({ ["workflows/long.lua"] = LONG })
    world:advance_to("2026-01-02T03:00:00Z")
    assert.equals(0, #world:runs())
    assert.is_truthy(daily.problem:find("no workflow 'tick'", 1, true))
    world:deploy({ ["workflows/tick.lua"] = TICK })
    world:advance("3h")
    assert.same({ "2026-01-02T00:00:00Z" }, keys(world))
    assert.equals("", daily.problem)
  end)
end)

describe("after an outage", function()
  local function outage(catch_up, extra)
    local world = world_at("2026-01-01T06:00:00Z")
    local spec = { workflow = "tick", rule = "FREQ=DAILY", catch_up = catch_up, overlap = "allow" }
    for name, value in pairs(extra or {}) do
      spec[name] = value
    end
    local daily = world:schedule("daily", spec)
    world:advance("24h")
    world:outage("124h") -- to 7 January, 10:00: five starts were missed
    return world, daily
  end

  it("what was missed is left out with catch_up skip", function()
    local world, daily = outage("skip")
    assert.equals(1, #world:runs())
    assert.equals(5, daily.skipped)
    assert.equals("2026-01-08T00:00:00Z", daily.next_due)
  end)

  it("one start stands for all with catch_up one", function()
    local world, daily = outage("one")
    assert.same({ "2026-01-02T00:00:00Z", "2026-01-07T00:00:00Z" }, keys(world))
    assert.equals(4, daily.skipped)
  end)

  it("each is made up for with catch_up all, up to its bound", function()
    local world, daily = outage("all")
    assert.equals(6, #world:runs())
    assert.equals(0, daily.skipped)
    world, daily = outage("all", { catch_up_max = 2 })
    assert.same(
      { "2026-01-02T00:00:00Z", "2026-01-06T00:00:00Z", "2026-01-07T00:00:00Z" },
      keys(world)
    )
    assert.equals(3, daily.skipped)
  end)

  it("a start that is less than a minute late is on time", function()
    local world = world_at("2026-01-01T06:00:00Z")
    local daily =
      world:schedule("daily", { workflow = "tick", rule = "FREQ=DAILY", catch_up = "skip" })
    world:advance_to("2026-01-01T23:59:30Z")
    world:outage("45s")
    assert.equals(1, daily.fired)
    assert.equals(0, daily.skipped)
  end)
end)
