--- Progressive billing (capability A16): usage that reaches a threshold inside a period is billed
--- at once, and what was billed is credited on the period's invoice.
---
--- Thresholds are amounts of the period's usage. The invoice is for everything used so far and not
--- billed yet, not for the threshold; an event that passes several thresholds makes one invoice.
--- After the last threshold another one follows every `recurring` amount, when the terms have one.
local progressive = {}

local decimal = require("billow.decimal")

local ZERO = decimal(0)

---@class billing.ProgressiveTerms
---@field thresholds Decimal[]     rising
---@field recurring? Decimal       above 0

---@class billing.ProgressiveInvoice
---@field after_events integer     the event that reached the threshold
---@field threshold Decimal        the highest one reached
---@field total Decimal            usage so far
---@field amount Decimal           of this invoice

--- The threshold that follows `reached`; nil when none does.
---@param terms billing.ProgressiveTerms
---@param reached Decimal
---@return Decimal?
local function next_threshold(terms, reached)
  for _, threshold in ipairs(terms.thresholds) do
    if threshold > reached then
      return threshold
    end
  end
  if not terms.recurring then
    return nil
  end
  local last = terms.thresholds[#terms.thresholds] or ZERO
  return last + ((reached - last):idiv(terms.recurring) + 1) * terms.recurring
end

--- The highest threshold not above a total.
local function highest_reached(terms, total)
  local reached, following = ZERO, next_threshold(terms, ZERO)
  while following and following <= total do
    reached, following = following, next_threshold(terms, following)
  end
  return reached
end

--- The invoices that a period's events cause before its end.
---@param terms billing.ProgressiveTerms
---@param count integer                           events, in order of time
---@param total_after fun(events: integer): Decimal   usage of the first so many events, rounded
---@return billing.ProgressiveInvoice[]
function progressive.invoices(terms, count, total_after)
  local made, billed = {}, ZERO
  local threshold = next_threshold(terms, ZERO)
  for events = 1, count do
    if not threshold then
      break
    end
    local total = total_after(events)
    if total >= threshold then
      local reached = highest_reached(terms, total)
      made[#made + 1] = {
        after_events = events,
        threshold = reached,
        total = total,
        amount = total - billed,
      }
      billed = total
      threshold = next_threshold(terms, reached)
    end
  end
  return made
end

return progressive
