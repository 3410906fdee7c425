--- What to credit, as people write it: "1,2=100.00" for lines, "harvest-time:3,harvest-time:4=1.5h"
--- for entries. Pure.
local credit_request = {}

local decimal = require("billow.decimal")
local reading = require("billow.billing.reading")

local given = reading.given
local SECONDS_PER_HOUR = decimal(3600)

local function quantity_of(field, words)
  local hours = words:match("^([%d.]+)h$")
  local number = reading.number(hours or words)
  if not number or number:sign() <= 0 then
    reading.refuse(field, words, "write a quantity above 0: seconds, hours as 1.5h, or an amount")
  end
  return hours and (number * SECONDS_PER_HOUR):round(0) or number
end

--- The members of "a,b=1,c": pairs of a name and what stands behind "=", or nil.
local function pairs_of(field, words)
  local list = {}
  for part in (words .. ","):gmatch("([^,]*),") do
    local name, value = part:match("^%s*([^=]-)%s*=%s*(.-)%s*$")
    name = name or part:match("^%s*(.-)%s*$")
    if name == "" or value == "" then
      reading.refuse(field, words, "write ids with commas between, each perhaps with =AMOUNT")
    end
    list[#list + 1] = { name, value }
  end
  return list
end

--- A request with its lists read, when they came as text.
---@param request table   lines or entries as text or as lists, else as billing.CreditRequest
---@return billing.CreditRequest
function credit_request.read(request)
  local made = {}
  for name, value in pairs(request) do
    made[name] = given(value)
  end
  if type(made.lines) == "string" then
    local lines = {}
    for i, pair in ipairs(pairs_of("lines", made.lines)) do
      lines[i] = { line_id = pair[1], amount = pair[2] }
    end
    made.lines = lines
  end
  if type(made.entries) == "string" then
    local entries = {}
    for i, pair in ipairs(pairs_of("entries", made.entries)) do
      entries[i] = { entry_id = pair[1] }
      entries[i].quantity = pair[2] and tostring(quantity_of("entries", pair[2])) or nil
    end
    made.entries = entries
  end
  if made.outcome then
    made.outcome = made.outcome:gsub("-", "_")
  end
  return made
end

return credit_request
