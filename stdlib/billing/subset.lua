--- Which items add up to an amount: a search with a bound, so that a long list of open items cannot
--- stop a run.
---@class billow.billing.subset
local subset = {}

local decimal = require("billow.decimal")

local FOUND_MAX = 3

---@class billing.SubsetOptions
---@field size_max integer    items in one subset
---@field steps_max integer   sums tried in all
---@field d integer           decimals of the currency
---@field amount fun(item: any): Decimal, Decimal?   in full, and less a discount

--- Amounts in whole minor units.
local function units_of(amount, scale)
  return (amount * scale):to_integer()
end

--- Items that can take part, largest first, each with its one or two amounts.
local function choices_of(items, wanted, scale, options)
  local choices = {}
  for index, item in ipairs(items) do
    local full, less = options.amount(item)
    local amounts = { units_of(full, scale) }
    if less then
      amounts[2] = units_of(less, scale)
    end
    if math.min(table.unpack(amounts)) <= wanted then
      choices[#choices + 1] = { item = item, index = index, amounts = amounts }
    end
  end
  table.sort(choices, function(a, b)
    if a.amounts[1] ~= b.amounts[1] then
      return a.amounts[1] > b.amounts[1]
    end
    return a.index < b.index
  end)
  return choices
end

---@class billing.SubsetWalk
---@field choices table[]
---@field reach integer[]   what all choices from here on can give at most
---@field taken table[]
---@field found table[][]
---@field seen table<string, boolean>
---@field steps integer
---@field options billing.SubsetOptions

--- Keeps what is taken, in the order of the list; once for each set of items.
local function keep(walk)
  local items = table.move(walk.taken, 1, #walk.taken, 1, {})
  table.sort(items, function(a, b)
    return a.index < b.index
  end)
  local found, key = {}, {}
  for i, choice in ipairs(items) do
    found[i], key[i] = choice.item, choice.index
  end
  local name = table.concat(key, ",")
  if not walk.seen[name] then
    walk.seen[name] = true
    walk.found[#walk.found + 1] = found
  end
end

--- Tries choices from `at` on. False when the bound is reached.
local function search(walk, at, missing)
  if missing == 0 then
    if #walk.taken >= 2 then
      keep(walk)
    end
    return #walk.found < FOUND_MAX
  elseif #walk.taken >= walk.options.size_max then
    return true
  end
  for i = at, #walk.choices do
    if walk.reach[i] < missing then
      return true
    end
    for _, units in ipairs(walk.choices[i].amounts) do
      walk.steps = walk.steps + 1
      if walk.steps > walk.options.steps_max then
        return false
      end
      if units <= missing then
        walk.taken[#walk.taken + 1] = walk.choices[i]
        local goes_on = search(walk, i + 1, missing - units)
        walk.taken[#walk.taken] = nil
        if not goes_on then
          return false
        end
      end
    end
  end
  return true
end

--- Sets of two or more items whose amounts make up the wanted one; at most three are given.
---@param wanted Decimal
---@param items any[]
---@param options billing.SubsetOptions
---@return any[][] found
---@return boolean is_complete   false: the search was cut off, there may be others
function subset.find(wanted, items, options)
  local scale = decimal(1)
  for _ = 1, options.d do
    scale = scale * 10
  end
  local exact = wanted * scale
  if exact ~= exact:trunc() then
    return {}, true
  end
  local units = exact:to_integer()
  local choices, reach = choices_of(items, units, scale, options), {}
  reach[#choices + 1] = 0
  for i = #choices, 1, -1 do
    reach[i] = reach[i + 1] + math.max(table.unpack(choices[i].amounts))
  end
  local walk = {
    choices = choices,
    reach = reach,
    taken = {},
    found = {},
    seen = {},
    steps = 0,
    options = options,
  }
  local is_complete = search(walk, 1, units)
  return walk.found, is_complete
end

return subset
