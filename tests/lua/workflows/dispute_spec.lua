--- dispute: the disputed part is not dunned; it ends in a credit, a new bill, or a rejection.

local decimal = require("billow.decimal")
local testing = require("billow.testing")

local ID = "C-01/CU-01/2026-10/380"

describe("dispute", function()
  local world, db

  before_each(function()
    world = testing.world({ now = "2026-11-02T09:00:00Z", fixtures = "acme" })
    db = world.receivables
    world:start("tm", { contract = "C-01", period = "2026-10" }, { as = "otto" })
    world:task("exception"):answer("hold", { as = "nina" })
    world:task("approval"):approve({ as = "dana" })
    world:advance("7d") -- Monday, 9 November
  end)

  local function raise(more)
    local input = { invoice = ID, line_id = "1", reason_code = "hours", owner = "nina" }
    for name, value in pairs(more or {}) do
      input[name] = value
    end
    return world:start("dispute", input)
  end

  local function take_up()
    world:task("dispute"):answer("investigate", { as = "nina" })
  end

  local function states()
    local list = {}
    for i, step in ipairs(db.dispute_steps) do
      list[i] = step.state
    end
    return table.concat(list, " ")
  end

  it("takes its part out of dunning, and leaves the rest", function()
    raise()
    local line = world.billing.invoices[ID].body.lines[1]
    local gross = decimal(line.net_amount) * decimal("1.19")
    assert.equals(gross:round(2), db:disputed(ID))
    world:advance_to("2026-12-08T12:00:00Z")
    assert.equals(db:open(ID) - db:disputed(ID), decimal(db.steps[1].message.facts.amount))
  end)

  it("of what is disputed already is refused in words, and parks no run", function()
    raise()
    local run =
      world:start("dispute", { invoice = ID, reason_code = "hours", owner = "nina" })
    assert.equals("done", run.status)
    assert.equals("refused", run.result.state)
    assert.truthy(run.result.problem:find("would come to more than the invoice", 1, true))
    assert.equals(1, #db.disputes)
  end)

  it("is rejected with evidence only", function()
    local run = raise()
    take_up()
    world:task("dispute"):answer("reject", { as = "nina" })
    assert.truthy(world:task("dispute").body.remark:find("needs evidence", 1, true))
    world:task("dispute"):answer("reject", { as = "nina", data = { evidence = "timesheet 41" } })
    assert.equals("done", run.status)
    assert.same({ "rejected", 0 }, { run.result.state, run.result.business_days })
    assert.equals("raised acknowledged investigating rejected", states())
    assert.is_true(db:disputed(ID):is_zero())
  end)

  it("accepted ends in a credit note for what it was about", function()
    local run = raise()
    take_up()
    world:task("dispute"):answer("accept", { as = "nina" })
    world:task("approval"):approve({ as = "dana" })
    assert.equals("done", run.status)
    assert.equals("accepted", run.result.state)
    assert.equals("raised acknowledged investigating accepted closed", states())
    local note = world.billing.invoices[db.dispute_steps[4].credit_note_id]
    assert.equals(run.result.credit_note, note.number)
    assert.equals(run.result.amount, note.body.totals.payable_amount)
  end)

  it("accepted suggests a rule to people, and sets nothing itself", function()
    local run = raise()
    take_up()
    world:task("dispute"):answer("accept", { as = "nina" })
    world:task("approval"):approve({ as = "dana" })
    local task = world:task("suggestion")
    assert.equals(run.result.suggestion, task.title)
    assert.equals("day_hours_max", task.body.suggestion.setting)
    assert.truthy(task.body.suggestion.spec:find("describe", 1, true))
    task:answer("dismissed", { as = "nina" })
    assert.equals(0, #world:tasks("suggestion"))
  end)

  it("accepted may bill the work again", function()
    local run = raise()
    take_up()
    world:task("dispute"):answer("accept", { as = "nina", data = { rebill = true } })
    world:task("approval"):approve({ as = "dana" })
    world:task("approval"):approve({ as = "dana" })
    assert.equals("INV-2026-00215", run.result.rebilled[1].number)
  end)

  it("accepted in part credits that part; more than was disputed is asked again", function()
    local run = raise()
    take_up()
    world:task("dispute"):answer("partly", { as = "nina", data = { amount = "999999.00" } })
    assert.truthy(world:task("dispute").body.remark:find("of at most", 1, true))
    world:task("dispute"):answer("partly", { as = "nina", data = { amount = "119.00" } })
    world:task("approval"):approve({ as = "dana" })
    assert.same({ "partly", "119.00" }, { run.result.state, run.result.accepted_amount })
  end)

  it("is asked about again when the credit is not approved", function()
    local run = raise()
    take_up()
    world:task("dispute"):answer("accept", { as = "nina" })
    world:task("approval"):answer("reject", { as = "dana" })
    assert.equals("the credit note was not approved", world:task("dispute").body.remark)
    assert.not_equals("done", run.status)
  end)

  it("escalates when the business days for an answer are over", function()
    local run = raise({ answer_days = 2 })
    assert.equals("2026-11-11", world:task("dispute").body.answer_by)
    take_up()
    world:advance("3d")
    local task = world:task("dispute")
    assert.truthy(task.title:find("Overdue: ", 1, true))
    task:answer("reject", { as = "nina", data = { evidence = "contract, page 3" } })
    assert.is_true(run.result.is_late)
    assert.equals(3, run.result.business_days)
  end)

  it("can be withdrawn", function()
    local run = raise()
    world:task("dispute"):answer("withdrawn", { as = "nina" })
    assert.equals("withdrawn", run.result.state)
  end)

  it("says what cannot be disputed", function()
    local run = raise({ amount = "999999.00" })
    assert.equals("refused", run.result.state)
    assert.truthy(run.result.problem:find("write a positive amount", 1, true))
  end)
end)
