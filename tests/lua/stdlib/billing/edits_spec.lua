local decimal = require("billow.decimal")
local edits = require("billow.billing.edits")
local testing = require("billow.testing")

local ID = "C-02/CU-02/2026-10/380"
local BILL = {
  canonical = {
    {
      totals = { tax_exclusive_amount = "100.00" },
      lines = { { description_key = "time:Development" } },
    },
  },
}

describe("V8: an edit of a bill", function()
  it("is refused with what is wrong: no reason, no such line, too much, no amount", function()
    local cases = {
      [{ kind = "write_down", amount = "1.00" }] = "reason is missing",
      [{ kind = "narrative", line = "nope", text = "t", reason = "r" }] = "no line has the key",
      [{ kind = "narrative", line = "time:Development", reason = "r" }] = "text is missing",
      [{ kind = "write_down", amount = "100.01", reason = "r" }] = "more than the bill's net",
      [{ kind = "write_down", amount = "-1", reason = "r" }] = "amount is a positive decimal",
      [{ kind = "write_up", amount = "1.005", reason = "r" }] = "more than 2 decimals",
      [{ kind = "gift", reason = "r" }] = "is no kind of edit",
      ["text"] = "an edit is an object",
    }
    for edit, wanted in pairs(cases) do
      local problem = edits.problem(BILL, edit, 2)
      assert.truthy(problem and problem:find(wanted, 1, true), wanted)
    end
  end)

  it("says how much of the bill is written down", function()
    local list = { { kind = "write_down", amount = "25.00" } }
    assert.equal("20.0", edits.write_down_percent(BILL, list))
    assert.is_nil(edits.write_down_percent(BILL, {}))
  end)
end)

describe("V8: a bill that is edited instead of approved", function()
  local world, run, before

  before_each(function()
    world = testing.world({ now = "2026-11-02T09:00:00Z", fixtures = "acme" })
    run = world:start("tm", { contract = "C-02", period = "2026-10" }, { as = "otto" })
    world:task("exception"):answer("hold", { as = "nina" })
    before = world:task("approval").body.documents[1]
  end)

  local function edit(list)
    world:task("approval"):answer("edit", { as = "piet", data = { edits = list } })
  end

  local function down(amount, code)
    return {
      kind = "write_down",
      amount = amount,
      reason = "slow start",
      reason_code = code or "goodwill",
    }
  end

  it("is another bill, with the lines as they were and the amount beside them", function()
    edit({ down("50.00") })
    local document = world:task("approval").body.documents[1]
    assert.equal(before.totals.line_extension_amount, document.totals.line_extension_amount)
    assert.equal(
      decimal(before.totals.tax_exclusive_amount) - decimal("50.00"),
      decimal(document.totals.tax_exclusive_amount)
    )
    assert.equal("slow start", document.allowances[#document.allowances].reason)
  end)

  it("cannot be approved by who edited it, nor by who prepared it", function()
    edit({ down("50.00") })
    world:task("approval"):approve({ as = "piet" })
    assert.truthy(world:task("approval").body.remark:find("piet had a part in this bill", 1, true))
    world:task("approval"):approve({ as = "otto" })
    assert.equal("open", run.status)
    world:task("approval"):approve({ as = "dana" })
    assert.equal("issued", run.result.status)
    local invoice = world.billing.invoices[ID]
    assert.equal("dana", invoice.approved_by)
    local said = invoice.explanation.effects[1]
    assert.truthy(said:find("edited by piet: write down of 50.00", 1, true))
  end)

  it("voids what was approved before", function()
    world:set_setting({ policy = "approval", name = "count", value = 2 })
    run = world:start("tm", { contract = "C-03", period = "2026-10" }, { as = "otto" })
    while #world:tasks("exception", "C-03") > 0 do
      world:task("exception", "C-03"):answer("hold", { as = "nina" })
    end
    world:task("approval", "C-03"):approve({ as = "dana" })
    local data = { edits = { down("1.00") } }
    world:task("approval", "C-03"):answer("edit", { as = "piet", data = data })
    assert.same({}, world:task("approval", "C-03").body.approved_by)
    world:task("approval", "C-03"):approve({ as = "dana" })
    assert.equal("open", run.status)
  end)

  it("may say something else, beside its key", function()
    local key = before.lines[1].description_key
    edit({ { kind = "narrative", line = key, text = "Design of the API", reason = "clearer" } })
    world:task("approval"):approve({ as = "dana" })
    local line = world.billing.invoices[ID].body.lines[1]
    assert.same({ key, "Design of the API" }, { line.description_key, line.narrative })
    assert.truthy(world.billing.invoices[ID].html:find("Design of the API", 1, true))
  end)

  it("may be more", function()
    edit({ { kind = "write_up", amount = "10.00", reason = "agreed extra" } })
    world:task("approval"):approve({ as = "dana" })
    local totals = world.billing.invoices[ID].body.totals
    assert.equal(
      decimal(before.totals.tax_exclusive_amount) + decimal("10.00"),
      decimal(totals.tax_exclusive_amount)
    )
  end)

  it("stays as it is when the edit is wrong, or the write-off policy does not allow it", function()
    edit({ down("50.00", "whim") })
    local task = world:task("approval")
    assert.truthy(task.body.remark:find("whim is no reason", 1, true))
    assert.same(before.totals, task.body.documents[1].totals)
    edit({})
    assert.truthy(world:task("approval").body.remark:find("edit needs data", 1, true))
  end)
end)
