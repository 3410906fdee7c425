--- A contract's list of discounts (capability A21): percentages, volume discounts on what a year
--- came to, amounts, promised credit; in their fixed order (reductions.lua), each off what the ones
--- before left of its lines.
---
--- They become document allowances, one for each tax code, divided to the cent over the lines they
--- are on. What a volume discount has counted and what is used of a promised credit is kept with
--- the closing; credit notes give both back (credit_effects.lua).
---@class billing.discounts
local discounts = {}

local calendar = require("billow.billing.calendar")
local decimal = require("billow.decimal")
local figures = require("billow.billing.figures")
local reductions = require("billow.billing.reductions")
local split = require("billow.billing.split")
local tax = require("billow.billing.tax")

local REASON_CODE = "95" -- UNTDID 5189
local ZERO = decimal(0)

--- What was counted of a discount in its term, before this period.
---@class billing.DiscountUsed
---@field name string
---@field since string      first month of the term
---@field net Decimal       what it was on, so far
---@field granted Decimal

--- Volume discounts start again with each term; a promise holds for the contract's life.
local function term_of(own)
  return own.kind == "volume" and own.term or "contract"
end

local function counted_before(ctx, contract, own)
  local since = calendar.term_start(term_of(own), contract, ctx.period.id)
  for _, row in ipairs((ctx.opening.discount_used or {})[contract.id] or {}) do
    if row.name == own.name and row.since == since then
      return row
    end
  end
  return { name = own.name, since = since, net = ZERO, granted = ZERO }
end

local function without_flats(list)
  local tiers = list and {}
  for i, tier in ipairs(list or {}) do
    tiers[i] = { up_to = tier.up_to, percent = tier.percent, flat_amount = ZERO }
  end
  return tiers
end

--- The discount as reductions.lua takes it.
local function reduction_of(own, before)
  return {
    kind = own.kind,
    name = own.name,
    percent = own.percent,
    amount = own.kind == "credit" and decimal.max(own.amount - before.granted, ZERO) or own.amount,
    tiers = without_flats(own.tiers),
    mode = own.mode,
    year_to_date = before.net,
  }
end

local TEXTS = {}

function TEXTS.percent(own, base)
  return string.format("%s %% of %s", figures.plain(own.percent), figures.plain(base))
end

function TEXTS.amount(own)
  return "agreed amount of " .. figures.plain(own.amount)
end

function TEXTS.credit(own, _, before)
  return string.format(
    "promised credit of %s, %s of it granted before",
    figures.plain(own.amount),
    figures.plain(before.granted)
  )
end

function TEXTS.volume(own, base, before)
  local how = own.mode == "marginal" and "each part at its tier" or "at the tier that is reached"
  return string.format(
    "%s on %s since %s with this invoice, %s",
    figures.plain(base),
    figures.plain(before.net + base),
    before.since,
    how
  )
end

--- The lines that a discount is on, and what is left of them.
local function members_of(own, lines, left)
  local wanted, members, base = {}, {}, ZERO
  for _, component in ipairs(own.components) do
    wanted[component] = true
  end
  for i, line in ipairs(lines) do
    if wanted[line.component] then
      members[#members + 1], base = i, base + left[i]
    end
  end
  return members, base
end

--- Divides what is taken off over the lines, and lowers what is left of them.
local function take_off(off, members, left, d)
  local weights, shares = {}, {}
  for n, i in ipairs(members) do
    weights[n] = decimal.max(left[i], ZERO)
  end
  for n, share in ipairs(split.largest_remainder(off, weights, d)) do
    shares[members[n]] = share
    left[members[n]] = left[members[n]] - share
  end
  return shares
end

--- One allowance for each tax code, in the order of the lines.
local function allowances_of(own, lines, shares, text, codes)
  local of_code, list = {}, {}
  for i = 1, #lines do
    local share = shares[i]
    if share and not share:is_zero() then
      local code = codes[i] or ""
      local allowance = of_code[code]
      if not allowance then
        allowance = {
          component = "discount",
          amount = ZERO,
          reason = own.name,
          reason_code = REASON_CODE,
          tax_code = codes[i],
          explain = text,
        }
        of_code[code], list[#list + 1] = allowance, allowance
      end
      allowance.amount = allowance.amount + share
    end
  end
  return list
end

--- Does a discount keep count over its term?
---@param own table
---@return boolean
function discounts.counts(own)
  return own.kind == "volume" or own.kind == "credit"
end

--- What the model itself has taken off is no longer there to be discounted.
local function lower_by_allowances(made, left, codes, d)
  for _, allowance in ipairs(made.allowances) do
    local members, there = {}, ZERO
    for i, line in ipairs(made.lines) do
      if line.component == "usage" and codes[i] == allowance.tax_code then
        members[#members + 1], there = i, there + decimal.max(left[i], ZERO)
      end
    end
    if there:sign() > 0 then
      take_off(decimal.min(allowance.amount, there), members, left, d)
    end
  end
end

local function in_fixed_order(list)
  local ordered = {}
  for _, kind in ipairs(reductions.KINDS) do
    for _, own in ipairs(list) do
      if own.kind == kind then
        ordered[#ordered + 1] = own
      end
    end
  end
  return ordered
end

--- Puts the contract's discounts on a draft: allowances, and what the next period starts from.
---@param ctx billing.Context
---@param contract table
---@param made billing.Draft
function discounts.apply(ctx, contract, made)
  if not contract.discounts then
    return
  end
  local d, lines, left, codes = ctx.decimals(contract.currency), made.lines, {}, {}
  for i, line in ipairs(lines) do
    left[i] = line.net_amount
    codes[i] = tax.override(ctx, contract, line.tax_code)
  end
  lower_by_allowances(made, left, codes, d)
  local used = {}
  for _, own in ipairs(in_fixed_order(contract.discounts)) do
    local before = counted_before(ctx, contract, own)
    local members, base = members_of(own, lines, left)
    base = decimal.max(base, ZERO)
    local off = base:is_zero() and ZERO or reductions.off(reduction_of(own, before), base, d)
    if off:sign() > 0 then
      local text = TEXTS[own.kind](own, base, before)
      local shares = take_off(off, members, left, d)
      for _, allowance in ipairs(allowances_of(own, lines, shares, text, codes)) do
        table.insert(made.allowances, allowance)
      end
    end
    if discounts.counts(own) then
      used[#used + 1] = {
        name = own.name,
        since = before.since,
        net = (before.net + base):round(d),
        granted = (before.granted + off):round(d),
      }
    end
  end
  made.closing.discount_used = #used > 0 and used or nil
end

return discounts
