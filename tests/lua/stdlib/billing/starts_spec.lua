--- Instants at which work began (S10, V7): what was reported twice, and what overlaps.

local build = require("support.billing")
local own = require("billow.billing.sources.own")
local row = require("billow.billing.sources.row")
local starts = require("billow.billing.starts")

local function start(id, clock, minutes, changes)
  local made = {
    id = id,
    person = "Ana",
    project_code = "P",
    project_name = "",
    started_at = "2026-10-05T" .. clock .. ":00",
    quantity = tostring(minutes * 60),
    source_rank = 1,
    sequence = tonumber(id),
  }
  for name, value in pairs(changes or {}) do
    made[name] = value
  end
  return made
end

describe("entries of a person", function()
  it("that began on the same project at the same second are one, whatever they say", function()
    local same, overlaps = starts.judge({ start("2", "09:00", 30), start("1", "09:00", 60) })
    assert.same({ ["2"] = "1" }, same)
    assert.same({}, overlaps)
  end)

  it("overlap when one begins before the one before it has ended", function()
    local _, overlaps = starts.judge({
      start("1", "09:00", 120), start("2", "09:30", 10), start("3", "10:30", 60),
      start("4", "11:30", 10),
    })
    assert.same({ ["2"] = "1", ["3"] = "1" }, overlaps)
  end)

  it("on several projects at once overlap, and are not the same", function()
    local same, overlaps = starts.judge({
      start("1", "09:00", 60), start("2", "09:00", 60, { project_code = "Q" }),
    })
    assert.same({}, same)
    assert.same({ ["2"] = "1" }, overlaps)
  end)

  it("do not overlap those of somebody else", function()
    local same, overlaps = starts.judge({
      start("1", "09:00", 60), start("2", "09:00", 60, { person = "Ben" }),
    })
    assert.same({}, same)
    assert.same({}, overlaps)
  end)
end)

describe("an instant of a source", function()
  it("is read from the clock in its usual forms, and passed over in others", function()
    assert.equal("2026-10-05T09:30:00", row.started_at("2026-10-05", "9:30"))
    assert.equal("2026-10-05T09:30:15", row.started_at("2026-10-05", "09:30:15"))
    assert.is_nil(row.started_at("2026-10-05", ""))
    assert.is_nil(row.started_at("2026-10-05", "9:30 PM"))
    assert.is_nil(row.started_at("2026-10-05", "25:00"))
  end)

  it("of Billow's own form is refused when it is none", function()
    local reader = own.line_reader("time", "time.jsonl")
    local line = '{"person":"Ana","work_date":"2026-10-05","hours":"1","started_at":"%s"}'
    local entity = reader(1, { (line:format("2026-10-05T09:30:00")) })
    assert.equal("2026-10-05T09:30:00", entity.started_at)
    local none, problem = reader(1, { (line:format("this morning")) })
    assert.is_nil(none)
    assert.truthy(problem.message:find("write it as 2026-10-05T09:30:00", 1, true))
  end)
end)

describe("a contract", function()
  local AT = { started_at = "2026-10-05T09:00:00" }

  local function codes(checks)
    local ctx = build.context_of({})
    ctx.contracts.C.checks = checks
    local later = { started_at = "2026-10-05T09:30:00" }
    local month = build.compute(ctx, {
      build.entry(1, AT), build.entry(2, AT), build.entry(3, later),
    })
    return build.codes(month.contracts.C.exceptions), month
  end

  it("bills what began at the same second once", function()
    local found, month = codes()
    assert.same({ "DUPLICATE_ENTRY harvest-time:2" }, found)
    assert.truthy(month.contracts.C.exceptions[1].message
      :find("start (2026-10-05T09:00:00) as harvest-time:1", 1, true))
  end)

  it("asks about overlaps only where the validation policy says so", function()
    local found = codes({ is_overlap_asked = true })
    assert.same({ "DUPLICATE_ENTRY harvest-time:2", "OVERLAPS harvest-time:3" }, found)
  end)

  it("lets repetitions through where the duplicate guard does", function()
    assert.same({}, (codes({ is_repetition_allowed = true })))
  end)
end)
