--- Buckets of a retainer: what was granted, in which order it is used, what is carried on.
---
--- A bucket holds an amount (seconds of hour retainers, money of money retainers, both as decimals)
--- until a date; it can be used by work of that date. Buckets given to `buckets.new` are copied,
--- and only the copies change.
---@class billing.buckets
local buckets = {}

local copy = require("billow.billing.copy")
local decimal = require("billow.decimal")

local ZERO = decimal(0)

---@class billing.Bucket
---@field period string
---@field amount Decimal
---@field expires_on string
---@field valid_from string|nil  not usable before
---@field priority integer|nil  lower is used first; only for draw order "priority"
---@field is_own boolean|nil     the grant of the period itself
---@field source table|nil       the opening bucket it was made from

-- Ties go by the order in which buckets were given.
local function by_place(a, b)
  return (a.place or 0) < (b.place or 0)
end

local function by_expiry(a, b)
  if a.expires_on ~= b.expires_on then
    return a.expires_on < b.expires_on
  elseif a.period ~= b.period then
    return a.period < b.period
  end
  return by_place(a, b)
end

local function by_period(a, b)
  if a.period ~= b.period then
    return a.period < b.period
  elseif a.expires_on ~= b.expires_on then
    return a.expires_on < b.expires_on
  end
  return by_place(a, b)
end

--- Can work of a date draw on the bucket?
local function is_usable(bucket, day)
  return day <= bucket.expires_on and (not bucket.valid_from or bucket.valid_from <= day)
end

local ORDERS = {}

function ORDERS.oldest_first()
  return by_period
end

--- The bucket of the period itself, then what expires first.
function ORDERS.current_first(period_id)
  return function(a, b)
    local is_a_current, is_b_current = a.period == period_id, b.period == period_id
    if is_a_current ~= is_b_current then
      return is_a_current
    end
    return by_expiry(a, b)
  end
end

--- As grants of prepaid credit are burned: the lowest priority number, then what expires first.
function ORDERS.priority()
  return function(a, b)
    local left, right = a.priority or 0, b.priority or 0
    if left ~= right then
      return left < right
    end
    return by_expiry(a, b)
  end
end

buckets.DRAW_ORDERS = { "oldest_first", "current_first", "priority" }

--- Copies of buckets in the order in which they are drawn.
---@param list billing.Bucket[]
---@param draw_order string
---@param period_id string
---@return billing.Bucket[]
function buckets.new(list, draw_order, period_id)
  local copies = {}
  for index, bucket in ipairs(list) do
    local made = {}
    for name, value in pairs(bucket) do
      made[name] = value
    end
    made.place = index
    copies[index] = made
  end
  table.sort(copies, ORDERS[draw_order](period_id))
  return copies
end

--- What work of a date can draw in all.
---@param list billing.Bucket[]
---@param day string
---@return Decimal
function buckets.available(list, day)
  local sum = ZERO
  for _, bucket in ipairs(list) do
    if is_usable(bucket, day) then
      sum = sum + bucket.amount
    end
  end
  return sum
end

--- Take an amount from the buckets usable on a date, in order.
---@param list billing.Bucket[]
---@param day string
---@param amount Decimal
---@return Decimal drawn  at most `amount`
---@return {period: string, amount: Decimal}[] parts  which bucket gave what
function buckets.take(list, day, amount)
  local drawn, parts = ZERO, {}
  for _, bucket in ipairs(list) do
    if is_usable(bucket, day) and not bucket.amount:is_zero() and drawn < amount then
      local part = decimal.min(bucket.amount, amount - drawn)
      bucket.amount = bucket.amount - part
      drawn = drawn + part
      parts[#parts + 1] = { period = bucket.period, amount = part }
    end
  end
  return drawn, parts
end

--- Lower the buckets to a maximum in all; the excess leaves those that expire first.
---@param list billing.Bucket[]
---@param maximum Decimal|nil
---@return Decimal removed
function buckets.limit(list, maximum)
  if not maximum then
    return ZERO
  end
  local ordered = copy.list(list)
  table.sort(ordered, by_expiry)
  local excess = ZERO
  for _, bucket in ipairs(list) do
    excess = excess + bucket.amount
  end
  excess = decimal.max(ZERO, excess - maximum)
  local removed = excess
  for _, bucket in ipairs(ordered) do
    local part = decimal.min(bucket.amount, excess)
    bucket.amount = bucket.amount - part
    excess = excess - part
  end
  return removed
end

--- The buckets that still hold something, the oldest first.
---@param list billing.Bucket[]
---@return billing.Bucket[]
function buckets.filled(list)
  local kept = {}
  for _, bucket in ipairs(list) do
    if bucket.amount > ZERO then
      kept[#kept + 1] = bucket
    end
  end
  table.sort(kept, by_period)
  return kept
end

return buckets
