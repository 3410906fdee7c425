--- A UBL 2.1 Statement: the elements of the schema, in its order, with figures that add up.

local json = require("billow.json")
local ubl = require("billow.billing.statement_of_account_ubl")
local xml = require("billow.billing.bank.xml")

local function movement(kind, amount, balance, more)
  local row = { kind = kind, date = "2026-10-05", number = "N & <1>", amount = amount }
  row.balance, row.refers_to = balance, json.null
  for name, value in pairs(more or {}) do
    row[name] = value
  end
  return row
end

local MADE = {
  customer_id = "CU",
  currency = "EUR",
  period = { start_date = "2026-10-01", end_date = "2026-10-31" },
  opening_balance = "1000.00",
  closing_balance = "1100.00",
  open_amount = "1100.00",
  open_interest = "0.00",
  unapplied_amount = "0.00",
  disputed_amount = "250.00",
  aging = {
    not_due = "0.00",
    days_1_30 = "1100.00",
    days_31_60 = "0.00",
    days_61_90 = "0.00",
    days_over_90 = "0.00",
  },
  movements = {
    movement("invoice", "500.00", "1500.00"),
    movement("credit_note", "-100.00", "1400.00", { refers_to = "INV-1" }),
    movement("payment", "-300.00", "1100.00", { refers_to = "INV-1" }),
  },
}
local PARTIES = {
  firm = {
    id = "firm",
    name = "Firm",
    vat_id = "DE1",
    address = { street_name = "Way 1", city_name = "Bonn", postal_zone = "5", country_code = "DE" },
  },
  customer = { id = "CU", name = "Customer & Sons", address = { country_code = "AT" } },
}

-- As the schema of UBL 2.1 has them.
local DOCUMENT = {
  "UBLVersionID",
  "CustomizationID",
  "ProfileID",
  "ProfileExecutionID",
  "ID",
  "CopyIndicator",
  "UUID",
  "IssueDate",
  "IssueTime",
  "Note",
  "DocumentCurrencyCode",
  "TotalDebitAmount",
  "TotalCreditAmount",
  "TotalBalanceAmount",
  "LineCountNumeric",
  "StatementTypeCode",
  "StatementPeriod",
  "AccountingSupplierParty",
  "AccountingCustomerParty",
  "StatementLine",
}
local LINE = {
  "ID",
  "Note",
  "UUID",
  "BalanceBroughtForwardIndicator",
  "DebitLineAmount",
  "CreditLineAmount",
  "BalanceAmount",
  "PaymentPurposeCode",
  "InvoicePeriod",
  "BillingReference",
  "DocumentReference",
}

local function local_name(element)
  return element.name:match("([^:]*)$")
end

local function in_order(element, order)
  local place = 1
  for _, child in ipairs(element.children) do
    while order[place] and order[place] ~= local_name(child) do
      place = place + 1
    end
    assert.truthy(order[place], local_name(child) .. " is out of its order")
  end
end

local function all(element, name)
  local found = {}
  for _, child in ipairs(element.children) do
    if local_name(child) == name then
      found[#found + 1] = child
    end
  end
  return found
end

describe("a UBL statement", function()
  local document = ubl.render(MADE, PARTIES)
  local root = assert(xml.parse(document))

  it("has the elements of the schema in its order, on every level", function()
    assert.equal("Statement", local_name(root))
    in_order(root, DOCUMENT)
    for _, line in ipairs(all(root, "StatementLine")) do
      in_order(line, LINE)
    end
  end)

  it("brings the balance forward, and has a line for every movement", function()
    local lines = all(root, "StatementLine")
    assert.equal(4, #lines)
    assert.truthy(document:find("<cbc:LineCountNumeric>4</cbc:LineCountNumeric>", 1, true))
    assert.equal("true", all(lines[1], "BalanceBroughtForwardIndicator")[1].text)
    assert.equal("1000.00", all(lines[1], "BalanceAmount")[1].text)
  end)

  it("has debits and credits apart, both positive, with their sums", function()
    assert.equal("500.00", all(root, "TotalDebitAmount")[1].text)
    assert.equal("400.00", all(root, "TotalCreditAmount")[1].text)
    assert.equal("1100.00", all(root, "TotalBalanceAmount")[1].text)
    local line = all(root, "StatementLine")[3]
    assert.equal("100.00", all(line, "CreditLineAmount")[1].text)
    assert.equal(0, #all(line, "DebitLineAmount"))
  end)

  it("names what is invoiced, credited and paid; nothing in it breaks the document", function()
    assert.truthy(document:find("N &amp; &lt;1&gt;", 1, true))
    assert.truthy(document:find("Customer &amp; Sons", 1, true))
    assert.truthy(document:find("<cac:CreditNoteDocumentReference>", 1, true))
  end)

  it("is a document too when nothing happened", function()
    local quiet = {}
    for name, value in pairs(MADE) do
      quiet[name] = value
    end
    quiet.movements = {}
    local empty = assert(xml.parse(ubl.render(quiet, PARTIES)))
    assert.equal(1, #all(empty, "StatementLine"))
  end)
end)
