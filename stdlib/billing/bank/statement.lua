--- What every bank file becomes: statements of one account with entries, checked, each entry under
--- the key that makes it unique (C1).
---
--- Amounts are decimals in the account's currency, with a sign: money in is positive. A statement
--- whose balances and entries do not add up is refused; balances that do not follow each other from
--- file to file are a finding for a person, since the missing file may still come.
---@class billow.billing.bank.statement
local statement = {}

local date = require("billow.date")
local decimal = require("billow.decimal")
local json = require("billow.json")
local reading = require("billow.billing.reading")
local text = require("billow.text")

local ZERO = decimal(0)
-- What banks write when the payer gave no reference.
local NO_REFERENCE = { NOTPROVIDED = true, NONREF = true, NONE = true, [""] = true }

---@class billing.bank.Balance
---@field amount Decimal   with sign
---@field date string

---@class billing.bank.Entry
---@field id string                digest of account, reference, amount and date
---@field reference string         "bank:..." (the bank's), "e2e:..." (the payer's) or "text:..."
---@field place string             where it stands in the file, for messages
---@field amount Decimal           with sign
---@field currency string
---@field booking_date string
---@field value_date string
---@field is_reversal boolean
---@field bank_reference? string
---@field end_to_end_id? string
---@field structured_reference? string
---@field text string              remittance text
---@field counterparty_name? string
---@field counterparty_account? string
---@field charges? Decimal         taken off by banks on the way, in the entry's currency
---@field instructed? {amount: Decimal, currency: string}   what the payer sent

---@class billing.bank.Statement
---@field format "camt.053"|"camt.054"|"mt940"|"csv"
---@field id string
---@field sequence? string
---@field account string           IBAN, or the bank's own number
---@field currency string
---@field from_date string
---@field to_date string
---@field opening? billing.bank.Balance
---@field closing? billing.bank.Balance
---@field entries billing.bank.Entry[]
---@field pending integer          entries that are not booked yet and left out
---@field repeated string[]        places of entries that stand twice in the file
---@field digest string            of the content

--- A reference that says something, or nil.
---@param value string?
---@return string?
function statement.reference(value)
  local trimmed = value and text.collapse(value)
  if not trimmed or NO_REFERENCE[trimmed:upper()] then
    return nil
  end
  return trimmed
end

--- An account number as it is compared: without blanks, upper case.
---@param value string?
---@return string?
function statement.account(value)
  local squeezed = value and value:gsub("%s", ""):upper()
  return squeezed ~= "" and squeezed or nil
end

--- The entry's reference: the bank's, else the payer's, else a digest of what it says, numbered
--- among those that say the same on one day.
local function reference_of(entry, seen)
  if entry.bank_reference then
    return "bank:" .. entry.bank_reference
  elseif entry.end_to_end_id then
    return "e2e:" .. entry.end_to_end_id
  end
  local said = json.encode({
    entry.counterparty_account or "",
    entry.counterparty_name or "",
    text.collapse(entry.text),
    entry.structured_reference or "",
  })
  local same = said .. tostring(entry.amount) .. entry.booking_date
  seen[same] = (seen[same] or 0) + 1
  return string.format("text:%s#%d", text.sha256_hex(said):sub(1, 16), seen[same])
end

--- A number in one spelling: 1.50 and 1.5 are the same amount.
local function plain(amount)
  local shown = tostring(amount)
  if shown:find(".", 1, true) then
    shown = shown:gsub("0+$", ""):gsub("%.$", "")
  end
  return shown
end

--- The key under which an entry is known.
---@param account string
---@param entry billing.bank.Entry
---@return string
function statement.entry_id(account, entry)
  return text.sha256_hex(
    json.encode({ account, entry.reference, plain(entry.amount), entry.booking_date })
  )
end

--- Gives entries their keys; one that stands twice is kept once.
local function keyed(made)
  local seen, known, kept = {}, {}, {}
  made.repeated = {}
  for _, entry in ipairs(made.entries) do
    entry.reference = reference_of(entry, seen)
    entry.id = statement.entry_id(made.account, entry)
    if known[entry.id] then
      made.repeated[#made.repeated + 1] = entry.place
    else
      known[entry.id] = true
      kept[#kept + 1] = entry
    end
  end
  return kept
end

local function check_balances(made, sum)
  local opening, closing = made.opening, made.closing
  if not opening or not closing then
    return
  end
  local expected = opening.amount + sum
  if expected ~= closing.amount then
    reading.refuse(
      "closing balance of statement " .. made.id,
      tostring(closing.amount),
      string.format(
        "opening %s and entries of %s make %s: the file is incomplete, fetch it again",
        tostring(opening.amount),
        tostring(sum),
        tostring(expected)
      )
    )
  end
end

--- The days that a statement covers: as the file says, else those of its balances and entries.
local function days_of(made)
  local first, last = made.from_date, made.to_date
  local function widen(day)
    first = (not first or day < first) and day or first
    last = (not last or day > last) and day or last
  end
  for _, entry in ipairs(made.entries) do
    widen(entry.booking_date)
  end
  if made.closing then
    widen(made.closing.date)
  end
  if not first then
    reading.refuse("statement " .. made.id, "without dates", "a balance or an entry must have one")
  end
  return first, last
end

--- Completes what a reader made of a file: account, days, keys, digest. Raises a refusal when it
--- does not add up.
---@param made table   a billing.bank.Statement without what is derived
---@return billing.bank.Statement
function statement.finish(made)
  made.account = statement.account(made.account)
  made.pending = made.pending or 0
  local sum = ZERO
  for _, entry in ipairs(made.entries) do
    entry.is_reversal = entry.is_reversal or false
    entry.text = entry.text or ""
    entry.value_date = entry.value_date or entry.booking_date
    entry.bank_reference = statement.reference(entry.bank_reference)
    entry.end_to_end_id = statement.reference(entry.end_to_end_id)
    entry.structured_reference = statement.reference(entry.structured_reference)
    entry.counterparty_account = statement.account(entry.counterparty_account)
    sum = sum + entry.amount
  end
  check_balances(made, sum)
  made.from_date, made.to_date = days_of(made)
  made.entries = keyed(made)
  local ids = {}
  for i, entry in ipairs(made.entries) do
    ids[i] = entry.id
  end
  made.digest = text.sha256_hex(json.encode({
    made.account,
    made.opening and plain(made.opening.amount) or "",
    made.closing and plain(made.closing.amount) or "",
    json.array(ids),
  }))
  return made
end

---@class billing.bank.Known   a statement that is stored already
---@field id string
---@field format string
---@field digest string
---@field from_date string
---@field to_date string
---@field opening_amount? Decimal
---@field closing_amount? Decimal

---@class billing.bank.Finding
---@field code "DUPLICATE"|"CHANGED"|"OVERLAP"|"GAP"
---@field text string
---@field is_blocking boolean   a person must say how to go on

local function finding(code, is_blocking, ...)
  return { code = code, is_blocking = is_blocking, text = string.format(...) }
end

--- Does this statement go on where the other one ended? Several a day are usual.
local function follows(made, other)
  return made.opening ~= nil
    and other.closing_amount == made.opening.amount
    and other.to_date <= made.from_date
end

--- The stored statement that ends last before this one begins.
local function before(made, known)
  local found
  for _, other in ipairs(known) do
    local is_earlier = other.closing_amount
      and other.id ~= made.id
      and (other.to_date < made.to_date or other.to_date <= made.from_date)
    local is_later = not found or other.to_date > found.to_date
    local is_same_day = found and other.to_date == found.to_date
    if is_earlier and (is_later or is_same_day and follows(made, other)) then
      found = other
    end
  end
  return found
end

local function is_overlapping(made, other)
  return other.from_date <= made.to_date
    and made.from_date <= other.to_date
    and not follows(made, other)
end

--- What the account's stored statements say about a new one: loaded before, overlapping days,
--- balances that do not follow each other.
---@param made billing.bank.Statement
---@param known billing.bank.Known[]   of the same account
---@return billing.bank.Finding[]
function statement.findings(made, known)
  local found = {}
  for _, other in ipairs(known) do
    if other.id == made.id and other.digest == made.digest then
      return { finding("DUPLICATE", false, "statement %s was loaded before", made.id) }
    elseif other.id == made.id and other.format == made.format then
      found[#found + 1] =
        finding("CHANGED", true, "statement %s was loaded before with other content", made.id)
    elseif is_overlapping(made, other) then
      -- Another format may name the same entry otherwise, so that no key would stop it.
      local is_other_kind = other.format:sub(1, 4) ~= made.format:sub(1, 4)
      found[#found + 1] = finding(
        "OVERLAP",
        is_other_kind,
        "its days %s to %s overlap those of statement %s (%s), %s to %s",
        made.from_date,
        made.to_date,
        other.id,
        other.format,
        other.from_date,
        other.to_date
      )
    end
  end
  local previous = made.opening and before(made, known)
  if previous and previous.closing_amount ~= made.opening.amount then
    found[#found + 1] = finding(
      "GAP",
      true,
      "it opens with %s, but statement %s of %s closed with %s: one is missing between them",
      tostring(made.opening.amount),
      previous.id,
      previous.to_date,
      tostring(previous.closing_amount)
    )
  end
  return found
end

local TEXTS = {
  "bank_reference",
  "end_to_end_id",
  "structured_reference",
  "counterparty_name",
  "counterparty_account",
}

local function read_entry(reader, currency)
  local entry = {
    place = reader.path,
    amount = reader:decimal("amount"),
    currency = reader:text("currency", currency),
    booking_date = reader:date("booking_date"),
    value_date = reader:date("value_date", true),
    is_reversal = reader:boolean("is_reversal", false),
    text = reader:text("text", false) or "",
    charges = reader:decimal("charges", { is_optional = true, min = 0 }),
  }
  for _, name in ipairs(TEXTS) do
    entry[name] = reader:text(name, false)
  end
  local sent = reader:object("instructed", true)
  if sent then
    entry.instructed =
      { amount = sent:decimal("amount", { above = 0 }), currency = sent:text("currency") }
  end
  if entry.currency ~= currency then
    reader:refuse("currency", "write " .. currency .. ", the account's currency")
  end
  return entry
end

local function read_balance(reader, name)
  local balance = reader:object(name, true)
  return balance and { amount = balance:decimal("amount"), date = balance:date("date") }
end

--- A statement from plain data: what another system parsed, or what crossed a border.
---@param source table
---@param path string   for messages
---@return billing.bank.Statement? made
---@return billing.Refusal? refusal
function statement.read(source, path)
  return reading.try(function()
    local reader = reading.open(source, path)
    local currency = reader:text("currency")
    local entries = {}
    for i, entry in ipairs(reader:objects("entries")) do
      entries[i] = read_entry(entry, currency)
    end
    return statement.finish({
      format = reader:choice("format", { "camt.053", "camt.054", "mt940", "csv" }, "csv"),
      id = reader:text("id"),
      sequence = reader:text("sequence", false),
      account = reader:text("account"),
      currency = currency,
      from_date = reader:date("from_date", true),
      to_date = reader:date("to_date", true),
      opening = read_balance(reader, "opening"),
      closing = read_balance(reader, "closing"),
      entries = entries,
    })
  end)
end

--- A date of the file as YYYY-MM-DD, or a refusal.
---@param value string
---@param field string
---@param remedy string
---@return string
function statement.checked_date(value, field, remedy)
  if not date.is_valid(value) then
    reading.refuse(field, value, remedy)
  end
  return value
end

return statement
