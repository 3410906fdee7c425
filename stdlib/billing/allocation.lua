--- Dividing an amount among several: exact in sum, fair in cents, the same on every machine.
---@class billing.allocation
local allocation = {}

local decimal = require("billow.decimal")

local ZERO = decimal(0)

--- Divide an amount by weights with largest remainder.
-- In minor units each share is cut toward zero; the units missing to the whole go one each to the
-- largest remainders, ties to the earlier share. The sign of the amount is kept.
---@param amount Decimal      has at most d decimals
---@param weights Decimal[]   not negative, not all zero unless the amount is zero
---@param d integer
---@return Decimal[]
function allocation.shares(amount, weights, d)
  local total = decimal.sum(weights)
  local shares = {}
  if total:is_zero() or amount:is_zero() then
    for index in ipairs(weights) do
      shares[index] = ZERO
    end
    return shares
  end
  local unit = allocation.unit(d)
  local size = amount:abs()
  local rest = size
  local remainders = {}
  for index, weight in ipairs(weights) do
    local exact = size * weight / total
    shares[index] = exact:round(d, "down")
    rest = rest - shares[index]
    remainders[index] = { index = index, remainder = exact - shares[index] }
  end
  table.sort(remainders, function(a, b)
    if a.remainder == b.remainder then
      return a.index < b.index
    end
    return a.remainder > b.remainder
  end)
  for _, candidate in ipairs(remainders) do
    if rest <= ZERO then
      break
    end
    shares[candidate.index] = shares[candidate.index] + unit
    rest = rest - unit
  end
  if amount < ZERO then
    for index, share in ipairs(shares) do
      shares[index] = -share
    end
  end
  return shares
end

--- The smallest amount of a currency with d decimals.
---@param d integer
---@return Decimal
function allocation.unit(d)
  local unit = decimal(1)
  for _ = 1, d do
    unit = unit / 10
  end
  return unit
end

--- Divide an amount over the tax codes of lines, weights = their nets; in order of first line.
-- Codes whose share is 0 are left out. A line without a code of its own counts under the first
-- group without one.
---@param amount Decimal
---@param lines {net_amount: Decimal, tax_code: string|nil}[]
---@param d integer
---@return {tax_code: string|nil, amount: Decimal}[]
function allocation.over_tax_codes(amount, lines, d)
  local groups, weights, at = {}, {}, {}
  for _, line in ipairs(lines) do
    local key = line.tax_code or ""
    if not at[key] then
      groups[#groups + 1] = { tax_code = line.tax_code }
      at[key] = #groups
      weights[#groups] = ZERO
    end
    weights[at[key]] = weights[at[key]] + line.net_amount
  end
  local result = {}
  for index, share in ipairs(allocation.shares(amount, weights, d)) do
    if not share:is_zero() then
      result[#result + 1] = { tax_code = groups[index].tax_code, amount = share }
    end
  end
  return result
end

return allocation
