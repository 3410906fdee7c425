--- Statements that follow each other (C1), and what booking a payment writes (C3, C5, C6).

local booking = require("billow.billing.cash_booking")
local decimal = require("billow.decimal")
local reading = require("billow.billing.reading")
local statement = require("billow.billing.bank.statement")

local function stored(id, from, to, opening, closing, fields)
  local row = {
    id = id,
    format = "camt.053",
    digest = "d-" .. id,
    from_date = from,
    to_date = to,
    opening_amount = decimal(opening),
    closing_amount = decimal(closing),
  }
  for name, value in pairs(fields or {}) do
    row[name] = value
  end
  return row
end

local function loaded(id, from, to, opening, fields)
  local made = stored(id, from, to, opening, opening, fields)
  made.opening = { amount = decimal(opening), date = from }
  return made
end

local function codes(made, known)
  local list = {}
  for i, finding in ipairs(statement.findings(made, known)) do
    list[i] = finding.code .. (finding.is_blocking and "!" or "")
  end
  return table.concat(list, " ")
end

describe("a statement", function()
  local known = {
    stored("S-1", "2026-11-02", "2026-11-02", "0.00", "100.00"),
    stored("S-2", "2026-11-03", "2026-11-03", "100.00", "170.00"),
  }

  it("that follows the last one has no findings", function()
    assert.equal("", codes(loaded("S-3", "2026-11-04", "2026-11-04", "170.00"), known))
    assert.equal("", codes(loaded("S-1", "2026-11-02", "2026-11-02", "0.00"), {}))
  end)

  it("that was loaded before is a duplicate, with other content it is asked about", function()
    local made = loaded("S-2", "2026-11-03", "2026-11-03", "100.00")
    assert.equal("DUPLICATE", codes(made, known))
    made.digest = "other"
    assert.equal("CHANGED!", codes(made, known))
  end)

  it("that does not open with the last closing balance has a gap before it", function()
    local made = loaded("S-4", "2026-11-05", "2026-11-05", "180.00")
    assert.equal("GAP!", codes(made, known))
    assert.equal(
      "it opens with 180.00, but statement S-2 of 2026-11-03 closed with 170.00: "
        .. "one is missing between them",
      statement.findings(made, known)[1].text
    )
  end)

  it("of the same day follows when its balance does", function()
    assert.equal("", codes(loaded("S-2b", "2026-11-03", "2026-11-03", "170.00"), known))
  end)

  it("that covers days again overlaps; in another format it is asked about", function()
    local made = loaded("X", "2026-11-01", "2026-11-03", "0.00", { opening_amount = nil })
    made.opening = nil
    assert.equal("OVERLAP OVERLAP", codes(made, known))
    made.format = "mt940"
    assert.equal("OVERLAP! OVERLAP!", codes(made, known))
  end)

  it("as plain data is checked field by field", function()
    local function problem(fields, entry)
      local source = { id = "S", account = "A", currency = "EUR" }
      source.entries = { entry or { amount = "1", booking_date = "2026-11-10" } }
      for name, value in pairs(fields) do
        source[name] = value
      end
      local _, refusal = statement.read(source, "statements[1]")
      return tostring(refusal)
    end
    assert.equal("nil", problem({}))
    assert.truthy(problem({ account = "" }):find("statements[1].account is", 1, true))
    assert.truthy(problem({}, { amount = 1.5 }):find("entries[1].amount is 1.5", 1, true))
    assert.truthy(
      problem({}, { amount = "1", booking_date = "2026-02-30" }):find("booking_date", 1, true)
    )
    assert.truthy(
      problem({}, { amount = "1", booking_date = "2026-02-28", currency = "USD" }):find(
        'currency is "USD": write EUR',
        1,
        true
      )
    )
    local balances = {
      opening = { amount = "0", date = "2026-11-10" },
      closing = { amount = "2", date = "2026-11-10" },
    }
    assert.truthy(problem(balances):find("the file is incomplete", 1, true))
  end)
end)

local RATES = {
  currency = "EUR",
  list = {
    { currency = "USD", date = "2026-10-01", rate = decimal("0.90") },
    { currency = "USD", date = "2026-11-01", rate = decimal("0.95") },
  },
}

describe("an exchange difference", function()
  local function difference(paid, paid_currency, owed, owed_currency)
    local found = booking.exchange_difference(
      { amount = decimal(paid), currency = paid_currency, date = "2026-11-10" },
      { amount = decimal(owed), currency = owed_currency, date = "2026-10-05" },
      RATES
    )
    return found and tostring(found)
  end

  it("is what arrived less what stood in the books, gain positive", function()
    assert.equal("5.00", difference("100.00", "USD", "100.00", "USD"))
    assert.equal("-1.00", difference("89.00", "EUR", "100.00", "USD"))
    assert.equal("1.00", difference("105.2632", "USD", "99.00", "EUR"))
  end)

  it("is none in one currency of the books, nor without a rate", function()
    assert.is_nil(difference("100.00", "EUR", "100.00", "EUR"))
    assert.is_nil(difference("100.00", "GBP", "100.00", "EUR"))
  end)

  it("uses the latest rate that is not after the day", function()
    assert.equal("0.90", tostring(booking.rate(RATES, "USD", "2026-10-31")))
    assert.is_nil(booking.rate(RATES, "USD", "2026-09-30"))
  end)
end)

describe("booking", function()
  local entry = {
    id = "e1",
    amount = decimal("100.00"),
    currency = "EUR",
    value_date = "2026-11-10",
    text = "",
  }

  it("divides a payment over invoices of another currency to the cent", function()
    local items, allocations = {}, {}
    for i, amount in ipairs({ "33.33", "33.33", "33.34" }) do
      local id = "I-" .. i
      items[id] = { issue_date = "2026-10-05", currency = "USD" }
      allocations[i] = { invoice_id = id, amount = decimal(amount), kind = "payment" }
    end
    local choice = {
      allocations = allocations,
      currency = "USD",
      unapplied_amount = decimal("10.00"),
      match = {},
    }
    local payment, rows = booking.rows(entry, choice, items, RATES)
    local taken = decimal(0)
    for _, row in ipairs(rows) do
      taken = taken + decimal(row.payment_amount)
    end
    assert.equal("bank:e1", payment.id)
    assert.equal("90.91", tostring(taken))
    assert.equal("EUR", rows[1].difference_currency)
  end)

  it("takes nothing from the payment for what is settled without money", function()
    local choice = {
      allocations = {
        { invoice_id = "I", amount = decimal("2.00"), kind = "bank_fee" },
        { invoice_id = "I", amount = decimal("100.00"), kind = "payment" },
      },
      currency = "EUR",
      unapplied_amount = decimal("0"),
      match = {},
    }
    local _, rows = booking.rows(entry, choice, { I = {} }, RATES)
    assert.equal("0", rows[1].payment_amount)
    assert.equal("100.00", rows[2].payment_amount)
  end)
end)

describe("the early payment discount of an invoice", function()
  local invoice = {
    issue_date = "2026-11-01",
    currency = "EUR",
    tax_breakdown = {
      { taxable_amount = "1000.00", tax_amount = "190.00", percent = "19" },
      { taxable_amount = "100.00", tax_amount = "7.00", percent = "7" },
    },
  }

  it("lowers each tax group by itself when tax falls with the price", function()
    local offer = booking.discount({ percent = "2", days = 14 }, invoice)
    assert.equal("2026-11-15", offer.last_date)
    assert.equal("25.94", tostring(offer.amount))
    assert.equal("3.94", tostring(offer.tax_amount))
  end)

  it("leaves the tax when it is excluded or mixed", function()
    for _, mode in ipairs({ "excluded", "mixed" }) do
      local offer = booking.discount({ percent = "2", days = 14, mode = mode }, invoice)
      assert.equal("22.00", tostring(offer.amount))
      assert.is_true(offer.tax_amount:is_zero())
    end
  end)

  it("is read from its text form, and refused when its terms are broken", function()
    assert.same({ days = 14, percent = "2.00" }, booking.skonto("#SKONTO#TAGE=14#PROZENT=2.00#"))
    assert.is_nil(booking.skonto("2 % in 14 days"))
    local _, problem = reading.try(booking.discount, { percent = "120", days = 1 }, invoice)
    assert.equal(
      'early_payment_discount.percent is "120": write a number that is at most 100',
      tostring(problem)
    )
  end)
end)
