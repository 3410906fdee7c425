--- reconcile: from a bank file to paid invoices, once each, sure matches by policy and the rest by
--- people.

local cash_db = require("billow.testing.cash_db")
local testing = require("billow.testing")

local ACCOUNT = "DE89370400440532013000"
local PAYER = "DE02120300000000202051"

local function item(id, open, fields)
  local row = {
    invoice_id = id,
    number = id,
    customer_id = "CU-1",
    customer_name = "Beispiel GmbH",
    currency = "EUR",
    issue_date = "2026-10-05",
    due_date = "2026-11-04",
    payable_amount = open,
  }
  for name, value in pairs(fields or {}) do
    row[name] = value
  end
  return row
end

local function fixture(name)
  local file = assert(io.open("tests/lua/fixtures/bank/" .. name, "rb"))
  local content = file:read("a")
  file:close()
  return content
end

local function statement(id, entries, fields)
  local made = {
    id = id,
    account = ACCOUNT,
    currency = "EUR",
    from_date = "2026-11-10",
    to_date = "2026-11-10",
    entries = {},
  }
  for i, entry in ipairs(entries) do
    entry.booking_date = entry.booking_date or "2026-11-10"
    made.entries[i] = entry
  end
  for name, value in pairs(fields or {}) do
    made[name] = value
  end
  return made
end

describe("reconcile", function()
  local world, db

  local function start_with(items, rates)
    world = testing.world({ now = "2026-11-11T08:00:00Z" })
    db = cash_db.new({ items = items, rates = rates })
    world:use(db)
  end

  local function start(...)
    return world:start("reconcile", { statements = { ... } }, { as = "robot" })
  end

  --- "kind amount" of what an invoice got, in order.
  local function got(invoice_id)
    local lines = {}
    for _, row in ipairs(db.allocations) do
      if row.invoice_id == invoice_id then
        lines[#lines + 1] = row.kind .. " " .. row.amount
      end
    end
    return lines
  end

  local function first(run, number)
    return run.result.statements[1].entries[number or 1]
  end

  it("books a file's sure matches without asking", function()
    start_with({ item("INV-2026-00214", "2127.13"), item("2348231", "1400.00") })
    local run = world:start("reconcile", { text = fixture("camt053.xml") })
    world:task("question"):answer("on_account", { as = "nina" })
    assert.equals("done", run.status)
    assert.same({ "payment 2127.13" }, got("INV-2026-00214"))
    assert.same({ "payment 1400.00" }, got("2348231"))
    assert.equals("invoice_number", first(run, 1).rule)
    assert.equals("structured_reference", first(run, 2).rule)
    assert.equals("told", first(run, 3).rule)
    assert.equals("1000.00", first(run, 3).unapplied)
  end)

  it("takes a file in pieces", function()
    start_with({ item("INV-2026-00214", "2127.13") })
    local run = world:start("reconcile", { id = "up-1", chunks = 2 })
    local content = fixture("camt054.xml"):gsub(
      "<c:AmtDtls>",
      "<c:RmtInf>" .. "<c:Ustrd>INV-2026-00214</c:Ustrd></c:RmtInf><c:AmtDtls>"
    )
    world:send("bank.chunk", "up-1/1", { text = content:sub(1, 300) })
    world:send("bank.chunk", "up-1/2", { text = content:sub(301) })
    assert.equals("done", run.status)
    assert.same({ "payment 2127.13" }, got("INV-2026-00214"))
  end)

  it("says what is wrong with a file, and takes nothing of it", function()
    start_with({})
    local content = fixture("camt053.xml"):gsub(">2127.13<", ">2127,13<")
    local run = world:start("reconcile", { text = content })
    assert.equals("done", run.status)
    assert.truthy(run.result.problem:find('Stmt[1]/Ntry[1]/Amt (line 18) is "2127,13"', 1, true))
    assert.same({}, db.statements)
  end)

  it("loads the same statement once", function()
    start_with({ item("R-1", "100.00") })
    local made = { { amount = "100.00", text = "R-1" } }
    start(statement("S-1", made))
    local again = start(statement("S-1", made))
    assert.equals("duplicate", again.result.statements[1].status)
    assert.same({ "payment 100.00" }, got("R-1"))
  end)

  it("takes an entry once when statements overlap", function()
    start_with({ item("R-1", "100.00"), item("R-2", "50.00") })
    local known = { amount = "100.00", text = "R-1", bank_reference = "B1" }
    start(statement("S-1", { known }))
    local run = start(statement("S-2", {
      { amount = "100.00", text = "R-1", bank_reference = "B1" },
      { amount = "50.00", text = "R-2", bank_reference = "B2" },
    }, { from_date = "2026-11-01" }))
    local taken = run.result.statements[1]
    assert.equals(1, taken.known)
    assert.equals("OVERLAP", taken.findings[1].code)
    assert.same({ "payment 100.00" }, got("R-1"))
    assert.same({ "payment 50.00" }, got("R-2"))
  end)

  it("asks before it takes a statement whose balance does not follow", function()
    start_with({ item("R-1", "100.00") })
    local function with_balances(id, day, opening, closing)
      return statement(id, { { amount = "100.00", text = "R-1", booking_date = day } }, {
        from_date = day,
        to_date = day,
        opening = { amount = opening, date = day },
        closing = { amount = closing, date = day },
      })
    end
    start(with_balances("S-1", "2026-11-02", "0.00", "100.00"))
    local run = start(with_balances("S-3", "2026-11-04", "170.00", "270.00"))
    local task = world:task("question")
    assert.truthy(task.title:find("one is missing between them", 1, true))
    task:answer("leave", { as = "nina" })
    assert.equals("left", run.result.statements[1].status)
    assert.equals(1, #db.statements)
  end)

  it("asks a person when two invoices fit, and books the one chosen", function()
    start_with({
      item("R-1", "50.00", { accounts = { PAYER } }),
      item("R-2", "50.00", { accounts = { PAYER } }),
    })
    local run = start(statement("S-1", { { amount = "50.00", counterparty_account = PAYER } }))
    local task = world:task("question")
    assert.truthy(task.title:find("2 candidates: a person must choose", 1, true))
    assert.equals(2, #task.body.candidates)
    task:answer("accept", { as = "nina", data = { candidate = 2 } })
    assert.equals("done", run.status)
    assert.same({}, got("R-1"))
    assert.same({ "payment 50.00" }, got("R-2"))
    assert.equals("nina", db.allocations[1].actor)
  end)

  it("guesses none of several candidates: an answer that names none is asked anew", function()
    start_with({
      item("R-1", "50.00", { accounts = { PAYER } }),
      item("R-2", "50.00", { accounts = { PAYER } }),
    })
    start(statement("S-1", { { amount = "50.00", counterparty_account = PAYER } }))
    for _, data in ipairs({ {}, { candidate = 3 }, { candidate = "x" } }) do
      world:task("question"):answer("accept", { as = "nina", data = data })
      local remark = world:task("question").body.remark
      assert.truthy(remark:find("1 R-1, 2 R-2", 1, true), remark)
      assert.truthy(remark:find('--data \'{"candidate": 1}\'', 1, true), remark)
    end
    assert.same({}, db.payments)
  end)

  it("allocates to invoices named by their numbers", function()
    start_with({ item("R-1", "50.00"), item("R-2", "50.00", { number = "INV-2" }) })
    start(statement("S-1", { { amount = "7.00" } }))
    local told = { allocations = { { invoice_id = "INV-2", amount = "7.00" } } }
    world:task("question"):answer("allocate", { as = "nina", data = told })
    assert.same({ "payment 7.00" }, got("R-2"))
  end)

  it("asks about all unsure entries at once", function()
    start_with({ item("R-1", "50.00") })
    start(statement("S-1", { { amount = "7.00" }, { amount = "8.00" } }))
    assert.equals(2, #world:tasks("question"))
  end)

  it("allocates as told, and asks again when that cannot be", function()
    start_with({ item("R-1", "50.00"), item("R-2", "60.00") })
    local run = start(statement("S-1", { { amount = "80.00" } }))
    local function told(amount)
      return {
        allocations = {
          { invoice_id = "R-1", amount = "50.00" },
          { invoice_id = "R-2", amount = amount },
        },
      }
    end
    world:task("question"):answer("allocate", { as = "nina", data = told("30.01") })
    assert.truthy(world:task("question").body.remark:find("what is left of the payment", 1, true))
    world:task("question"):answer("allocate", { as = "nina", data = told("30.00") })
    assert.equals("done", run.status)
    assert.same({ "payment 30.00" }, got("R-2"))
    assert.equals("30.00", tostring(db:open("R-2")))
  end)

  it("books a fee apart when the bank says what it took", function()
    start_with({ item("R-1", "100.00") })
    start(statement("S-1", { { amount = "88.00", charges = "12.00", text = "R-1" } }))
    assert.same({ "bank_fee 12.00", "payment 88.00" }, got("R-1"))
  end)

  it("settles withheld tax that was not agreed, and never a second time what is stated", function()
    local taxes = { { name = "IRPF", percent = "15", tax_amount = "150.00" } }
    start_with({
      item("R-1", "1190.00", { net_amount = "1000.00" }),
      item("R-2", "1040.00", { net_amount = "1000.00", withholding_taxes = taxes }),
      item("R-3", "1040.00", { net_amount = "1000.00", withholding_taxes = taxes }),
    })
    start(statement("S-1", {
      { amount = "1040.00", text = "R-1" },
      { amount = "890.00", text = "R-2" },
      { amount = "1040.00", text = "R-3" },
    }))
    assert.same({ "payment 1040.00" }, got("R-3"))
    for _, task in ipairs(world:tasks("question")) do
      task:answer("accept", { as = "nina", data = { candidate = 1 } })
    end
    assert.same({ "withholding 150.00", "payment 1040.00" }, got("R-1"))
    assert.same({ "payment 890.00" }, got("R-2"))
    assert.equals("150.00", tostring(db:open("R-2")))
    assert.equals("0.00", tostring(db:open("R-3")))
  end)

  it("grants the early payment discount in time, with the tax in it", function()
    start_with({
      item("R-1", "1190.00", {
        issue_date = "2026-11-01",
        early_payment_discount = { percent = "2", days = 14 },
        tax_breakdown = { { taxable_amount = "1000.00", tax_amount = "190.00", percent = "19" } },
      }),
    })
    start(statement("S-1", { { amount = "1166.20", text = "R-1" } }))
    assert.same({ "discount 23.80", "payment 1166.20" }, got("R-1"))
    assert.equals("3.80", db.allocations[1].tax_amount)
  end)

  it("keeps the exchange difference apart from what is open", function()
    start_with({ item("R-1", "110.00", { currency = "USD" }) }, {
      currency = "EUR",
      exchange_rates = { { currency = "USD", date = "2026-10-01", rate = "0.90" } },
    })
    start(statement("S-1", {
      { amount = "101.00", text = "R-1", instructed = { amount = "110.00", currency = "USD" } },
    }))
    assert.same({ "payment 110.00" }, got("R-1"))
    assert.equals("101.00", db.allocations[1].payment_amount)
    assert.equals("2.00", db.allocations[1].difference_amount)
    assert.equals("EUR", db.allocations[1].difference_currency)
  end)

  it("takes a payment back when the bank does", function()
    start_with({ item("R-1", "100.00") })
    start(statement("S-1", { { amount = "100.00", text = "R-1", end_to_end_id = "E-1" } }))
    assert.equals("0.00", tostring(db:open("R-1")))
    local run = start(statement("S-2", {
      {
        amount = "-100.00",
        end_to_end_id = "E-1",
        is_reversal = true,
        booking_date = "2026-11-12",
      },
    }, { from_date = "2026-11-12", to_date = "2026-11-12" }))
    world:task("question"):answer("return", { as = "nina" })
    assert.equals("returned", first(run).status)
    assert.equals("100.00", tostring(db:open("R-1")))
  end)

  it("offers every payment of the amount when the debit says nothing of its origin", function()
    start_with({ item("R-1", "100.00") })
    start(statement("S-1", { { amount = "100.00", text = "R-1", end_to_end_id = "E-1" } }))
    local run = start(statement("S-2", {
      { amount = "-100.00", text = "R-1", is_reversal = true, booking_date = "2026-11-12" },
    }, { from_date = "2026-11-12", to_date = "2026-11-12" }))
    assert.equals(1, #world:task("question").body.payments)
    world:task("question"):answer("return", { as = "nina" })
    assert.equals("returned", first(run).status)
    assert.equals("100.00", tostring(db:open("R-1")))
  end)

  it("asks anew which payment the bank took back when the answer names none of them", function()
    start_with({ item("R-1", "100.00"), item("R-2", "100.00") })
    for i = 1, 2 do
      local day = "2026-11-1" .. i
      local paid = { amount = "100.00", text = "R-" .. i, counterparty_account = PAYER }
      paid.booking_date = day
      start(statement("S-" .. i, { paid }, { from_date = day, to_date = day }))
    end
    local run = start(statement("S-3", {
      { amount = "-100.00", counterparty_account = PAYER, is_reversal = true,
        booking_date = "2026-11-20" },
    }, { from_date = "2026-11-20", to_date = "2026-11-20" }))
    assert.equals(2, #world:task("question").body.payments)
    for _, data in ipairs({ {}, { payment = 3 } }) do
      world:task("question"):answer("return", { as = "nina", data = data })
      assert.truthy(world:task("question").body.remark:find("which payment", 1, true))
    end
    local second = world:task("question").body.payments[2].id
    world:task("question"):answer("return", { as = "nina", data = { payment = 2 } })
    assert.equals("returned", first(run).status)
    assert.equals(second, first(run).payment)
  end)

  it("leaves money that went out alone", function()
    start_with({ item("R-1", "100.00") })
    local run = start(statement("S-1", { { amount = "-100.00", text = "R-1" } }))
    assert.equals("done", run.status)
    assert.equals(0, #run.result.statements[1].entries)
    assert.same({}, db.payments)
  end)

  it("asks anew when the invoice was paid by another payment meanwhile", function()
    start_with({
      item("R-1", "50.00", { accounts = { PAYER } }),
      item("R-2", "50.00", { accounts = { PAYER } }),
    })
    local run = start(statement("S-1", { { amount = "50.00", counterparty_account = PAYER } }))
    start(statement("S-2", { { amount = "50.00", text = "R-1" } }, { from_date = "2026-11-10" }))
    -- The first candidate was paid while the question was open.
    world:task("question"):answer("accept", { as = "nina", data = { candidate = 1 } })
    assert.truthy(world:task("question").body.remark:find("R-1 takes no more", 1, true))
    world:task("question"):answer("accept", { as = "nina" })
    assert.equals("done", run.status)
    assert.same({ "payment 50.00" }, got("R-1"))
    assert.same({ "payment 50.00" }, got("R-2"))
  end)

  it("looks again at what nobody has placed", function()
    start_with({ item("R-1", "100.00") })
    local run = start(statement("S-1", { { amount = "70.00", text = "for R-9" } }))
    assert.equals(1, #world:tasks("question"))
    db.items["R-9"] = item("R-9", "70.00")
    local again = world:start("reconcile", { unmatched = true })
    assert.equals("done", again.status)
    assert.same({ "payment 70.00" }, got("R-9"))
    -- The question that is still open finds the entry booked.
    world:task("question"):answer("on_account", { as = "nina" })
    assert.equals("known", first(run).status)
  end)
end)
