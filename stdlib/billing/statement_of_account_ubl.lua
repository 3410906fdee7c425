--- A statement of account as a UBL 2.1 Statement: one document per currency. Pure.
---
--- The elements stand in the order of the schema. The first line brings the balance forward, so
--- that a month in which nothing happened is a document too.
local statement_of_account_ubl = {}

local decimal = require("billow.decimal")
local json = require("billow.json")
local text = require("billow.text")

local NAMESPACES = {
  'xmlns="urn:oasis:names:specification:ubl:schema:xsd:Statement-2"',
  'xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"',
  'xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"',
}

local function given(value)
  return value ~= nil and value ~= json.null and value ~= "" and value or nil
end

--- An element with text; nothing when there is none.
local function leaf(name, value, attributes)
  if not given(value) then
    return ""
  end
  local shown = text.html(tostring(value))
  return string.format("<cbc:%s%s>%s</cbc:%s>\n", name, attributes or "", shown, name)
end

local function amount(name, value, currency)
  return leaf(name, value, ' currencyID="' .. currency .. '"')
end

local function group(name, ...)
  local inside = table.concat({ ... })
  return inside ~= "" and "<cac:" .. name .. ">\n" .. inside .. "</cac:" .. name .. ">\n" or ""
end

local function party(who)
  local address = given(who.address) or {}
  return group(
    "Party",
    group("PartyIdentification", leaf("ID", who.id)),
    group("PartyName", leaf("Name", who.name)),
    group(
      "PostalAddress",
      leaf("StreetName", address.street_name),
      leaf("CityName", address.city_name),
      leaf("PostalZone", address.postal_zone),
      group("Country", leaf("IdentificationCode", address.country_code))
    ),
    given(who.vat_id)
        and group(
          "PartyTaxScheme",
          leaf("CompanyID", who.vat_id),
          group("TaxScheme", leaf("ID", "VAT"))
        )
      or ""
  )
end

--- What a line is about: the invoice itself, or the invoice that a credit, payment or interest
--- refers to.
local function reference(row)
  if row.kind == "invoice" then
    local document =
      group("InvoiceDocumentReference", leaf("ID", row.number), leaf("IssueDate", row.date))
    return group("BillingReference", document)
  elseif row.kind == "credit_note" then
    local document =
      group("CreditNoteDocumentReference", leaf("ID", row.number), leaf("IssueDate", row.date))
    local invoice = given(row.refers_to)
        and group("InvoiceDocumentReference", leaf("ID", row.refers_to))
      or ""
    return group("BillingReference", invoice, document)
  end
  return given(row.refers_to)
      and group("BillingReference", group("InvoiceDocumentReference", leaf("ID", row.refers_to)))
    or ""
end

local function line(id, row, currency)
  local value = decimal(row.amount)
  local is_credit = value:sign() < 0
  return group(
    "StatementLine",
    leaf("ID", id),
    leaf("Note", row.kind:gsub("_", " ") .. " " .. row.number .. " of " .. row.date),
    leaf("BalanceBroughtForwardIndicator", "false"),
    is_credit and "" or amount("DebitLineAmount", row.amount, currency),
    is_credit and amount("CreditLineAmount", tostring(-value), currency) or "",
    amount("BalanceAmount", row.balance, currency),
    reference(row)
  )
end

local function brought_forward(made)
  return group(
    "StatementLine",
    leaf("ID", "0"),
    leaf("Note", "balance brought forward"),
    leaf("BalanceBroughtForwardIndicator", "true"),
    amount("BalanceAmount", made.opening_balance, made.currency)
  )
end

--- Debits and credits of the period, without the balance brought forward.
local function sums(made)
  local debit, credit = decimal("0.00"), decimal("0.00")
  for _, row in ipairs(made.movements) do
    local value = decimal(row.amount)
    if value:sign() < 0 then
      credit = credit - value
    else
      debit = debit + value
    end
  end
  return debit, credit
end

--- Ages, disputes and cash without an invoice have no element of their own.
local function notes(made)
  local aging = made.aging
  local lines = {
    string.format(
      "Aging: not due %s, 1-30 days %s, 31-60 days %s, 61-90 days %s, over 90 days %s.",
      aging.not_due,
      aging.days_1_30,
      aging.days_31_60,
      aging.days_61_90,
      aging.days_over_90
    ),
    string.format(
      "Open %s, interest %s, cash not applied %s, disputed %s.",
      made.open_amount,
      made.open_interest,
      made.unapplied_amount,
      made.disputed_amount
    ),
  }
  return leaf("Note", lines[1]) .. leaf("Note", lines[2])
end

--- The document of one currency.
---@param made table      of statement_of_account.of
---@param parties {firm: table, customer: table}
---@return string
function statement_of_account_ubl.render(made, parties)
  local debit, credit = sums(made)
  local code, lines = made.currency, { brought_forward(made) }
  for i, row in ipairs(made.movements) do
    lines[i + 1] = line(i, row, code)
  end
  local id = string.format("%s/%s/%s", made.customer_id, code, made.period.end_date)
  return table.concat({
    '<?xml version="1.0" encoding="UTF-8"?>\n<Statement ',
    table.concat(NAMESPACES, " "),
    ">\n",
    leaf("UBLVersionID", "2.1"),
    leaf("ID", id),
    leaf("IssueDate", made.period.end_date),
    notes(made),
    leaf("DocumentCurrencyCode", code),
    amount("TotalDebitAmount", tostring(debit), code),
    amount("TotalCreditAmount", tostring(credit), code),
    amount("TotalBalanceAmount", made.closing_balance, code),
    leaf("LineCountNumeric", #lines),
    group(
      "StatementPeriod",
      leaf("StartDate", made.period.start_date),
      leaf("EndDate", made.period.end_date)
    ),
    group("AccountingSupplierParty", party(parties.firm)),
    group("AccountingCustomerParty", party(parties.customer)),
    table.concat(lines),
    "</Statement>\n",
  })
end

return statement_of_account_ubl
