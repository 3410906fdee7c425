local decimal = require("billow.decimal")
local testing = require("billow.testing")

local CRM = "https://crm.example/offers"

describe("hello", function()
  local world

  before_each(function()
    world = testing.world({ now = "2026-10-31T18:00:00Z" })
  end)

  it("offers a price less the discount", function()
    world:http("POST", CRM):answers(201, { id = "O-1" })
    local run = world:start("hello", { customer = "CU-01", amount = "200.00" })
    assert.equals("done", run.status)
    assert.same({ status = "sent", price = decimal("190.00"), offer = "O-1" }, run.result)
    assert.equals("190.00", world:requests()[1].json.price)
  end)

  it("asks a person when the discount is large", function()
    world:http("POST", CRM):answers(201, { id = "O-2" })
    local run = world:start("hello", { customer = "CU-01", amount = "5000.00" })
    assert.equals("task", run.wake)
    world:task("approval"):approve({ as = "dana" })
    assert.equals("sent", run.result.status)
  end)

  it("sends nothing when the person says no", function()
    local run = world:start("hello", { customer = "CU-01", amount = "5000.00" })
    world:task("approval"):reject({ as = "dana" })
    assert.same({ status = "rejected", by = "dana" }, run.result)
    assert.equals(0, #world:requests())
  end)

  it("uses the discount that is in force for the customer", function()
    world:set_setting({
      policy = "discount",
      name = "percent",
      value = "10",
      scope_type = "customer",
      scope_id = "CU-01",
    })
    world:http("POST", CRM):answers(201, { id = "O-3" })
    local run = world:start("hello", { customer = "CU-01", amount = "200.00" })
    assert.equals(decimal("180.00"), run.result.price)
  end)

  it("tries again when the CRM does not answer, with the same key", function()
    local route = world:http("POST", CRM):times_out():answers(201, { id = "O-4" })
    local run = world:start("hello", { customer = "CU-01", amount = "200.00" })
    world:advance("1m")
    assert.equals("done", run.status)
    local first, second = route.requests[1], route.requests[2]
    assert.equals(first.headers["idempotency-key"], second.headers["idempotency-key"])
  end)
end)
