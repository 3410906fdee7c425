--- Missing timesheets (S10): who has reported less than their capacity is known before the bill.

local build = require("support.billing")
local change = require("support.documents")
local decimal = require("billow.decimal")
local json = require("billow.json")
local model = require("billow.billing.model")
local testing = require("billow.testing")
local timesheets = require("billow.billing.timesheets")

local WEEK = { "monday", "tuesday", "wednesday", "thursday", "friday" }

local function ana(changes)
  local made = {
    person = "Ana", hours_per_day = decimal(8), weekdays = WEEK, absences = {},
  }
  for name, value in pairs(changes or {}) do
    made[name] = value
  end
  return made
end

--- Missing days of Ana from Monday 5 to Sunday 11 October 2026.
local function missing(capacity, worked, options)
  options = options or {}
  local firm = { capacity = { capacity }, holidays = options.holidays }
  local by_day = {}
  for day, hours in pairs(worked) do
    by_day["Ana\0" .. day] = hours * 3600
  end
  local list = timesheets.missing(firm, by_day, "2026-10-05", "2026-10-11",
    options.percent or "50", options.wanted)
  return list[1] and list[1].days or {}, list[1]
end

local FULL = {
  ["2026-10-05"] = 8, ["2026-10-06"] = 4, ["2026-10-07"] = 8, ["2026-10-08"] = 8,
  ["2026-10-09"] = 8,
}

local function without(day)
  local copy = {}
  for name, hours in pairs(FULL) do
    copy[name] = name ~= day and hours or nil
  end
  return copy
end

describe("a working day", function()
  it("with enough of the capacity misses nothing, and weekends are none", function()
    assert.same({}, (missing(ana(), FULL)))
  end)

  it("with less than enough is missing, with the hours to the whole", function()
    local days, found = missing(ana(), FULL, { percent = "51" })
    assert.same({ "2026-10-06" }, days)
    assert.equal(decimal(4), found.hours)
  end)

  it("with nothing is missing, however little is enough", function()
    assert.same({ "2026-10-08" }, (missing(ana(), without("2026-10-08"), { percent = "0" })))
  end)

  it("is none on holidays, in absences, and before or after somebody works here", function()
    local worked = without("2026-10-08")
    assert.same({}, (missing(ana(), worked, { holidays = { "2026-10-08" } })))
    local away = { { start_date = "2026-10-08", end_date = "2026-10-08" } }
    assert.same({}, (missing(ana({ absences = away }), worked)))
    assert.same({}, (missing(ana({ end_date = "2026-10-07" }), worked)))
    assert.same({}, (missing(ana({ weekdays = { "monday" } }), worked)))
  end)

  it("of somebody who is not asked about is passed over", function()
    assert.same({}, (missing(ana(), {}, { wanted = { Ben = true } })))
  end)
end)

describe("a firm's capacity", function()
  local function problem(capacity, field)
    local _, problems = model.read(build.files({ firm = build.firm({ capacity = capacity }) }))
    assert.equal(field, problems[1].field)
  end

  it("is refused when it does not fit together, and says where", function()
    problem({ { person = "Ana", hours_per_day = "0" } }, "capacity[1].hours_per_day")
    problem({ { person = "Ana", hours_per_day = "8" }, { person = "Ana", hours_per_day = "8" } },
      "capacity[2].person")
    problem({ { person = "Ana", hours_per_day = "8", weekdays = { "someday" } } },
      "capacity[1].weekdays[1]")
    problem({ { person = "Ana", hours_per_day = "8",
      absences = { { start_date = "2026-10-08", end_date = "2026-10-01" } } } },
      "capacity[1].absences[1].end_date")
  end)
end)

describe("a bill", function()
  local world

  before_each(function()
    world = testing.world({ now = "2026-11-02T09:00:00Z", fixtures = "acme" })
    change(world, "firm", "firm", function(firm)
      firm.capacity = json.array({
        { person = "Ana Nu\u{f1}ez", hours_per_day = "8" },
        { person = "Nobody Here", hours_per_day = "8" },
      })
    end)
  end)

  local function exceptions(task)
    local found = {}
    for _, exception in ipairs(task.body.exceptions) do
      found[#found + 1] = exception.code == "TIMESHEET_MISSING" and exception or nil
    end
    return found
  end

  it("asks about missing time of who works for the contract, where the policy says so", function()
    world:set_setting({ policy = "validation", name = "timesheets", value = "ask" })
    local run = world:start("tm", { contract = "C-01", period = "2026-10" }, { as = "otto" })
    local task = world:task("exception")
    local found = exceptions(task)
    assert.equal(1, #found)
    assert.equal("C-01/Ana Nu\u{f1}ez", found[1].ref)
    task:answer("hold", { as = "nina" })
    world:task("approval"):approve({ as = "dana" })
    assert.equal("issued", run.result.status)
  end)

  it("asks nobody otherwise, and records it where that is wanted", function()
    local function recorded()
      for _, row in pairs(world.billing.exceptions) do
        if row.code == "TIMESHEET_MISSING" then
          return true
        end
      end
      return false
    end
    world:set_setting({ policy = "validation", name = "timesheets", value = "record" })
    world:start("tm", { contract = "C-01", period = "2026-10" }, { as = "otto" })
    assert.equal(0, #exceptions(world:task("exception")))
    world:task("exception"):answer("hold", { as = "nina" })
    world:task("approval"):approve({ as = "dana" })
    assert.is_true(recorded())
  end)
end)
