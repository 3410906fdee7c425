--- Retainage: the part of a fixed fee held back until the work is proven (data model 3.7).
---
--- What must be withheld is a function of everything billed so far, never of one invoice; an
--- invoice withholds the difference. So rounding cannot pile up and a percentage that steps down
--- works.
---@class billing.retainage
local retainage = {}

local decimal = require("billow.decimal")

local ZERO = decimal(0)
local PERCENT = decimal(100)

--- The part of `billed` inside each band of the fee, times the band's percentage.
---@param bands {up_to_percent: Decimal|nil, percent: Decimal}[]
---@param fee Decimal
---@param billed Decimal
---@return Decimal  not rounded
local function over_bands(bands, fee, billed)
  local sum, lower = ZERO, ZERO
  for _, band in ipairs(bands) do
    local upper = band.up_to_percent and fee * band.up_to_percent / PERCENT or nil
    local reached = upper and decimal.min(billed, upper) or billed
    if reached > lower then
      sum = sum + (reached - lower) * band.percent / PERCENT
    end
    if not upper then
      break
    end
    lower = upper
  end
  return sum
end

--- The most that may be withheld; nil when there is no cap.
local function cap_of(terms, fee)
  return terms.cap_amount or terms.cap_percent and fee * terms.cap_percent / PERCENT
end

--- What must be withheld when `billed` of the fee is billed, up to the cap.
---@param terms {percent: Decimal|nil, bands: table[]|nil, cap_percent: Decimal|nil,
---       cap_amount: Decimal|nil}
---@param fee Decimal
---@param billed Decimal  net, all invoices
---@param d integer
---@return Decimal
function retainage.target(terms, fee, billed, d)
  local target = terms.bands and #terms.bands > 0 and over_bands(terms.bands, fee, billed)
    or billed * (terms.percent or ZERO) / PERCENT
  local cap = cap_of(terms, fee)
  return (cap and decimal.min(target, cap) or target):round(d)
end

--- What this invoice withholds; never negative: what is withheld comes back by release only.
---@param terms table
---@param fee Decimal
---@param billed Decimal    including this invoice
---@param withheld Decimal  by earlier invoices
---@param d integer
---@return Decimal
function retainage.withhold(terms, fee, billed, withheld, d)
  return decimal.max(ZERO, retainage.target(terms, fee, billed, d) - withheld)
end

--- Whether the retainage is free: its milestone is accepted, or its date has come.
---@param terms {release: {milestone_id: string|nil, date: string|nil}|nil}
---@param is_accepted fun(milestone_id: string): boolean  with evidence, by the end of the period
---@param period_end string
---@return boolean
function retainage.is_released(terms, is_accepted, period_end)
  local release = terms.release
  if not release then
    return false
  elseif release.milestone_id and is_accepted(release.milestone_id) then
    return true
  end
  return release.date ~= nil and period_end >= release.date
end

return retainage
