--- Progressive billing of an item: its invoices at thresholds, and the period's invoice that
--- credits them.
local progressive_item = {}

local decimal = require("billow.decimal")
local explanation = require("billow.billing.explanation")
local json = require("billow.json")
local progressive = require("billow.billing.progressive")

---@param reader billing.Reader
---@return billing.ProgressiveTerms
local function terms_of(reader)
  local terms = reader:object("progressive_billing")
  local read = {
    thresholds = terms:decimals("thresholds", { min = 0 }),
    recurring = terms:decimal("recurring", { is_optional = true, above = 0 }),
  }
  for index, threshold in ipairs(read.thresholds) do
    if threshold <= (read.thresholds[index - 1] or decimal(0)) then
      terms:refuse("thresholds", "write amounts above 0 that rise")
    end
  end
  if #read.thresholds == 0 and not read.recurring then
    terms:refuse("thresholds", "write at least one amount")
  end
  return read
end

--- All invoices of the period, the period's own last.
---@param reader billing.Reader                   the item
---@param count integer                           events
---@param total_after fun(events: integer): Decimal
---@param total Decimal                           of the whole period
---@param steps billing.Step[]
---@return table[]
function progressive_item.invoices(reader, count, total_after, total, steps)
  local shown, billed = {}, decimal(0)
  for index, made in ipairs(progressive.invoices(terms_of(reader), count, total_after)) do
    shown[index] = {
      type = "progressive",
      after_events = made.after_events,
      threshold_amount = made.threshold,
      usage_amount = made.total,
      credited_amount = billed,
      amount = made.amount,
    }
    explanation.add(steps, "progressive", "event " .. made.after_events .. " reaches "
      .. tostring(made.threshold) .. ": everything used so far, " .. tostring(made.total)
      .. ", less " .. tostring(billed), made.amount)
    billed = made.total
  end
  shown[#shown + 1] = {
    type = "period",
    usage_amount = total,
    credited_amount = billed,
    amount = total - billed,
  }
  explanation.add(steps, "period", tostring(total) .. " less " .. tostring(billed)
    .. " billed at thresholds", total - billed)
  return json.array(shown)
end

return progressive_item
