--- The annex of an invoice (A8): a statement of the hours behind it, which adds up to its lines.

local annex = require("billow.billing.annex")
local build = require("support.billing")
local decimal = require("billow.decimal")
local html = require("billow.billing.html")
local invoice = require("billow.billing.invoice")
local period = require("billow.billing.period")

local function entries()
  return {
    build.entry(1, { person = "Ana", work_date = "2026-10-05", duration_seconds = 1200 }),
    build.entry(2, { person = "Ben", work_date = "2026-10-05", duration_seconds = 1200 }),
    build.entry(3, { person = "Ana", work_date = "2026-10-06", duration_seconds = 1200 }),
    build.entry(4, { person = "Ana", work_date = "2026-10-05", duration_seconds = 3600 }),
  }
end

--- The first invoice of a contract with this annex.
local function bill(terms, changes, list, files)
  local ctx = build.context_of(terms, changes, files)
  local items = period.collect(ctx, {
    time = list or entries(),
    expenses = {},
    milestones = {},
    usage = {},
    exceptions = {},
  }).C
  local made = period.bill(ctx, ctx.contracts.C, items)
  return made.invoices[1], ctx, made
end

local function hours(rows, line)
  local sum = decimal(0)
  for _, row in ipairs(rows) do
    if row.line == line then
      sum = sum + row.hours
    end
  end
  return sum
end

describe("the annex of an invoice", function()
  it("is not there unless the contract asks", function()
    assert.is_nil(bill({}).annex)
    local made, ctx = bill({})
    assert.is_nil(invoice.canonical(ctx, made).annex)
  end)

  it("states hours by person, task and day when the contract says no more", function()
    local made = bill({}, { annex = {} })
    assert.same({ "person", "task", "date" }, made.annex.by)
    local told = {}
    for i, row in ipairs(made.annex.rows) do
      told[i] = row.values.person .. " " .. row.values.date .. " " .. tostring(row.hours)
    end
    assert.same({
      "Ana 2026-10-05 1.34",
      "Ana 2026-10-06 0.33",
      "Ben 2026-10-05 0.33",
    }, told)
  end)

  it("adds up to the quantity that is printed on the line, though each row is rounded", function()
    local made = bill({}, { annex = {} })
    assert.equals(decimal("2.00"), made.lines[1].quantity)
    assert.equals(made.lines[1].quantity, hours(made.annex.rows, "1"))
    assert.equals(decimal("2"), made.annex.hours)
  end)

  it("shows each row's part of the net, which adds up to the net of the line", function()
    local made = bill({}, { annex = { by = { "person" }, amounts = true } })
    local sum = decimal(0)
    for _, row in ipairs(made.annex.rows) do
      sum = sum + row.amount
    end
    assert.equals(made.lines[1].net_amount, sum)
  end)

  it("shows the notes of a row's entries, each once", function()
    local list = entries()
    list[3].notes, list[4].notes = "Setup", "Setup"
    local made = bill({}, { annex = { by = { "person" }, notes = true } }, list)
    assert.same({ "note 1", "Setup" }, made.annex.rows[1].notes)
  end)

  it("lists what a retainer paid for, of no line, and what is beyond it on its line", function()
    local terms =
      { unit = "hours", quantity = "1", price = "100", overage = { rate = "150" } }
    local made = bill(terms, { model = "retainer", annex = { by = { "person" } } })
    assert.equals(decimal("1"), hours(made.annex.rows, nil))
    assert.equals(decimal("2"), made.annex.hours)
    local overage = made.lines[2]
    assert.equals("overage", overage.component)
    assert.equals(overage.quantity, hours(made.annex.rows, overage.id))
  end)

  it("states the whole hours to each of several payers, and the amounts of its share", function()
    local made, ctx, result = bill({}, {
      payers = { { customer_id = "CU", percent = "50" }, { customer_id = "CU2", percent = "50" } },
      annex = { by = { "person" }, amounts = true },
    }, nil, { customers = { build.customer(), build.customer({ id = "CU2" }) } })
    assert.equals(2, #result.invoices)
    assert.equals(decimal("2"), made.annex.hours)
    local written = invoice.canonical(ctx, made)
    assert.equals("100.00", written.lines[1].net_amount)
    assert.equals("83.33", written.annex.rows[1].amount)
    assert.equals("16.67", written.annex.rows[2].amount)
  end)

  it("counts fixed sums by entry, not by time", function()
    local card = build.card("RC", { { selector = "default", rate = "80", unit_code = "LS" } })
    local made = bill({}, { annex = { by = { "entry" }, amounts = true } }, nil, {
      rate_cards = { card },
    })
    assert.equals(4, #made.annex.rows)
    assert.equals(decimal("80.00"), made.annex.rows[1].amount)
  end)

  it("is not there when no hours are behind the invoice", function()
    assert.is_nil(annex.of({ by = { "person" } }, { { id = "1" } }, {}, 2))
  end)

  it("stands on the page after the invoice, in the customer's language", function()
    local made, ctx = bill({}, { annex = { notes = true, amounts = true } }, {
      build.entry(1, { notes = "<b>bold</b>" }),
    }, { customers = { build.customer({ language = "de" }) } })
    local page = html.render(ctx, invoice.canonical(ctx, made), { number = "INV-1" })
    assert.truthy(page:find("Anlage: Stundennachweis", 1, true))
    assert.truthy(page:find("05.10.2026", 1, true))
    assert.truthy(page:find("&lt;b&gt;bold", 1, true))
    assert.truthy(page:find("Stunden gesamt: 1<", 1, true))
  end)
end)
