local build = require("support.billing")
local rounding = require("billow.billing.rounding")

local function seconds_of(works)
  local seconds = {}
  for _, work in ipairs(works) do
    seconds[work.id:match("%d+$")] = work.billed_seconds
  end
  return seconds
end

local function apply(works, increment, mode, scope, line_key)
  return rounding.apply(
    works,
    { increment_minutes = increment, mode = mode, scope = scope },
    line_key
  )
end

describe("rounding of durations (model 3.4)", function()
  it("rounds up, down and to the nearest multiple of the increment", function()
    assert.equal(900, rounding.round(1, 900, "up"))
    assert.equal(900, rounding.round(900, 900, "up"))
    assert.equal(0, rounding.round(899, 900, "down"))
    assert.equal(900, rounding.round(450, 900, "nearest"))
    assert.equal(0, rounding.round(449, 900, "nearest"))
  end)

  it("rounds each entry alone", function()
    local kept = apply({ build.work(1, 1), build.work(2, 16) }, 15, "up", "entry")
    assert.same({ ["1"] = 900, ["2"] = 1800 }, seconds_of(kept))
  end)

  it(
    "rounds up per person-day to 15 minutes and adds the difference to the day's last entry",
    function()
      local kept = apply({
        build.work(1, 10),
        build.work(2, 12),
        build.work(3, 7, { person = "Ben" }),
      }, 15, "up", "person_day")
      assert.same({ ["1"] = 600, ["2"] = 1200, ["3"] = 900 }, seconds_of(kept))
    end
  )

  it("pools a task's day over all persons", function()
    local kept =
      apply({ build.work(1, 20), build.work(2, 8, { person = "Ben" }) }, 30, "up", "task_day")
    assert.same({ ["1"] = 1200, ["2"] = 600 }, seconds_of(kept))
  end)

  it("pools a line by its key", function()
    local kept = apply({ build.work(1, 20), build.work(2, 20) }, 30, "nearest", "line", function()
      return "one line"
    end)
    assert.same({ ["1"] = 1200, ["2"] = 600 }, seconds_of(kept))
  end)

  it(
    "takes a negative difference from the last entry down to zero, then from the one before",
    function()
      local kept, away =
        apply({ build.work(1, 20), build.work(2, 5), build.work(3, 3) }, 15, "down", "person_day")
      assert.same({ ["1"] = 900 }, seconds_of(kept))
      assert.same({ ["2"] = 0, ["3"] = 0 }, seconds_of(away))
    end
  )

  it("counts the last entry in source order, not in the order given", function()
    local kept = apply({ build.work(9, 10), build.work(2, 10) }, 15, "up", "person_day")
    assert.same({ ["9"] = 1200, ["2"] = 600 }, seconds_of(kept))
  end)

  it("leaves entries as worked without rounding terms", function()
    assert.same({ ["1"] = 420 }, seconds_of(rounding.apply({ build.work(1, 7) })))
  end)

  it("keeps a pool's total equal to its rounded total", function()
    local works = {}
    for number = 1, 20 do
      works[number] = build.work(number, number)
    end
    for _, mode in ipairs({ "up", "nearest", "down" }) do
      local total = 0
      for _, work in ipairs(apply(works, 6, mode, "person_day")) do
        total = total + work.billed_seconds
      end
      assert.equal(rounding.round(210 * 60, 360, mode), total)
    end
  end)
end)
