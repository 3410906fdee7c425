--- Rounding of durations to an increment, by pool (model 3.4).
---
--- A pool's total is rounded once; the difference goes to the last entry of the pool in source
--- order, a negative one backwards from there and never below zero. Rounding comes before ceilings
--- and retainer draw.
local rounding = {}

local copy = require("billow.billing.copy")

local FIXED = "LS"

local POOLS = {
  entry = function(work)
    return work.id
  end,
  person_day = function(work)
    return work.person .. "\0" .. work.work_date
  end,
  task_day = function(work)
    return work.task .. "\0" .. work.work_date
  end,
}

--- `seconds` rounded to whole increments of `increment` seconds: whole numbers only.
---@param seconds integer
---@param increment integer
---@param mode "up"|"nearest"|"down"
---@return integer
function rounding.round(seconds, increment, mode)
  if mode == "up" then
    return (seconds + increment - 1) // increment * increment
  elseif mode == "down" then
    return seconds // increment * increment
  end
  return (2 * seconds + increment) // (2 * increment) * increment
end

local function copy_with(work, billed_seconds, trace)
  return copy.with(work, { billed_seconds = billed_seconds, rounding = trace })
end

local function in_source_order(works)
  local ordered = copy.list(works)
  table.sort(ordered, function(a, b)
    return a.sequence < b.sequence
  end)
  return ordered
end

--- Spread a pool's difference over its entries, the last one first.
---@param pool billing.Work[]       in source order
---@param difference integer
---@param billed table<billing.Work, integer>   gets the seconds
---@param from "worked_seconds"|"billed_seconds"   what the difference is added to
function rounding.spread(pool, difference, billed, from)
  for i = #pool, 1, -1 do
    local work = pool[i]
    local seconds = work[from] + difference
    if seconds >= 0 then
      difference = 0
    else
      difference, seconds = seconds, 0
    end
    billed[work] = seconds
  end
end

--- Works in pools: those with the same key, each pool in source order.
---@param works billing.Work[]
---@param key_of fun(work: billing.Work): string
---@return table<string, billing.Work[]> pools
---@return string[] order   keys, in source order of their first work
function rounding.pools(works, key_of)
  local pools, order = {}, {}
  for _, work in ipairs(in_source_order(works)) do
    local key = key_of(work)
    if not pools[key] then
      pools[key] = {}
      order[#order + 1] = key
    end
    table.insert(pools[key], work)
  end
  return pools, order
end

--- A fixed sum is due whatever the duration.
local function is_kept(work, seconds)
  return seconds > 0 or work.rate ~= nil and work.rate.unit_code == FIXED
end

local function split_off_zero(works, billed, traces)
  local kept, away = {}, {}
  for _, work in ipairs(works) do
    local target = is_kept(work, billed[work]) and kept or away
    target[#target + 1] = copy_with(work, billed[work], traces[work.id])
  end
  return kept, away
end

--- Give every work its billed_seconds.
---@param works billing.Work[]
---@param terms? {increment_minutes: integer, mode: string, scope: string}   nil: as worked
---@param line_key? fun(work: billing.Work): string   needed for scope "line" (lines.key_of)
---@return billing.Work[] kept    copies with billed_seconds > 0, in the order given
---@return billing.Work[] away    copies whose billed_seconds became 0 (disposition rounded_away)
function rounding.apply(works, terms, line_key)
  local billed, traces = {}, {}
  if not terms then
    for _, work in ipairs(works) do
      billed[work] = work.worked_seconds
    end
    return split_off_zero(works, billed, traces)
  end
  local increment = terms.increment_minutes * 60
  local key_of = terms.scope == "line" and assert(line_key, "scope line needs a line key")
    or POOLS[terms.scope]
  local pools, order = rounding.pools(works, key_of)
  for _, key in ipairs(order) do
    local pool, total = pools[key], 0
    for _, work in ipairs(pool) do
      total = total + work.worked_seconds
    end
    local rounded = rounding.round(total, increment, terms.mode)
    rounding.spread(pool, rounded - total, billed, "worked_seconds")
    for _, work in ipairs(pool) do
      traces[work.id] = {
        scope = terms.scope,
        mode = terms.mode,
        increment_minutes = terms.increment_minutes,
        pool_entries = #pool,
        pool_seconds = total,
        pool_rounded_seconds = rounded,
      }
    end
  end
  return split_off_zero(works, billed, traces)
end

return rounding
