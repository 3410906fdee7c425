--- collections: reminders once per level, pauses, and the end when nothing is open.

local decimal = require("billow.decimal")
local testing = require("billow.testing")

local ID = "C-01/CU-01/2026-10/380"
local DUE = "2026-12-02" -- a Wednesday

describe("collections", function()
  local world, db, run

  before_each(function()
    world = testing.world({ now = "2026-11-02T09:00:00Z", fixtures = "acme" })
    db = world.receivables
    world:start("tm", { contract = "C-01", period = "2026-10" }, { as = "otto" })
    world:task("exception"):answer("hold", { as = "nina" })
    world:task("approval"):approve({ as = "dana" })
    assert.equals(DUE, world.billing.invoices[ID].body.due_date)
    run = world:runs({ workflow = "collections" })[1]
  end)

  --- The run that follows the invoice, with the terms of now.
  local function restarted(input)
    run:cancel("other terms", { as = "nina" })
    input.invoice = ID
    return world:start("collections", input)
  end

  it("follows every invoice from its issue on: one run, whoever starts it again", function()
    assert.same({ invoice = ID, deliver = true }, run.input)
    local again = world:start("collections", { invoice = ID }, { key = ID })
    assert.equals(run.id, again.id)
    assert.equals(1, #world:runs({ workflow = "collections" }))
  end)

  local function levels()
    local list = {}
    for i, step in ipairs(db.steps) do
      list[i] = step.level .. " " .. step.sent_on
    end
    return table.concat(list, ", ")
  end

  local function pay(date)
    db:pay(ID, tostring(db:open(ID)), date)
    world:send("payment.booked", ID, { invoice = ID })
  end

  it("waits while nothing is due", function()
    world:advance_to("2026-12-04T12:00:00Z")
    assert.equals("", levels())
    assert.not_equals("done", run.status)
  end)

  it("reminds by level, each once, on business days at the opening of the office", function()
    world:advance_to("2026-12-07T07:59:00Z")
    assert.equals("", levels())
    world:advance_to("2026-12-07T08:01:00Z")
    assert.equals("1 2026-12-07", levels())
    world:advance_to("2027-01-12T12:00:00Z")
    assert.equals("1 2026-12-07, 2 2026-12-22, 3 2027-01-06", levels())
  end)

  it("says what is open, in the customer's language", function()
    world:advance_to("2026-12-08T12:00:00Z")
    local message = db.steps[1].message
    assert.equals("dunning/" .. ID .. "/1", message.id)
    assert.equals(tostring(db:open(ID)), message.facts.amount)
    assert.truthy(message.subject:find("INV-2026-00214", 1, true))
    assert.equals("sent", db.attempts[1].status)
  end)

  it("ends with the payment", function()
    world:advance_to("2026-12-10T12:00:00Z")
    pay("2026-12-10")
    assert.equals("done", run.status)
    assert.same({ "settled", 1 }, { run.result.status, run.result.reminders })
    world:advance("90d")
    assert.equals("1 2026-12-07", levels())
  end)

  it("keeps still until the day that payment is promised for, then goes on", function()
    local promise = { kind = "promise", until_date = "2026-12-20", by = "nina" }
    world:send("collections.hold", ID, promise)
    world:advance_to("2026-12-20T12:00:00Z")
    assert.equals("", levels())
    world:advance_to("2026-12-21T12:00:00Z")
    assert.equals("1 2026-12-21", levels())
  end)

  it("keeps still while reminders are off, until somebody lifts that", function()
    world:send("collections.hold", ID, { kind = "flag", by = "nina" })
    world:advance_to("2027-02-01T12:00:00Z")
    assert.equals("", levels())
    world:send("collections.hold", ID, { lift = db.holds[1].id, by = "nina" })
    assert.equals("1 2027-02-01", levels())
  end)

  it("waits for cash that is in the bank and not matched", function()
    db.is_cash_unmatched = true
    world:advance_to("2026-12-11T12:00:00Z")
    assert.equals("", levels())
    db.is_cash_unmatched = false
    world:advance_to("2026-12-15T12:00:00Z")
    assert.equals("1 2026-12-14", levels())
  end)

  it("never sends a level that another run has sent", function()
    world:start("collections", { invoice = ID })
    world:advance_to("2026-12-24T12:00:00Z")
    assert.equals("1 2026-12-07, 2 2026-12-22", levels())
  end)

  it("asks people after the last reminder; they wait, go to law, or write it off", function()
    world:advance_to("2027-01-21T12:00:00Z")
    local task = world:task("collections")
    assert.equals(tostring(db:open(ID)), task.body.open_amount)
    task:answer("wait", { as = "nina", data = { until_date = "2027-01-31" } })
    world:advance_to("2027-02-01T12:00:00Z")
    task = world:task("collections")
    task:answer("write_off", { as = "nina", data = { reason_code = "insolvency" } })
    world:task("approval"):answer("approve", { as = "dana" })
    world:task("approval"):answer("approve", { as = "fox" })
    assert.equals("done", run.status)
    assert.same(
      { "insolvency", "dana, fox" },
      { db.write_offs[1].reason_code, db.write_offs[1].approved_by }
    )
    assert.is_true(db:open(ID):is_zero())
  end)

  it("claims interest on what came late, where the policy says so", function()
    world:set_setting({ policy = "interest", name = "method", value = "fixed" })
    world:set_setting({ policy = "interest", name = "percent", value = "10" })
    run = restarted({})
    world:advance_to("2026-12-12T12:00:00Z")
    pay("2026-12-12")
    assert.equals("done", run.status)
    assert.equals(1, #db.charges)
    assert.same(
      { "2026-12-03", "2026-12-12" },
      { db.charges[1].from_date, db.charges[1].until_date }
    )
  end)

  it("delivers the invoice first when asked to, and watches for the word of the channel", function()
    world:set_setting({ policy = "delivery", name = "confirm_days", value = 2 })
    world:set_setting({ policy = "delivery", name = "max_attempts", value = 2 })
    run = restarted({ deliver = true })
    world:send("message.result", "invoice/" .. ID, { status = "failed", reason = "bounced" })
    world:advance("3d")
    local task = world:task("delivery")
    assert.equals("no confirmation after 2 days", task.body.problem)
    task:answer("again", { as = "nina" })
    world:send("message.result", "invoice/" .. ID, { status = "delivered" })
    assert.equals(0, #world:tasks("delivery"))
    assert.equals("confirmed", db.deliveries[#db.deliveries].status)
  end)
end)

describe("collections of other terms", function()
  local world, db

  --- A world in which the contract's documents are changed before the month is billed.
  local function billed(change, settings)
    world = testing.world({
      now = "2026-11-02T09:00:00Z",
      fixtures = "acme",
      settings = settings,
    })
    db = world.receivables
    local versions = world.billing.documents["contract\0C-01"]
    local body = {}
    for name, value in pairs(versions[#versions].body) do
      body[name] = value
    end
    change(body)
    versions[#versions] = { kind = "contract", id = "C-01", version = #versions, body = body }
    world:start("tm", { contract = "C-01", period = "2026-10" }, { as = "otto" })
    world:task("exception"):answer("hold", { as = "nina" })
    world:task("approval"):approve({ as = "dana" })
    return world.billing.invoices[ID].body
  end

  local function levels()
    local list = {}
    for i, step in ipairs(db.steps) do
      list[i] = step.level .. " " .. step.sent_on .. " " .. step.message.facts.amount
    end
    return list
  end

  it("duns each instalment by itself, the oldest first, with levels of its own", function()
    local invoice = billed(function(contract)
      contract.payment_terms = {
        type = "instalments",
        parts = { { percent = "50", days = 10 }, { percent = "50", days = 70 } },
      }
    end)
    assert.same({ "2026-11-12", "2027-01-11" }, {
      invoice.instalments[1].due_date,
      invoice.instalments[2].due_date,
    })
    assert.equals("2027-01-11", invoice.due_date)
    local first = invoice.instalments[1].amount
    world:advance_to("2026-11-18T12:00:00Z")
    assert.same({ "1 2026-11-17 " .. first }, levels())
    db:pay(ID, first, "2026-11-20")
    world:send("payment.booked", ID, { invoice = ID })
    world:advance_to("2027-01-10T12:00:00Z")
    assert.equals(1, #db.steps)
    world:advance_to("2027-01-19T12:00:00Z")
    assert.same(
      { "1 2026-11-17 " .. first, "4 2027-01-18 " .. invoice.instalments[2].amount },
      levels()
    )
  end)

  it("asks only for what the buyer does not withhold, and is settled by that", function()
    local invoice = billed(function(contract)
      contract.withholding_taxes = { { name = "IRPF", percent = "15" } }
    end)
    local totals = invoice.totals
    local payable = decimal(totals.tax_inclusive_amount) - decimal(totals.prepaid_amount)
    assert.equals(totals.payable_amount, payable:fixed(2))
    assert.equals("15", invoice.withholding_taxes[1].percent)
    world:advance_to("2026-12-12T12:00:00Z")
    assert.matches(" " .. totals.payable_amount .. "$", levels()[1])
    db:pay(ID, totals.payable_amount, "2026-12-12")
    world:send("payment.booked", ID, { invoice = ID })
    assert.is_true(db:open(ID):is_zero())
    assert.equals("done", world:runs({ workflow = "collections" })[1].status)
  end)

  it("puts an early payment discount on the invoice, in the words that XRechnung wants", function()
    local invoice = billed(function(contract)
      contract.payment_terms = {
        type = "net",
        days = 30,
        early_payment_discount = { percent = "2", days = 14 },
      }
    end)
    assert.equals("#SKONTO#TAGE=14#PROZENT=2.00#\n", invoice.payment_terms_note)
    assert.same(
      { percent = "2", days = 14, mode = "included" },
      invoice.early_payment_discount
    )
  end)

  it("bills interest on its own invoice: approved, numbered, followed, and none upon it", function()
    billed(function() end, {
      interest = { method = "fixed", percent = "10", document = "invoice" },
    })
    world:advance_to("2026-12-12T12:00:00Z")
    db:pay(ID, tostring(db:open(ID)), "2026-12-12")
    world:send("payment.booked", ID, { invoice = ID })
    assert.equals(0, #db.charges)
    world:task("approval"):approve({ as = "dana" })
    assert.equals(1, #db.charges)
    local id = db.charges[1].interest_invoice_id
    local made = world.billing.invoices[id].body
    assert.equals("INV-2026-00215", made.number)
    assert.equals(db.charges[1].amount, made.totals.payable_amount)
    assert.same({ "interest", "O" }, { made.lines[1].component, made.lines[1].tax_category })
    assert.equals("INV-2026-00214", made.preceding_invoices[1].number)
    world:advance("60d")
    db:pay(id, made.totals.payable_amount, "2027-02-10")
    world:send("payment.booked", id, { invoice = id })
    for _, run in ipairs(world:runs({ workflow = "collections" })) do
      assert.equals("done", run.status)
    end
    assert.equals(1, #db.charges)
  end)

  it("stops work for who owes for too long, tells it once, and lets it go on when paid", function()
    billed(function() end, { ["credit-limit"] = { overdue_days = 10 } })
    local another = world:start("collections", { invoice = ID })
    world:advance_to("2026-12-23T12:00:00Z")
    assert.equals(1, #db.service_states)
    assert.is_true(db.service_states[1].is_stopped)
    db:pay(ID, tostring(db:open(ID)), "2026-12-24")
    world:send("payment.booked", ID, { invoice = ID })
    world:send("invoice.changed", ID, { what = "payment" })
    assert.same({ true, false }, {
      db.service_states[1].is_stopped,
      db.service_states[2].is_stopped,
    })
    assert.equals(2, #db.service_states)
    assert.equals("done", another.status)
  end)
end)
