--- Caps (capabilities A4, V3): at most so many hours, or so much money, for each person's day or
--- week, each task, each role, each month; in every period anew, or over the contract's life.
---
--- A cap divides the works by the words in `per` and lets each group through as far as it fits, by
--- work date and source order, cut at a whole minute. The rest is held, written off, or shown
--- without charge. Caps follow one another; the contract's ceiling comes after them. What a cap
--- over the contract's life has let through is kept with the closing, counted after the ceiling:
--- only what is billed uses it up.
local caps = {}

local ceiling = require("billow.billing.ceiling")
local copy = require("billow.billing.copy")
local date = require("billow.date")
local decimal = require("billow.decimal")
local figures = require("billow.billing.figures")
local rounding = require("billow.billing.rounding")

local SECONDS_PER_HOUR, HOURS_DECIMALS = decimal(3600), 12

local VALUES = {
  person = function(work)
    return work.person
  end,
  role = function(work)
    return work.role
  end,
  task = function(work)
    return work.task
  end,
  project = function(work)
    return work.project
  end,
  day = function(work)
    return work.work_date
  end,
  week = function(work)
    return date.iso_week(work.work_date)
  end,
  month = function(work)
    return work.work_date:sub(1, 7)
  end,
}

caps.PER = { "person", "role", "task", "project", "day", "week", "month" }
caps.OVERFLOWS = { "hold", "write_off", "no_charge" }
caps.SCOPES = { "period", "contract" }

--- What a cap over the contract's life has let through, of one group.
---@class billing.CapUsed
---@field per string[]
---@field unit "seconds"|"amount"
---@field key string[]   by the words of `per`
---@field used Decimal

---@class billing.CapReached
---@field cap table
---@field key string[]
---@field seconds integer   that are beyond it

local SEPARATOR = "\0"

--- A work's values of the words, such as {"Ana", "2026-W41"}.
local function values_of(work, words)
  local values = {}
  for i, word in ipairs(words) do
    values[i] = VALUES[word](work)
  end
  return values
end

---@param words string[]
---@return fun(work: billing.Work): string
local function key_of(words)
  return function(work)
    return table.concat(values_of(work, words), SEPARATOR)
  end
end

local function unit_of(cap)
  return cap.hours and "seconds" or "amount"
end

--- The name under which a cap's use is kept: two caps over the contract's life that divide the
--- work alike, by the same unit, would be one.
---@param cap table
---@return string
function caps.name(cap)
  return unit_of(cap) .. " per " .. table.concat(cap.per, ", ")
end

local function name_of_used(row)
  return row.unit .. " per " .. table.concat(row.per, ", ")
end

--- How much of a cap's group was used in earlier periods.
local function used_before(cap, key, used)
  for _, row in ipairs(cap.scope == "contract" and used or {}) do
    if name_of_used(row) == caps.name(cap) and table.concat(row.key, SEPARATOR) == key then
      return row.used
    end
  end
  return decimal(0)
end

---@param work billing.Work
---@return billing.Work
local function without_charge(work)
  local steps = { table.unpack(work.rate.steps) }
  steps[#steps + 1] = "beyond a cap: no charge"
  local rate =
    copy.with(work.rate, { price = decimal(0), is_no_charge = true, steps = steps })
  return copy.with(work, { rate = rate })
end

--- What is left of a cap for a group: hours, or money. Hours that do not end are rounded up, by
--- less than any second, so that no minute that is left is lost.
local function available(cap, key, used)
  local before = used_before(cap, key, used)
  local left = cap.hours and cap.hours - before / SECONDS_PER_HOUR or cap.amount - before
  return decimal.max(cap.hours and left:round(HOURS_DECIMALS, "up") or left, decimal(0))
end

local function seconds_of(works)
  local seconds = 0
  for _, work in ipairs(works) do
    seconds = seconds + work.billed_seconds
  end
  return seconds
end

---@class billing.Capped
---@field billed billing.Work[]
---@field off {works: billing.Work[], overflow: string}[]   what is kept off
---@field reached billing.CapReached[]

--- One cap over the works that the ones before it let through.
local function apply_one(made, cap, terms, used, d)
  local billed = {}
  local pools, order = rounding.pools(made.billed, key_of(cap.per))
  for _, key in ipairs(order) do
    local cut = ceiling.fit(pools[key], available(cap, key, used), terms, cap.amount ~= nil, d)
    for _, work in ipairs(cut.billed) do
      billed[#billed + 1] = work
    end
    if #cut.overflow > 0 then
      made.reached[#made.reached + 1] =
        { cap = cap, key = values_of(cut.overflow[1], cap.per), seconds = seconds_of(cut.overflow) }
    end
    if cap.overflow == "no_charge" then
      for _, work in ipairs(cut.overflow) do
        billed[#billed + 1] = without_charge(work)
      end
    elseif #cut.overflow > 0 then
      made.off[#made.off + 1] = { works = cut.overflow, overflow = cap.overflow }
    end
  end
  made.billed = billed
end

--- Works as far as the caps let them through.
---@param works billing.Work[]        with billed_seconds and rate
---@param terms table                 caps, and the terms of lines
---@param used? billing.CapUsed[]     of earlier periods
---@param d integer
---@return billing.Capped
function caps.apply(works, terms, used, d)
  local made = { billed = works, off = {}, reached = {} }
  for _, cap in ipairs(terms.caps or {}) do
    apply_one(made, cap, terms, used, d)
  end
  return made
end

--- What a cap's group has used with these works.
local function used_by(works, cap, terms, d)
  if cap.amount then
    return ceiling.amount_of(works, terms, d)
  end
  local seconds = 0
  for _, work in ipairs(works) do
    seconds = seconds + (work.rate.is_no_charge and 0 or work.billed_seconds)
  end
  return decimal(seconds)
end

--- What caps over the contract's life have let through after the period; nil without such a cap.
---@param billed billing.Work[]      what stands on time lines in the end
---@param terms table
---@param used? billing.CapUsed[]    of earlier periods
---@param d integer
---@return billing.CapUsed[]?
function caps.used_after(billed, terms, used, d)
  local after, row_of, has_any = {}, {}, false
  for i, row in ipairs(used or {}) do
    after[i] = { per = row.per, unit = row.unit, key = row.key, used = row.used }
    row_of[name_of_used(row) .. SEPARATOR .. table.concat(row.key, SEPARATOR)] = after[i]
  end
  for _, cap in ipairs(terms.caps or {}) do
    if cap.scope == "contract" then
      has_any = true
      local pools, order = rounding.pools(billed, key_of(cap.per))
      for _, key in ipairs(order) do
        local id = caps.name(cap) .. SEPARATOR .. key
        local row = row_of[id]
        if not row then
          local values = values_of(pools[key][1], cap.per)
          row = { per = cap.per, unit = unit_of(cap), key = values, used = decimal(0) }
          row_of[id], after[#after + 1] = row, row
        end
        row.used = row.used + used_by(pools[key], cap, terms, d)
      end
    end
  end
  return (has_any or #after > 0) and after or nil
end

-- Groups that a message names; all are in the details.
local GROUPS_SHOWN = 5
local WAYS = { hold = "held", write_off = "written off", no_charge = "shown without charge" }

local function group_text(one)
  local cap = one.cap
  return string.format(
    "%s hours of %s beyond %s per %s%s are %s",
    figures.plain(figures.hours(one.seconds):round(2)),
    table.concat(one.key, ", "),
    cap.hours and figures.plain(cap.hours) .. " hours" or figures.plain(cap.amount),
    table.concat(cap.per, " and "),
    cap.scope == "contract" and " over the contract's life" or "",
    WAYS[cap.overflow]
  )
end

--- Which caps were reached, in words.
---@param reached billing.CapReached[]
---@return string
function caps.text(reached)
  local texts = {}
  for i = 1, math.min(#reached, GROUPS_SHOWN) do
    texts[i] = group_text(reached[i])
  end
  if #reached > GROUPS_SHOWN then
    texts[#texts + 1] = string.format("and %d groups more", #reached - GROUPS_SHOWN)
  end
  return table.concat(texts, "; ")
end

return caps
