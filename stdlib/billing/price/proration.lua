--- Proration of an amount by days, by a named method, or over billing cycles.
local proration_item = {}

local date = require("billow.date")
local decimal = require("billow.decimal")
local due_date_item = require("billow.billing.price.due_date")
local explanation = require("billow.billing.explanation")
local json = require("billow.json")
local proration = require("billow.billing.proration")

local CYCLE_PERIODS = { "MONTHLY", "QUARTERLY", "BIANNUAL", "ANNUAL" }
local FRACTION_DECIMALS = 9
local LAST_TARGET = "9000-01-01"

---@param terms billing.Reader
---@return billing.Cycles
local function cycles_of(terms)
  local stop = terms:date("end_date", true)
  local start, period = terms:date("start_date"), terms:choice("cycle", CYCLE_PERIODS)
  local target = terms:date("target_date")
  if target > LAST_TARGET then
    terms:refuse("target_date", "write a day before " .. LAST_TARGET)
  end
  if stop and stop < start then
    terms:refuse("end_date", "write a day not before start_date, " .. start)
  end
  return proration.cycles({
    period = period,
    billing_day = terms:integer("billing_day", { min = 1, max = 31 }),
    start_date = start,
    end_date = stop,
    target_date = target,
    billed = terms:choice("billed", { "advance", "arrears" }, "advance"),
  })
end

---@param reader billing.Reader
---@param terms billing.Reader
---@return integer part
---@return integer whole
local function part_of(reader, terms)
  if not (terms:has("days") or terms:has("start_date")) then
    terms:refuse("days", "write days and of_days, or start_date and end_date of the part with "
      .. "period_start_date and period_end_date, or a cycle")
  elseif terms:has("days") then
    local of_days = terms:integer("of_days", { above = 0 })
    return terms:integer("days", { min = 0, max = of_days }), of_days
  end
  local holidays = {}
  for _, day in ipairs(due_date_item.holidays(reader)) do
    holidays[day] = true
  end
  local from, to = terms:date("start_date"), terms:date("end_date")
  if to < from then
    terms:refuse("end_date", "write a day not before start_date, " .. from)
  end
  -- Ranges of the data model include their last day, those of the methods do not.
  return proration.days(terms:choice("method", proration.METHODS, "actual_days"), {
    from = from,
    to = date.add_days(to, 1),
    whole_from = terms:date("period_start_date"),
    whole_to = date.add_days(terms:date("period_end_date"), 1),
  }, holidays)
end

---@param reader billing.Reader
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
function proration_item.price(reader, money, steps)
  local terms = reader:object("proration")
  local amount = reader:decimal("amount", { is_optional = true })
  if terms:has("cycle") then
    local found = cycles_of(terms)
    for _, fraction in ipairs(found.fractions) do
      explanation.add(steps, "fraction", fraction.days .. " of " .. fraction.of_days .. " days",
        (decimal(fraction.days) / fraction.of_days):round(FRACTION_DECIMALS))
    end
    explanation.add(steps, "cycles", found.whole .. " whole cycles", found.cycles)
    local billed = amount and (amount * found.cycles):round(money.d)
    if billed then
      explanation.add(steps, "amount", tostring(amount) .. " x " .. tostring(found.cycles)
        .. ", rounded", billed)
    end
    return {
      currency = money.currency,
      cycles = found.cycles,
      whole_cycles = found.whole,
      fractions = json.array(found.fractions),
      amount = billed,
    }
  end
  local part, whole = part_of(reader, terms)
  if whole == 0 then
    terms:refuse("period_end_date", "write a period with at least one day that counts")
  end
  local result = {
    currency = money.currency,
    method = terms:raw("method") or "actual_days",
    days = part,
    of_days = whole,
    fraction = (decimal(part) / whole):round(FRACTION_DECIMALS),
    amount = amount and proration.part(amount, part, whole, money.d),
  }
  explanation.add(steps, "fraction", part .. " of " .. whole .. " days, by " .. result.method,
    result.fraction)
  if amount then
    explanation.add(steps, "amount", tostring(amount) .. " x " .. part .. " / " .. whole
      .. ", rounded", result.amount)
  end
  return result
end

return proration_item
