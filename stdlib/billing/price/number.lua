--- The numbers a format gives to the next invoices of a series.
local number_item = {}

local explanation = require("billow.billing.explanation")
local json = require("billow.json")
local number = require("billow.billing.number")

--- A format that gives every invoice a number of its own.
---@param terms billing.Reader
---@return string
local function format_of(terms)
  local format = terms:text("format")
  local unknown = number.unknown_placeholder(format)
  if unknown then
    terms:refuse("format", unknown .. " means nothing: use " .. number.PLACEHOLDERS)
  elseif not format:find("{SEQ", 1, true) then
    terms:refuse("format", "put {SEQ:5} where the number counts: without it all are alike")
  elseif format:find("{CUSTOMER}", 1, true) then
    terms:text("customer_id")
  end
  return format
end

---@param reader billing.Reader
---@param _ billing.PriceMoney
---@param steps billing.Step[]
---@return table
function number_item.price(reader, _, steps)
  local terms = reader:object("number")
  local format, issue_date = format_of(terms), terms:date("issue_date")
  local first = terms:integer("next_sequence", { default = 1, min = 1 })
  local numbers = {}
  for offset = 0, terms:integer("count", { default = 1, min = 1, max = 1000 }) - 1 do
    numbers[offset + 1] = number.format(format, first + offset, issue_date,
      terms:text("customer_id", ""))
    explanation.add(steps, "number", format .. " with sequence " .. first + offset .. " on "
      .. issue_date, numbers[offset + 1])
  end
  return { numbers = json.array(numbers) }
end

return number_item
