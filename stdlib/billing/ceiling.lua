--- Ceilings of time and materials (model 3.6): the longest prefix that fits, cut at a whole minute.
---
--- Order is work date, then source order. No-charge entries are outside the ceiling: always billed,
--- never counted.
local ceiling = {}

local copy = require("billow.billing.copy")
local decimal = require("billow.decimal")
local figures = require("billow.billing.figures")
local lines = require("billow.billing.lines")
local rates = require("billow.billing.rates")

local SECONDS_PER_MINUTE = 60
local SECONDS_PER_HOUR = decimal(3600)
local USED_HOURS_DECIMALS = 6

---@class billing.Cut
---@field billed billing.Work[]     with billed_seconds as far as they fit
---@field overflow billing.Work[]   the rest, billed_seconds = what did not fit
---@field available Decimal         what was left before (amount or hours)

local function copy_with_seconds(work, seconds)
  return copy.with(work, { billed_seconds = seconds })
end

--- Order in which a ceiling, or a retainer, is used up.
---@param works billing.Work[]
---@return billing.Work[]
function ceiling.in_order(works)
  local ordered = copy.list(works)
  table.sort(ordered, function(a, b)
    if a.work_date ~= b.work_date then
      return a.work_date < b.work_date
    end
    return a.sequence < b.sequence
  end)
  return ordered
end

--- What is left of the ceiling at the start of the period, not below 0.
---@param terms table     amount | hours, scope
---@param used? Decimal   opening.ceiling_used
---@return Decimal
function ceiling.available(terms, used)
  local limit = terms.amount or terms.hours
  if terms.scope == "contract" and used then
    limit = limit - used
  end
  return decimal.max(limit, decimal(0))
end

--- A meter counts what the works so far would cost. `try` tells whether a work fits, `take` counts
--- it.
---@class billing.CeilingMeter
---@field fits fun(work: billing.Work, seconds: integer): boolean
---@field take fun(work: billing.Work, seconds: integer)

--- Nets of the lines that the works would make; one running total per line.
local function amount_meter(available, terms, d)
  local key_of, totals, nets, sum = lines.key_of(terms.grouping), {}, {}, decimal(0)
  local function with(work, seconds)
    local key = key_of(work)
    local total = lines.add(totals[key], seconds, work.rate, terms)
    local _, net = lines.measure(total, work.rate, terms, d)
    return key, total, net, sum - (nets[key] or decimal(0)) + net
  end
  return {
    fits = function(work, seconds)
      local _, _, _, after = with(work, seconds)
      return after <= available
    end,
    take = function(work, seconds)
      local key, total, net, after = with(work, seconds)
      totals[key], nets[key], sum = total, net, after
    end,
    taken = function()
      return sum
    end,
  }
end

--- What works cost on their lines; those without charge nothing.
---@param works billing.Work[]
---@param terms table   of the lines
---@param d integer
---@return Decimal
function ceiling.amount_of(works, terms, d)
  local meter = amount_meter(decimal(0), terms, d)
  for _, work in ipairs(works) do
    if not work.rate.is_no_charge then
      meter.take(work, work.billed_seconds)
    end
  end
  return meter.taken()
end

local function hours_meter(available)
  local limit, seconds_taken = available * SECONDS_PER_HOUR, 0
  return {
    fits = function(_, seconds)
      return decimal(seconds_taken + seconds) <= limit
    end,
    take = function(_, seconds)
      seconds_taken = seconds_taken + seconds
    end,
  }
end

--- The largest number of whole minutes of `work`, fewer than all of it, that still fits.
local function whole_minutes(meter, work)
  local low, high = 0, (work.billed_seconds - 1) // SECONDS_PER_MINUTE
  while low < high do
    local middle = (low + high + 1) // 2
    if meter.fits(work, middle * SECONDS_PER_MINUTE) then
      low = middle
    else
      high = middle - 1
    end
  end
  return low
end

--- A fixed sum is billed whole or not at all.
local function place(cut, meter, work)
  local minutes = work.rate.unit_code == rates.FIXED and 0 or whole_minutes(meter, work)
  local seconds = minutes * SECONDS_PER_MINUTE
  if seconds > 0 then
    meter.take(work, seconds)
    table.insert(cut.billed, copy_with_seconds(work, seconds))
  end
  table.insert(cut.overflow, copy_with_seconds(work, work.billed_seconds - seconds))
end

--- Divide rounded, rated works into what fits into `available` and the overflow.
---@param works billing.Work[]
---@param available Decimal
---@param terms table      of the lines: grouping, quantity_decimals, quantity_basis, hours_per_day
---@param is_amount boolean   `available` is money; else hours
---@param d integer
---@return billing.Cut
function ceiling.fit(works, available, terms, is_amount, d)
  local meter = is_amount and amount_meter(available, terms, d) or hours_meter(available)
  local cut, is_full = { billed = {}, overflow = {}, available = available }, false
  for _, work in ipairs(ceiling.in_order(works)) do
    if work.rate.is_no_charge then
      table.insert(cut.billed, work)
    elseif is_full then
      table.insert(cut.overflow, work)
    elseif meter.fits(work, work.billed_seconds) then
      meter.take(work, work.billed_seconds)
      table.insert(cut.billed, work)
    else
      is_full = true
      place(cut, meter, work)
    end
  end
  return cut
end

--- Divide rounded, rated works into what the contract's ceiling lets through and the overflow.
---@param works billing.Work[]
---@param contract table
---@param used? Decimal   opening.ceiling_used of the contract
---@param d integer
---@return billing.Cut
function ceiling.cut(works, contract, used, d)
  local terms = contract.terms
  local available = ceiling.available(terms.ceiling, used)
  return ceiling.fit(works, available, terms, terms.ceiling.amount ~= nil, d)
end

--- ceiling_used after the period: the nets of the time lines, or their hours without no-charge.
--- Hours that do not end are cut, not rounded up, so that the next period never loses a minute.
---@param contract table
---@param used? Decimal
---@param time_lines billing.Line[]
---@param billed billing.Work[]
---@param d integer
---@return Decimal   with the decimals it is written with
function ceiling.used_after(contract, used, time_lines, billed, d)
  local before = used or decimal(0)
  if contract.terms.ceiling.amount then
    for _, line in ipairs(time_lines) do
      before = before + line.net_amount
    end
    return before:round(d)
  end
  local seconds = 0
  for _, work in ipairs(billed) do
    seconds = seconds + (work.rate.is_no_charge and 0 or work.billed_seconds)
  end
  return figures.trim(before + figures.hours(seconds):round(USED_HOURS_DECIMALS, "down"))
end

return ceiling
