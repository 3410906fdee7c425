--- SWIFT MT940 customer statements, with or without the envelope of blocks (C1).
---
--- Field 86 is read in both usual forms: subfields `?20` to `?63` of German and Austrian banks, and
--- words between slashes (`/EREF/`, `/REMI/`, `/NAME/`) of Dutch and international ones; SEPA marks
--- (`EREF+`, `SVWZ+`) are taken out of the text. Anything else is remittance text as it stands.
---@class billow.billing.bank.mt940
local mt940 = {}

local currencies = require("billow.billing.currency")
local decimal = require("billow.decimal")
local json = require("billow.json")
local reading = require("billow.billing.reading")
local statement = require("billow.billing.bank.statement")
local text = require("billow.text")

mt940.BYTES_MAX = 16 * 1024 * 1024

local CENTURY = 2000 -- statements are of this century
local SEPA_MARKS = {
  "EREF",
  "KREF",
  "MREF",
  "BREF",
  "RREF",
  "CRED",
  "DEBT",
  "COAM",
  "OAMT",
  "SVWZ",
  "ABWA",
  "ABWE",
  "IBAN",
  "BIC",
  "PURP",
}

---@class billing.bank.Field
---@field tag string
---@field value string   lines joined by LF
---@field line integer

local function refuse(field, remedy)
  local where = string.format(":%s: in line %d", field.tag, field.line)
  reading.refuse(where, field.value:match("^[^\n]*"), remedy)
end

--- The fields of a file in order; what the blocks of an envelope add is dropped.
local function fields_of(source)
  local fields, number = {}, 0
  for line in (source:gsub("\r\n?", "\n") .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local content = line:gsub("^{1:.-{4:", ""):gsub("^{4:", "")
    local tag, value = content:match("^:(%d%d%u?):(.*)$")
    local is_envelope = content:find("^%-}?") and not content:find("^%-[^}]") or content:find("^{")
    if tag then
      fields[#fields + 1] = { tag = tag, value = value, line = number }
    elseif #fields > 0 and content ~= "" and not is_envelope then
      fields[#fields].value = fields[#fields].value .. "\n" .. content
    elseif #fields == 0 and content ~= "" and not is_envelope then
      local remedy = "an MT940 file begins with :20: : check that this is the right file"
      reading.refuse("line " .. number, content, remedy)
    end
  end
  return fields
end

--- "1234,5" as a decimal; the comma is always there.
local function amount_of(raw, field)
  local whole, cents = raw:match("^(%d+),(%d*)$")
  if not whole or #raw > 16 then
    refuse(field, 'write the amount with a comma, for example "1234,50"')
  end
  return decimal(cents == "" and whole or whole .. "." .. cents)
end

local function date_of(year, month, day, field)
  local made = string.format("%04d-%s-%s", CENTURY + tonumber(year), month, day)
  local where = string.format(":%s: in line %d", field.tag, field.line)
  return statement.checked_date(made, where, "write a date that exists as YYMMDD")
end

local function balance_of(field)
  local mark, yy, mm, dd, currency, raw =
    field.value:match("^([CD])(%d%d)(%d%d)(%d%d)(%u%u%u)([%d,]+)%s*$")
  if not mark or not currencies.is_known(currency) then
    refuse(field, 'write C or D, date, currency and amount, for example "C261031EUR1234,50"')
  end
  local amount = amount_of(raw, field)
  return {
    amount = mark == "C" and amount or -amount,
    date = date_of(yy, mm, dd, field),
    currency = currency,
  }
end

--- The booking day MMDD next to a value date: the year that brings them closest.
local function booking_date(value_date, month, day, field)
  local year = tonumber(value_date:sub(1, 4))
  local value_month = tonumber(value_date:sub(6, 7))
  local apart = tonumber(month) - value_month
  if apart > 6 then
    year = year - 1
  elseif apart < -6 then
    year = year + 1
  end
  return date_of(tostring(year - CENTURY), month, day, field)
end

local function line_of(field, currency)
  local first = field.value:match("^[^\n]*")
  local yy, mm, dd, rest = first:match("^(%d%d)(%d%d)(%d%d)(.*)$")
  local month, day, behind = (rest or ""):match("^(%d%d)(%d%d)(.*)$")
  local mark, raw, tail = (behind or rest or ""):match("^(R?[CD])%u?(%d+,%d*)(.*)$")
  local kind, references = (tail or ""):match("^([NFS][%w][%w][%w])(.*)$")
  if not kind then
    refuse(field, 'write value date, C or D, amount and type, for example "261031C12,50NTRFNONREF"')
  end
  local amount, value_date = amount_of(raw, field), date_of(yy, mm, dd, field)
  local own, bank = references:match("^(.-)//(.*)$")
  local is_in = mark == "C" or mark == "RD"
  return {
    place = string.format(":61: in line %d", field.line),
    amount = is_in and amount or -amount,
    currency = currency,
    value_date = value_date,
    booking_date = month and booking_date(value_date, month, day, field) or value_date,
    is_reversal = #mark == 2,
    bank_reference = bank,
    end_to_end_id = own or references,
    text = "",
  }
end

--- Positions of SEPA marks in a text, in order: EREF+ begins what belongs to it.
local function sepa_parts(words)
  local marks = {}
  for _, name in ipairs(SEPA_MARKS) do
    local from, stop = words:find(name .. "+", 1, true)
    if from then
      marks[#marks + 1] = { name = name, from = from, behind = stop + 1 }
    end
  end
  table.sort(marks, function(a, b)
    return a.from < b.from
  end)
  local parts = {}
  for i, mark in ipairs(marks) do
    local stop = marks[i + 1] and marks[i + 1].from - 1 or #words
    parts[mark.name] = text.trim(words:sub(mark.behind, stop))
  end
  return parts, #marks > 0 and marks[1].from or nil
end

local function take_sepa(entry, words)
  local parts, from = sepa_parts(words)
  if not from then
    entry.text = text.collapse(words)
    return
  end
  entry.end_to_end_id = parts.EREF or entry.end_to_end_id
  entry.counterparty_name = parts.ABWA or entry.counterparty_name
  entry.counterparty_account = parts.IBAN or entry.counterparty_account
  entry.text = text.collapse(words:sub(1, from - 1) .. " " .. (parts.SVWZ or ""))
end

--- Subfields ?00 to ?63: text in 20-29 and 60-63, the account in 31, the name in 32 and 33.
local function take_subfields(entry, value)
  local found = {}
  local flat = value:gsub("\n", "")
  for number, content in flat:gmatch("%?(%d%d)([^?]*)") do
    found[number] = (found[number] or "") .. content
  end
  local words = {}
  for number = 20, 63 do
    if number < 30 or number >= 60 then
      words[#words + 1] = found[tostring(number)]
    end
  end
  local name = text.collapse((found["32"] or "") .. (found["33"] or ""))
  entry.counterparty_name = name ~= "" and name or nil
  entry.counterparty_account = found["31"]
  take_sepa(entry, table.concat(words))
end

local SLASH_WORDS = {
  EREF = "end_to_end_id",
  NAME = "counterparty_name",
  IBAN = "counterparty_account",
  REMI = true,
  ORDP = true,
  BENM = true,
  TRTP = true,
  MARF = true,
  CSID = true,
  PREF = true,
  RTRN = true,
  ADDR = true,
  BIC = true,
}

--- What stands behind each known word between slashes.
local function slash_parts(flat)
  local parts, at, name = {}, 1, nil
  while true do
    local from, stop, word = flat:find("/(%u%u%u%u?)/", at)
    local is_known = word and SLASH_WORDS[word] ~= nil
    local upto = is_known and from - 1 or not from and #flat or stop - 1
    if name then
      parts[name] = (parts[name] or "") .. flat:sub(at, upto)
    end
    if not from then
      return parts
    end
    name = is_known and word or name
    at = is_known and stop + 1 or stop
  end
end

--- Words between slashes: /REMI/USTD//text, /REMI/STRD/CUR/reference.
local function take_slashes(entry, value)
  local parts = slash_parts((value:gsub("\n", "")))
  for word, name in pairs(SLASH_WORDS) do
    local content = parts[word] and text.collapse(parts[word])
    if type(name) == "string" and content and content ~= "" then
      entry[name] = content:gsub("/$", "")
    end
  end
  local remittance = parts.REMI or ""
  entry.structured_reference = remittance:match("^STRD/%u*/([^/]+)")
  if not entry.structured_reference then
    entry.text = text.collapse((remittance:gsub("^USTD/*", ""):gsub("/$", "")))
  end
end

local function take_information(entry, field)
  local value = field.value
  if value:find("^%d%d%d%?") or value:find("^%?%d%d") then
    take_subfields(entry, value)
  elseif value:find("^/%u%u%u%u/") then
    take_slashes(entry, value)
  else
    take_sepa(entry, (value:gsub("\n", " ")))
  end
end

--- A message under way.
local function begin(field)
  return { line = field.line, name = text.trim(field.value), entries = {} }
end

local function finish(message, statements)
  if not message then
    return
  end
  for _, need in ipairs({
    { "account", "25", "account" },
    { "opening", "60F", "opening balance" },
    { "closing", "62F", "closing balance" },
  }) do
    if not message[need[1]] then
      local where = string.format("statement %s of line %d", message.name, message.line)
      local remedy = string.format("it has no %s (:%s:): the file is cut off", need[3], need[2])
      reading.refuse(where, nil, remedy)
    end
  end
  if message.opening.currency ~= message.closing.currency then
    local where = "closing balance of statement " .. message.name
    reading.refuse(where, message.closing.currency, "it opened in " .. message.opening.currency)
  end
  local number = message.sequence or message.name
  statements[#statements + 1] = statement.finish({
    format = "mt940",
    id = number .. "@" .. message.closing.date,
    sequence = message.sequence,
    account = message.account,
    currency = message.opening.currency,
    opening = { amount = message.opening.amount, date = message.opening.date },
    closing = { amount = message.closing.amount, date = message.closing.date },
    entries = message.entries,
  })
end

--- What each field does with the message under way.
local take = {}

take["25"] = function(message, field)
  message.account = text.trim(field.value:match("^[^\n]*"))
  if message.account == "" then
    refuse(field, "write the account")
  end
end

take["28C"] = function(message, field)
  message.sequence = text.trim(field.value)
end
take["28"] = take["28C"]

take["60F"] = function(message, field)
  message.opening = balance_of(field)
end
take["60M"] = take["60F"]

take["62F"] = function(message, field)
  message.closing = balance_of(field)
end
take["62M"] = take["62F"]

take["61"] = function(message, field)
  if not message.opening then
    refuse(field, "an entry stands before the opening balance :60F:")
  elseif message.closing then
    refuse(field, "an entry stands behind the closing balance :62F:")
  end
  message.entries[#message.entries + 1] = line_of(field, message.opening.currency)
  message.latest = message.entries[#message.entries]
end

take["86"] = function(message, field)
  -- Behind the closing balance it speaks of the statement as a whole.
  if not message.closing and message.latest then
    take_information(message.latest, field)
    message.latest = nil
  end
end

local function read(source)
  local statements, message = json.array({}), nil
  for _, field in ipairs(fields_of(source)) do
    if field.tag == "20" then
      finish(message, statements)
      message = begin(field)
    elseif not message then
      refuse(field, "a statement begins with :20: : check that the file is whole")
    elseif take[field.tag] then
      take[field.tag](message, field)
    end
  end
  finish(message, statements)
  if #statements == 0 then
    reading.refuse("the file", nil, "an MT940 file with at least one statement is expected")
  end
  return statements
end

--- Read an MT940 file.
---@param source string
---@return billing.bank.Statement[]? statements
---@return billing.Refusal? refusal
function mt940.parse(source)
  if #source > mt940.BYTES_MAX then
    local remedy = "at most " .. mt940.BYTES_MAX .. " bytes are read: split it by days"
    return nil, reading.refusal("the file", #source .. " bytes long", remedy)
  elseif not text.is_utf8(source) then
    local remedy = "convert it, for example with iconv -f ISO-8859-1 -t UTF-8"
    return nil, reading.refusal("the file", "not UTF-8", remedy)
  end
  return reading.try(read, source)
end

return mt940
