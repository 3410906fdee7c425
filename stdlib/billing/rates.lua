--- The rate of an entry (model 3.3): no-charge tasks, the entry's own fixed sum or hourly rate, the
--- source's rate, then the cards with their path.
---
--- A rate book is made once per contract; finding is then a walk over the cards in force on the
--- entry's date. On one level of a card a fixed sum wins over a rate by time. A fixed sum has the
--- unit LS: it is the price of the whole entry, whatever its duration.
local rates = {}

local decimal = require("billow.decimal")
local figures = require("billow.billing.figures")
local indexation = require("billow.billing.indexation")

---@class billing.RateBook
---@field cards table[]                    in the order in which they are searched
---@field no_charge table<string, boolean>
---@field rate_source "card"|"source"
---@field rate_date "work_date"|"issue_date"
---@field selectors? string[]              replaces each card's own order when a policy says so
---@field issue_date string
---@field currency string                  of the contract
---@field contract table                   whose prices may follow an index

local LEVELS = { "contract", "customer", "firm" }

--- The unit of a fixed sum for an entry (UN/ECE: lump sum).
rates.FIXED = "LS"

-- What an hour costs the firm is a matter of the person: rows that may say so when the row that
-- gives the price does not.
local COST_SELECTORS = { "person", "default" }
-- Limits of a row for each entry that it prices; without one the terms' limits hold.
local LIMITS = { "min_hours", "max_hours", "min_amount" }

local function card_of_level(ctx, contract, level)
  if level == "contract" then
    return contract.rate_card_id
  elseif level == "customer" then
    return ctx.customers[contract.customer_id].rate_card_id
  end
  return ctx.firm.rate_card_id
end

--- Does the contract's model price time, so that every entry needs a rate?
---@param contract table
---@return boolean
function rates.is_needed(contract)
  local terms = contract.terms
  return contract.model == "tm"
    or contract.model == "retainer" and (terms.unit == "money" or terms.overage.source == "card")
end

--- The cards and rules for one contract. The contract's terms win over the rates policy, the policy
--- over the model.
---@param ctx billing.Context
---@param contract table
---@return billing.RateBook
function rates.book(ctx, contract)
  local decision = ctx.decide and ctx.decide("rates", { contract = contract, period = ctx.period })
    or {}
  local cards, no_charge = {}, {}
  for _, level in ipairs(decision.levels or LEVELS) do
    local id = card_of_level(ctx, contract, level)
    if id then
      cards[#cards + 1] = ctx.rate_cards[id]
    end
  end
  for _, task in ipairs(contract.terms.no_charge_tasks or {}) do
    no_charge[task] = true
  end
  return {
    cards = cards,
    no_charge = no_charge,
    rate_source = contract.terms.rate_source or decision.rate_source or "card",
    rate_date = contract.terms.rate_date or decision.rate_date or "work_date",
    selectors = decision.selectors,
    issue_date = ctx.issue_date,
    currency = contract.currency,
    contract = contract,
  }
end

--- The version in force: of those covering the date the one with the greatest valid_from.
---@param card table
---@param day string
---@return table?
function rates.version_on(card, day)
  local found
  for _, version in ipairs(card.versions) do
    local has_begun = not version.valid_from or version.valid_from <= day
    local is_over = version.valid_to and version.valid_to < day
    if
      has_begun
      and not is_over
      and (not found or (version.valid_from or "") > (found.valid_from or ""))
    then
      found = version
    end
  end
  return found
end

--- The text a selector is compared with; nil matches no row.
local function value_of(work, selector)
  if selector == "default" then
    return nil
  elseif selector == "project" then
    return not work.is_moved and work.project or nil
  end
  local value = work[selector]
  return value ~= "" and value or nil
end

local function matches(row, selector, value)
  return row.selector == selector and (selector == "default" or value ~= nil and row.value == value)
end

local function rate_of(fields)
  return {
    price = fields.price,
    unit_code = fields.unit_code,
    currency = fields.currency,
    source = fields.source,
    is_no_charge = fields.is_no_charge or false,
    searched = fields.searched or {},
    steps = fields.steps or {},
    limits = fields.limits,
  }
end

local function limits_of(row)
  local limits
  for _, name in ipairs(LIMITS) do
    if row[name] then
      limits = limits or {}
      limits[name] = row[name]
    end
  end
  return limits
end

--- Apply the remembered add and multiply rows, the one met last first.
local function adjust(base, adjustments)
  local price, steps = base.rate, { "base " .. figures.plain(base.rate) }
  for i = #adjustments, 1, -1 do
    local row = adjustments[i].row
    if row.form == "add" then
      price = price + row.rate
    else
      price = price * row.rate
    end
    steps[#steps + 1] = string.format(
      "%s %s (%s) = %s",
      row.form,
      figures.plain(row.rate),
      adjustments[i].place,
      figures.plain(price)
    )
  end
  return price, steps
end

--- The row that gives the base price on one level: a fixed sum before the first rate by time. Rows
--- that adjust count as far as they stand before it.
local function base_on_level(version, selector, value, place, adjustments)
  local base
  for _, row in ipairs(version.rates) do
    if matches(row, selector, value) then
      if row.form == "replace" then
        base = base or row
        if row.unit_code == rates.FIXED and base.unit_code ~= rates.FIXED then
          base = row
        end
      elseif not base then
        adjustments[#adjustments + 1] = { row = row, place = place }
      end
    end
  end
  return base
end

--- Walk one version; returns the base row when a replace row matched.
local function walk(version, card, work, order, searched, adjustments)
  local label = card.id .. "@" .. (version.valid_from or "")
  for _, selector in ipairs(order) do
    local value = value_of(work, selector)
    local shown = value or (selector == "default" and "None" or "")
    local place = string.format("%s: %s=%s", label, selector, shown)
    searched[#searched + 1] = place
    local base = base_on_level(version, selector, value, place, adjustments)
    if base then
      return base, place
    end
  end
  return nil
end

--- A place as people read it: a card without dates has no day, and "default" is no selector of
--- anything.
---@param place string   "RC@2026-01-01: role=Consultant"
---@return string
function rates.place_shown(place)
  return (place:gsub("^([^:]*)@:", "%1:"):gsub(": default=None$", ": default"))
end

local function day_of(book, work)
  return book.rate_date == "issue_date" and book.issue_date or work.work_date
end

local function search_cards(book, work)
  local searched, adjustments = {}, {}
  local day = day_of(book, work)
  for _, card in ipairs(book.cards) do
    local version = rates.version_on(card, day)
    if version then
      local base, place =
        walk(version, card, work, book.selectors or card.order, searched, adjustments)
      if base then
        local price, steps = adjust(base, adjustments)
        return rate_of({
          price = price,
          unit_code = base.unit_code,
          currency = card.currency,
          source = place,
          searched = searched,
          steps = steps,
          limits = limits_of(base),
        }),
          nil,
          base
      end
    end
  end
  return nil, searched
end

--- The entry's own price: a fixed sum before an hourly rate.
local function own_rate(book, work)
  local entry = work.entry
  local price = entry.fixed_rate or entry.hourly_rate
  if not price then
    return nil
  end
  return rate_of({
    price = price,
    unit_code = entry.fixed_rate and rates.FIXED or "HUR",
    currency = entry.currency or book.currency,
    source = (entry.fixed_rate and "fixed_rate" or "hourly_rate") .. " of the entry",
  })
end
--- The cost of a work to the firm: the entry's own, that of the row which gives its price, else
--- that of its person, else the default's; nil when nobody says.
--- of its person, else the default's; nil when nobody says.
---@param book billing.RateBook
---@param work billing.Work
---@return {price: Decimal, unit_code: string}?
function rates.cost(book, work)
  if work.entry.cost_rate then
    return { price = work.entry.cost_rate, unit_code = "HUR" }
  end
  local _, _, base = search_cards(book, work)
  if base and base.cost_rate then
    return { price = base.cost_rate, unit_code = base.unit_code }
  end
  for _, selector in ipairs(COST_SELECTORS) do
    for _, card in ipairs(book.cards) do
      local version = rates.version_on(card, day_of(book, work))
      for _, row in ipairs(version and version.rates or {}) do
        if row.cost_rate and matches(row, selector, value_of(work, selector)) then
          return { price = row.cost_rate, unit_code = row.unit_code }
        end
      end
    end
  end
  return nil
end

--- The price of a work; prices are exact, never rounded.
---@param book billing.RateBook
---@param work billing.Work
---@return billing.Rate?
---@return string[]? searched   the path when there is no rate
function rates.find(book, work)
  if book.no_charge[work.task] then
    return rate_of({
      price = decimal(0),
      unit_code = "HUR",
      currency = book.currency,
      source = "no_charge task " .. work.task,
      is_no_charge = true,
    })
  end
  local entry = work.entry
  local own = own_rate(book, work)
  if own then
    return own
  elseif book.rate_source == "source" and entry.source_rate then
    return rate_of({
      price = entry.source_rate,
      unit_code = "HUR",
      currency = entry.currency,
      source = "rate of " .. entry.source,
    })
  end
  local found, searched = search_cards(book, work)
  if found then
    local price, note = indexation.price(book.contract, found.price, day_of(book, work))
    found.price, found.steps[#found.steps + 1] = price, note
  end
  return found, searched
end

return rates
