--- Discounts in their fixed order (capability A21): percentages, the volume discount, fixed
--- amounts, promised credit, then the cap.
---
--- The order does not depend on how they are written down, so that the same terms always come to
--- the same cents. Each one is taken off what the ones before left, never below 0, and is rounded
--- once.
local reductions = {}

local decimal = require("billow.decimal")
local tiers = require("billow.billing.tiers")

local ZERO = decimal(0)
local PERCENT = decimal(100)

reductions.KINDS = { "percent", "volume", "amount", "credit" }
reductions.VOLUME_MODES = { "whole", "marginal" }

---@class billing.Reduction
---@field kind "percent"|"volume"|"amount"|"credit"
---@field percent? Decimal         percent
---@field amount? Decimal          amount; credit: what is left of it
---@field tiers? billing.Tier[]    volume: percent by what the year came to
---@field year_to_date? Decimal    volume: before this invoice
---@field mode? "whole"|"marginal" volume: the tier reached prices all of this invoice, or each part
---                                the tier it falls into
---@field name string

---@class billing.Reduced
---@field name string
---@field kind string
---@field base Decimal
---@field amount Decimal

--- The percentage of the tier that a total has reached.
---@param list billing.Tier[]
---@param total Decimal
---@return Decimal
local function percent_at(list, total)
  for _, tier in ipairs(list) do
    if tier.up_to == nil or total <= tier.up_to then
      return tier.percent
    end
  end
  return list[#list].percent
end

local OFF = {}

function OFF.percent(own, base)
  return base * own.percent / PERCENT
end

function OFF.amount(own)
  return own.amount
end

OFF.credit = OFF.amount

function OFF.volume(own, base)
  local after = own.year_to_date + base
  if own.mode ~= "marginal" then
    return base * percent_at(own.tiers, after) / PERCENT
  end
  local function so_far(total)
    local sum = ZERO
    for _, part in ipairs(tiers.graduated_percentage(own.tiers, total)) do
      sum = sum + (part.is_flat and ZERO or part.quantity * part.percent / PERCENT)
    end
    return sum
  end
  return so_far(after) - so_far(own.year_to_date)
end

--- What one discount takes off an amount: rounded, never below 0, never more than there is.
---@param own billing.Reduction
---@param left Decimal
---@param d integer
---@return Decimal
function reductions.off(own, left, d)
  return decimal.max(ZERO, decimal.min(OFF[own.kind](own, left):round(d), left))
end

--- Apply discounts to an amount.
---@param amount Decimal
---@param list billing.Reduction[]
---@param maximum Decimal|nil   what is left may not be more
---@param d integer
---@return billing.Reduced[]    in the order in which they were applied
---@return Decimal left
function reductions.apply(amount, list, maximum, d)
  local applied, left = {}, amount
  local function take(name, kind, off, percent)
    off = decimal.max(ZERO, decimal.min(off, left))
    applied[#applied + 1] = { name = name, kind = kind, base = left, amount = off,
      percent = percent }
    left = left - off
  end
  for _, kind in ipairs(reductions.KINDS) do
    for _, own in ipairs(list) do
      if own.kind == kind then
        take(own.name, kind, reductions.off(own, left, d), own.percent)
      end
    end
  end
  if maximum and left > maximum then
    take("maximum_spend", "maximum_spend", left - maximum)
  end
  return applied, left
end

return reductions
