--- The due date of payment terms.
local due_date_item = {}

local due = require("billow.billing.due")
local explanation = require("billow.billing.explanation")
local reading = require("billow.billing.reading")

--- Read payment terms.
---@param terms billing.Reader
---@return table
function due_date_item.read(terms)
  local kind = terms:choice("type", due.TYPES)
  local is_day = kind == "day_of_next_month"
  local months = terms:integer("months", { is_optional = true, min = 0, max = 120 })
  return {
    type = kind,
    -- Only net terms without a number say nothing: the end of the month is a day of its own.
    days = terms:integer("days", { is_optional = kind ~= "net" or months ~= nil, min = 0 }),
    months = months,
    day = is_day and terms:integer("day", { min = 1, max = 31 }) or nil,
    shift = terms:choice("shift", { "none", "next_business_day" }, "none"),
  }
end

--- Holidays of an item, each a date.
---@param reader billing.Reader
---@return string[]
function due_date_item.holidays(reader)
  local holidays = {}
  for index, day in ipairs(reader:list("holidays")) do
    holidays[index] = reading.open({ day = day }, "holidays[" .. index .. "]"):date("day")
  end
  return holidays
end

---@param reader billing.Reader
---@param _ billing.PriceMoney
---@param steps billing.Step[]
---@return table
function due_date_item.price(reader, _, steps)
  local terms = due_date_item.read(reader:object("payment_terms"))
  local issue_date = reader:date("issue_date")
  local day = due.date(issue_date, terms, due_date_item.holidays(reader))
  local parts = {}
  for _, name in ipairs({ "months", "days", "day" }) do
    parts[#parts + 1] = terms[name] and name .. " " .. terms[name]
  end
  explanation.add(steps, "due_date", terms.type .. ", " .. table.concat(parts, ", ") .. ", from "
    .. issue_date .. ", shift " .. terms.shift, day)
  return { issue_date = issue_date, due_date = day }
end

return due_date_item
