--- Dividing amounts over payers or tax codes by largest remainder (model 3.10), so that no cent is
--- lost or made.
local split = {}

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

--- Who pays the contract's invoices, in order.
---@param ctx billing.Context
---@param contract table
---@return billing.Payer[]
function split.payers(ctx, contract)
  if not contract.payers or #contract.payers == 0 then
    return { { customer = ctx.customers[contract.customer_id] } }
  end
  local payers = {}
  for i, payer in ipairs(contract.payers) do
    payers[i] = {
      customer = ctx.customers[payer.customer_id],
      percent = payer.percent,
      tax_code = payer.tax_code,
    }
  end
  return payers
end

local function copy_of(fields, changes)
  local copy = {}
  for name, value in pairs(fields) do
    copy[name] = value
  end
  for name, value in pairs(changes) do
    copy[name] = value
  end
  return copy
end

local function share_of_line(line, share, payer)
  return copy_of(line, {
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

--- Each payer's share of every line; shares of 0 make no line. With a customer alone the lines stay
--- as they are.
---@param lines billing.Line[]
---@param payers billing.Payer[]
---@param d integer
---@return billing.Line[][]   by payer
function split.lines(lines, payers, d)
  if not payers[1].percent then
    return { lines }
  end
  local by_payer, weights = {}, percents(payers)
  for i in ipairs(payers) do
    by_payer[i] = {}
  end
  for _, line in ipairs(lines) do
    for i, share in ipairs(split.largest_remainder(line.net_amount, weights, d)) do
      if not share:is_zero() then
        table.insert(by_payer[i], share_of_line(line, share, payers[i]))
      end
    end
  end
  return by_payer
end

--- Each payer's share of every allowance.
---@param allowances billing.Allowance[]
---@param payers billing.Payer[]
---@param d integer
---@return billing.Allowance[][]   by payer
function split.allowances(allowances, payers, d)
  if not payers[1].percent then
    return { allowances }
  end
  local by_payer, weights = {}, percents(payers)
  for i in ipairs(payers) do
    by_payer[i] = {}
  end
  for _, allowance in ipairs(allowances) do
    for i, share in ipairs(split.largest_remainder(allowance.amount, weights, d)) do
      if not share:is_zero() then
        table.insert(by_payer[i], copy_of(allowance, { amount = share }))
      end
    end
  end
  return by_payer
end

return split
