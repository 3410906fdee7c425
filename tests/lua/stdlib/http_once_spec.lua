-- Requests that must not be repeated: a bank that cannot tell a repetition, and loses answers.
local testing = require("billow.testing")

local PAY = "https://bank.example/payments"

local SCRIPT = [[
local http = require("billow.http")
local json = require("billow.json")
return require("billow.workflow").define({
  name = "pay", version = "1",
  run = function(input)
    local once = true
    if input.reconcile then
      once = { assignees = { "dana" }, reconcile = function(key, request)
        if input.reconcile == "blind" then
          return nil
        end
        local url = request.url .. "?reference=" .. key
        local found = http.get(url):expect_ok():json()
        if #found == 0 then
          return http.NOT_THERE
        end
        return { status = 201, body = json.encode(found[1]) }
      end }
    end
    local answer = http.post({ url = "https://bank.example/payments", json = { amount = "10.00" },
      once = once })
    return { status = answer.status, body = answer.body }
  end,
})
]]

--- A bank that answers as `answers` says; `has` tells whether it has the payment that is asked for.
local function bank_of(answers)
  local world = testing.world({ files = { ["workflows/pay.lua"] = SCRIPT } })
  local bank = { has = false }
  local route = world:http("POST", PAY)
  for _, answer in ipairs(answers) do
    if answer == "lost" then
      route:fails("UNKNOWN_OUTCOME")
    elseif answer == "never" then
      route:hangs()
    else
      route:answers(answer)
    end
  end
  world:http("GET", PAY .. "?reference=*"):answers(function(request)
    local key = request.url:match("reference=(.*)$")
    return 200, bank.has and { { id = "P-1", reference = key } } or "[]"
  end)
  return bank, world
end

local function posts(world)
  local keys = {}
  for _, request in ipairs(world:requests()) do
    if request.method == "POST" then
      keys[#keys + 1] = request.headers["idempotency-key"]
    end
  end
  return keys
end

describe("http: once", function()
  it("takes the answer that comes", function()
    local _, world = bank_of({ 201 })
    local run = world:start("pay", { reconcile = "ask" })
    assert.equals("done", run.status)
    assert.equals(201, run.result.status)
    assert.equals(1, #posts(world))
  end)

  it("finds what was carried out though the answer was lost, and sends nothing again", function()
    local bank, world = bank_of({ "lost", 201 })
    bank.has = true
    local run = world:start("pay", { reconcile = "ask" })
    assert.equals("done", run.status)
    assert.matches("P%-1", run.result.body)
    assert.equals(1, #posts(world))
  end)

  it("sends again with the same key what is proven not to be there", function()
    local _, world = bank_of({ "lost", 500, 201 })
    local run = world:start("pay", { reconcile = "ask" })
    assert.equals("done", run.status)
    local keys = posts(world)
    assert.equals(3, #keys)
    assert.equals(run.id .. "/1", keys[1])
    assert.equals(keys[1], keys[2])
    assert.equals(keys[1], keys[3])
  end)

  it("asks after a crash between sending and storing the answer", function()
    local bank, world = bank_of({ "never" })
    bank.has = true
    local run = world:start("pay", { reconcile = "ask" })
    assert.equals("open", run.status)
    world:crash()
    assert.equals("done", run.status)
    assert.equals(201, run.result.status)
    assert.equals(1, #posts(world))
  end)

  it("asks a person when reconcile cannot tell", function()
    local _, world = bank_of({ "lost", 201 })
    local run = world:start("pay", { reconcile = "blind" })
    local task = world:task("outcome")
    assert.matches("POST https://bank.example/payments", task.title)
    assert.equals(run.id .. "/1", task.body.key)
    assert.equals(1, #posts(world))
    task:answer("not_done", { as = "dana" })
    assert.equals("done", run.status)
    assert.equals(2, #posts(world))
  end)

  it("asks a person when there is no reconcile", function()
    local _, world = bank_of({ "lost", 201 })
    local run = world:start("pay", {})
    world:task("outcome"):answer("done", { as = "dana", data = { status = 202 } })
    assert.equals("done", run.status)
    assert.equals(202, run.result.status)
    assert.equals(1, #posts(world))
  end)

  it("asks the person again after an answer that is none", function()
    local _, world = bank_of({ "lost", 201 })
    local run = world:start("pay", {})
    world:task("outcome"):answer("maybe", { as = "dana" })
    assert.equals("open", run.status)
    world:task("outcome"):answer("give_up", { as = "dana" })
    assert.equals("parked", run.status)
    assert.equals("UNKNOWN_OUTCOME", run.error.code)
    assert.equals(1, #posts(world))
  end)

  it("gives up when it never gets there", function()
    local _, world = bank_of({ "lost" })
    local run = world:start("pay", { reconcile = "ask" })
    assert.equals("parked", run.status)
    assert.equals("UNAVAILABLE", run.error.code)
    assert.equals(5, #posts(world))
  end)
end)
