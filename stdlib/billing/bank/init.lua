--- Bank files of any kind that Billow reads: camt.053, camt.054, MT940, CSV.
---@class billow.billing.bank
local bank = {}

local bankcsv = require("billow.billing.bank.bankcsv")
local camt = require("billow.billing.bank.camt")
local mt940 = require("billow.billing.bank.mt940")
local reading = require("billow.billing.reading")

bank.FORMATS = { "camt", "mt940", "csv" }

local READERS = { camt = camt.parse, mt940 = mt940.parse, csv = bankcsv.parse }

--- What kind of file this is, by how it begins.
---@param source string
---@return "camt"|"mt940"|"csv"
function bank.format_of(source)
  local start = source:match("^[\u{FEFF}%s]*(.*)$") or ""
  if start:sub(1, 1) == "<" then
    return "camt"
  elseif start:sub(1, 3) == "{1:" or start:find("^:%d%d%u?:") then
    return "mt940"
  end
  return "csv"
end

--- Read a bank file.
---@param source string
---@param format? "camt"|"mt940"|"csv"        by its beginning when absent
---@param options? billing.bank.CsvOptions    for CSV
---@return billing.bank.Statement[]? statements
---@return billing.Refusal? refusal
function bank.parse(source, format, options)
  local reader = READERS[format or bank.format_of(source)]
  if not reader then
    local names = table.concat(bank.FORMATS, ", ")
    return nil, reading.refusal("format", '"' .. tostring(format) .. '"', "write one of " .. names)
  end
  return reader(source, options)
end

return bank
