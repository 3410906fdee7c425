--- The workflow on the README's first page runs, and does what the page says.
local testing = require("billow.testing")

local function example_of(path, name)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  local at = assert(text:find("`" .. name .. "`:", 1, true), path .. " has no example " .. name)
  return assert(text:match("\n```lua\n(.-\n)```", at))
end

describe("README.md", function()
  local world

  before_each(function()
    local files = { ["workflows/payment.lua"] = example_of("README.md", "workflows/payment.lua") }
    world = testing.world({ now = "2026-11-02T09:00:00Z", files = files })
  end)

  it("has a workflow that takes a payment", function()
    local run = world:start("payment", { invoice = "INV-7" })
    world:send("payment", "INV-7", { amount = "120.00" }, { id = "bank-77" })
    assert.same({ status = "paid", amount = "120.00" }, run.result)
  end)

  it("asks a person when no payment comes within thirty days", function()
    local run = world:start("payment", { invoice = "INV-7" })
    world:advance("30d")
    world:task("question"):answer("remind", { as = "nina" })
    assert.same({ status = "unpaid", decision = "remind", by = "nina" }, run.result)
  end)
end)
