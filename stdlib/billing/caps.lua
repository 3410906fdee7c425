--- Caps inside a period (capabilities A4, V3): at most so many hours, or so much money, for each
--- person's day or week, each task, each role.
---
--- A cap divides the works by the words in `per` and lets each group through as far as it fits, by
--- work date and source order, cut at a whole minute. The rest is held, written off, or shown
--- without charge. Caps follow one another; the contract's ceiling comes after them.
local caps = {}

local ceiling = require("billow.billing.ceiling")
local copy = require("billow.billing.copy")
local date = require("billow.date")
local decimal = require("billow.decimal")
local rounding = require("billow.billing.rounding")

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

---@param words string[]
---@return fun(work: billing.Work): string
local function key_of(words)
  return function(work)
    local values = {}
    for i, word in ipairs(words) do
      values[i] = VALUES[word](work)
    end
    return table.concat(values, "\0")
  end
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

--- One cap over some works.
---@param works billing.Work[]
---@param cap table
---@param terms table
---@param d integer
---@param off {works: billing.Work[], overflow: string}[]   gets what is kept off
---@return billing.Work[] billed
local function apply_one(works, cap, terms, d, off)
  local billed = {}
  local pools, order = rounding.pools(works, key_of(cap.per))
  for _, key in ipairs(order) do
    local cut = ceiling.fit(pools[key], cap.hours or cap.amount, terms, cap.amount ~= nil, d)
    for _, work in ipairs(cut.billed) do
      billed[#billed + 1] = work
    end
    if cap.overflow == "no_charge" then
      for _, work in ipairs(cut.overflow) do
        billed[#billed + 1] = without_charge(work)
      end
    elseif #cut.overflow > 0 then
      off[#off + 1] = { works = cut.overflow, overflow = cap.overflow }
    end
  end
  return billed
end

--- Works as far as the caps let them through.
---@param works billing.Work[]   with billed_seconds and rate
---@param terms table            caps, and the terms of lines
---@param d integer
---@return billing.Work[] billed
---@return {works: billing.Work[], overflow: "hold"|"write_off"}[] off
function caps.apply(works, terms, d)
  local off = {}
  for _, cap in ipairs(terms.caps or {}) do
    works = apply_one(works, cap, terms, d, off)
  end
  return works, off
end

return caps
