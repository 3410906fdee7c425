local decimal = require("billow.decimal")
local testing = require("billow.testing")
local billing_db = require("billow.testing.billing_db")

local NAMES = {
  "Date",
  "Client",
  "Project",
  "Project Code",
  "Task",
  "Notes",
  "Hours",
  "Hours Rounded",
  "Billable?",
  "Invoiced?",
  "Approved?",
  "First Name",
  "Last Name",
  "Roles",
  "Employee?",
  "Billable Rate",
  "Billable Amount",
  "Cost Rate",
  "Cost Amount",
  "Currency",
  "External Reference URL",
}

local function fields(hours, notes)
  return {
    "2026-10-05",
    "Client",
    "Project",
    "P-01",
    "Work",
    notes or "a note",
    hours,
    hours,
    "Yes",
    "No",
    "Yes",
    "Ana",
    "Ruiz",
    "Developer",
    "Yes",
    "100",
    "100",
    "0",
    "0",
    "Euro - EUR",
    "",
  }
end

local function row(hours, notes)
  return table.concat(fields(hours, notes), ",") .. "\n"
end

describe("import", function()
  local world, db

  before_each(function()
    world = testing.world({ now = "2026-11-02T09:00:00Z" })
    db = billing_db.new()
    world:use(db)
  end)

  local function import(content)
    return testing.import(
      world,
      "harvest-time.csv",
      table.concat(NAMES, ",") .. "\n" .. content,
      "2026-10"
    )
  end

  it("stores a record as an open entry", function()
    local run = import(row("1.50"))
    assert.equals("done", run.status)
    assert.equals(1, run.result.stored)
    local entry = db.entries["2026-10/harvest-time:1"]
    assert.equals("P-01", entry.project_code)
    assert.equals(decimal(5400), entry.quantity)
    assert.equals(decimal(5400), db:totals().open)
  end)

  it("changes nothing when the same comes again", function()
    import(row("1.50"))
    world = testing.world({ now = "2026-11-03T09:00:00Z" })
    world:use(db)
    local run = import(row("1.50"))
    assert.equals(0, run.result.stored)
    assert.equals(1, run.result.unchanged)
    assert.equals(decimal(5400), db:totals().open)
  end)

  it("takes an edit of what is still open", function()
    import(row("1.50"))
    world = testing.world({ now = "2026-11-03T09:00:00Z" })
    world:use(db)
    assert.equals(1, import(row("2.00")).result.stored)
    assert.equals(2, db.entries["2026-10/harvest-time:1"].version)
    assert.equals(decimal(7200), db:totals().open)
  end)

  it("puts on record that approved work was changed, or its approval taken back", function()
    local function again(content)
      world = testing.world({ now = "2026-11-03T09:00:00Z" })
      world:use(db)
      return import(content)
    end
    again(row("1.50"))
    again(row("1.50"))
    assert.same({}, db.unlocks)
    again(row("2.00"))
    again((row("2.00"):gsub("Yes,Ana", "No,Ana")))
    assert.equals("changed_after_approval", db.unlocks[1].kind)
    assert.equals("approval_withdrawn", db.unlocks[2].kind)
    again(row("3.00")) -- was not approved: nothing is unlocked
    assert.equals(2, #db.unlocks)
  end)

  it("keeps a record that it cannot read, and says why", function()
    local run = import(row("1.00") .. row("a lot"))
    assert.equals(2, run.result.records)
    assert.equals(1, #run.result.invalid)
    assert.equals("harvest-time:2", run.result.invalid[1].ref)
    assert.equals("INVALID_ROW", db.entries["2026-10/harvest-time:2"].invalid)
  end)

  it("reads a file of several chunks, however late they come", function()
    local rows = {}
    for i = 1, 600 do
      rows[i] = row("0.25", "note " .. i)
    end
    local run = import(table.concat(rows))
    assert.equals(600, run.result.stored)
    assert.equals(decimal(600 * 900), db:totals().open)
  end)

  it("goes on after a crash between two chunks", function()
    local run = world:start("import", {
      id = "i",
      file = "harvest-time.csv",
      set = "2026-10",
      header = NAMES,
      chunks = 2,
      records = 2,
    })
    world:send("import.chunk", "i/1", { first = 1, records = { fields("1.00") } }, { id = "i/1" })
    world:crash()
    world:send("import.chunk", "i/1", { first = 1, records = { fields("1.00") } }, { id = "i/1" })
    world:send("import.chunk", "i/2", { first = 2, records = { fields("2.00") } }, { id = "i/2" })
    assert.equals("done", run.status)
    assert.equals(2, run.result.stored)
    assert.equals(decimal(10800), db:totals().open)
  end)

  it("names the columns that a header misses", function()
    local run = testing.import(world, "harvest-time.csv", "Date,Client\n2026-10-05,x\n", "2026-10")
    assert.equals("done", run.status)
    assert.truthy(run.result.problem:find("Hours", 1, true))
  end)
end)
