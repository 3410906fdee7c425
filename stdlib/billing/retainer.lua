--- The retainer model: a monthly fee, a grant drawn by time, overage, what is carried on.
---
--- A grant is a bucket; earlier grants carried on are buckets too (buckets.lua). Hour retainers
--- count in seconds, so that drawing is exact; money retainers in the contract's currency. Entries
--- drawn make no line: the fee has paid for them. What finds no bucket is overage and is priced.
---@class billing.retainer
local retainer = {}

local buckets = require("billow.billing.buckets")
local calendar = require("billow.billing.calendar")
local copy = require("billow.billing.copy")
local decimal = require("billow.decimal")
local draft = require("billow.billing.draft")
local explanation = require("billow.billing.explanation")
local indexation = require("billow.billing.indexation")
local lines = require("billow.billing.lines")
local proration = require("billow.billing.proration")
local rates = require("billow.billing.rates")
local time_terms = require("billow.billing.time_terms")
local tm = require("billow.billing.tm")

local ZERO = decimal(0)
local SECONDS_PER_HOUR = 3600
local SECONDS_PER_MINUTE = 60
local GRANT_HOURS_DECIMALS = 2
local CREDIT_HOURS_DECIMALS = 2
local BUCKET_HOURS_DECIMALS = 4
local NEVER = "9999-12-31"

---@param terms table
---@return boolean
local function is_hours(terms)
  return terms.unit == "hours"
end

--- The content of a bucket from its quantity: whole seconds, or money as it is.
---@param terms table
---@param quantity Decimal
---@return Decimal
function retainer.amount_of(terms, quantity)
  return is_hours(terms) and (quantity * SECONDS_PER_HOUR):round(0) or quantity
end

--- The quantity of a bucket as it is written: hours at four decimals, or money.
---@param terms table
---@param amount Decimal
---@return Decimal
function retainer.quantity_of(terms, amount)
  return is_hours(terms) and (amount / SECONDS_PER_HOUR):round(BUCKET_HOURS_DECIMALS) or amount
end

--- The fee lines due in a period: of the period in arrears; in advance also of the month after.
---@param contract table
---@param period billing.Period
---@param invoiced_periods string[]
---@param d integer
---@return billing.Line[]
function retainer.fee_lines(contract, period, invoiced_periods, d)
  local terms = contract.terms
  local is_invoiced = {}
  for _, id in ipairs(invoiced_periods) do
    is_invoiced[id] = true
  end
  local candidates = { period.id }
  if terms.billed == "advance" then
    candidates[2] = calendar.add_periods(period.id, 1)
  end
  local made = {}
  for _, id in ipairs(candidates) do
    local is_active = calendar.active_days(contract, calendar.period(id)) > 0
    if is_active and not is_invoiced[id] then
      local price = indexation.price(contract, terms.price, calendar.period(id).start_date)
      made[#made + 1] = draft.line(d, {
        component = "retainer",
        description_key = "retainer:" .. id,
        unit_code = "MON",
        unit_price = proration.monthly(price, contract, id, terms.prorate ~= false, d),
      })
    end
  end
  return made
end

--- What a period grants, in hours or money; 0 when the contract is not active in it.
---@param contract table
---@param period billing.Period
---@param d integer
---@return Decimal
function retainer.grant(contract, period, d)
  local terms = contract.terms
  if calendar.active_days(contract, period) == 0 then
    return ZERO
  end
  local decimals = is_hours(terms) and GRANT_HOURS_DECIMALS or d
  return proration.monthly(terms.quantity, contract, period.id, terms.prorate ~= false, decimals)
end

--- The buckets of a period in draw order: its own grant, and those carried from before.
---@param contract table
---@param period billing.Period
---@param opening_buckets {period: string, quantity: Decimal, expires_on: string}[]
---@param d integer
---@return billing.Bucket[]
function retainer.open(contract, period, opening_buckets, d)
  local terms = contract.terms
  local list = {
    {
      period = period.id,
      amount = retainer.amount_of(terms, retainer.grant(contract, period, d)),
      expires_on = period.end_date,
      is_own = true,
    },
  }
  for _, bucket in ipairs(opening_buckets) do
    list[#list + 1] = {
      period = bucket.period,
      amount = retainer.amount_of(terms, bucket.quantity),
      expires_on = bucket.expires_on,
      valid_from = bucket.valid_from,
      priority = bucket.priority,
      source = bucket,
    }
  end
  return buckets.new(list, terms.draw_order or "oldest_first", period.id)
end

--- The value of time at its own rate.
---@param seconds integer
---@param rate billing.Rate
---@param terms table
---@param d integer
---@return Decimal
local function value_of(seconds, rate, terms, d)
  if rate.unit_code == rates.FIXED then
    return seconds == 0 and ZERO or rate.price:round(d)
  end
  local unit_seconds = decimal(SECONDS_PER_HOUR)
  if rate.unit_code == "DAY" then
    unit_seconds = unit_seconds * terms.hours_per_day
  end
  return (rate.price * seconds / unit_seconds):round(d)
end

--- The most whole minutes of an entry whose value fits into `available`.
---@param work billing.Work
---@param available Decimal
---@param terms table
---@param d integer
---@return integer minutes
local function minutes_that_fit(work, available, terms, d)
  local low, high = 0, work.billed_seconds // SECONDS_PER_MINUTE
  if work.rate.unit_code == rates.FIXED then
    return 0
  end
  while low < high do
    local middle = (low + high + 1) // 2
    if value_of(middle * SECONDS_PER_MINUTE, work.rate, terms, d) <= available then
      low = middle
    else
      high = middle - 1
    end
  end
  return low
end

--- Draw an entry from an hours retainer; returns the seconds that found no bucket.
---@param list billing.Bucket[]
---@param day string
---@param work billing.Work
---@return integer overage_seconds
---@return {period: string, amount: Decimal}[] parts
local function draw_hours(list, day, work)
  local drawn, parts = buckets.take(list, day, decimal(work.billed_seconds))
  return work.billed_seconds - drawn:to_integer(), parts
end

---@param list billing.Bucket[]
---@param day string
---@param work billing.Work
---@param terms table
---@param d integer
---@return integer overage_seconds
---@return {period: string, amount: Decimal}[] parts
local function draw_money(list, day, work, terms, d)
  local available = buckets.available(list, day)
  local value = value_of(work.billed_seconds, work.rate, terms, d)
  if value <= available then
    local _, parts = buckets.take(list, day, value)
    return 0, parts
  end
  local seconds = minutes_that_fit(work, available, terms, d) * SECONDS_PER_MINUTE
  local _, parts = buckets.take(list, day, value_of(seconds, work.rate, terms, d))
  return work.billed_seconds - seconds, parts
end

--- The rate of overage: the contract's own, or the entry's times a multiplier.
---@param work billing.Work
---@param contract table
---@return billing.Rate
local function overage_rate(work, contract)
  local overage = contract.terms.overage
  local rate = work.rate
  if rate and rate.unit_code == rates.FIXED then
    return rate
  elseif overage.rate then
    rate = lines.flat_rate(overage.rate, contract.currency, "terms.overage.rate")
  end
  if not overage.multiplier then
    return rate
  end
  local raised = {}
  for name, value in pairs(rate) do
    raised[name] = value
  end
  raised.price = rate.price * overage.multiplier
  raised.steps = copy.list(rate.steps or {})
  raised.steps[#raised.steps + 1] = "overage multiplier " .. tostring(overage.multiplier)
  return raised
end

---@param works billing.Work[]
---@return billing.Work[]
local function in_draw_order(works)
  local ordered = copy.list(works)
  table.sort(ordered, function(a, b)
    if a.work_date ~= b.work_date then
      return a.work_date < b.work_date
    end
    return a.sequence < b.sequence
  end)
  return ordered
end

---@param steps billing.Step[]|nil
---@param work billing.Work
---@param parts {period: string, amount: Decimal}[]
---@param overage_seconds integer
---@param terms table
local function explain_draw(steps, work, parts, overage_seconds, terms)
  for _, part in ipairs(parts) do
    explanation.add(steps, "draw", work.id .. " of " .. work.work_date .. " from the bucket of "
      .. part.period, retainer.quantity_of(terms, part.amount))
  end
  if overage_seconds > 0 then
    explanation.add(steps, "overage", work.id .. " of " .. work.work_date
      .. ": seconds that found no bucket", overage_seconds)
  end
end

--- Draw rounded works from buckets, by work date, then source order.
--- Work dated before the period draws like work of its first day. In money, what comes after the
--- first entry with overage is overage too; in hours a later entry may still find a bucket.
---@param contract table
---@param period billing.Period
---@param list billing.Bucket[]  changed
---@param works billing.Work[]   with billed_seconds, and rate where one is needed
---@param d integer
---@param steps billing.Step[]|nil
---@return billing.Work[] overage  parts of works, with the rate of overage
function retainer.draw(contract, period, list, works, d, steps)
  local terms = contract.terms
  local overage, is_exhausted = {}, false
  for _, work in ipairs(in_draw_order(works)) do
    local day = work.work_date < period.start_date and period.start_date or work.work_date
    local rest, parts = work.billed_seconds, {}
    local is_fixed_sum = work.rate and work.rate.unit_code == rates.FIXED
    if is_hours(terms) and is_fixed_sum then
      parts = {} -- a sum for the entry is no hours: it is billed beside the balance
    elseif is_hours(terms) then
      rest, parts = draw_hours(list, day, work)
    elseif not is_exhausted then
      rest, parts = draw_money(list, day, work, terms, d)
      is_exhausted = rest > 0
    end
    explain_draw(steps, work, parts, rest, terms)
    if rest > 0 then
      local part = {}
      for name, value in pairs(work) do
        part[name] = value
      end
      part.billed_seconds = rest
      part.rate = overage_rate(work, contract)
      overage[#overage + 1] = part
    end
  end
  return overage
end

--- The last day of a bucket: the end of so many months later; without a number it never expires.
---@param period billing.Period
---@param after_periods integer?
---@return string
function retainer.expires_on(period, after_periods)
  return after_periods
      and calendar.period(calendar.add_periods(period.id, after_periods)).end_date
    or NEVER
end

---@class billing.Balance
---@field left Decimal       in the unit of the retainer, after top-ups
---@field is_low boolean
---@field top_ups integer    bought in this period

--- Look at what is carried: buy more when it is below the threshold, say so when it is low.
---@param terms table
---@param period billing.Period
---@param carried billing.Bucket[]   gets a bucket when something is bought
---@return billing.Balance
function retainer.replenish(terms, period, carried)
  local left = ZERO
  for _, bucket in ipairs(carried) do
    left = left + bucket.amount
  end
  left = retainer.quantity_of(terms, left)
  local rules, count = terms.replenish, 0
  while rules and left < rules.below and count < rules.max_per_period do
    left, count = left + rules.quantity, count + 1
  end
  if count > 0 then
    carried[#carried + 1] = {
      period = period.id,
      amount = retainer.amount_of(terms, rules.quantity * count),
      expires_on = retainer.expires_on(period, rules.expires_after_periods),
    }
  end
  local is_low = terms.low_balance ~= nil and left < terms.low_balance.below
  return { left = left, is_low = is_low, top_ups = count }
end

--- The line of top-ups bought in a period.
---@param terms table
---@param period billing.Period
---@param balance billing.Balance
---@param d integer
---@return billing.Line|nil
function retainer.top_up_line(terms, period, balance, d)
  return balance.top_ups > 0
      and draft.line(d, {
        component = "retainer",
        description_key = "retainer_top_up:" .. period.id,
        quantity = decimal(balance.top_ups),
        unit_price = terms.replenish.price,
      })
    or nil
end

--- What is carried into the next period, and what the period's own grant has left.
---@param contract table
---@param period billing.Period
---@param list billing.Bucket[]  after drawing; changed
---@return billing.Bucket[] carried
---@return Decimal left  of the own grant, before it expires, rolls over or is credited
function retainer.carry(contract, period, list)
  local terms = contract.terms
  local rollover = terms.rollover or {}
  local left, kept = ZERO, {}
  for _, bucket in ipairs(list) do
    if bucket.is_own then
      left = bucket.amount
      if terms.unused == "rollover" then
        bucket.expires_on = retainer.expires_on(period, rollover.expires_after_periods)
        if rollover.min_quantity then
          bucket.amount =
            decimal.max(left, retainer.amount_of(terms, rollover.min_quantity))
        end
        kept[#kept + 1] = bucket
      end
    elseif bucket.expires_on > period.end_date then
      kept[#kept + 1] = bucket
    end
  end
  buckets.limit(kept, rollover.max_quantity and retainer.amount_of(terms, rollover.max_quantity))
  return buckets.filled(kept), left
end

--- The credit for hours of the grant that were not used.
---@param terms table
---@param period billing.Period
---@param left Decimal  seconds
---@param d integer
---@return billing.Line|nil
function retainer.unused_line(terms, period, left, d)
  if terms.unused ~= "credit" or left <= ZERO then
    return nil
  end
  return draft.line(d, {
    component = "retainer_unused",
    description_key = "retainer_unused:" .. period.id,
    quantity = -(left / SECONDS_PER_HOUR):round(CREDIT_HOURS_DECIMALS),
    unit_code = "HUR",
    unit_price = terms.credit_rate,
  })
end

--- The closing state of buckets.
---@param terms table
---@param carried billing.Bucket[]
---@return {period: string, quantity: Decimal, expires_on: string}[]
function retainer.written(terms, carried)
  local written = {}
  for index, bucket in ipairs(carried) do
    written[index] = {
      period = bucket.period,
      quantity = retainer.quantity_of(terms, bucket.amount),
      expires_on = bucket.expires_on,
      valid_from = bucket.valid_from,
      priority = bucket.priority,
    }
  end
  return written
end

---@param made billing.Draft
---@param more billing.Line[]
local function add_lines(made, more)
  for _, line in ipairs(more) do
    made.lines[#made.lines + 1] = line
  end
end

--- What the retainer paid for: works less what is overage of them.
---@param works billing.Work[]     as drawn
---@param overage billing.Work[]
---@return billing.Work[]
local function drawn_of(works, overage)
  local beyond, drawn = {}, {}
  for _, part in ipairs(overage) do
    beyond[part.id] = (beyond[part.id] or 0) + part.billed_seconds
  end
  for _, work in ipairs(works) do
    local off = math.min(beyond[work.id] or 0, work.billed_seconds)
    beyond[work.id] = (beyond[work.id] or 0) - off
    if work.billed_seconds > off then
      drawn[#drawn + 1] = copy.with(work, { billed_seconds = work.billed_seconds - off })
    end
  end
  return drawn
end

---@param list billing.Bucket[]
---@return Decimal
local function total_of(list)
  local total = ZERO
  for _, bucket in ipairs(list) do
    total = total + bucket.amount
  end
  return total
end

--- Bill a period of a retainer.
---@param ctx billing.Context
---@param contract table
---@param items billing.Items
---@return billing.Draft
function retainer.bill(ctx, contract, items)
  local terms, period = contract.terms, ctx.period
  local d = ctx.decimals(contract.currency)
  local opening = ctx.opening.retainer[contract.id] or {}
  local made = draft.new()
  made.trace.retainer = explanation.new()

  add_lines(made, retainer.fee_lines(contract, period, opening.invoiced_periods or {}, d))
  local rules = tm.rounding_terms(ctx, contract)
  local kept, away = time_terms.apply(ctx, contract, items.time, rules)
  local list = retainer.open(contract, period, opening.buckets or {}, d)
  local overage = retainer.draw(contract, period, list, kept, d, made.trace.retainer)
  add_lines(made, lines.of_time("overage", overage, terms, d))
  made.drawn = drawn_of(kept, overage)
  local before = total_of(list)
  local carried, left = retainer.carry(contract, period, list)
  local kept_total = total_of(carried)
  made.lines[#made.lines + 1] = retainer.unused_line(terms, period, left, d)
  local balance = retainer.replenish(terms, period, carried)
  made.lines[#made.lines + 1] = retainer.top_up_line(terms, period, balance, d)
  if balance.is_low then
    made.exceptions[1] = draft.exception("RETAINER_LOW", contract.id, "contract",
      "the balance is " .. tostring(balance.left) .. ", less than "
        .. tostring(terms.low_balance.below) .. ": tell the customer", contract.id)
  end
  local credited = terms.unused == "credit" and left or ZERO
  local expired = before - kept_total - credited
  made.closing.retainer = {
    buckets = retainer.written(terms, carried),
    expired = retainer.quantity_of(terms, expired), -- paid for, never used
  }
  for _, work in ipairs(items.time) do
    made.dispositions[work.id] = { billed = work.worked_seconds }
  end
  for _, work in ipairs(away) do
    made.dispositions[work.id] = { rounded_away = work.worked_seconds }
  end
  return made
end

return retainer
