--- correction: an entry that was edited after it was billed, and the months around it.

local decimal = require("billow.decimal")
local testing = require("billow.testing")

local ID = "C-01/CU-01/2026-10/380"

describe("correction", function()
  local world, entry_id

  before_each(function()
    world = testing.world({ now = "2026-11-02T09:00:00Z", fixtures = "acme" })
    world:start("tm", { contract = "C-01", period = "2026-10" }, { as = "otto" })
    world:task("exception"):answer("hold", { as = "nina" })
    world:task("approval"):approve({ as = "dana" })
    for _, move in ipairs(world.billing.movements) do
      if move.kind == "bill" and not entry_id then
        entry_id = move.entry_id
      end
    end
  end)

  --- The entry as it would be imported anew, with half an hour less.
  local function edited()
    local entry = world.billing.entries[entry_id]
    local row, body = {}, {}
    for name, value in pairs(entry) do
      row[name] = value
    end
    for name, value in pairs(entry.body) do
      body[name] = value
    end
    body.duration_seconds = body.duration_seconds - 1800
    row.body, row.quantity = body, tostring(body.duration_seconds)
    row.digest, row.version, row.imported_by = "edited", nil, nil
    return row
  end

  local function start()
    return world:start("correction", { row = edited() }, { as = "otto" })
  end

  local function billed()
    return world.billing:totals().billed
  end

  it("says what was billed where, and what the edit changes", function()
    start()
    local body = world:task("correction").body
    assert.equals("INV-2026-00214", body.billed_on[1].number)
    assert.equals("duration_seconds", body.changes[1].field)
    assert.equals(1, #body.changes)
  end)

  it("changes nothing when the bill is to stand", function()
    local before = billed()
    local run = start()
    world:task("correction"):answer("leave", { as = "nina" })
    assert.equals("left as billed", run.result.status)
    assert.equals(before, billed())
    assert.equals(1, world.billing.entries[entry_id].version)
  end)

  it("credits the entry and opens the edited one, once both were said yes to", function()
    local before = billed()
    local worked = decimal(world.billing.entries[entry_id].body.duration_seconds)
    local run = start()
    world:task("correction"):answer("credit", { as = "nina" })
    assert.equals(before, billed()) -- the credit note has its own approval
    world:task("approval"):approve({ as = "dana" })
    assert.equals("done", run.status)
    assert.equals("corrected", run.result.status)
    assert.equals(before - worked, billed())
    assert.equals(2, world.billing.entries[entry_id].version)
    local open = world.billing.balances[entry_id].open.quantity
    assert.equals(worked - 1800, open)
    local note = world.billing.invoices[run.result.credits[1].id].body
    assert.equals(ID, note.lines[1].credits.invoice_id)
  end)

  it("cannot be approved by whoever decided to credit", function()
    start()
    world:task("correction"):answer("credit", { as = "dana" })
    local before = billed()
    pcall(function()
      world:task("approval"):approve({ as = "dana" })
    end)
    assert.equals(before, billed())
  end)

  it("leaves the entry as it was billed when the credit note is rejected", function()
    local run = start()
    world:task("correction"):answer("credit", { as = "nina" })
    world:task("approval"):answer("reject", { as = "dana" })
    assert.equals("not credited", run.result.status)
    assert.equals(1, world.billing.entries[entry_id].version)
  end)

  it("takes an edit up by itself when the work was credited meanwhile", function()
    world:start("credit", { invoice = ID, request = { all = true }, reason = "rate" },
      { as = "otto" })
    world:task("approval"):approve({ as = "dana" })
    local run = start()
    assert.equals("taken up", run.result.status)
    assert.equals(2, run.result.version)
  end)
end)
