--- credit: from an issued invoice to its credit note, and to the new invoice of the same work.

local decimal = require("billow.decimal")
local testing = require("billow.testing")

local INPUT = { contract = "C-01", period = "2026-10" }
local ID = "C-01/CU-01/2026-10/380"

describe("credit", function()
  local world, db

  before_each(function()
    world = testing.world({ now = "2026-11-02T09:00:00Z", fixtures = "acme" })
    db = world.receivables
    world:start("tm", INPUT, { as = "otto" })
    world:task("exception"):answer("hold", { as = "nina" })
    world:task("approval"):approve({ as = "dana" })
    world:advance("3d")
  end)

  local function credit(request, more)
    local input = { invoice = "INV-2026-00214", request = request, reason = "rate" }
    for name, value in pairs(more or {}) do
      input[name] = value
    end
    return world:start("credit", input, { as = "otto" })
  end

  local function approve()
    world:task("approval"):approve({ as = "dana" })
  end

  local function billed()
    return world.billing:totals().billed
  end

  it("issues a numbered credit note that refers to the invoice, once it is approved", function()
    local run = credit({ all = true })
    assert.equals(0, #world:numbers("CRN"))
    local title = world:task("approval").title
    assert.equals("Approve 1 credit note of C-01 for 2026-10", title)
    approve()
    assert.equals("done", run.status)
    assert.equals("issued", run.result.status)
    local note = world.billing.invoices[run.result.id]
    assert.equals("C-01/CU-01/2026-10/381/1", note.id)
    assert.equals(run.result.number, note.body.number)
    assert.equals("2026-11-05", note.body.issue_date)
    assert.equals("INV-2026-00214", note.body.preceding_invoices[1].number)
    assert.same(world.billing.invoices[ID].body.totals, note.body.totals)
    assert.is_true(db:open(ID):is_zero())
  end)

  it("opens the credited work with it, second by second", function()
    local before, open = billed(), world.billing:totals().open or decimal(0)
    credit({ all = true })
    assert.equals(before, billed())
    approve()
    assert.is_true(billed():is_zero())
    assert.equals(open + before, world.billing:totals().open)
  end)

  it("leaves everything as it was when it is rejected", function()
    local before = billed()
    local run = credit({ all = true })
    world:task("approval"):answer("reject", { as = "dana" })
    assert.equals("rejected", run.result.status)
    assert.equals(before, billed())
    assert.equals(0, #world:numbers("CRN"))
  end)

  it("is not approved by who asked for it", function()
    credit({ all = true })
    world:task("approval"):approve({ as = "otto" })
    assert.equals(1, #world:tasks("approval"))
  end)

  it("says what cannot be credited", function()
    local run = credit({ lines = { { line_id = "99" } } })
    assert.same(
      { status = "refused", problem = 'lines[1].line_id is "99": name a line of the invoice' },
      run.result
    )
  end)

  it("of one line bills exactly that work again, under a new number", function()
    local before = billed()
    local run = credit({ lines = { { line_id = "1" } } }, { rebill = true })
    approve()
    approve()
    assert.equals("done", run.status)
    assert.same({ { id = ID .. "/2", number = "INV-2026-00215" } }, run.result.rebilled)
    local old, new = world.billing.invoices[ID].body, world.billing.invoices[ID .. "/2"].body
    assert.equals(1, #new.lines)
    assert.equals(old.lines[1].net_amount, new.lines[1].net_amount)
    assert.same(old.lines[1].references, new.lines[1].references)
    assert.equals("INV-2026-00214", new.preceding_invoices[1].number)
    assert.equals(ID, db.replaces[ID .. "/2"])
    assert.equals(before, billed())
  end)

  it("of everything regenerates the invoice, and keeps the old one", function()
    local run = credit({ all = true }, { rebill = true })
    approve()
    approve()
    local old, new = world.billing.invoices[ID].body, world.billing.invoices[ID .. "/2"].body
    assert.equals("issued", run.result.status)
    assert.same(old.totals, new.totals)
    assert.not_equals(old.number, new.number)
    assert.equals("INV-2026-00214", old.number)
  end)

  it("gives the work back when the new invoice is rejected", function()
    local run = credit({ lines = { { line_id = "1" } } }, { rebill = true })
    approve()
    world:task("approval"):answer("reject", { as = "dana" })
    assert.equals("rejected", run.result.not_rebilled)
    assert.is_true(world.billing:totals().claimed:is_zero())
  end)

  it("by amount opens no work, and refuses to bill it again", function()
    local before = billed()
    local run = credit({ amount = "100.00" }, { rebill = true })
    assert.same(
      { "refused", "the credit gives no work back: name lines or entries" },
      { run.result.status, run.result.problem }
    )
    run = credit({ amount = "100.00" })
    approve()
    assert.equals("issued", run.result.status)
    assert.equals(before, billed())
  end)

  it("makes the note anew when another credit came first", function()
    local first = credit({ lines = { { line_id = "1" } } })
    local second = credit({ all = true })
    approve()
    approve()
    assert.equals("issued", first.result.status)
    -- The second note was approved with line 1 in it: it is made again without, and asked again.
    assert.not_equals("done", second.status)
    approve()
    assert.equals("issued", second.result.status)
    assert.is_true(db:open(ID):is_zero())
    assert.is_true(billed():is_zero())
  end)

  it("gives up when it is overtaken for the third time, and issues nothing", function()
    local function credit_some()
      return credit({ amount = "10.00" })
    end
    local late = credit_some()
    for round = 1, 3 do
      local early = credit_some()
      world:task("approval", { run = early.id }):approve({ as = "dana" })
      assert.equals("issued", early.result.status)
      assert.equals("open", late.status)
      world:task("approval", { run = late.id }):approve({ as = "dana" })
      assert.equals(round == 3 and "done" or "open", late.status)
    end
    assert.equals("refused", late.result.status)
    assert.matches("changed 3 times while its credit note waited", late.result.problem)
    assert.equals(3, #world:numbers("CRN"))
    assert.equals(0, #world:tasks("approval"))
  end)
end)
