--- Price indexation (capability A22): prices follow an index from year to year, inside a floor and
--- a cap, once notice was given.
---
--- The factor of an adjustment is index / base index. What it changes by is kept inside
--- `floor_percent` and `cap_percent`; a change smaller than `threshold_percent` waits for the next
--- date and is measured from the same base. Each adjustment that holds becomes the base of the next
--- one. Without notice in time an adjustment does not hold.
local indexation = {}

local date = require("billow.date")
local decimal = require("billow.decimal")

local ONE = decimal(1)
local PERCENT = decimal(100)
-- A quotient of index values need not end; enough for prices of any size.
local FACTOR_DECIMALS = 12

---@class billing.IndexTerms
---@field base_value Decimal            of the index when the prices were agreed
---@field floor_percent? Decimal        least change of one adjustment, may be negative
---@field cap_percent? Decimal          greatest change of one adjustment
---@field threshold_percent? Decimal    a change below it is left out
---@field share_percent? Decimal        part of the price that follows the index; 100 when absent
---@field notice_days? integer          between notice and the day from which the new price holds

---@class billing.IndexAdjustment
---@field valid_from string
---@field value Decimal                 of the index
---@field notice_date? string

---@class billing.IndexStep
---@field valid_from string
---@field change_percent Decimal        of the index since the last base
---@field applied_percent Decimal       after floor, cap and share
---@field factor Decimal                on the agreed prices from this day on
---@field note? string                  why less, more or nothing was applied

---@param change Decimal
---@param terms billing.IndexTerms
---@return Decimal applied
---@return string? note
local function bounded(change, terms)
  if terms.threshold_percent and change:abs() < terms.threshold_percent then
    return decimal(0), "below the threshold of " .. tostring(terms.threshold_percent) .. " %"
  elseif terms.cap_percent and change > terms.cap_percent then
    return terms.cap_percent, "capped at " .. tostring(terms.cap_percent) .. " %"
  elseif terms.floor_percent and change < terms.floor_percent then
    return terms.floor_percent, "raised to the floor of " .. tostring(terms.floor_percent) .. " %"
  end
  return change, nil
end

---@param terms billing.IndexTerms
---@param adjustment billing.IndexAdjustment
---@return string? note   why it does not hold
local function missed_notice(terms, adjustment)
  if not terms.notice_days then
    return nil
  elseif not adjustment.notice_date then
    return "no notice was given"
  end
  local last = date.add_days(adjustment.valid_from, -terms.notice_days)
  return adjustment.notice_date > last
      and "notice of " .. adjustment.notice_date .. " came after " .. last
    or nil
end

--- The factors of agreed prices, one a date.
---@param terms billing.IndexTerms
---@param adjustments billing.IndexAdjustment[]   by valid_from
---@return billing.IndexStep[]
function indexation.steps(terms, adjustments)
  local steps, base, factor = {}, terms.base_value, ONE
  for i, adjustment in ipairs(adjustments) do
    local change = ((adjustment.value - base) * PERCENT / base):round(FACTOR_DECIMALS)
    local applied, note = bounded(change, terms)
    local missed = missed_notice(terms, adjustment)
    if missed then
      applied, note = decimal(0), missed
    elseif not applied:is_zero() or change:is_zero() then
      base = adjustment.value
    end
    applied = applied * (terms.share_percent or PERCENT) / PERCENT
    factor = (factor * (PERCENT + applied) / PERCENT):round(FACTOR_DECIMALS)
    steps[i] = {
      valid_from = adjustment.valid_from,
      change_percent = change,
      applied_percent = applied,
      factor = factor,
      note = note,
    }
  end
  return steps
end

--- The factor in force on a day.
---@param steps billing.IndexStep[]
---@param day string
---@return Decimal
function indexation.factor_on(steps, day)
  local factor = ONE
  for _, step in ipairs(steps) do
    if step.valid_from <= day then
      factor = step.factor
    end
  end
  return factor
end

--- A contract's price on a day: its agreed price, as far as it follows an index.
---@param contract table   indexation, perhaps
---@param price Decimal
---@param day string
---@return Decimal price    rounded to the terms' price_decimals when the factor is not 1
---@return string? note     for the explanation
function indexation.price(contract, price, day)
  local terms = contract.indexation
  if not terms then
    return price, nil
  end
  local factor = indexation.factor_on(indexation.steps(terms, terms.adjustments), day)
  if factor == ONE then
    return price, nil
  end
  local after = (price * factor):round(terms.price_decimals)
  return after, "index factor " .. tostring(factor) .. " = " .. tostring(after)
end

return indexation
