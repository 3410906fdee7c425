--- The contract's one discount as document allowances, one per tax code (model 3.10).
local discount = {}

local decimal = require("billow.decimal")
local split = require("billow.billing.split")

local HUNDRED = decimal(100)
local REASON_CODE = "95" -- UNTDID 5189

--- What a discount without a name of its own says.
discount.REASON = "Discount"

-- Lines without an override of their tax code are one group.
local NO_OVERRIDE = ""

---@class billing.TaxCodeBase
---@field tax_code? string   override, nil for lines without one
---@field base Decimal

--- Nets of the lines in `components`, by tax code in order of the first line.
---@param lines billing.Line[]
---@param components string[]
---@return billing.TaxCodeBase[]
function discount.bases(lines, components)
  local wanted, of_code, bases = {}, {}, {}
  for _, component in ipairs(components) do
    wanted[component] = true
  end
  for _, line in ipairs(lines) do
    if wanted[line.component] then
      local code = line.tax_code or NO_OVERRIDE
      if not of_code[code] then
        of_code[code] = { tax_code = line.tax_code, base = decimal(0) }
        bases[#bases + 1] = of_code[code]
      end
      of_code[code].base = of_code[code].base + line.net_amount
    end
  end
  return bases
end

--- Divide an amount over tax codes by largest remainder with the bases as weights. Bases of 0 or
--- less take no part.
---@param amount Decimal
---@param bases billing.TaxCodeBase[]
---@param d integer
---@return {tax_code?: string, amount: Decimal}[]   in the order of the bases, none of them 0
function discount.divide(amount, bases, d)
  local weights, members, parts = {}, {}, {}
  for _, base in ipairs(bases) do
    if base.base:sign() > 0 then
      weights[#weights + 1] = base.base
      members[#members + 1] = base
    end
  end
  if #weights == 0 then
    return parts
  end
  for i, share in ipairs(split.largest_remainder(amount, weights, d)) do
    if not share:is_zero() then
      parts[#parts + 1] = { tax_code = members[i].tax_code, amount = share }
    end
  end
  return parts
end

local function by_percent(percent, bases, d)
  local parts = {}
  for _, base in ipairs(bases) do
    local amount = (base.base * percent / HUNDRED):round(d)
    if not amount:is_zero() then
      parts[#parts + 1] = { tax_code = base.tax_code, amount = amount }
    end
  end
  return parts
end

local function by_amount(amount, bases, d)
  local total = decimal(0)
  for _, base in ipairs(bases) do
    total = total + base.base
  end
  local granted = decimal.min(amount, total)
  return granted:sign() > 0 and discount.divide(granted, bases, d) or {}
end

--- The allowances of a contract's discount on these lines; none without a discount.
---@param contract table
---@param lines billing.Line[]   of the 380, overrides already settled
---@param d integer
---@return billing.Allowance[]
function discount.allowances(contract, lines, d)
  local terms = contract.discount
  if not terms then
    return {}
  end
  local bases = discount.bases(lines, terms.components)
  local parts = terms.percent and by_percent(terms.percent, bases, d)
    or by_amount(terms.amount, bases, d)
  local made = {}
  for i, part in ipairs(parts) do
    made[i] = {
      component = "discount",
      amount = part.amount,
      reason = discount.REASON,
      reason_code = REASON_CODE,
      tax_code = part.tax_code,
    }
  end
  return made
end

return discount
