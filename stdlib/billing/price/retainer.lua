--- Prices a month of a retainer: fee, grant, draws, overage, what is carried on.
local retainer_item = {}

local buckets = require("billow.billing.buckets")
local context = require("billow.billing.price.context")
local decimal = require("billow.decimal")
local draft = require("billow.billing.draft")
local explanation = require("billow.billing.explanation")
local json = require("billow.json")
local lines = require("billow.billing.lines")
local reading = require("billow.billing.reading")
local retainer = require("billow.billing.retainer")
local time_item = require("billow.billing.price.time")
local time_terms = require("billow.billing.time_terms")

local ZERO = decimal(0)
-- A fee or price that the example does not need may be left out of it.
local TERMS_DEFAULT = { unit = "hours", quantity = "0", price = "0" }

--- The terms for model.lua, without what only an example may have.
---@param terms billing.Reader
---@return table
local function plain_terms(terms)
  local plain = {}
  for name, value in pairs(TERMS_DEFAULT) do
    plain[name] = value
  end
  for name, value in pairs(terms.source) do
    plain[name] = value
  end
  plain.overage = reading.given(plain.overage) or { rate = "0" }
  return plain
end

--- Draws in order of their days; those of one day as given.
---@param reader billing.Reader
---@param period billing.Period
---@return {day: string, quantity: Decimal, place: integer}[]
local function draws_of(reader, period)
  local draws = {}
  for place, draw in ipairs(reader:objects("draws")) do
    local day = draw:date("date", true) or period.start_date
    if day > period.end_date then
      draw:refuse("date", "write a day not after the month, " .. period.end_date
        .. ", or give the item its period")
    end
    draws[place] = {
      day = day,
      quantity = draw:decimal("quantity", { min = 0 }),
      place = place,
    }
  end
  table.sort(draws, function(a, b)
    if a.day ~= b.day then
      return a.day < b.day
    end
    return a.place < b.place
  end)
  return draws
end

--- Draws stated as quantities instead of time entries.
---@param reader billing.Reader
---@param contract table
---@param period billing.Period
---@param list billing.Bucket[]
---@param steps billing.Step[]
---@return Decimal drawn
---@return Decimal overage  both in the unit of buckets
local function draw_quantities(reader, contract, period, list, steps)
  local drawn, overage = ZERO, ZERO
  for _, draw in ipairs(draws_of(reader, period)) do
    local amount = retainer.amount_of(contract.terms, draw.quantity)
    local taken, parts = buckets.take(list, draw.day, amount)
    local what = tostring(draw.quantity) .. " on " .. draw.day
    for _, part in ipairs(parts) do
      explanation.add(steps, "draw", what .. " from the bucket of " .. part.period,
        retainer.quantity_of(contract.terms, part.amount))
    end
    if taken < amount then
      explanation.add(steps, "overage", what .. " finds no balance",
        retainer.quantity_of(contract.terms, amount - taken))
    end
    drawn = drawn + taken
    overage = overage + amount - taken
  end
  return drawn, overage
end

--- The line for the overage of quantities, at the contract's own rate; nil when there is none, or
--- when it lowers the next balance instead.
---@param reader billing.Reader
---@param terms table
---@param overage Decimal  in the unit of the retainer
---@param d integer
---@return billing.Line|nil
local function overage_line(reader, terms, overage, d)
  local own = reader:object("retainer"):object("overage", true)
  if overage:is_zero() or own and own:boolean("carry", false) then
    return nil
  elseif terms.unit == "money" then
    return draft.line(d, { component = "overage", description_key = "overage",
      unit_price = overage:round(d) })
  elseif terms.overage.source then
    own:refuse("source", "write a rate: draws have no price of their own, only time_entries have")
  end
  local rate = terms.overage.rate * (terms.overage.multiplier or 1)
  return draft.line(d, { component = "overage", description_key = "overage", quantity = overage,
    unit_code = "HUR", unit_price = rate })
end

---@param terms table
---@param list billing.Bucket[]
---@param day string
---@return table[]
local function balances(terms, list, day)
  local shown = {}
  for index, bucket in ipairs(list) do
    local amount = day <= bucket.expires_on and bucket.amount or ZERO
    shown[index] = {
      id = bucket.id,
      period = bucket.period,
      expires_on = bucket.expires_on,
      quantity = retainer.quantity_of(terms, amount),
    }
  end
  return json.array(shown)
end

---@param opening billing.Reader|nil
---@param list billing.Bucket[]
---@param typed table
local function name_buckets(opening, list, typed)
  for index, bucket in ipairs(opening and opening:objects("buckets") or {}) do
    for _, own in ipairs(list) do
      if own.source == typed.buckets[index] then
        own.id = bucket:text("id", false)
      end
    end
  end
end

--- What a reset of the balance leaves: between the least and the most that may roll over, less the
--- overage that is carried instead of billed.
---@param terms billing.Reader
---@param left Decimal
---@param overage Decimal
---@param steps billing.Step[]
---@return Decimal|nil  nil when the terms state no least rollover and carry no overage
local function reset_balance(terms, left, overage, steps)
  local rollover = terms:object("rollover", true)
  local carries = terms:object("overage", true)
  local least = rollover and rollover:decimal("min_quantity", { is_optional = true, min = 0 })
  local is_carried = carries and carries:boolean("carry", false)
  if not least and not is_carried then
    return nil
  end
  local balance = decimal.max(left, least or ZERO)
  local most = rollover and rollover:decimal("max_quantity", { is_optional = true, min = 0 })
  if most then
    balance = decimal.min(balance, most)
  end
  explanation.add(steps, "rollover", tostring(left) .. " left", balance)
  if is_carried then
    balance = balance - overage
    explanation.add(steps, "overage", "less the overage carried, " .. tostring(overage), balance)
  end
  return balance
end

---@class billing.RetainerExample
---@field ctx billing.Context
---@field contract table
---@field list billing.Bucket[]
---@field opening table           typed

---@param reader billing.Reader
---@param terms billing.Reader
---@param money billing.PriceMoney
---@return billing.RetainerExample
local function example_of(reader, terms, money)
  local opening = reader:object("opening", true)
  local ctx, contract = context.of(reader, {
    kind = "retainer",
    model = "retainer",
    terms = plain_terms(terms),
    opening = opening and { retainer = { item = {
      invoiced_periods = opening:raw("invoiced_periods"),
      buckets = opening:raw("buckets"),
    } } },
  }, money)
  local typed = ctx.opening.retainer.item or {}
  typed.buckets = typed.buckets or {}
  local list = retainer.open(contract, ctx.period, typed.buckets, money.d)
  name_buckets(opening, list, typed)
  return { ctx = ctx, contract = contract, list = list, opening = typed }
end

--- Draw what the example draws: time entries or quantities.
---@param reader billing.Reader
---@param example billing.RetainerExample
---@param made billing.Line[]
---@param d integer
---@param steps billing.Step[]
---@return Decimal overage  in the unit of the retainer
---@return Decimal|nil amount  of overage stated as quantities
local function draw(reader, example, made, d, steps)
  local ctx, contract = example.ctx, example.contract
  reader:only_one({ "draws", "time_entries" })
  if not reader:has("time_entries") then
    local _, overage = draw_quantities(reader, contract, ctx.period, example.list, steps)
    local quantity = retainer.quantity_of(contract.terms, overage)
    local line = overage_line(reader, contract.terms, quantity, d)
    made[#made + 1] = line
    return quantity, line and line.net_amount or ZERO
  end
  local works = time_item.works(reader, ctx, contract, steps)
  local kept = time_terms.apply(ctx, contract, works, contract.terms.rounding)
  local overage = retainer.draw(contract, ctx.period, example.list, kept, d, steps)
  local seconds = 0
  for _, work in ipairs(overage) do
    seconds = seconds + work.billed_seconds
  end
  for _, line in ipairs(lines.of_time("overage", overage, contract.terms, d)) do
    made[#made + 1] = line
  end
  return (decimal(seconds) / 3600):round(4), nil
end

---@param reader billing.Reader
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
function retainer_item.price(reader, money, steps)
  local terms = reader:object("retainer")
  local example = example_of(reader, terms, money)
  local ctx, contract = example.ctx, example.contract
  local made = retainer.fee_lines(contract, ctx.period, example.opening.invoiced_periods or {},
    money.d)
  local grant = retainer.grant(contract, ctx.period, money.d)
  explanation.add(steps, "grant", "of " .. ctx.period.id, grant)
  local overage, amount = draw(reader, example, made, money.d, steps)
  local shown_balances = balances(contract.terms, example.list, reader:date("as_of", true)
    or ctx.period.start_date)
  local carried, left = retainer.carry(contract, ctx.period, example.list)
  made[#made + 1] = retainer.unused_line(contract.terms, ctx.period, left, money.d)
  local left_quantity = retainer.quantity_of(contract.terms, left)
  local balance = retainer.replenish(contract.terms, ctx.period, carried)
  made[#made + 1] = retainer.top_up_line(contract.terms, ctx.period, balance, money.d)
  if balance.top_ups > 0 then
    explanation.add(steps, "top_up", balance.top_ups .. " bought", balance.left)
  end
  explanation.add_lines(steps, made)
  local shown, net = time_item.shown(made)
  return {
    currency = money.currency,
    granted_quantity = grant,
    lines = shown,
    net_amount = net,
    overage_quantity = overage,
    overage_amount = amount,
    balances = shown_balances,
    left_quantity = left_quantity,
    balance_quantity = balance.left,
    is_low_balance = balance.is_low,
    top_ups = balance.top_ups,
    buckets = json.array(retainer.written(contract.terms, carried)),
    reset_balance = reset_balance(terms, left_quantity, overage, steps),
  }
end

return retainer_item
