--- Dividing amounts over payers or tax codes by largest remainder (model 3.10), so that no cent is
--- lost or made.
local split = {}

local copy = require("billow.billing.copy")
local decimal = require("billow.decimal")
local figures = require("billow.billing.figures")

local function minor_unit(d)
  local unit = decimal(1)
  for _ = 1, d do
    unit = unit * 10
  end
  return unit
end

--- Shares in whole minor units, cut toward zero, and what each cut left over (over the sum of
--- weights).
local function cut(units, weights, total_weight)
  local shares, remainders, given = {}, {}, decimal(0)
  for i, weight in ipairs(weights) do
    local exact = units * weight
    shares[i] = exact:idiv(total_weight)
    remainders[i] = exact - shares[i] * total_weight
    given = given + shares[i]
  end
  return shares, remainders, given
end

--- Divide `amount` by weights: each share is cut toward zero at d decimals, the missing minor units
--- go one each to the largest remainders, ties to the earlier one; the sign is kept. The shares
--- always add up to the amount.
---@param amount Decimal      a multiple of 10^-d
---@param weights Decimal[]   not negative, at least one positive
---@param d integer
---@return Decimal[]
function split.largest_remainder(amount, weights, d)
  local unit, sign = minor_unit(d), amount:sign()
  local units = amount:abs() * unit
  local shares, remainders, given = cut(units, weights, figures.sum(weights))
  local order = {}
  for i in ipairs(weights) do
    order[i] = i
  end
  table.sort(order, function(a, b)
    if remainders[b] < remainders[a] then
      return true
    end
    return remainders[a] == remainders[b] and a < b
  end)
  for i = 1, (units - given):to_integer() do
    shares[order[i]] = shares[order[i]] + 1
  end
  for i, share in ipairs(shares) do
    shares[i] = (share * sign / unit):round(d)
  end
  return shares
end

---@class billing.Payer
---@field customer table
---@field percent? Decimal   nil: the customer alone, nothing is split
---@field tax_code? string
---@field available? Decimal   what is left of the payer's cap; nil: no cap

--- Who pays the contract's invoices, in order.
---@param ctx billing.Context
---@param contract table
---@return billing.Payer[]
function split.payers(ctx, contract)
  if not contract.payers or #contract.payers == 0 then
    return { { customer = ctx.customers[contract.customer_id] } }
  end
  local payers, used = {}, (ctx.opening.payer_used or {})[contract.id] or {}
  for i, payer in ipairs(contract.payers) do
    local left = payer.cap_amount
      and payer.cap_amount - (used[payer.customer_id] or decimal(0))
    payers[i] = {
      customer = ctx.customers[payer.customer_id],
      percent = payer.percent,
      tax_code = payer.tax_code,
      available = left and decimal.max(left, decimal(0)),
    }
  end
  return payers
end

local function share_of_line(line, share, payer)
  return copy.with(line, {
    quantity = decimal(share:sign()),
    unit_code = "C62",
    unit_price = share:abs(),
    net_amount = share,
    split_of = {
      quantity = line.quantity,
      unit_code = line.unit_code,
      unit_price = line.unit_price,
      net_amount = line.net_amount,
      percent = payer.percent,
    },
  })
end

local function percents(payers)
  local weights = {}
  for i, payer in ipairs(payers) do
    weights[i] = payer.percent
  end
  return weights
end

--- Each amount divided over the payers: shares[i][n] is what payer n has of amount i.
local function matrix_of(amounts, payers, d)
  local weights, shares = percents(payers), {}
  for i, amount in ipairs(amounts) do
    shares[i] = split.largest_remainder(amount, weights, d)
  end
  return shares
end

local function column_sum(shares, n)
  local sum = decimal(0)
  for _, row in ipairs(shares) do
    sum = sum + row[n]
  end
  return sum
end

--- Weights of those who take what is beyond a cap: the percents of payers without one.
local function takers(payers)
  local weights = {}
  for i, payer in ipairs(payers) do
    weights[i] = payer.available and decimal(0) or payer.percent
  end
  return weights
end

--- A payer with a cap pays at most what is left of it: the rest goes from the last lines backwards
--- to the payers without a cap, by their percents, line by line. Allowances stay where they are.
local function apply_caps(shares, allowance_shares, payers, d)
  local weights = takers(payers)
  for n, payer in ipairs(payers) do
    local net = column_sum(shares, n) - column_sum(allowance_shares, n)
    local excess = payer.available and net - payer.available or decimal(0)
    for i = #shares, 1, -1 do
      local part = decimal.min(excess, shares[i][n])
      if part:sign() > 0 then
        excess = excess - part
        shares[i][n] = shares[i][n] - part
        for taker, share in ipairs(split.largest_remainder(part, weights, d)) do
          shares[i][taker] = shares[i][taker] + share
        end
      end
    end
  end
end

--- Amounts divided over payers, caps included.
---@param amounts Decimal[]
---@param payers {percent: Decimal, available?: Decimal}[]   available: what is left of a cap
---@param d integer
---@return Decimal[][]   by amount and payer
function split.with_caps(amounts, payers, d)
  local shares = matrix_of(amounts, payers, d)
  apply_caps(shares, {}, payers, d)
  return shares
end

local function column(items, field)
  local amounts = {}
  for i, item in ipairs(items) do
    amounts[i] = item[field]
  end
  return amounts
end

--- Each payer's lines and allowances; shares of 0 make none. With a customer alone they stay as
--- they are.
---@param lines billing.Line[]
---@param allowances billing.Allowance[]
---@param payers billing.Payer[]
---@param d integer
---@return billing.Line[][] lines_of             by payer
---@return billing.Allowance[][] allowances_of   by payer
function split.shares(lines, allowances, payers, d)
  if not payers[1].percent then
    return { lines }, { allowances }
  end
  local line_shares = matrix_of(column(lines, "net_amount"), payers, d)
  local allowance_shares = matrix_of(column(allowances, "amount"), payers, d)
  apply_caps(line_shares, allowance_shares, payers, d)
  local lines_of, allowances_of = {}, {}
  for n, payer in ipairs(payers) do
    lines_of[n], allowances_of[n] = {}, {}
    for i, line in ipairs(lines) do
      if not line_shares[i][n]:is_zero() then
        table.insert(lines_of[n], share_of_line(line, line_shares[i][n], payer))
      end
    end
    for i, allowance in ipairs(allowances) do
      if not allowance_shares[i][n]:is_zero() then
        table.insert(allowances_of[n], copy.with(allowance, { amount = allowance_shares[i][n] }))
      end
    end
  end
  return lines_of, allowances_of
end

return split
