--- Usage that is rated together over more than one invoice (capability A16): the lines of
--- everything so far, less those of what was billed before. Rounding each stretch by itself would
--- bill more than the whole.
---@class billing.cumulative
local cumulative = {}

local decimal = require("billow.decimal")
local meter = require("billow.billing.meter")

local ZERO, PIECE = decimal(0), "C62"

-- Aggregations of a term that are the sum of those of its periods.
local ADDS_UP = { sum = true, count = true }
-- Tariffs that are of one period by their nature.
local IS_OF_A_PERIOD = { capacity = true, cost_plus = true }

--- What was counted in an earlier period of a meter's term.
---@class billing.UsageCounted
---@field meter string
---@field since string      first month of the term
---@field period string
---@field aggregate Decimal
---@field count integer

--- Why a meter cannot count over a term longer than a month; nil when it can.
---@param self billing.Meter
---@return string?
function cumulative.problem(self)
  local price = self.price
  if not ADDS_UP[self.aggregation] then
    return self.aggregation .. " of a term cannot be told from its months: use sum or count"
  elseif IS_OF_A_PERIOD[price.model] then
    return "a price of kind " .. price.model .. " is of one period"
  elseif price.min_per_event or price.max_per_event then
    return "fees of single events do not depend on a term"
  end
  return nil
end

--- A line less the same line billed before. Amount lines stay one piece at the difference.
---@param own billing.Line|nil
---@param past billing.Line
---@param is_amount boolean
---@return billing.Line
local function less(own, past, is_amount)
  local merged = {}
  for name, value in pairs(own or past) do
    merged[name] = value
  end
  merged.net_amount = (own and own.net_amount or ZERO) - past.net_amount
  if is_amount then
    merged.unit_price = merged.net_amount
  else
    merged.quantity = (own and own.quantity or ZERO) - past.quantity
  end
  return merged
end

--- Bill the difference: the lines of everything so far less those of what was billed before.
---@param self billing.Meter
---@param after billing.Line[]
---@param before billing.Line[]
---@return billing.Line[]
function cumulative.difference(self, after, before)
  local is_amount = meter.is_amount_priced(self)
  local function key_of(line)
    return line.description_key .. (is_amount and "" or "\0" .. tostring(line.unit_price))
  end
  local result, at = {}, {}
  for index, line in ipairs(after) do
    result[index] = line
    at[key_of(line)] = index
  end
  for _, line in ipairs(before) do
    local index = at[key_of(line)] or #result + 1
    result[index] = less(result[index], line, is_amount)
  end
  local kept = {}
  for _, line in ipairs(result) do
    if not (line.quantity:is_zero() or is_amount and line.net_amount:is_zero()) then
      kept[#kept + 1] = line
    end
  end
  return kept
end

--- A line whose quantity times price is not its net any more, because both were rounded apart,
--- becomes one piece at its net: what is printed multiplies out, and no price is below nothing.
---@param line billing.Line
---@param d integer
---@return billing.Line
local function multiplied_out(line, d)
  local is_even = (line.quantity * line.unit_price):round(d) == line.net_amount
  if not is_even or line.unit_price:sign() < 0 then
    local sign = line.net_amount:sign() < 0 and -1 or 1
    line.quantity, line.unit_code = decimal(sign), PIECE
    line.unit_price = line.net_amount:abs()
  end
  return line
end

--- What a meter's term came to before a period.
---@param rows billing.UsageCounted[]
---@param id string
---@param since string
---@return billing.Measured
function cumulative.before(rows, id, since)
  local past = { aggregate = ZERO, sum = ZERO, count = 0 }
  for _, row in ipairs(rows) do
    if row.meter == id and row.since == since then
      past.aggregate, past.sum = past.aggregate + row.aggregate, past.sum + row.aggregate
      past.count = past.count + row.count
    end
  end
  return past
end

--- The lines of a period, rated together with what the term came to before.
---@param self billing.Meter
---@param past billing.Measured
---@param now billing.Measured
---@param d integer
---@param lines_of fun(measured: billing.Measured): billing.Line[]
---@return billing.Line[]
function cumulative.lines(self, past, now, d, lines_of)
  local all = {
    aggregate = past.aggregate + now.aggregate,
    sum = past.sum + (now.sum or now.aggregate),
    count = past.count + now.count,
  }
  local lines = cumulative.difference(self, lines_of(all), lines_of(past))
  for i, line in ipairs(lines) do
    lines[i] = multiplied_out(line, d)
  end
  return lines
end

return cumulative
