-- Large values: whole wherever a script meets them again, and refused at its line when they are too
-- large to be stored at all.
local testing = require("billow.testing")

local CARRY = [[
  local workflow = require("billow.workflow")
  local event = require("billow.event")
  local timer = require("billow.timer")
  return workflow.define({
    name = "carry", version = "1.0.0", input = { rows = "list" },
    run = function(input)
      local got = event.wait("doc")
      timer.sleep("1h")
      local child = workflow.call("carry_child", { rows = got.body })
      return { sent = #got.body, given = #input.rows, child = child }
    end,
  })
]]

local CHILD = [[
  local workflow = require("billow.workflow")
  return workflow.define({
    name = "carry_child", version = "1.0.0", input = { rows = "list" },
    run = function(input) return input.rows[#input.rows] end,
  })
]]

local TOO_LARGE = [[
  local workflow = require("billow.workflow")
  local event = require("billow.event")
  return workflow.define({
    name = "too_large", version = "1.0.0", input = { catches = "boolean" },
    run = function(input)
      local rows = {}
      for i = 1, 10 do rows[i] = ("x"):rep(1000000) end
      if input.catches then
        local is_sent, problem = pcall(event.send, "t", rows)
        return { is_sent = is_sent, text = tostring(problem) }
      end
      event.send("t", rows) -- line 12
    end,
  })
]]

local function rows(count)
  local list = {}
  for i = 1, count do
    list[i] = ("row %05d "):format(i):rep(10)
  end
  return list
end

describe("a large value", function()
  it("is whole after a crash, in an event, an input, a child and a result", function()
    local world = testing.world({
      files = { ["workflows/carry.lua"] = CARRY, ["workflows/carry_child.lua"] = CHILD },
    })
    local run = world:start("carry", { rows = rows(3000) })
    world:crash()
    world:send("doc", "", rows(2500))
    world:crash()
    world:advance("2h")
    assert.equals("done", run.status)
    assert.same({ sent = 2500, given = 3000, child = rows(2500)[2500] }, run.result)
  end)

  it("that cannot be stored is an error at the script's line, before anything is", function()
    local world = testing.world({ files = { ["workflows/too_large.lua"] = TOO_LARGE } })
    local run = world:start("too_large", { catches = false })
    assert.equals("parked", run.status)
    assert.equals("workflows/too_large.lua", run.error.file)
    assert.equals(12, run.error.line)
    assert.is_truthy(run.error.text:find("too large to cross a border: over 8323072", 1, true))
    assert.same({}, run:commands())
    local careful = world:start("too_large", { catches = true })
    assert.equals("done", careful.status)
    assert.is_false(careful.result.is_sent)
  end)
end)
