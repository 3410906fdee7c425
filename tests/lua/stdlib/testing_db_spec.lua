local decimal = require("billow.decimal")
local billing_db = require("billow.testing.billing_db")
local statements = require("billow.billing.statements")

local RUN, OTHER = "11111111-0000-7000-8000-000000000001", "11111111-0000-7000-8000-000000000002"

local function entry(changes)
  local made = {
    id = "2026-10/harvest-time:1",
    kind = "time",
    source = "harvest-time.csv",
    source_rank = 1,
    sequence = 1,
    digest = "d1",
    entry_date = "2026-10-05",
    person = "Ana",
    project_code = "P-01",
    project_name = "Project",
    dup_key = "k1",
    quantity = "3600",
    unit = "second",
    body = { id = "harvest-time:1" },
  }
  for name, value in pairs(changes or {}) do
    made[name] = value
  end
  return made
end

local WANTED = { contract = "C-01", codes = { "P-01" }, names = { "Project" }, subjects = {} }
WANTED.until_date = "2026-10-31"

describe("billing_db", function()
  local db

  local function exec(name, ...)
    return db.fakes["billing." .. name]({ ... })
  end

  local function claim(run)
    local _, count = exec("claim", WANTED, run or RUN, "tm")
    return count
  end

  local function settle(changes)
    local move = { entry_id = entry().id, kind = "bill", to_state = "billed", quantity = "3600" }
    move.invoice_id = "I-1"
    for name, value in pairs(changes or {}) do
      move[name] = value
    end
    return exec("settle", { move }, RUN, "dana")
  end

  before_each(function()
    db = billing_db.new()
    exec("put_entries", { entry() }, RUN)
  end)

  it("has a stand-in for every statement of billing", function()
    for field, statement in pairs(statements) do
      assert.is_function(db.fakes[statement.name], field)
    end
  end)

  it("claims for one run only", function()
    assert.equals(1, claim())
    assert.equals(0, claim(OTHER))
    assert.equals(decimal(3600), db:totals().claimed)
  end)

  it("claims nothing after the date, and nothing of other projects", function()
    exec("put_entries", {
      entry({ id = "x/late", entry_date = "2026-11-01" }),
      entry({ id = "x/other", project_code = "P-99" }),
    }, RUN)
    assert.equals(1, claim())
  end)

  it("bills what is claimed, once", function()
    claim()
    settle()
    assert.equals(decimal(3600), db:totals().billed)
    local is_done, problem = pcall(settle)
    assert.is_false(is_done)
    assert.equals("nothing_is_billed_twice", problem.constraint)
  end)

  it("refuses to bill what nobody claimed", function()
    local is_done, problem = pcall(settle)
    assert.is_false(is_done)
    assert.truthy(problem.text:find("has nothing claimed for this run", 1, true))
  end)

  it("refuses to bill without an invoice", function()
    claim()
    local is_done, problem = pcall(exec, "settle", {
      { entry_id = entry().id, kind = "bill", to_state = "billed", quantity = "3600" },
    }, RUN, "dana")
    assert.is_false(is_done)
    assert.truthy(problem.text:find("only what is claimed is billed", 1, true))
  end)

  it("takes back what a failed transaction did", function()
    db:begin()
    claim()
    db:roll_back()
    assert.equals(decimal(3600), db:totals().open)
    assert.equals(decimal(0), db:totals().claimed or decimal(0))
    assert.equals(1, #db.movements)
  end)

  it("releases what a run claims", function()
    claim()
    exec("release", RUN, "tm", "to be looked at again")
    assert.equals(decimal(3600), db:totals().open)
    assert.equals(1, claim(OTHER))
  end)

  it("finds the entry that an entry repeats, and counts the day once", function()
    exec("put_entries", {
      entry({ id = "x/2", sequence = 2, source_rank = 2, body = { id = "toggl-time:1" } }),
    }, RUN)
    claim()
    local rows = exec("claimed", RUN)
    assert.equals(2, #rows)
    assert.equals("harvest-time:1", rows[2].duplicate_of)
    assert.equals(3600, rows[2].day_seconds)
  end)

  it("takes an edit of what is open, and leaves what is billed", function()
    local edited = entry({ digest = "d2", quantity = "1800" })
    assert.equals(1, #exec("put_entries", { edited }, OTHER))
    assert.equals(decimal(1800), db:totals().open)
    claim()
    settle({ quantity = "1800" })
    local again = entry({ digest = "d3", quantity = "900" })
    assert.same({ { id = edited.id } }, exec("edited_after_billing", { again }))
    assert.equals(0, #exec("put_entries", { again }, OTHER))
  end)

  it("refuses an invoice whose lines do not add up", function()
    local totals = { line_extension_amount = "10.00", tax_exclusive_amount = "10.00" }
    local invoice = { id = "I-1", lines = { { id = "1", net_amount = "9.99" } }, totals = totals }
    exec("put_invoice", invoice, "N-1", "INV", RUN, "dana", "digest", "2026-10", "<p>")
    exec("put_lines", invoice)
    local is_done, problem = pcall(db.settle, db)
    assert.is_false(is_done)
    assert.equals("invoice_adds_up", problem.constraint)
  end)

  it("refuses a number twice", function()
    local totals = { line_extension_amount = "0", tax_exclusive_amount = "0" }
    local function put(id)
      local invoice = { id = id, lines = {}, totals = totals }
      exec("put_invoice", invoice, "N-1", "INV", RUN, "dana", "digest", "2026-10", "<p>")
    end
    put("I-1")
    local is_done, problem = pcall(put, "I-2")
    assert.is_false(is_done)
    assert.equals("23505", problem.sqlstate)
  end)

  it("is copied without a tie to the original", function()
    local copy = db:copy()
    claim()
    assert.equals(decimal(3600), copy:totals().open)
    assert.equals(decimal(0), db:totals().open)
  end)
end)
