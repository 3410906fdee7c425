--- Which invoices a payment pays (C2), and how short, long, early and part payments are taken (C3,
--- C4, C6).

local decimal = require("billow.decimal")
local matching = require("billow.billing.matching")
local references = require("billow.billing.references")
local settling = require("billow.billing.settling")

local PAYER = "DE02120300000000202051"

local SETTINGS = {
  tolerance_amounts = {},
  tolerance_amount = decimal("1.00"),
  tolerance_percent = decimal("0.1"),
  subset_max = 6,
  subset_steps_max = 20000,
  withholding_percents = { decimal("10"), decimal("15") },
  bank_fee_max = decimal("25.00"),
  discount_grace_days = 0,
}

local function item(number, open, fields)
  local made = {
    invoice_id = "id-" .. number,
    number = number,
    customer_id = "CU-1",
    customer_name = "Beispiel GmbH",
    currency = "EUR",
    issue_date = "2026-10-01",
    due_date = "2026-11-01",
    open_amount = decimal(open),
    payable_amount = decimal(open),
    accounts = {},
  }
  for name, value in pairs(fields or {}) do
    made[name] = value
  end
  return made
end

local function entry(amount, fields)
  local made = {
    id = "e",
    amount = decimal(amount),
    currency = "EUR",
    value_date = "2026-10-20",
    booking_date = "2026-10-20",
    text = "",
  }
  for name, value in pairs(fields or {}) do
    made[name] = value
  end
  return made
end

local function propose(paid, items, settings)
  return matching.propose(paid, items, settings or SETTINGS)
end

--- "rule score outcome numbers" of each candidate.
local function shown(proposal)
  local lines = {}
  for i, candidate in ipairs(proposal.candidates) do
    lines[i] = string.format(
      "%s %d %s %s",
      candidate.rule,
      candidate.score,
      candidate.outcome,
      table.concat(candidate.numbers, "+")
    )
  end
  return lines
end

local function allocated(candidate)
  local lines = {}
  for i, row in ipairs(candidate.allocations) do
    lines[i] = row.invoice_id .. " " .. row.kind .. " " .. tostring(row.amount)
  end
  return lines
end

describe("a reference", function()
  it("of ISO 11649 has check digits", function()
    assert.is_true(references.is_creditor_reference("RF18 5390 0754 7034"))
    assert.is_false(references.is_creditor_reference("RF19 5390 0754 7034"))
    local made = references.creditor_reference("INV-2026-00214")
    assert.is_true(references.is_creditor_reference(made))
    assert.is_true(references.means(made, "INV-2026-00214"))
  end)

  it("means a number written with other signs or zeros in front", function()
    assert.is_true(references.means("inv 2026/00214", "INV-2026-00214"))
    assert.is_true(references.means("000214", "214"))
    assert.is_false(references.means("INV-2026-0021", "INV-2026-00214"))
  end)

  it("is found in text as a whole, however it is separated", function()
    for words, expected in pairs({
      ["Rg. INV-2026-00214 vom 2.11."] = "plain",
      ["inv 2026 00214"] = "plain",
      ["INV2026/00214,INV"] = "plain",
      ["INV-2026-00 214"] = "squeezed",
      ["INV-2026-002145"] = "none",
      ["XINV-2026-0021"] = "none",
    }) do
      assert.equal(
        expected,
        references.find(references.searchable(words), "INV-2026-00214") or "none",
        words
      )
    end
  end)

  it("that is short is not found across blanks", function()
    assert.is_nil(references.find(references.searchable("call 12 34 times"), "1234"))
  end)
end)

describe("matching goes", function()
  local A = item("INV-2026-00001", "100.00", { accounts = { PAYER } })
  local B = item("INV-2026-00002", "250.00", { accounts = { PAYER } })
  local C = item("INV-2026-00003", "100.00", { customer_id = "CU-2", customer_name = "Other" })

  it("first by structured reference", function()
    local paid = entry("100.00", {
      structured_reference = references.creditor_reference("INV-2026-00003"),
      text = "INV-2026-00001",
      counterparty_account = PAYER,
    })
    assert.same(
      { "structured_reference 95 exact INV-2026-00003" },
      shown(propose(paid, { A, B, C }))
    )
  end)

  it("then by invoice number in the text, several at once", function()
    local paid = entry("350.00", { text = "INV-2026-00001, INV-2026-00002" })
    local proposal = propose(paid, { A, B, C })
    assert.same({ "invoice_number 95 exact INV-2026-00001+INV-2026-00002" }, shown(proposal))
    assert.same({
      "the text names INV-2026-00001, INV-2026-00002",
      "350.00 EUR is exactly what is open",
    }, proposal.candidates[1].explanation)
    assert.same({ "structured_reference: found nothing" }, proposal.explanation)
  end)

  it("then by end-to-end id", function()
    local collected = item("INV-2026-00004", "80.00", { end_to_end_id = "COLL-4" })
    local paid = entry("80.00", { end_to_end_id = "COLL-4" })
    assert.same({ "end_to_end_id 92 exact INV-2026-00004" }, shown(propose(paid, { A, collected })))
  end)

  it("then by exact amount from a known account", function()
    local paid = entry("100.00", { counterparty_account = PAYER })
    assert.same({ "amount_and_account 88 exact INV-2026-00001" }, shown(propose(paid, { A, B, C })))
  end)

  it("then by the sum of a subset; all that is owed counts more than some of it", function()
    local D = item("INV-2026-00005", "33.00", { accounts = { PAYER } })
    local paid = entry("350.00", { counterparty_account = PAYER })
    assert.same(
      { "subset 70 exact INV-2026-00001+INV-2026-00002" },
      shown(propose(paid, { A, B, C, D }))
    )
    local proposal = propose(paid, { A, B, C })
    assert.same({ "subset 85 exact INV-2026-00001+INV-2026-00002" }, shown(proposal))
    assert.truthy(
      proposal.candidates[1].explanation[1]:find(
        "2 of their 2 open items make up the amount",
        1,
        true
      )
    )
  end)

  it("then by amount within the tolerance, the rest written off", function()
    local paid = entry("249.80", { counterparty_account = PAYER })
    local proposal = propose(paid, { A, B, C })
    assert.same({ "tolerance 60 tolerance INV-2026-00002" }, shown(proposal))
    assert.same(
      { "id-INV-2026-00002 write_off 0.20", "id-INV-2026-00002 payment 249.80" },
      allocated(proposal.candidates[1])
    )
  end)

  it("by name or amount alone only to help a person", function()
    local by_name = propose(entry("250.00", { counterparty_name = "BEISPIEL GMBH" }), { A, B, C })
    assert.same({ "amount_and_name 60 exact INV-2026-00002" }, shown(by_name))
    assert.same({ "amount 45 exact INV-2026-00002" }, shown(propose(entry("250.00"), { A, B, C })))
    local oldest = propose(entry("17.00", { counterparty_account = PAYER }), { A, B, C })
    assert.equal("oldest", oldest.candidates[1].rule)
  end)

  it("nowhere for money that went out, or without any open item", function()
    assert.same({}, shown(propose(entry("-5.00"), { A })))
    assert.same({}, shown(propose(entry("5.00"), {})))
  end)
end)

describe("several candidates", function()
  it("are shown when equal invoices fit equally well", function()
    local twins = {
      item("R-1", "50.00", { accounts = { PAYER } }),
      item("R-2", "50.00", { accounts = { PAYER } }),
    }
    local proposal = propose(entry("50.00", { counterparty_account = PAYER }), twins)
    assert.same(
      { "amount_and_account 88 exact R-1", "amount_and_account 88 exact R-2" },
      shown(proposal)
    )
  end)

  it("are shown when a named invoice leaves money unexplained and another fits", function()
    local named = item("INV-2026-00001", "100.00", { accounts = { PAYER } })
    local other = item("INV-2026-00002", "60.00", { accounts = { PAYER } })
    local paid = entry("60.00", { text = "INV-2026-00001", counterparty_account = PAYER })
    assert.same(
      { "amount_and_account 88 exact INV-2026-00002", "invoice_number 80 part INV-2026-00001" },
      shown(propose(paid, { named, other }))
    )
  end)

  it("are never more than five", function()
    local items = {}
    for i = 1, 9 do
      items[i] = item("R-" .. i, "50.00")
    end
    assert.equal(5, #propose(entry("50.00"), items).candidates)
  end)
end)

describe("the search for a subset", function()
  local function many(count)
    local items = {}
    for i = 1, count do
      items[i] = item("R-" .. i, tostring(1000 + i * 37) .. ".13", { accounts = { PAYER } })
    end
    return items
  end

  it("says when it was cut off", function()
    local settings = setmetatable({ subset_steps_max = 50 }, { __index = SETTINGS })
    local paid = entry("9999.99", { counterparty_account = PAYER })
    assert.is_false(propose(paid, many(40), settings).is_complete)
  end)

  it("ends on long lists within its bound", function()
    local paid = entry("9999.97", { counterparty_account = PAYER })
    assert.is_false(propose(paid, many(400)).is_complete)
  end)

  it("uses no more invoices than allowed", function()
    local settings = setmetatable({ subset_max = 2 }, { __index = SETTINGS })
    local items = {
      item("R-1", "1.00", { accounts = { PAYER } }),
      item("R-2", "2.00", { accounts = { PAYER } }),
      item("R-3", "4.00", { accounts = { PAYER } }),
    }
    local paid = entry("7.00", { counterparty_account = PAYER })
    assert.equal("oldest", propose(paid, items, settings).candidates[1].rule)
    assert.same({ "subset 85 exact R-1+R-2+R-3" }, shown(propose(paid, items)))
  end)
end)

describe("a short payment", function()
  local function settle(amount, fields, paid)
    local made = { amount = decimal(amount), date = "2026-10-10" }
    for name, value in pairs(paid or {}) do
      made[name] = value
    end
    local settled = settling.settle(made, { item("R-1", "1190.00", fields) }, SETTINGS)
    return settled.outcome, allocated(settled), settled
  end

  local OFFER = {
    last_date = "2026-10-15",
    amount = decimal("23.80"),
    tax_amount = decimal("3.80"),
  }

  it("by the discount, in time, takes the discount with its tax", function()
    local outcome, rows, settled = settle("1166.20", { discount = OFFER })
    assert.equal("discount", outcome)
    assert.same({ "id-R-1 discount 23.80", "id-R-1 payment 1166.20" }, rows)
    assert.equal("3.80", tostring(settled.allocations[1].tax_amount))
  end)

  it("by the discount, too late, is a part payment, unless there are days of grace", function()
    assert.equal("part", (settle("1166.20", { discount = OFFER }, { date = "2026-10-16" })))
    local settings = setmetatable({ discount_grace_days = 2 }, { __index = SETTINGS })
    local paid = { amount = decimal("1166.20"), date = "2026-10-16" }
    local items = { item("R-1", "1190.00", { discount = OFFER }) }
    assert.equal("discount", settling.settle(paid, items, settings).outcome)
  end)

  it("by what banks took on the way, is paid in full", function()
    local outcome, rows = settle("1175.00", {}, { charges = decimal("15.00") })
    assert.equal("bank_fee", outcome)
    assert.same({ "id-R-1 bank_fee 15.00", "id-R-1 payment 1175.00" }, rows)
    assert.equal("bank_fee", (settle("1175.00", {}, { sent = decimal("1190.00") })))
    assert.equal("part", (settle("1075.00", {}, { charges = decimal("115.00") })))
  end)

  it("by a statutory percentage of the net, has tax withheld", function()
    local outcome, rows = settle("1040.00", { net_amount = decimal("1000.00") })
    assert.equal("withholding", outcome)
    assert.same({ "id-R-1 withholding 150.00", "id-R-1 payment 1040.00" }, rows)
  end)

  it("by what is in dispute, leaves that open", function()
    local outcome, rows = settle("1000.00", { disputed_amount = decimal("190.00") })
    assert.equal("dispute", outcome)
    assert.same({ "id-R-1 payment 1000.00" }, rows)
  end)

  it("by the next instalments, is none: oldest due first", function()
    local plan = {
      { due_date = "2026-12-01", amount = decimal("390.00") },
      { due_date = "2026-10-01", amount = decimal("400.00") },
      { due_date = "2026-11-01", amount = decimal("400.00") },
    }
    assert.equal("instalment", (settle("400.00", { instalments = plan })))
    assert.equal("instalment", (settle("800.00", { instalments = plan })))
    assert.equal("part", (settle("390.00", { instalments = plan })))
  end)

  it("without a reason leaves the rest open", function()
    local outcome, rows, settled = settle("700.00")
    assert.equal("part", outcome)
    assert.same({ "id-R-1 payment 700.00" }, rows)
    assert.equal("490.00", tostring(settled.short_amount))
  end)

  it("within the tolerance is the smaller of amount and share", function()
    assert.equal("0.10", tostring(settling.tolerance(decimal("100.00"), "EUR", SETTINGS)))
    assert.equal("1.00", tostring(settling.tolerance(decimal("5000.00"), "EUR", SETTINGS)))
    assert.equal("0", tostring(settling.tolerance(decimal("900"), "JPY", SETTINGS)))
  end)
end)

describe("a long payment", function()
  it("pays what is open and leaves the rest unapplied", function()
    local paid = { amount = decimal("120.00"), date = "2026-10-10" }
    local settled = settling.settle(paid, { item("R-1", "100.00") }, SETTINGS)
    assert.equal("over", settled.outcome)
    assert.equal("20.00", tostring(settled.unapplied_amount))
  end)
end)

describe("a payment in another currency", function()
  it("is taken at what was sent in the invoice's currency", function()
    local usd = item("R-1", "110.00", { currency = "USD" })
    local paid = entry("100.00", {
      text = "R-1",
      instructed = { amount = decimal("110.00"), currency = "USD" },
    })
    local proposal = propose(paid, { usd })
    assert.same({ "invoice_number 90 exact R-1" }, shown(proposal))
    assert.equal("110.00", tostring(proposal.candidates[1].amount))
    assert.same({}, shown(propose(entry("100.00", { text = "R-1" }), { usd })))
  end)
end)

describe("allocations of any proposal", function()
  it("never exceed the payment, nor what is open, and lose no cent", function()
    local seed = 20261110
    local function random(n)
      seed = (seed * 1103515245 + 12345) & 0x7fffffff
      return (seed >> 8) % n + 1
    end
    for round = 1, 300 do
      local items = {}
      for i = 1, random(7) do
        local open = decimal(random(50000)) / decimal(100)
        items[i] = item("N-" .. round .. "-" .. i, tostring(open:round(2)), {
          accounts = random(2) == 1 and { PAYER } or {},
          net_amount = (open * decimal("0.84")):round(2),
          disputed_amount = random(4) == 1 and (open / decimal(2)):round(2) or nil,
          due_date = string.format("2026-%02d-01", random(12)),
        })
      end
      local amount = decimal(0)
      for i = 1, random(#items) do
        amount = amount + items[i].open_amount
      end
      amount = amount + decimal(({ 0, 0, 5, -5, 100 })[random(5)]) / decimal(100)
      local words = random(3) == 1 and items[random(#items)].number or ""
      local paid = entry(tostring(amount:round(2)), { counterparty_account = PAYER, text = words })
      for _, candidate in ipairs(propose(paid, items).candidates) do
        local money, by_invoice = decimal(0), {}
        for _, row in ipairs(candidate.allocations) do
          assert.is_true(row.amount > decimal(0))
          money = money + (row.kind == "payment" and row.amount or decimal(0))
          by_invoice[row.invoice_id] = (by_invoice[row.invoice_id] or decimal(0)) + row.amount
        end
        assert.is_true(money + candidate.unapplied_amount == paid.amount)
        for _, owed in ipairs(items) do
          local given = by_invoice[owed.invoice_id] or decimal(0)
          assert.is_true(given <= owed.open_amount)
        end
      end
    end
  end)
end)
