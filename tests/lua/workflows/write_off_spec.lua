--- write-off and write-down: what is given up, by whom it has to be agreed to, and what stays.

local decimal = require("billow.decimal")
local testing = require("billow.testing")

local ID = "C-01/CU-01/2026-10/380"

describe("write-off", function()
  local world, db

  before_each(function()
    world = testing.world({ now = "2026-11-02T09:00:00Z", fixtures = "acme" })
    db = world.receivables
    world:start("tm", { contract = "C-01", period = "2026-10" }, { as = "otto" })
    world:task("exception"):answer("hold", { as = "nina" })
    world:task("approval"):approve({ as = "dana" })
  end)

  local function write_off(more)
    local input = { invoice = "INV-2026-00214", reason_code = "uncollectable" }
    for name, value in pairs(more or {}) do
      input[name] = value
    end
    return world:start("write-off", input, { as = "otto" })
  end

  it("below the first threshold asks nobody", function()
    local run = write_off({ amount = "4.50", reason_code = "rounding" })
    assert.equals("written off", run.result.status)
    assert.equals("automatic", db.write_offs[1].roles)
  end)

  it("asks a person of each role that the amount calls for, never who asked for it", function()
    local run = write_off({})
    world:task("approval"):approve({ as = "otto" })
    assert.truthy(world:task("approval").body.remark:find("cannot agree", 1, true))
    world:task("approval"):approve({ as = "dana" })
    world:task("approval"):approve({ as = "dana" })
    assert.truthy(world:task("approval").body.remark:find("another person", 1, true))
    world:task("approval"):approve({ as = "fox" })
    assert.equals("written off", run.result.status)
    assert.is_true(db:open(ID):is_zero())
    assert.same({ "partner, cfo", "dana, fox" }, { run.result.roles, run.result.approved_by })
  end)

  it("ends the collection of the invoice", function()
    write_off({})
    world:task("approval"):approve({ as = "dana" })
    world:task("approval"):approve({ as = "fox" })
    local run = world:runs({ workflow = "collections" })[1]
    assert.same({ "done", "settled" }, { run.status, run.result.status })
  end)

  it("changes nothing when somebody refuses", function()
    local run = write_off({})
    world:task("approval"):answer("reject", { as = "dana" })
    assert.equals("rejected", run.result.status)
    assert.equals(0, #db.write_offs)
  end)

  it("flags the tax of a bad debt where the firm's country lets it be claimed back", function()
    world:set_setting({ policy = "write-off", name = "tax_relief_countries", value = { "DE" } })
    write_off({ amount = "119.00", reason_code = "goodwill" })
    write_off({ amount = "119.00" })
    for _ = 1, 4 do
      local task = world:tasks("approval")[1]
      if task then
        task:approve({ as = task.body.agreed[1] == "dana" and "fox" or "dana" })
      end
    end
    assert.same({ false, true }, { db.write_offs[1].is_tax_relief, db.write_offs[2].is_tax_relief })
    assert.equals("19.00", db.write_offs[2].tax_amount)
  end)

  it("asks anew when some of it was paid meanwhile", function()
    local open = db:open(ID)
    local run = write_off({})
    db:pay(ID, "100.00", "2026-11-10")
    world:task("approval"):approve({ as = "dana" })
    world:task("approval"):approve({ as = "fox" })
    assert.not_equals("done", run.status)
    world:task("approval"):approve({ as = "dana" })
    world:task("approval"):approve({ as = "fox" })
    assert.equals(open - decimal("100.00"), decimal(run.result.amount))
    assert.is_true(db:open(ID):is_zero())
  end)

  it("says how many decimals the currency has when an amount has more", function()
    local run = write_off({ amount = "4.505" })
    assert.truthy(run.result.problem:find("which is open, with at most 2 decimals", 1, true))
    local invoice = world.billing.invoices[ID]
    invoice.currency, invoice.body.totals.payable_amount = "JPY", "46913"
    run = write_off({ amount = "4.5" })
    local text = "with no decimals: it is in JPY"
    assert.truthy(run.result.problem:find(text, 1, true), run.result.problem)
  end)

  it("says what cannot be, and in a dry run what would be", function()
    for _, case in ipairs({
      { { invoice = "INV-1" }, "there is no invoice INV-1: give its number or its id" },
      { { amount = "0" }, "amount is 0: write a positive amount of at most 46913.61, which is" },
      { { amount = "x" }, "amount is x: write a positive amount of at most 46913.61, which is" },
      { { reason_code = "mood" }, "mood is no reason: write one of" },
    }) do
      local run = write_off(case[1])
      assert.equals("refused", run.result.status)
      assert.truthy(run.result.problem:find(case[2], 1, true), run.result.problem)
    end
    local run = write_off({ amount = "50.00", dry_run = true })
    assert.equals("write-off of 50.00 EUR, INV-2026-00214: needs team_lead", run.result.text)
    assert.equals(0, #db.write_offs)
  end)
end)

describe("write-down", function()
  local world

  before_each(function()
    world = testing.world({ now = "2026-11-02T09:00:00Z", fixtures = "acme" })
  end)

  local function write_down(entries, more)
    local input = { entries = entries, reason_code = "training" }
    for name, value in pairs(more or {}) do
      input[name] = value
    end
    return world:start("write-down", input, { as = "otto" })
  end

  --- Some open time entry of the contract.
  local function entry_of(code)
    local ids = {}
    for id, entry in pairs(world.billing.entries) do
      if entry.kind == "time" and entry.project_code == code and not entry.invalid then
        ids[#ids + 1] = id
      end
    end
    table.sort(ids)
    return ids[1], world.billing.entries[ids[1]]
  end

  local function project_code()
    return world.billing.documents["contract\0C-01"][1].body.projects[1].code
  end

  it("keeps the work off every invoice, and its worth on record", function()
    local id, entry = entry_of(project_code())
    local run = write_down(id, { amount = "80.00" })
    world:task("approval"):approve({ as = "dana" })
    assert.equals("written down", run.result.status)
    assert.equals(entry.quantity, world.billing:totals().written_off)
    world:start("tm", { contract = "C-01", period = "2026-10" }, { as = "otto" })
    for _, line in ipairs(world.billing.lines["C-01/CU-01/2026-10/380"] or {}) do
      for _, reference in ipairs(line.references) do
        assert.not_equals(entry.body.id, reference.id)
      end
    end
  end)

  it("values the work at its rate, and may take part of it", function()
    local id, entry = entry_of(project_code())
    local run = write_down(id .. "=0.5h", { dry_run = true })
    assert.equals("dry run", run.result.status, run.result.problem)
    assert.is_true(decimal(run.result.amount):sign() > 0)
    write_down(id .. "=0.5h", { amount = "1.00" })
    assert.equals(decimal(1800), world.billing:totals().written_off)
    assert.is_true(entry.quantity > decimal(1800))
  end)

  it("says what cannot be written down", function()
    assert.equals("nobody: nothing of it is open or held", write_down("nobody").result.problem)
    local id = entry_of(project_code())
    local run = write_down(id .. "=1000h")
    assert.truthy(run.result.problem:find("of it is not billed", 1, true))
  end)
end)
