--- Credit notes: by line, entry or amount; never more than the invoice; the last takes the rest.

local credit_note = require("billow.billing.credit_note")
local decimal = require("billow.decimal")
local receivables = require("support.receivables")

local OPTIONS = { id = "C/CU/2026-10/381/1", issue_date = "2026-11-20" }

--- Two lines of 19 %, one of 7 %; the first bills two entries of 2 h and 1 h.
local function basis_of(allowances)
  local invoice = receivables.invoice("C/CU/2026-10/380", "INV-1", {
    receivables.line("1", "3", "100", "S"),
    receivables.line("2", "1.5", "33.33", "S"),
    receivables.line("3", "1", "80", "R"),
  }, allowances)
  local function billed(id, line, seconds, amount)
    return {
      entry_id = "2026-10/" .. id,
      ref = id,
      kind = "time",
      line_id = line,
      quantity = seconds,
      amount = amount,
    }
  end
  return {
    invoice = invoice,
    credits = {},
    credited = {},
    billed = {
      billed("time:1", "1", 7200, "200.00"),
      billed("time:2", "1", 3600, "100.00"),
      billed("time:3", "2", 5400, "50.00"),
      billed("time:4", "3", 3600, "80.00"),
    },
  }
end

local function build(basis, request)
  return credit_note.build(basis, request, OPTIONS)
end

local function refusal(basis, request)
  local made, problem = credit_note.try(basis, request, OPTIONS)
  assert.is_nil(made)
  return tostring(problem)
end

--- Credit and keep it, as the next credit finds it.
local function credit(basis, request)
  local made = build(basis, request)
  table.insert(basis.credits, made.object)
  for _, movement in ipairs(made.movements) do
    local line = made.object.lines[tonumber(movement.line_id)]
    table.insert(basis.credited, {
      entry_id = movement.entry_id,
      line_id = line.credits.line_id,
      quantity = movement.quantity,
      amount = movement.amount,
    })
  end
  return made
end

describe("a full credit", function()
  local made = build(basis_of(), { all = true })

  it("is the invoice again, as type 381 with positive amounts", function()
    local invoice = basis_of().invoice
    assert.equal("381", made.object.type_code)
    assert.same(invoice.totals, made.object.totals)
    assert.same(invoice.tax_breakdown, made.object.tax_breakdown)
    assert.equal("3", made.object.lines[1].quantity)
  end)

  it("refers to the invoice, and line by line to its lines", function()
    assert.same({ { number = "INV-1", issue_date = "2026-11-02" } }, made.object.preceding_invoices)
    assert.same({ invoice_id = "C/CU/2026-10/380", line_id = "2" }, made.object.lines[2].credits)
  end)

  it("makes every entry open again", function()
    local opened = {}
    for i, movement in ipairs(made.movements) do
      opened[i] = movement.entry_id .. " " .. movement.quantity .. " " .. movement.to_state
    end
    assert.same({
      "2026-10/time:1 7200 open",
      "2026-10/time:2 3600 open",
      "2026-10/time:3 5400 open",
      "2026-10/time:4 3600 open",
    }, opened)
  end)
end)

describe("a credit by line", function()
  it("credits what is left of the line, at the original rate of tax", function()
    local object = build(basis_of(), { lines = { { line_id = "3" } } }).object
    assert.same({ "80.00", "5.60", "85.60" }, {
      object.totals.tax_exclusive_amount,
      object.totals.tax_amount,
      object.totals.payable_amount,
    })
    assert.equal(1, #object.tax_breakdown)
  end)

  it(
    "by quantity keeps the price; by amount it is one piece: both leave the work billed",
    function()
      local request = { lines = { { line_id = "1", quantity = "0.5" } } }
      local made = build(basis_of(), request)
      assert.same({ "0.5", "100.00", "50.00" }, {
        made.object.lines[1].quantity,
        made.object.lines[1].unit_price,
        made.object.lines[1].net_amount,
      })
      assert.same({}, made.movements)
      made = build(basis_of(), { lines = { { line_id = "1", amount = "12.34" } } })
      assert.same({ "1", "C62", "12.34" }, {
        made.object.lines[1].quantity,
        made.object.lines[1].unit_code,
        made.object.lines[1].unit_price,
      })
      assert.same({}, made.movements)
    end
  )

  it("never exceeds the line, with the credits before it", function()
    local basis = basis_of()
    credit(basis, { lines = { { line_id = "1", amount = "250" } } })
    assert.equal(
      'lines[1].amount is "60.00": at most 50.00 can be credited of line 1',
      refusal(basis, { lines = { { line_id = "1", amount = "60" } } })
    )
    credit(basis, { lines = { { line_id = "1" } } })
    assert.equal(
      'lines[1].line_id is "1": nothing of this line is left to credit',
      refusal(basis, { lines = { { line_id = "1" } } })
    )
  end)
end)

describe("a credit by entry", function()
  it("returns exactly that entry and its money", function()
    local made = build(basis_of(), { entries = { { entry_id = "time:2" } } })
    assert.equal("100.00", made.object.lines[1].net_amount)
    assert.same(
      { type = "time_entry", id = "time:2", seconds = 3600 },
      made.object.lines[1].references[1]
    )
    assert.equal(1, #made.movements)
    assert.same({ "2026-10/time:2", "3600", "100.00", "1" }, {
      made.movements[1].entry_id,
      made.movements[1].quantity,
      made.movements[1].amount,
      made.movements[1].line_id,
    })
  end)

  it("may return a part of it; the last part takes the rest", function()
    local basis = basis_of()
    local function part(seconds)
      local made = credit(basis, { entries = { { entry_id = "time:3", quantity = seconds } } })
      return made.object.lines[1].net_amount
    end
    assert.same({ "16.67", "16.67", "16.66" }, { part(1800), part(1800), part(1800) })
    assert.equal(decimal(0), credit_note.left(basis).lines[2].net)
  end)

  it("can write the work off instead of opening it", function()
    local request = { entries = { { entry_id = "time:2" } }, outcome = "written_off" }
    assert.equal("written_off", build(basis_of(), request).movements[1].to_state)
  end)

  it("is refused for more than is billed of it, or for another's entry", function()
    assert.equal(
      "entries[1].quantity is 7201: at most 7200 of entry time:1 is left to credit",
      refusal(basis_of(), { entries = { { entry_id = "time:1", quantity = 7201 } } })
    )
    assert.equal(
      'entries[1].entry_id is "time:9": name an entry that the invoice bills',
      refusal(basis_of(), { entries = { { entry_id = "time:9" } } })
    )
  end)
end)

describe("a credit by amount", function()
  it("is spread over the tax groups and lines by what is left of them", function()
    local object = build(basis_of(), { amount = "43" }).object
    assert.equal("43.00", object.totals.tax_exclusive_amount)
    assert.same(
      { "8.00", "35.00" },
      { object.tax_breakdown[1].taxable_amount, object.tax_breakdown[2].taxable_amount }
    )
  end)

  it("of everything is a full credit", function()
    assert.equal(4, #build(basis_of(), { amount = "430" }).movements)
  end)

  it("never exceeds the invoice", function()
    assert.equal(
      'amount is "430.01": at most 430.00 can be credited of the invoice without tax',
      refusal(basis_of(), { amount = "430.01" })
    )
  end)
end)

describe("tax of several credits", function()
  it("adds up to the invoice's: the credit that exhausts a group takes what is left", function()
    local basis = {
      invoice = receivables.invoice("X/CU/2026-10/380", "INV-2", {
        receivables.line("1", "1", "0.10", "S"),
      }),
      credits = {},
      billed = {},
      credited = {},
    }
    local taxes = {}
    for i = 1, 3 do
      local object = credit(basis, { lines = { { line_id = "1", amount = "0.03" } } }).object
      taxes[i] = object.totals.tax_amount
    end
    taxes[4] = credit(basis, { all = true }).object.totals.tax_amount
    assert.same({ "0.01", "0.01", "0.00", "0.00" }, taxes)
    assert.equal(decimal("0.00"), credit_note.left(basis).tax)
  end)
end)

describe("a discount on the invoice", function()
  it("comes off a credited line in proportion, and the last credit takes the rest", function()
    local basis = basis_of({ receivables.allowance("35", "S") })
    local first = credit(basis, { lines = { { line_id = "2" } } }).object
    assert.same(
      { "5.00", "45.00" },
      { first.totals.allowance_total_amount, first.totals.tax_exclusive_amount }
    )
    local last = credit(basis, { all = true }).object
    assert.same(
      { "30.00", "350.00" },
      { last.totals.allowance_total_amount, last.totals.tax_exclusive_amount }
    )
    assert.equal(decimal(0), credit_note.left(basis).payable)
  end)

  it("does not come off an amount that somebody named", function()
    local basis = basis_of({ receivables.allowance("35", "S") })
    assert.equal("100.00", credit(basis, { amount = "100" }).object.totals.tax_exclusive_amount)
    assert.equal("295.00", credit(basis, { all = true }).object.totals.tax_exclusive_amount)
  end)
end)

describe("a deduction on the invoice", function()
  it("is credited together with what it was deducted from", function()
    local basis = {
      invoice = receivables.invoice("F/CU/2026-10/380", "INV-3", {
        receivables.line("1", "1", "1000", "S"),
        receivables.line("2", "-1", "50", "S"),
      }),
      credits = {},
      billed = {},
      credited = {},
    }
    assert.equal(
      'tax group S 19 is "1000.00": credit between 0 and 950.00 of it without tax: '
        .. "credit what was deducted together with what it was deducted from",
      refusal(basis, { lines = { { line_id = "1" } } })
    )
    local object = build(basis, { lines = { { line_id = "1" }, { line_id = "2" } } }).object
    assert.same(
      { "-50.00", "950.00" },
      { object.lines[2].net_amount, object.totals.tax_exclusive_amount }
    )
  end)
end)

describe("the tax in the firm's currency", function()
  it("has the original exchange rate: in proportion, the last takes what is left", function()
    local basis = basis_of()
    basis.invoice.totals.tax_amount_accounting = "90.00"
    local first = credit(basis, { lines = { { line_id = "3" } } }).object.totals
    local last = credit(basis, { all = true }).object.totals
    assert.equal(
      decimal("90.00"),
      decimal(first.tax_amount_accounting) + decimal(last.tax_amount_accounting)
    )
    assert.equal("6.99", first.tax_amount_accounting)
  end)
end)

describe("a request for credit", function()
  it("says in one way what to credit", function()
    assert.equal(
      "request is an object: say what to credit: all, lines, entries or amount",
      refusal(basis_of(), {})
    )
    assert.equal(
      'amount is "5": say it in one way: all is given too',
      refusal(basis_of(), { all = true, amount = "5" })
    )
  end)

  it("names what the invoice has, once, in figures that mean something", function()
    assert.equal(
      'lines[1].line_id is "9": name a line of the invoice',
      refusal(basis_of(), { lines = { { line_id = "9" } } })
    )
    assert.equal(
      'lines[2].line_id is "1": name each line once',
      refusal(basis_of(), { lines = { { line_id = "1" }, { line_id = "1" } } })
    )
    assert.equal(
      'amount is "1.005": write a positive amount with at most 2 decimals',
      refusal(basis_of(), { amount = "1.005" })
    )
    assert.equal(
      'lines[1].quantity is "4": write a positive quantity of at most 3',
      refusal(basis_of(), { lines = { { line_id = "1", quantity = "4" } } })
    )
    assert.equal(
      'outcome is "gone": write one of open, written_off, excluded',
      refusal(basis_of(), { all = true, outcome = "gone" })
    )
  end)

  it("is refused for a credit note", function()
    local basis = basis_of()
    basis.invoice.type_code = "381"
    assert.equal(
      'invoice is "INV-1": name an invoice: this is a credit note',
      refusal(basis, { all = true })
    )
  end)
end)

describe("what is left to credit", function()
  it("is shown by line and tax group", function()
    local basis = basis_of()
    credit(basis, { lines = { { line_id = "1" }, { line_id = "3", amount = "30" } } })
    local shown = credit_note.shown(basis)
    assert.same(
      { { line_id = "2", net_amount = "50.00" }, { line_id = "3", net_amount = "50.00" } },
      shown.lines
    )
    assert.same(
      { "100.00", "13.00", "113.00" },
      { shown.net_amount, shown.tax_amount, shown.payable_amount }
    )
  end)
end)

describe("the name of a document that follows an invoice", function()
  it("counts on from the invoice's own", function()
    assert.equal("C/CU/2026-10/381/1", credit_note.next_id("C/CU/2026-10/380", "381", 0))
    assert.equal("C/CU/2026-10/380/3", credit_note.next_id("C/CU/2026-10/380/2", "380", 2))
  end)
end)

describe("any sequence of bills, credits and voids", function()
  for seed = 1, 60 do
    it("bills nothing twice and forgets nothing, seed " .. seed, function()
      local firm = receivables.new(seed, 6)
      for _ = 1, 25 do
        firm:step()
        firm:check()
      end
      firm:void_all()
      firm:check()
      for _, entry in ipairs(firm.entries) do
        assert.equal(entry.seconds, entry.open)
      end
      for _, basis in ipairs(firm.invoices) do
        local left = credit_note.left(basis)
        assert.is_true(left.payable:is_zero() and left.tax:is_zero() and left.net:is_zero())
      end
    end)
  end
end)
