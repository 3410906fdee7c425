--- Bank entries from CSV (C1): our own columns, or a bank's export with its columns named.
---
--- Own header: `booking_date` and `amount` are required; `value_date`, `currency`, `reference`,
--- `end_to_end_id`, `structured_reference`, `text`, `counterparty_name`, `counterparty_account`,
--- `account`, `is_reversal` (yes: it takes back an earlier entry) and `balance` are read when
--- there. With `balance` (after the entry) every row is
--- checked against the one before, and the statement has an opening and a closing balance.
--- Rows are in the order of booking, or in the reverse order as many banks export them.
---@class billow.billing.bank.bankcsv
local bankcsv = {}

local csv = require("billow.billing.sources.csv")
local currencies = require("billow.billing.currency")
local date = require("billow.date")
local decimal = require("billow.decimal")
local json = require("billow.json")
local reading = require("billow.billing.reading")
local statement = require("billow.billing.bank.statement")
local text = require("billow.text")

bankcsv.BYTES_MAX = 16 * 1024 * 1024

local DIGITS_MAX = 18
local COLUMNS = {
  "booking_date",
  "value_date",
  "amount",
  "currency",
  "reference",
  "end_to_end_id",
  "structured_reference",
  "text",
  "counterparty_name",
  "counterparty_account",
  "account",
  "balance",
  "is_reversal",
}
local REQUIRED = { "booking_date", "amount" }
local IS_YES = { yes = true, ["true"] = true, ["1"] = true }
local IS_NO = { no = true, ["false"] = true, ["0"] = true }
local DATE_FORMATS = { ["YYYY-MM-DD"] = true, ["DD/MM/YYYY"] = true, ["MM/DD/YYYY"] = true }

---@class billing.bank.CsvOptions
---@field account? string        of all rows, when there is no column
---@field currency? string
---@field separator? ","|";"|"\t"
---@field decimal_comma? boolean "1.234,50"; else "1,234.50"
---@field date_format? string    YYYY-MM-DD (default), DD.MM.YYYY, DD/MM/YYYY, MM/DD/YYYY
---@field columns? table<string, string>   our name -> the bank's header

local function field_name(number, column)
  return string.format("record %d, column %s", number, column)
end

--- Where each of our columns stands; a missing required one refuses the file.
local function places_of(header, options)
  local by_header, places = {}, {}
  for i, name in ipairs(header) do
    by_header[text.trim(name)] = i
  end
  for _, name in ipairs(COLUMNS) do
    local wanted = options.columns and options.columns[name] or name
    places[name] = by_header[wanted]
    if options.columns and options.columns[name] and not places[name] then
      local found = table.concat(header, ", ")
      reading.refuse("column " .. wanted, nil, "the header has " .. found)
    end
  end
  for _, name in ipairs(REQUIRED) do
    if not places[name] then
      local remedy = "add it, or name the bank's column in columns." .. name .. "; the header has "
        .. table.concat(header, ", ")
      reading.refuse("column " .. name, nil, remedy)
    end
  end
  return places
end

--- "1.234,50" or "1,234.50" as a decimal; a sign in front, blanks and a plus are allowed.
local function amount_of(raw, options, field)
  local mark = options.decimal_comma and "," or "."
  local thousands = options.decimal_comma and "." or ","
  local sign, digits = raw:gsub("[%s\u{A0}']", ""):match("^([+-]?)(.*)$")
  local whole, cents = digits:match("^([%d%" .. thousands .. "]+)%" .. mark .. "(%d+)$")
  whole = whole or digits
  local is_grouped = whole:find("^%d%d?%d?[%d%" .. thousands .. "]*$")
  if whole:find(thousands, 1, true) then
    local groups = whole:gsub("^%d%d?%d?", "", 1)
    is_grouped = groups:gsub("%" .. thousands .. "%d%d%d", "") == ""
    whole = whole:gsub("%" .. thousands, "")
  end
  if not is_grouped or not whole:find("^%d+$") or #whole + #(cents or "") > DIGITS_MAX then
    local example = options.decimal_comma and '"1.234,50"' or '"1,234.50"'
    reading.refuse(
      field,
      raw,
      "write an amount such as " .. example .. ", or set decimal_comma to what the bank writes"
    )
  end
  local value = decimal(cents and whole .. "." .. cents or whole)
  return sign == "-" and -value or value
end

local function date_of(raw, options, field)
  local format = options.date_format or "YYYY-MM-DD"
  local shown = raw
  if format == "DD.MM.YYYY" then
    format, shown = "DD/MM/YYYY", raw:gsub("%.", "/")
  end
  local made = date.parse(shown, format)
  if not made then
    local remedy = "write a date as " .. (options.date_format or "YYYY-MM-DD")
    reading.refuse(field, raw, remedy .. ", or set date_format to what the bank writes")
  end
  return made
end

local function yes_or_no(raw, field)
  local word = (raw or "no"):lower()
  if not IS_YES[word] and not IS_NO[word] then
    reading.refuse(field, raw, "write yes or no")
  end
  return IS_YES[word] == true
end

local function row_of(record, number, places, options, width)
  if #record ~= width then
    local value = #record .. " fields long"
    local remedy = "the header has " .. width .. ": quote fields that hold the separator"
    error(reading.refusal("record " .. number, value, remedy), 0)
  end
  local function cell(name)
    local value = places[name] and text.trim(record[places[name]])
    return value ~= "" and value or nil
  end
  local function required(name)
    return cell(name) or reading.refuse(field_name(number, name), nil, "write a value")
  end
  local booked = date_of(required("booking_date"), options, field_name(number, "booking_date"))
  local valued, balance = cell("value_date"), cell("balance")
  return {
    place = "record " .. number,
    booking_date = booked,
    value_date = valued and date_of(valued, options, field_name(number, "value_date")) or booked,
    amount = amount_of(required("amount"), options, field_name(number, "amount")),
    currency = cell("currency") or options.currency,
    bank_reference = cell("reference"),
    end_to_end_id = cell("end_to_end_id"),
    structured_reference = cell("structured_reference"),
    text = cell("text") or "",
    is_reversal = yes_or_no(cell("is_reversal"), field_name(number, "is_reversal")),
    counterparty_name = cell("counterparty_name"),
    counterparty_account = cell("counterparty_account"),
    account = cell("account") or options.account,
    balance = balance and amount_of(balance, options, field_name(number, "balance")),
  }
end

local function is_next(row, previous)
  return row.balance ~= nil
    and previous.balance ~= nil
    and previous.balance + row.amount == row.balance
end

--- Do the rows come newest first? Days tell; within one day the balances do.
local function is_reversed(rows)
  local first, last = rows[1], rows[#rows]
  if first.booking_date ~= last.booking_date then
    return first.booking_date > last.booking_date
  end
  return #rows > 1 and is_next(rows[1], rows[2]) and not is_next(rows[2], rows[1])
end

--- Oldest first.
local function in_order(rows)
  if not is_reversed(rows) then
    return rows
  end
  local turned = {}
  for i = #rows, 1, -1 do
    turned[#turned + 1] = rows[i]
  end
  return turned
end

local function same_in_all(rows, name)
  local value = rows[1][name]
  if not value then
    local remedy = "add the column " .. name .. ", or give it as an option"
    reading.refuse(rows[1].place .. ", column " .. name, nil, remedy)
  end
  for _, row in ipairs(rows) do
    if row[name] ~= value then
      local remedy = "the rows before have " .. value .. ": make one file of each " .. name
      reading.refuse(row.place .. ", column " .. name, row[name], remedy)
    end
  end
  return value
end

--- Each balance is the one before plus the amount.
local function check_balances(rows)
  for i = 2, #rows do
    local row, previous = rows[i], rows[i - 1]
    if row.balance and previous.balance and previous.balance + row.amount ~= row.balance then
      local expected = tostring(previous.balance + row.amount)
      reading.refuse(
        row.place .. ", column balance",
        tostring(row.balance),
        "after " .. previous.place .. " it should be " .. expected .. ": a row is missing"
      )
    end
  end
end

local function balances_of(rows)
  local first, last = rows[1], rows[#rows]
  if not first.balance or not last.balance then
    return nil, nil
  end
  return { amount = first.balance - first.amount, date = first.booking_date }, {
    amount = last.balance,
    date = last.booking_date,
  }
end

local function read(source, options)
  local format = options.date_format
  if format and format ~= "DD.MM.YYYY" and not DATE_FORMATS[format] then
    reading.refuse("date_format", format, "write YYYY-MM-DD, DD.MM.YYYY, DD/MM/YYYY or MM/DD/YYYY")
  end
  local header, records = csv.parse(source, options.separator)
  if not header then
    reading.refuse("the file", nil, records)
  elseif #records == 0 then
    reading.refuse("the file", nil, "it has a header and no records")
  end
  local places, rows = places_of(header, options), {}
  for number, record in ipairs(records) do
    rows[number] = row_of(record, number, places, options, #header)
  end
  rows = in_order(rows)
  local account, currency = same_in_all(rows, "account"), same_in_all(rows, "currency")
  if not currencies.is_known(currency) then
    reading.refuse(rows[1].place .. ", column currency", currency, "write a currency such as EUR")
  end
  check_balances(rows)
  local opening, closing = balances_of(rows)
  for _, row in ipairs(rows) do
    row.account, row.balance = nil, nil
  end
  return json.array({
    statement.finish({
      format = "csv",
      id = "csv:" .. text.sha256_hex(source):sub(1, 16),
      account = account,
      currency = currency,
      opening = opening,
      closing = closing,
      entries = rows,
    }),
  })
end

--- Read a CSV file of one account.
---@param source string
---@param options? billing.bank.CsvOptions
---@return billing.bank.Statement[]? statements   one
---@return billing.Refusal? refusal
function bankcsv.parse(source, options)
  if #source > bankcsv.BYTES_MAX then
    local remedy = "at most " .. bankcsv.BYTES_MAX .. " bytes are read: split it by days"
    return nil, reading.refusal("the file", #source .. " bytes long", remedy)
  elseif not text.is_utf8(source) then
    local remedy = "convert it, for example with iconv -f ISO-8859-1 -t UTF-8"
    return nil, reading.refusal("the file", "not UTF-8", remedy)
  end
  return reading.try(read, source, options or {})
end

return bankcsv
