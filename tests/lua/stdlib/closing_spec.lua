local testing = require("billow.testing")

local API = "https://stock.example/holds"

--- A hold that is given back in two requests with a pause between them, when its scope ends.
local HOLD = [[
local billow = require("billow")
local event = require("billow.event")
local http = require("billow.http")
local timer = require("billow.timer")

local function hold(name)
  http.post({ url = "https://stock.example/holds", body = "take " .. name })
  return setmetatable({}, {
    __close = function()
      http.post({ url = "https://stock.example/holds", body = "free " .. name })
      timer.sleep("1h")
      http.post({ url = "https://stock.example/holds", body = "freed " .. name }):expect_ok()
    end,
  })
end

return require("billow.workflow").define({ name = "it", version = "1", run = function()
]]

local function world_of(body)
  local world = testing.world({ files = { ["workflows/it.lua"] = HOLD .. body .. "\nend })\n" } })
  return world, world:http("POST", API):answers(200)
end

local function bodies(mock)
  local seen, list = {}, {}
  for _, request in ipairs(mock.requests) do -- a crash sends again, with the same key
    local key = request.headers["idempotency-key"]
    if not seen[key] then
      seen[key] = true
      list[#list + 1] = request.body
    end
  end
  return list
end

describe("handlers of to-be-closed variables", function()
  it("give back over several turns what a cancelled run holds, the latest first", function()
    local world, holds = world_of([[
      local a <close> = hold("a")
      local b <close> = hold("b")
      event.wait("never")]])
    local run = world:start("it")
    run:cancel("not wanted")
    assert.equals("open", run.status)
    world:advance("3h")
    assert.equals("cancelled", run.status)
    assert.is_nil(run.error)
    assert.same({ "take a", "take b", "free b", "freed b", "free a", "freed a" }, bodies(holds))
  end)

  it("finish what they have begun when the cancel comes meanwhile", function()
    local world, holds = world_of([[
      do
        local a <close> = hold("a")
      end
      hold("never taken")]])
    local run = world:start("it")
    run:cancel("not wanted")
    world:advance("3h")
    assert.equals("cancelled", run.status)
    assert.same({ "take a", "free a", "freed a" }, bodies(holds))
  end)

  it("free what the strands of a cancelled run hold, before it is undone", function()
    local world, holds = world_of([[
      billow.compensate(function()
        http.post({ url = "https://stock.example/holds", body = "undone" })
      end)
      billow.all({
        function()
          local a <close> = hold("a")
          event.wait("never")
        end,
        function()
          event.wait("never")
        end,
      })]])
    local run = world:start("it")
    run:cancel("not wanted")
    world:advance("3h")
    assert.equals("cancelled", run.status)
    assert.same({ "take a", "free a", "freed a", "undone" }, bodies(holds))
  end)

  it("tell with the run's end what they could not do", function()
    local world = testing.world({
      files = { ["workflows/it.lua"] = HOLD .. "local a <close> = hold('a')\n"
        .. "event.wait('never')\nend })\n" },
    })
    world:http("POST", API):answers(function(request)
      return request.body == "freed a" and 409 or 200
    end)
    local run = world:start("it")
    run:cancel("not wanted")
    world:advance("3h")
    assert.equals("cancelled", run.status)
    assert.truthy(run.error.text:find("while it was being cancelled: .*409.*workflows/it.lua:12"),
      run.error.text)
  end)
end)
