--- How decimals are written on invoices, and the whole-number arithmetic of durations.
---
--- Amounts have exactly d decimals, unit prices at least d, quantities and percents no trailing
--- zeros (model 1).
local figures = {}

local decimal = require("billow.decimal")

local SECONDS_PER_HOUR = decimal(3600)

--- Plain digits without trailing zeros: 8.50 -> "8.5", 100 -> "100".
---@param value Decimal
---@return string
function figures.plain(value)
  local text = tostring(value)
  if not text:find(".", 1, true) then
    return text
  end
  text = text:gsub("0+$", "")
  return (text:gsub("%.$", ""))
end

--- The same value without trailing zeros.
---@param value Decimal
---@return Decimal
function figures.trim(value)
  return decimal(figures.plain(value))
end

--- Exactly `d` decimals; an amount with more is a bug of the caller and raises.
---@param value Decimal
---@param d integer
---@return string
function figures.amount(value, d)
  return value:fixed(d)
end

--- At least `d` decimals, more only when the value needs them: 165 -> "165.00", 131.18750 ->
--- "131.1875".
---@param value Decimal
---@param d integer
---@return string
function figures.price(value, d)
  local text = figures.plain(value)
  local point = text:find(".", 1, true)
  local decimals = point and #text - point or 0
  if decimals >= d then
    return text
  end
  return text .. (point and "" or ".") .. ("0"):rep(d - decimals)
end

--- Seconds as hours, or as days of `hours_per_day` hours; exact or 34 digits, to be rounded by the
--- caller's rule.
---@param seconds integer
---@param hours_per_day? Decimal   nil: hours
---@return Decimal
function figures.hours(seconds, hours_per_day)
  local divisor = hours_per_day and SECONDS_PER_HOUR * hours_per_day or SECONDS_PER_HOUR
  return decimal(seconds) / divisor
end

--- Sum of a list of decimals; zero for an empty one.
---@param values Decimal[]
---@return Decimal
function figures.sum(values)
  local total = decimal(0)
  for _, value in ipairs(values) do
    total = total + value
  end
  return total
end

return figures
