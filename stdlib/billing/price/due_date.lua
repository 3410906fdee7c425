--- The due date of payment terms.
local due_date_item = {}

local date = require("billow.date")
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
    if type(day) ~= "string" or not date.is_valid(day) then
      reading.refuse("holidays[" .. index .. "]", day, "write a date that exists as YYYY-MM-DD")
    end
    holidays[index] = day
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
  local unshifted = due.date(issue_date, { type = terms.type, days = terms.days,
    months = terms.months, day = terms.day }, {})
  local parts = {}
  for _, name in ipairs({ "months", "days", "day" }) do
    parts[#parts + 1] = terms[name] and name .. " " .. terms[name]
  end
  explanation.add(steps, "due_date", terms.type .. ", " .. table.concat(parts, ", ") .. ", from "
    .. issue_date, unshifted)
  if day ~= unshifted then
    explanation.add(steps, "shift", unshifted .. " is no business day", day)
  end
  return { issue_date = issue_date, due_date = day }
end

return due_date_item
