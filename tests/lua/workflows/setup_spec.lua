local json = require("billow.json")
local testing = require("billow.testing")
local billing_db = require("billow.testing.billing_db")

local FILES = {
  firm = "firm.json",
  customers = "customers.json",
  contracts = "contracts.json",
  rate_cards = "rate-cards.json",
  opening = "opening.json",
}

local function documents()
  local all = {}
  for field, name in pairs(FILES) do
    local file = assert(io.open("examples/acme/" .. name, "rb"))
    all[field] = json.decode(file:read("a"))
    file:close()
  end
  return all
end

describe("setup", function()
  local world, db

  before_each(function()
    world = testing.world({ now = "2026-11-02T09:00:00Z" })
    db = billing_db.new()
    world:use(db)
  end)

  local function set_up(all)
    return world:start("setup", { documents = all, period = "2026-10" })
  end

  it("stores every document once", function()
    local first = set_up(documents())
    assert.equals("done", first.status)
    assert.truthy(first.result.stored > 50)
    assert.equals("Policy platform, run and change", db.documents["contract\0C-01"][1].body.name)
    assert.equals(0, set_up(documents()).result.stored)
  end)

  it("makes a new version of what changed, and of nothing else", function()
    set_up(documents())
    local all = documents()
    all.contracts[1].name = "Policy platform, second phase"
    assert.equals(1, set_up(all).result.stored)
    local versions = db.documents["contract\0C-01"]
    assert.equals(2, #versions)
    assert.equals("Policy platform, run and change", versions[1].body.name)
    assert.equals(2, versions[2].version)
  end)

  it("makes the number series of the firm, with the opening's next number", function()
    set_up(documents())
    world:deploy({
      ["workflows/take.lua"] = [[
        local number = require("billow.number")
        return require("billow.workflow").define({ name = "take", version = "1",
          run = function() return number.next("INV", { date = "2026-11-02" }).number end })
      ]],
    })
    assert.equals("INV-2026-00214", world:start("take").result)
  end)

  it("stores nothing when the documents do not fit, and says what is wrong", function()
    local all = documents()
    all.contracts[1].customer_id = "CU-99"
    local run = set_up(all)
    assert.equals("done", run.status)
    assert.truthy(table.concat(run.result.problems, "\n"):find("CU-99", 1, true))
    assert.same({}, db.documents)
  end)
end)
