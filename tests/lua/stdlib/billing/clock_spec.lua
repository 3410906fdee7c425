--- Rounding begin and end of an entry by themselves.

local clock = require("billow.billing.clock")

local function span(begin, stop, increment, mode)
  local side = increment and { increment_minutes = increment, mode = mode }
  local found, problem = clock.span(begin, stop, { begin = side, stop = side })
  return found and found.begin .. " to " .. found["end"] .. " = " .. found.seconds or problem
end

describe("begin and end", function()
  it("are rounded each by itself", function()
    assert.are.equal("12:15:00 to 13:30:00 = 4500", span("12:17:35", "13:32:52", 15, "down"))
    assert.are.equal("12:30:00 to 13:45:00 = 4500", span("12:17:35", "13:32:52", 15, "up"))
    assert.are.equal("12:18:00 to 13:33:00 = 4500", span("12:17:35", "13:32:52", 1, "nearest"))
  end)

  it("stay without a rule", function()
    assert.are.equal("12:17:35 to 13:32:52 = 4517", span("12:17:35", "13:32:52"))
  end)

  it("must be times, the end not before the begin", function()
    assert.are.equal("begin", span("noon", "13:00:00"))
    assert.are.equal("end", span("12:00:00", "12:60:00"))
    assert.are.equal("end", span("12:00:00", "11:00:00"))
  end)
end)
