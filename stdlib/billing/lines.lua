--- Invoice lines from time (model 3.5): grouping key, quantity, amount.
local lines = {}

local copy = require("billow.billing.copy")
local date = require("billow.date")
local decimal = require("billow.decimal")
local draft = require("billow.billing.draft")
local figures = require("billow.billing.figures")

local FIXED = "LS"

local VALUES = {
  project = function(work)
    return work.project
  end,
  task = function(work)
    return work.task
  end,
  role = function(work)
    return work.role
  end,
  person = function(work)
    return work.person
  end,
  date = function(work)
    return work.work_date
  end,
  week = function(work)
    return date.iso_week(work.work_date)
  end,
  entry = function(work)
    return work.id
  end,
}

--- What a work is listed by: "person" -> "Ana".
---@param work billing.Work
---@param word string   of groupings: project, task, role, person, date, week, entry
---@return string
function lines.value(work, word)
  return VALUES[word](work)
end

--- "time:Development/Senior Consultant"; with an empty grouping just the component.
---@param component string
---@param grouping string[]
---@param work billing.Work
---@return string
function lines.description_key(component, grouping, work)
  if #grouping == 0 then
    return component
  end
  local values = {}
  for i, name in ipairs(grouping) do
    values[i] = VALUES[name](work)
  end
  return component .. ":" .. table.concat(values, "/")
end

--- A function that gives the line key of a rated work: unit, price and the values of the grouping.
---@param grouping string[]
---@return fun(work: billing.Work): string
function lines.key_of(grouping)
  return function(work)
    local values = { work.rate.unit_code, figures.plain(work.rate.price) }
    for i, name in ipairs(grouping) do
      values[i + 2] = VALUES[name](work)
    end
    return table.concat(values, "\0")
  end
end

--- Quantity of `seconds` in the unit, rounded to the terms' quantity_decimals.
---@param seconds integer
---@param unit_code string
---@param terms table   quantity_decimals, hours_per_day
---@return Decimal
function lines.quantity(seconds, unit_code, terms)
  local per_day = unit_code == "DAY" and terms.hours_per_day or nil
  return figures.hours(seconds, per_day):round(terms.quantity_decimals)
end

--- A running total of one line; `net` after each entry tells what a ceiling needs to know.
---@class billing.LineTotal
---@field seconds integer
---@field entries integer
---@field entry_quantity Decimal

---@param total? billing.LineTotal
---@param seconds integer
---@param rate billing.Rate
---@param terms table
---@return billing.LineTotal
function lines.add(total, seconds, rate, terms)
  local before = total or { seconds = 0, entries = 0, entry_quantity = decimal(0) }
  local is_by_entry = terms.quantity_basis == "entry"
  return {
    seconds = before.seconds + seconds,
    entries = before.entries + 1,
    entry_quantity = is_by_entry
        and before.entry_quantity + lines.quantity(seconds, rate.unit_code, terms)
      or before.entry_quantity,
  }
end

--- Quantity and net amount of a line's total. Fixed sums are counted, not measured.
---@param total billing.LineTotal
---@param rate billing.Rate
---@param terms table
---@param d integer
---@return Decimal quantity
---@return Decimal net_amount
function lines.measure(total, rate, terms, d)
  local quantity
  if rate.unit_code == FIXED then
    quantity = decimal(total.entries)
  elseif terms.quantity_basis == "entry" then
    quantity = total.entry_quantity
  else
    quantity = lines.quantity(total.seconds, rate.unit_code, terms)
  end
  return quantity, (quantity * rate.price):round(d)
end

local function group(works, key_of)
  local groups, order = {}, {}
  for _, work in ipairs(works) do
    local key = key_of(work)
    if not groups[key] then
      groups[key] = {}
      order[#order + 1] = groups[key]
    end
    table.insert(groups[key], work)
  end
  return order
end

local function line_of(component, works, terms, d)
  local total, references = nil, {}
  for i, work in ipairs(works) do
    total = lines.add(total, work.billed_seconds, work.rate, terms)
    references[i] = { type = "time_entry", id = work.id, seconds = work.billed_seconds }
  end
  local rate = works[1].rate
  local quantity, net_amount = lines.measure(total, rate, terms, d)
  return draft.line(d, {
    component = component,
    description_key = lines.description_key(component, terms.grouping, works[1]),
    quantity = quantity,
    unit_code = rate.unit_code,
    unit_price = rate.price,
    net_amount = net_amount,
    references = references,
    works = works,
  })
end

--- The lines of rated works, references in source order. A line whose quantity rounds to 0 is kept.
---@param component "time"|"overage"
---@param works billing.Work[]   with billed_seconds and rate
---@param terms table            grouping, quantity_decimals, quantity_basis, hours_per_day
---@param d integer
---@return billing.Line[]
function lines.of_time(component, works, terms, d)
  local ordered = copy.list(works)
  table.sort(ordered, function(a, b)
    return a.sequence < b.sequence
  end)
  local made = {}
  for i, members in ipairs(group(ordered, lines.key_of(terms.grouping))) do
    made[i] = line_of(component, members, terms, d)
  end
  return made
end

--- A rate for works priced by the contract's terms instead of a card (overage_rate, overage.rate):
--- per hour.
---@param price Decimal
---@param currency string
---@param source string   for the explanation, such as "terms.overage.rate"
---@return billing.Rate
function lines.flat_rate(price, currency, source)
  return {
    price = price,
    unit_code = "HUR",
    currency = currency,
    is_no_charge = false,
    source = source,
    searched = {},
    steps = {},
  }
end

return lines
