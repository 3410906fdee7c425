--- The usage model: meters, base fee, minimum commitment, maximum spend (data model 3.9).
---
--- The order is fixed: base fee, usage lines of the meters in contract order, percentage discount
--- on usage, then the minimum (a line) and the maximum (an allowance) against what is left. The
--- base fee counts for neither. A contract that is active owes base fee and minimum without any
--- event.
---@class billing.usage
local usage = {}

local calendar = require("billow.billing.calendar")
local cumulative = require("billow.billing.cumulative")
local date = require("billow.date")
local decimal = require("billow.decimal")
local discount = require("billow.billing.discount")
local draft = require("billow.billing.draft")
local explanation = require("billow.billing.explanation")
local indexation = require("billow.billing.indexation")
local meter = require("billow.billing.meter")
local proration = require("billow.billing.proration")
local reading = require("billow.billing.reading")
local tax = require("billow.billing.tax")

local ZERO = decimal(0)
local PERCENT = decimal(100)
-- UNTDID 5189: the only code that fits an agreed reduction.
local REASON_CODE_DISCOUNT = "95"

---@class billing.UsageItems  what sources/usage.collect keeps for a contract
---@field events_by_type table<string, {data: table, time_us: integer}[]>  file order
---@field measured? table<string, billing.Measured>   by meter id, where the database counted
---@field counted integer
---@field duplicates_dropped integer

--- The lines of one meter with its references and tax code.
---@param self billing.Meter
---@param measured billing.Measured
---@param d integer
---@param tax_code string|nil
---@param steps billing.Step[]|nil
---@return billing.Line[]
function usage.meter_lines(self, measured, d, tax_code, steps)
  local lines, told = {}, meter.told(self, measured)
  for index, line in ipairs(meter.lines(self, measured, d, steps)) do
    lines[index] = draft.line(d, {
      component = "usage",
      description_key = line.description_key,
      quantity = line.quantity,
      unit_code = line.unit_code,
      unit_price = line.unit_price,
      tax_code = tax_code,
      references = { { type = "meter", id = self.id, quantity = line.quantity } },
    })
    lines[index].told = told
  end
  return lines
end

---@class billing.Spend  how the usage of a period is lowered and raised
---@field discount Decimal     of the percentage
---@field true_up Decimal      what is missing to the minimum
---@field reduction Decimal    what is above the maximum
---@field total Decimal        spend after all three

---@class billing.SpendTerms
---@field discount_percent Decimal|nil
---@field minimum Decimal|nil       already prorated
---@field maximum Decimal|nil
---@field billed_before Decimal|nil of the same commitment period, by earlier invoices
---@field reduced_before Decimal|nil taken off before for the maximum, where known
---@field is_last boolean|nil       false: a later invoice of the period settles the minimum

--- What is above the maximum now.
---@param now Decimal
---@param before Decimal
---@param maximum Decimal
---@param reduced Decimal|nil
---@return Decimal
local function reduction_of(now, before, maximum, reduced)
  if reduced then
    -- A total that falls below the maximum again gives back what was taken off before.
    return decimal.max(ZERO, before + reduced + now - maximum) - reduced
  end
  -- What earlier invoices took above the maximum is theirs to credit: this one falls to 0. One
  -- that credits usage already does not get smaller.
  return decimal.max(ZERO, decimal.min(now, before + now - maximum))
end

--- Discount first, then the cap and the minimum; earlier invoices of the period count for both.
---@param amount Decimal  usage of this invoice
---@param terms billing.SpendTerms
---@param d integer
---@param steps billing.Step[]|nil
---@return billing.Spend
function usage.spend(amount, terms, d, steps)
  local spend = { discount = ZERO, true_up = ZERO, reduction = ZERO }
  local before = terms.billed_before or ZERO
  if terms.discount_percent then
    spend.discount = (amount * terms.discount_percent / PERCENT):round(d)
    explanation.add(steps, "discount", tostring(terms.discount_percent) .. " % of "
      .. tostring(amount), spend.discount)
  end
  local now = amount - spend.discount
  -- What is billed is money: a minimum of 100.005 asks for 100.01, and no fraction of a cent.
  local minimum = terms.minimum and terms.minimum:round(d)
  local maximum = terms.maximum and terms.maximum:round(d)
  if maximum then
    spend.reduction = reduction_of(now, before, maximum, terms.reduced_before)
    if not spend.reduction:is_zero() then
      explanation.add(steps, "maximum", tostring(before) .. " billed before and " .. tostring(now)
        .. " now, at most " .. tostring(maximum), spend.reduction)
    end
  end
  local left = now - spend.reduction
  if minimum and terms.is_last ~= false and before + left < minimum then
    spend.true_up = minimum - before - left
    explanation.add(steps, "minimum", tostring(minimum) .. " less "
      .. tostring(before) .. " billed before and " .. tostring(left) .. " now", spend.true_up)
  end
  spend.total = now + spend.true_up - spend.reduction
  return spend
end

--- Allowances of an amount over the tax codes of the usage lines.
---@param component string
---@param reason string
---@param amount Decimal
---@param lines billing.Line[]
---@param d integer
---@return billing.Allowance[]
local function allowances_of(component, reason, amount, lines, d)
  local result = {}
  if amount:is_zero() then
    return result
  end
  local bases = discount.bases(lines, { "usage" })
  for index, share in ipairs(discount.divide(amount, bases, d)) do
    result[index] = {
      component = component,
      amount = share.amount,
      reason = reason,
      reason_code = REASON_CODE_DISCOUNT,
      tax_code = share.tax_code,
    }
  end
  return result
end

--- The period as instants of the firm's time zone, as far as the contract is active in it.
---@param ctx billing.Context
---@param contract table
---@return billing.Window
local function window_of(ctx, contract)
  local zone, period = ctx.firm.time_zone, ctx.period
  local function at(day)
    return date.parse_instant(date.at(day, "00:00", zone))
  end
  local first, last = period.start_date, period.end_date
  if contract.start_date > first then
    first = contract.start_date
  end
  if contract.end_date and contract.end_date < last then
    last = contract.end_date
  end
  return {
    start_us = at(first),
    end_us = at(date.add_days(last, 1)),
    length_us = at(date.add_days(period.end_date, 1)) - at(period.start_date),
  }
end

--- The sum of net amounts.
---@param lines billing.Line[]
---@return Decimal
function usage.net_of(lines)
  local sum = ZERO
  for _, line in ipairs(lines) do
    sum = sum + line.net_amount
  end
  return sum
end

--- What a meter's own discount, minimum and maximum make of its lines.
---@param self billing.Meter
---@param lines billing.Line[]
---@param prorate fun(amount: Decimal): Decimal
---@param d integer
---@param steps billing.Step[]
---@return billing.Line|nil true_up
---@return {reason: string, component: string, amount: Decimal}[] reductions
function usage.own_spend(self, lines, prorate, d, steps)
  local spend = usage.spend(usage.net_of(lines), {
    discount_percent = self.discount_percent,
    minimum = self.minimum and prorate(self.minimum),
    maximum = self.maximum,
  }, d, steps)
  local true_up = not spend.true_up:is_zero() and draft.line(d, {
    component = "usage",
    description_key = "usage:" .. self.id .. ":minimum_commit",
    unit_price = spend.true_up,
    tax_code = lines[1] and lines[1].tax_code or self.tax_code,
  }) or nil
  return true_up, {
    { component = "discount", reason = "Discount", amount = spend.discount },
    { component = "maximum_spend", reason = "Maximum spend", amount = spend.reduction },
  }
end

--- The lines of a meter whose tiers and free quantity are of a longer term: everything of the term
--- so far is rated together. What it came to is kept for the next period.
local function term_lines(ctx, contract, self, term, measured, made, steps)
  local d = ctx.decimals(contract.currency)
  local since = calendar.term_start(term, contract, ctx.period.id)
  local rows = (ctx.opening.usage_counted or {})[contract.id] or {}
  local past = cumulative.before(rows, self.id, since)
  explanation.add(steps, "term", tostring(past.aggregate) .. " since " .. since .. " before this",
    past.aggregate + measured.aggregate)
  local counted = made.closing.usage_counted or {}
  for _, row in ipairs(rows) do
    if row.meter == self.id and row.since == since then
      counted[#counted + 1] = row
    end
  end
  counted[#counted + 1] = {
    meter = self.id,
    since = since,
    period = ctx.period.id,
    aggregate = measured.aggregate,
    count = measured.count,
  }
  made.closing.usage_counted = counted
  local lines = cumulative.lines(self, past, measured, d, function(of)
    return usage.meter_lines(self, of, d, self.tax_code)
  end)
  for _, line in ipairs(lines) do
    local now = "measured in this period: " .. tostring(measured.aggregate)
    line.told = { now, table.unpack(line.told or {}) }
  end
  return lines
end

--- The lines of the meters, and the allowances that each meter has of its own.
---@param ctx billing.Context
---@param contract table
---@param items billing.UsageItems|nil
---@param made billing.Draft   gets both, and the trace
---@param d integer
---@return billing.Line[] lines
local function bill_meters(ctx, contract, items, made, d)
  local all, window = {}, window_of(ctx, contract)
  local function prorate(amount)
    return proration.monthly(amount, contract, ctx.period.id, contract.terms.prorate ~= false, d)
  end
  for index, terms in ipairs(contract.terms.meters) do
    local field = contract.id .. ".terms.meters[" .. index .. "]"
    local self = meter.read(reading.open(terms, field))
    local events = items and items.events_by_type[self.event_type] or {}
    local steps = explanation.new()
    local measured = items and items.measured and items.measured[self.id]
      or meter.measure(self, events, window)
    explanation.add(steps, "aggregate", self.aggregation .. " of " .. (self.field or "events")
      .. " over " .. measured.count .. " events", measured.aggregate)
    self.tax_code = tax.override(ctx, contract, self.tax_code)
    local lines
    if terms.term and terms.term ~= "month" then
      lines = term_lines(ctx, contract, self, terms.term, measured, made, steps)
    else
      lines = usage.meter_lines(self, measured, d, self.tax_code, steps)
    end
    local true_up, reductions = usage.own_spend(self, lines, prorate, d, steps)
    lines[#lines + 1] = true_up
    for _, line in ipairs(lines) do
      all[#all + 1] = line
    end
    for _, own in ipairs(reductions) do
      for _, allowance in ipairs(allowances_of(own.component, own.reason, own.amount, lines, d)) do
        made.allowances[#made.allowances + 1] = allowance
      end
    end
    made.trace.meters[self.id] = steps
  end
  return all
end

---@param contract table
---@param period_id string
---@param d integer
---@return billing.Line|nil
local function base_fee_line(contract, period_id, d)
  local terms = contract.terms
  if not terms.base_fee then
    return nil
  end
  local agreed = indexation.price(contract, terms.base_fee, calendar.period(period_id).start_date)
  local fee = proration.monthly(agreed, contract, period_id, terms.prorate ~= false, d)
  return draft.line(d, {
    component = "base_fee",
    description_key = "base_fee:" .. period_id,
    unit_code = "MON",
    unit_price = fee,
  })
end

--- Bill a period of a usage contract.
---@param ctx billing.Context
---@param contract table
---@param items billing.Items
---@return billing.Draft
function usage.bill(ctx, contract, items)
  local terms, period_id = contract.terms, ctx.period.id
  local d = ctx.decimals(contract.currency)
  local is_active = calendar.active_days(contract, ctx.period) > 0
  local made = draft.new()
  made.trace.meters = {}

  made.lines[1] = is_active and base_fee_line(contract, period_id, d) or nil
  local usage_lines = bill_meters(ctx, contract, items.usage, made, d)
  for _, line in ipairs(usage_lines) do
    made.lines[#made.lines + 1] = line
  end
  local amount = usage.net_of(usage_lines)
  for _, allowance in ipairs(made.allowances) do
    amount = amount - allowance.amount
  end

  local minimum = is_active and terms.minimum_commit and terms.minimum_commit.amount or nil
  made.trace.spend = explanation.new()
  local spend = usage.spend(amount, {
    discount_percent = terms.discount_percent,
    minimum = minimum
      and proration.monthly(minimum, contract, period_id, terms.prorate ~= false, d),
    maximum = terms.maximum_spend and terms.maximum_spend.amount,
  }, d, made.trace.spend)
  if not spend.true_up:is_zero() then
    made.lines[#made.lines + 1] = draft.line(d, {
      component = "minimum_commit",
      description_key = "minimum_commit",
      unit_price = spend.true_up,
    })
  end
  for _, own in ipairs({
    { "discount", "Discount", spend.discount },
    { "maximum_spend", "Maximum spend", spend.reduction },
  }) do
    for _, allowance in ipairs(allowances_of(own[1], own[2], own[3], usage_lines, d)) do
      made.allowances[#made.allowances + 1] = allowance
    end
  end
  made.closing.usage = {
    counted = items.usage and items.usage.counted or 0,
    duplicates_dropped = items.usage and items.usage.duplicates_dropped or 0,
  }
  return made
end

return usage
