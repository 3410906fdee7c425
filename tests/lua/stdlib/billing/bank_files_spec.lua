--- Bank files become entries with keys (C1): camt.053, camt.054, MT940, CSV. What is wrong with a
--- file is said with place, value and remedy, and nothing of it is taken.

local bank = require("billow.billing.bank")
local camt = require("billow.billing.bank.camt")
local mt940 = require("billow.billing.bank.mt940")

local function fixture(name)
  local file = assert(io.open("tests/lua/fixtures/bank/" .. name, "rb"))
  local content = file:read("a")
  file:close()
  return content
end

--- The fixture with one piece of it replaced; the piece must be there.
local function broken(name, old, new)
  local content = fixture(name)
  local from, stop = content:find(old, 1, true)
  assert(from, "the fixture does not hold " .. old)
  return content:sub(1, from - 1) .. new .. content:sub(stop + 1)
end

local function shown(entries)
  local lines = {}
  for i, entry in ipairs(entries) do
    lines[i] =
      string.format("%s %s %s", entry.booking_date, tostring(entry.amount), entry.reference)
  end
  return lines
end

local CSV = {
  account = "DE89370400440532013000",
  currency = "EUR",
  separator = ";",
  decimal_comma = true,
  date_format = "DD.MM.YYYY",
  columns = {
    booking_date = "Buchungstag",
    value_date = "Wertstellung",
    amount = "Betrag",
    text = "Verwendungszweck",
    counterparty_name = "Auftraggeber",
    counterparty_account = "IBAN",
    balance = "Saldo",
  },
}

describe("a camt.053 statement", function()
  local made = assert(bank.parse(fixture("camt053.xml")))[1]

  it("has account, balances and booked entries; pending ones are counted and left out", function()
    assert.equal("DE89370400440532013000", made.account)
    assert.equal("1000.00", tostring(made.opening.amount))
    assert.equal("5427.13", tostring(made.closing.amount))
    assert.equal(1, made.pending)
    assert.same({
      "2026-11-10 2127.13 bank:SRV-1",
      "2026-11-10 1400.00 bank:SRV-2/T1",
      "2026-11-10 1000.00 bank:SRV-2/E2E-78",
      "2026-11-10 -100.00 bank:SRV-3",
    }, shown(made.entries))
  end)

  it("tells who paid and what for", function()
    local entry = made.entries[1]
    assert.equal("Beispiel & S\u{F6}hne GmbH", entry.counterparty_name)
    assert.equal("DE02120300000000202051", entry.counterparty_account)
    assert.equal("Rechnung INV-2026-00214 vom 02.11.", entry.text)
    assert.equal("E2E-77", entry.end_to_end_id)
    assert.equal("RF712348231", made.entries[2].structured_reference)
    assert.is_nil(made.entries[2].end_to_end_id)
    assert.equal("Kontof\u{FC}hrung", made.entries[4].text)
  end)
end)

describe("a camt.054 notification", function()
  local made = assert(bank.parse(fixture("camt054.xml")))[1]

  it("names the same entry by the same key as the statement", function()
    local of_statement = assert(bank.parse(fixture("camt053.xml")))[1].entries[1]
    assert.equal(of_statement.id, made.entries[1].id)
    assert.is_nil(made.opening)
  end)

  it("tells what was sent and what banks took", function()
    assert.equal("USD", made.entries[1].instructed.currency)
    assert.equal("2300.00", tostring(made.entries[1].instructed.amount))
    assert.equal("5.00", tostring(made.entries[1].charges))
    local records = "<c:Rcrd><c:Amt Ccy='EUR'>2.00</c:Amt></c:Rcrd>"
    local newer = broken("camt054.xml", '<c:Amt Ccy="EUR">5.00</c:Amt>', records:rep(2))
    assert.equal("4.00", tostring(assert(bank.parse(newer))[1].entries[1].charges))
  end)
end)

describe("an MT940 statement", function()
  local made = assert(bank.parse(fixture("statement.mt940")))[1]

  it("has balances and entries with signs, reversals among them", function()
    assert.equal("37040044/0532013000", made.account)
    assert.equal("215/1@2026-11-10", made.id)
    assert.same(
      {
        "2026-11-10 2127.13 bank:SRV-1",
        "2026-11-10 -100 text:",
        "2027-01-01 20.5 e2e:E9",
        "2026-11-10 -5.00 text:",
      },
      (function()
        local lines = shown(made.entries)
        for i, line in ipairs(lines) do
          lines[i] = line:gsub("text:.*$", "text:")
        end
        return lines
      end)()
    )
    assert.is_true(made.entries[4].is_reversal)
  end)

  it("reads subfields, words between slashes, and plain text", function()
    assert.equal("Rechnung INV-2026-00214 vom 02.11.", made.entries[1].text)
    assert.equal("E2E-77", made.entries[1].end_to_end_id)
    assert.equal("Beispiel & Soehne GmbH", made.entries[1].counterparty_name)
    assert.equal("DE02120300000000202051", made.entries[1].counterparty_account)
    assert.equal("Account fees of October", made.entries[2].text)
    assert.equal("invoice A/12", made.entries[3].text)
    assert.equal("Acme B.V.", made.entries[3].counterparty_name)
    assert.equal("NL02ABNA0123456789", made.entries[3].counterparty_account)
  end)
end)

describe("a CSV file of a bank", function()
  local made = assert(bank.parse(fixture("export.csv"), nil, CSV))[1]

  it("is read by the bank's own column names, newest first or last", function()
    assert.same({ "2127.13", "-100.00" }, {
      tostring(made.entries[1].amount),
      tostring(made.entries[2].amount),
    })
    assert.equal('Rechnung "INV-2026-00214"; Danke', made.entries[1].text)
    assert.equal("DE02120300000000202051", made.entries[1].counterparty_account)
    assert.equal("1000.00", tostring(made.opening.amount))
    assert.equal("3027.13", tostring(made.closing.amount))
  end)

  it("reads amounts with thousands and without, in both spellings", function()
    local function amount(raw, is_comma)
      local source = 'booking_date,amount\n2026-11-10,"' .. raw .. '"\n'
      local options = { account = "A", currency = "EUR", decimal_comma = is_comma }
      local list, problem = bank.parse(source, "csv", options)
      return list and tostring(list[1].entries[1].amount) or tostring(problem)
    end
    assert.equal("1234567.50", amount("1.234.567,50", true))
    assert.equal("1234567.50", amount("1,234,567.50"))
    assert.equal("-1234", amount("- 1234"))
    assert.truthy(amount("1.23.4,50", true):find("write an amount", 1, true))
    assert.truthy(amount("1234,50"):find("set decimal_comma", 1, true))
  end)
end)

describe("an entry", function()
  it("takes an entry back when the file says so; other money out is none of ours", function()
    local source = "booking_date,amount,is_reversal\n2026-12-03,-5.00,yes\n2026-12-03,-6.00,\n"
    local made = assert(bank.parse(source, "csv", { account = "A", currency = "EUR" }))[1]
    assert.same({ true, false }, { made.entries[1].is_reversal, made.entries[2].is_reversal })
    local _, problem = bank.parse((source:gsub("yes", "perhaps")), "csv",
      { account = "A", currency = "EUR" })
    assert.equal('record 1, column is_reversal is "perhaps": write yes or no', tostring(problem))
  end)

  it("that lacks a column names those it has", function()
    local _, problem = bank.parse("date,amount\n2026-12-03,5\n", "csv", { account = "A" })
    assert.is_truthy(tostring(problem):find("the header has date, amount", 1, true))
  end)

  it("that stands twice in a file under one reference is taken once, and told", function()
    local source = "booking_date,amount,reference\n2026-11-10,5,R1\n2026-11-10,5.00,R1\n"
    local made = assert(bank.parse(source, "csv", { account = "A", currency = "EUR" }))[1]
    assert.equal(1, #made.entries)
    assert.same({ "record 2" }, made.repeated)
  end)

  it("without any reference is told apart by its number among those alike", function()
    local source = "booking_date,amount,text\n2026-11-10,5,rent\n2026-11-10,5,rent\n"
    local options = { account = "A", currency = "EUR" }
    local made = assert(bank.parse(source, "csv", options))[1]
    local again = assert(bank.parse(source, "csv", options))[1]
    assert.equal(2, #made.entries)
    assert.not_equal(made.entries[1].id, made.entries[2].id)
    assert.same(shown(made.entries), shown(again.entries))
  end)
end)

describe("a malformed bank file", function()
  local NTRY = "Stmt[1]/Ntry[1]"
  local cases = {
    -- what, fixture, replaced, by, what the message says
    {
      "amount with a comma",
      "camt053.xml",
      ">2127.13<",
      ">2127,13<",
      NTRY
        .. '/Amt (line 18) is "2127,13": write an amount with a point and no sign, '
        .. 'for example "1234.50"',
    },
    {
      "negative amount",
      "camt053.xml",
      ">2127.13<",
      ">-2127.13<",
      'is "-2127.13": write an amount',
    },
    {
      "unknown currency",
      "camt053.xml",
      'Ccy="EUR">2127.13',
      'Ccy="EURO">2127.13',
      NTRY .. '/Amt/@Ccy (line 18) is "EURO": write a currency code',
    },
    {
      "entry in another currency",
      "camt053.xml",
      'Ccy="EUR">2127.13',
      'Ccy="USD">2127.13',
      'is "USD": the account is in EUR',
    },
    {
      "no direction",
      "camt053.xml",
      "<CdtDbtInd>CRDT</CdtDbtInd><Sts>",
      "<Sts>",
      "CdtDbtInd (line 17) is nothing: the element is missing",
    },
    {
      "strange direction",
      "camt053.xml",
      "CRDT</CdtDbtInd><Sts>",
      "IN</CdtDbtInd><Sts>",
      'is "IN": write CRDT or DBIT',
    },
    {
      "unknown status",
      "camt053.xml",
      "<Cd>BOOK</Cd>",
      "<Cd>DONE</Cd>",
      'Sts (line 18) is "DONE": write BOOK, PDNG or INFO',
    },
    {
      "impossible day",
      "camt053.xml",
      "<ValDt><Dt>2026-11-10",
      "<ValDt><Dt>2026-02-30",
      'ValDt (line 19) is "2026-02-30": write a date that exists',
    },
    {
      "batch that does not add up",
      "camt053.xml",
      ">1400.00<",
      ">1400.01<",
      'Stmt[1]/Ntry[2]/Amt (line 32) is "2400.00": its transactions make 2400.01',
    },
    {
      "closing balance that does not follow",
      "camt053.xml",
      ">5427.13<",
      ">5427.12<",
      'closing balance of statement 2026-215 is "5427.12": opening 1000.00 and entries of '
        .. "4427.13 make 5427.13: the file is incomplete",
    },
    {
      "no account",
      "camt053.xml",
      "<IBAN>DE89370400440532013000</IBAN>",
      "",
      "Stmt[1]/Acct/Id (line 8) is nothing: write IBAN or Othr/Id",
    },
    {
      "another kind of message",
      "camt053.xml",
      "camt.053.001.08",
      "camt.052.001.08",
      "a camt.053 or camt.054 file is expected",
    },
    {
      "cut off",
      "camt053.xml",
      "</Stmt>\n  </BkToCstmrStmt>\n</Document>\n",
      "",
      "<Stmt> of line 5 is never closed: the file is cut off",
    },
    {
      "MT940 amount with a point",
      "statement.mt940",
      "CR2127,13",
      "CR2127.13",
      ':61: in line 6 is "2611101110CR2127.13NTRFNONREF//SRV-1": write value date',
    },
    {
      "MT940 impossible day",
      "statement.mt940",
      ":61:2611101110CR",
      ":61:2613101110CR",
      ':61: in line 6 is "2026-13-10": write a date that exists as YYMMDD',
    },
    {
      "MT940 balance that does not follow",
      "statement.mt940",
      ":62F:C261110EUR3042,63",
      ":62F:C261110EUR3042,64",
      'closing balance of statement 215/1@2026-11-10 is "3042.64"',
    },
    {
      "MT940 without closing balance",
      "statement.mt940",
      ":62F:C261110EUR3042,63\n",
      "",
      "statement STARTUMS of line 2 is nothing: it has no closing balance (:62F:)",
    },
    {
      "MT940 without account",
      "statement.mt940",
      ":25:37040044/0532013000\n",
      "",
      "it has no account (:25:)",
    },
    {
      "MT940 currency that changes",
      "statement.mt940",
      ":62F:C261110EUR",
      ":62F:C261110USD",
      'is "USD": it opened in EUR',
    },
    {
      "MT940 broken balance",
      "statement.mt940",
      ":60F:C261109EUR1000,00",
      ":60F:X261109EUR1000,00",
      ':60F: in line 5 is "X261109EUR1000,00": write C or D',
    },
  }
  for _, case in ipairs(cases) do
    it("is refused: " .. case[1], function()
      local made, problem = bank.parse(broken(case[2], case[3], case[4]))
      assert.is_nil(made)
      assert.truthy(tostring(problem):find(case[5], 1, true), tostring(problem))
    end)
  end

  local csv_cases = {
    { "missing column", "Betrag;", "Summe;", "column Betrag is nothing: the header has" },
    {
      "broken amount",
      ";2.127,13;",
      ";2.127,1x;",
      'record 2, column amount is "2.127,1x": write an amount such as "1.234,50"',
    },
    {
      "broken date",
      "10.11.2026;10.11.2026;-",
      "31.11.2026;10.11.2026;-",
      'record 1, column booking_date is "31.11.2026": write a date as DD.MM.YYYY',
    },
    { "too many fields", 'Danke"', 'Danke";x', "record 2 is 8 fields long: the header has 7" },
    {
      "balances that do not follow",
      ";3.027,13",
      ";3.027,14",
      "column balance is",
    },
    { "open quote", 'Danke"', "Danke", "a quote opened in record 2 is never closed" },
  }
  for _, case in ipairs(csv_cases) do
    it("is refused: CSV with " .. case[1], function()
      local made, problem = bank.parse(broken("export.csv", case[2], case[3]), "csv", CSV)
      assert.is_nil(made)
      assert.truthy(tostring(problem):find(case[4], 1, true), tostring(problem))
    end)
  end

  it("is refused: CSV without an account, in two currencies, empty, not UTF-8", function()
    local function problem(source, options)
      return tostring(select(2, bank.parse(source, "csv", options)))
    end
    local rows = "booking_date,amount,currency\n2026-11-10,1,EUR\n2026-11-10,1,USD\n"
    assert.truthy(problem(rows, {}):find("add the column account", 1, true))
    assert.truthy(problem(rows, { account = "A" }):find("make one file of each currency", 1, true))
    assert.truthy(problem("a,b\n", {}):find("a header and no records", 1, true))
    assert.truthy(problem("a,b\n\255", {}):find("iconv", 1, true))
    assert.truthy(problem(rows, { date_format = "YY" }):find("write YYYY-MM-DD", 1, true))
  end)

  it("never raises, whatever was cut off or turned over", function()
    for _, name in ipairs({ "camt053.xml", "statement.mt940", "camt054.xml" }) do
      local content = fixture(name)
      for length = 0, #content, 37 do
        for _, parse in ipairs({ camt.parse, mt940.parse }) do
          local made, problem = parse(content:sub(1, length))
          assert.truthy(made or tostring(problem):find(": ", 1, true))
        end
      end
    end
  end)
end)
