--- ISO 20022 bank files: camt.053 (statements) and camt.054 (notifications), versions 02 to 13.
---
--- Entries that are not booked are counted and left out. A batch is taken apart into its
--- transactions, which must add up to it. Notifications have no balances; their entries carry the
--- same references as the statement's, so that each is taken once whichever file comes first.
---@class billow.billing.bank.camt
local camt = {}

local currencies = require("billow.billing.currency")
local decimal = require("billow.decimal")
local json = require("billow.json")
local reading = require("billow.billing.reading")
local statement = require("billow.billing.bank.statement")
local xml = require("billow.billing.bank.xml")

local NAMESPACE = "^urn:iso:std:iso:20022:tech:xsd:(camt%.05[34])%.001%.(%d%d)$"
local ENVELOPES = { ["camt.053"] = "BkToCstmrStmt", ["camt.054"] = "BkToCstmrDbtCdtNtfctn" }
local REPORTS = { ["camt.053"] = "Stmt", ["camt.054"] = "Ntfctn" }

--- Refuses an element; `path` is as the bank's specification writes it.
local function refuse(path, element, value, remedy)
  local where = element and string.format("%s (line %d)", path, element.line) or path
  reading.refuse(where, value, remedy)
end

--- A child that must be there.
local function required(element, path, ...)
  local found = xml.child(element, ...)
  if not found then
    local names = table.concat({ ... }, "/")
    refuse(
      path .. "/" .. names,
      element,
      nil,
      "the element is missing: ask the bank for the file again"
    )
  end
  return found
end

--- Amount and currency of an amount element, without sign.
local function amount_of(element, path)
  local raw, currency = xml.text(element), element.attributes.Ccy
  if not raw or not raw:find("^%d+%.?%d*$") or raw:sub(-1) == "." or #raw > 19 then
    refuse(path, element, raw, 'write an amount with a point and no sign, for example "1234.50"')
  elseif not currencies.is_known(currency) then
    refuse(path .. "/@Ccy", element, currency, 'write a currency code, for example Ccy="EUR"')
  end
  return decimal(raw), currency
end

--- +1 for money in, -1 for money out.
local function sign_of(element, path)
  local found = required(element, path, "CdtDbtInd")
  local word = xml.text(found)
  if word ~= "CRDT" and word ~= "DBIT" then
    refuse(path .. "/CdtDbtInd", found, word, "write CRDT or DBIT")
  end
  return word == "CRDT" and 1 or -1
end

--- The day of a DateAndDateTime choice; the bank's own day, whatever the offset of its clock.
local function day_of(element, path)
  local raw = xml.text(element, "Dt") or xml.text(element, "DtTm") or xml.text(element) or ""
  local field = string.format("%s (line %d)", path, element.line)
  return statement.checked_date(raw:sub(1, 10), field, "write a date that exists as YYYY-MM-DD")
end

local function optional_day(element, path, name)
  local found = xml.child(element, name)
  return found and day_of(found, path .. "/" .. name)
end

local OPENING, CLOSING = { "OPBD", "PRCD", "ITBD" }, { "CLBD", "ITBD" }

--- The balance of the first code that the statement has; of several of one code the first or last.
local function balance_of(report, path, codes, is_last, currency)
  for _, code in ipairs(codes) do
    local found
    for i, element in ipairs(xml.children(report, "Bal")) do
      if xml.text(element, "Tp", "CdOrPrtry", "Cd") == code and (is_last or not found) then
        found = { element = element, path = path .. "/Bal[" .. i .. "]" }
      end
    end
    if found then
      local amount_element = required(found.element, found.path, "Amt")
      local amount, of = amount_of(amount_element, found.path .. "/Amt")
      if of ~= currency then
        refuse(found.path .. "/Amt/@Ccy", amount_element, of, "the account is in " .. currency)
      end
      return {
        amount = amount * sign_of(found.element, found.path),
        date = day_of(required(found.element, found.path, "Dt"), found.path .. "/Dt"),
      }
    end
  end
  return nil
end

--- Joins the texts of repeated elements.
local function joined(element, name)
  local parts = {}
  for _, child in ipairs(xml.children(element, name)) do
    parts[#parts + 1] = xml.text(child)
  end
  return table.concat(parts, " ")
end

--- Reference and free text of the remittance information; numbers of referred documents belong to
--- the text.
local function remittance_of(transaction)
  local info = xml.child(transaction, "RmtInf")
  local parts, reference = { joined(info, "Ustrd") }, nil
  for _, structured in ipairs(xml.children(info, "Strd")) do
    reference = reference or xml.text(structured, "CdtrRefInf", "Ref")
    for _, document in ipairs(xml.children(structured, "RfrdDocInf")) do
      parts[#parts + 1] = xml.text(document, "Nb")
    end
    parts[#parts + 1] = joined(structured, "AddtlRmtInf")
  end
  local filled = {}
  for _, part in ipairs(parts) do
    filled[#filled + 1] = part ~= "" and part or nil
  end
  return table.concat(filled, " "), reference
end

--- Name and account of the other side.
local function counterparty_of(transaction, sign)
  local role = sign > 0 and "Dbtr" or "Cdtr"
  local parties = xml.child(transaction, "RltdPties")
  local party = xml.child(parties, "Ultmt" .. role) or xml.child(parties, role)
  local name = xml.text(party, "Nm") or xml.text(party, "Pty", "Nm")
  if not name then
    party = xml.child(parties, role)
    name = xml.text(party, "Nm") or xml.text(party, "Pty", "Nm")
  end
  local account = xml.child(parties, role .. "Acct", "Id")
  return name, xml.text(account, "IBAN") or xml.text(account, "Othr", "Id")
end

--- Amounts of charges: a total, records of a total, or (version 02) one element for each.
local function charge_amounts(transaction)
  local amounts = {}
  for _, charges in ipairs(xml.children(transaction, "Chrgs")) do
    local total = xml.child(charges, "TtlChrgsAndTaxAmt") or xml.child(charges, "Amt")
    amounts[#amounts + 1] = total
    for _, record in ipairs(total and {} or xml.children(charges, "Rcrd")) do
      amounts[#amounts + 1] = xml.child(record, "Amt")
    end
  end
  return amounts
end

--- Bank charges that were taken off the amount; nil when none are told in the account's currency.
local function charges_of(transaction, path, currency)
  local sum = nil
  for _, element in ipairs(charge_amounts(transaction)) do
    local amount, of = amount_of(element, path .. "/Chrgs")
    if of == currency then
      sum = (sum or decimal(0)) + amount
    end
  end
  return sum
end

local function instructed_of(transaction, path)
  local element = xml.child(transaction, "AmtDtls", "InstdAmt", "Amt")
  if not element then
    return nil
  end
  local amount, currency = amount_of(element, path .. "/AmtDtls/InstdAmt/Amt")
  return { amount = amount, currency = currency }
end

--- The bank's reference: the transaction's own, else the entry's, told apart within a batch.
local function bank_reference_of(entry, transaction, place)
  local own = xml.text(transaction, "Refs", "AcctSvcrRef")
  local of_entry = xml.text(entry.element, "AcctSvcrRef")
  if own or not of_entry or place.count <= 1 then
    return own or of_entry
  end
  local inner = statement.reference(xml.text(transaction, "Refs", "EndToEndId"))
    or statement.reference(xml.text(transaction, "Refs", "TxId"))
    or statement.reference(xml.text(transaction, "Refs", "InstrId"))
    or tostring(place.number)
  return of_entry .. "/" .. inner
end

--- The amount of one transaction of an entry, with sign.
local function transaction_amount(entry, transaction, path, count)
  local element = xml.child(transaction, "Amt") or xml.child(transaction, "AmtDtls", "TxAmt", "Amt")
  if count == 1 or not element then
    if count > 1 then
      refuse(path .. "/Amt", transaction, nil, "each transaction of a batch needs its amount")
    end
    return entry.amount
  end
  local amount, currency = amount_of(element, path .. "/Amt")
  if currency ~= entry.currency then
    refuse(path .. "/Amt/@Ccy", element, currency, "the entry is in " .. entry.currency)
  end
  local has_sign = xml.child(transaction, "CdtDbtInd")
  return amount * (has_sign and sign_of(transaction, path) or entry.sign)
end

local function add_transaction(list, entry, transaction, place)
  local path = entry.path
  if place.count > 1 then
    path = string.format("%s/NtryDtls/TxDtls[%d]", path, place.number)
  end
  local amount = transaction_amount(entry, transaction, path, place.count)
  local words, reference = remittance_of(transaction)
  local name, account = counterparty_of(transaction, amount:sign())
  if words == "" then
    words = xml.text(transaction, "AddtlTxInf") or xml.text(entry.element, "AddtlNtryInf") or ""
  end
  list[#list + 1] = {
    place = path,
    amount = amount,
    currency = entry.currency,
    booking_date = entry.booking_date,
    value_date = entry.value_date,
    is_reversal = xml.text(entry.element, "RvslInd") == "true",
    bank_reference = bank_reference_of(entry, transaction, place),
    end_to_end_id = xml.text(transaction, "Refs", "EndToEndId"),
    structured_reference = reference,
    text = words,
    counterparty_name = name,
    counterparty_account = account,
    charges = charges_of(transaction, path, entry.currency)
      or place.count == 1 and charges_of(entry.element, path, entry.currency)
      or nil,
    instructed = instructed_of(transaction, path),
  }
  return amount
end

--- Takes one entry apart into its transactions.
local function add_entry(list, element, path, currency)
  local amount_element = required(element, path, "Amt")
  local amount, of = amount_of(amount_element, path .. "/Amt")
  if of ~= currency then
    refuse(path .. "/Amt/@Ccy", amount_element, of, "the account is in " .. currency)
  end
  local sign = sign_of(element, path)
  local booked = optional_day(element, path, "BookgDt") or optional_day(element, path, "ValDt")
  if not booked then
    refuse(path .. "/BookgDt", element, nil, "a booked entry needs a date")
  end
  local entry = {
    element = element,
    path = path,
    sign = sign,
    amount = amount * sign,
    currency = currency,
    booking_date = booked,
    value_date = optional_day(element, path, "ValDt") or booked,
  }
  local transactions = {}
  for _, details in ipairs(xml.children(element, "NtryDtls")) do
    table.move(
      xml.children(details, "TxDtls"),
      1,
      #details.children,
      #transactions + 1,
      transactions
    )
  end
  if #transactions == 0 then
    transactions[1] = { name = "TxDtls", children = {}, text = "", line = element.line }
  end
  local sum = decimal(0)
  for i, transaction in ipairs(transactions) do
    local place = { number = i, count = #transactions }
    sum = sum + add_transaction(list, entry, transaction, place)
  end
  if sum ~= entry.amount then
    local remedy = "its transactions make " .. tostring(sum) .. ": ask the bank for the file again"
    refuse(path .. "/Amt", amount_element, tostring(entry.amount), remedy)
  end
end

--- Booked, pending or for information: version 04 and later wrap the word.
local function status_of(element, path)
  local found = required(element, path, "Sts")
  local word = xml.text(found, "Cd") or xml.text(found)
  if word ~= "BOOK" and word ~= "PDNG" and word ~= "INFO" and word ~= "FUTR" then
    refuse(path .. "/Sts", found, word, "write BOOK, PDNG or INFO")
  end
  return word
end

local function read_report(report, format, path)
  local account = required(report, path, "Acct")
  local number = xml.text(account, "Id", "IBAN") or xml.text(account, "Id", "Othr", "Id")
  local entries = xml.children(report, "Ntry")
  if not number then
    refuse(path .. "/Acct/Id", account, nil, "write IBAN or Othr/Id")
  end
  local first_amount = xml.child(report, "Bal", "Amt") or xml.child(entries[1], "Amt")
  local currency = xml.text(account, "Ccy") or first_amount and first_amount.attributes.Ccy
  if not currencies.is_known(currency) then
    refuse(
      path .. "/Acct/Ccy",
      account,
      currency,
      'write the account\'s currency, for example "EUR"'
    )
  end
  local list, pending = {}, 0
  for i, element in ipairs(entries) do
    local entry_path = string.format("%s/Ntry[%d]", path, i)
    if status_of(element, entry_path) == "BOOK" then
      add_entry(list, element, entry_path, currency)
    else
      pending = pending + 1
    end
  end
  local range = xml.child(report, "FrToDt")
  local is_statement = format == "camt.053"
  return statement.finish({
    format = format,
    id = xml.text(required(report, path, "Id"))
      or refuse(path .. "/Id", report, nil, "write the id"),
    sequence = xml.text(report, "ElctrncSeqNb") or xml.text(report, "LglSeqNb"),
    account = number,
    currency = currency,
    from_date = (xml.text(range, "FrDtTm") or xml.text(range, "FrDt") or ""):match(
      "^%d+%-%d+%-%d+"
    ),
    to_date = (xml.text(range, "ToDtTm") or xml.text(range, "ToDt") or ""):match("^%d+%-%d+%-%d+"),
    opening = is_statement and balance_of(report, path, OPENING, false, currency) or nil,
    closing = is_statement and balance_of(report, path, CLOSING, true, currency) or nil,
    entries = list,
    pending = pending,
  })
end

local function read(root)
  local format, version = root.namespace:match(NAMESPACE)
  if root.name ~= "Document" or not format then
    local remedy = "a camt.053 or camt.054 file is expected: export that format at the bank"
    refuse("root element", root, root.name .. " of " .. root.namespace, remedy)
  end
  local envelope = required(root, "Document", ENVELOPES[format])
  local statements = json.array({})
  for i, report in ipairs(xml.children(envelope, REPORTS[format])) do
    local path = string.format("%s[%d]", REPORTS[format], i)
    local made = read_report(report, format, path)
    made.version = version
    statements[i] = made
  end
  if #statements == 0 then
    refuse(ENVELOPES[format], envelope, nil, "the file holds no " .. REPORTS[format])
  end
  return statements
end

--- Read a camt file.
---@param source string
---@return billing.bank.Statement[]? statements
---@return billing.Refusal? refusal
function camt.parse(source)
  local root, refusal = xml.parse(source)
  if not root then
    return nil, refusal
  end
  return reading.try(read, root)
end

return camt
