--- Tariffs in tiers: what a quantity costs when the price depends on how much is used.
---
--- Upper bounds are inclusive and a tier begins above the bound of the one before: with a first
--- tier up to 5, the quantity 5 is in it and 5.001 is in the second. `up_to` nil means unlimited.
---
--- Every function returns parts in tier order, unrounded; the caller turns them into lines and
--- rounds each line once. Quantities and prices are decimals, never negative.
---@class billing.tiers
local tiers = {}

local decimal = require("billow.decimal")
local reading = require("billow.billing.reading")

local ZERO = decimal(0)
local ONE = decimal(1)

---@class billing.Tier
---@field up_to Decimal|nil       inclusive; nil = unlimited
---@field unit_price Decimal|nil  of one unit, or of one block
---@field percent Decimal|nil     instead of unit_price in percentage tariffs
---@field flat_amount Decimal     due once when the tier is entered
---@field block_size Decimal|nil  blocks only
---@field price Decimal|nil       capacity only

---@class billing.TierPart
---@field tier integer                    number of the tier, from 1; 0 when the tariff has none
---@field is_flat boolean                 the flat amount of the tier
---@field quantity Decimal         units (or blocks, or amount of money) inside the tier
---@field unit_price Decimal|nil   nil for percentage parts
---@field percent Decimal|nil      percentage parts only

--- A tier without a price is not free, it is forgotten.
---@param reader billing.Reader
---@param value_name "unit_price"|"percent"
local function check_priced(reader, value_name)
  local other = value_name == "percent" and "unit_price" or "percent"
  if reader:has(other) then
    reader:refuse(other, "write " .. value_name .. ": that is what a tier of this tariff has")
  elseif not (reader:has(value_name) or reader:has("flat_amount")) then
    reader:refuse(value_name, "write " .. value_name .. ' or flat_amount; "0" when it is free')
  end
end

--- Read tiers; bounds must rise and only the last may be open.
---@param owner billing.Reader  the object that holds `tiers`
---@param value_name "unit_price"|"percent"|nil  the price field every tier must have
---@return billing.Tier[]
function tiers.read(owner, value_name)
  local list = {}
  local readers = owner:objects("tiers", true)
  local previous = ZERO
  for index, reader in ipairs(readers) do
    local tier = { flat_amount = reader:decimal("flat_amount", { default = 0 }) }
    tier.up_to = reader:decimal("up_to", { is_optional = true })
    if tier.up_to == nil and index < #readers then
      reader:refuse("up_to", "write the upper bound of this tier; only the last tier may be open")
    elseif tier.up_to and tier.up_to <= previous then
      reader:refuse("up_to", "write a bound greater than " .. tostring(previous)
        .. ", the bound of the tier before")
    end
    previous = tier.up_to or previous
    if value_name then
      tier[value_name] = reader:decimal(value_name, { default = 0 })
    end
    list[index] = tier
  end
  for _, reader in ipairs(value_name and readers or {}) do
    check_priced(reader, value_name)
  end
  return list
end

---@param list billing.Tier[]
---@param quantity Decimal
local function refuse_beyond(list, quantity)
  local bound = list[#list].up_to
  if bound and quantity > bound then
    reading.refuse("tiers[" .. #list .. "].up_to", bound, "the quantity "
      .. tostring(quantity) .. " is above the last tier: make its up_to null")
  end
end

--- The part of `quantity` inside each tier entered.
---@param list billing.Tier[]
---@param quantity Decimal
---@param is_flat_at_zero boolean|nil  the first tier counts as entered at quantity 0
---@return {tier: integer, quantity: Decimal}[]
local function entered(list, quantity, is_flat_at_zero)
  refuse_beyond(list, quantity)
  local result = {}
  local lower = ZERO
  for index, tier in ipairs(list) do
    local is_entered = quantity > lower or (index == 1 and is_flat_at_zero)
    if not is_entered then
      break
    end
    local upper = tier.up_to and decimal.min(quantity, tier.up_to) or quantity
    result[#result + 1] = { tier = index, quantity = upper - lower }
    lower = tier.up_to or quantity
  end
  return result
end

---@param parts billing.TierPart[]
---@param index integer
---@param tier billing.Tier
local function add_flat(parts, index, tier)
  if not tier.flat_amount:is_zero() then
    parts[#parts + 1] = {
      tier = index,
      is_flat = true,
      quantity = ONE,
      unit_price = tier.flat_amount,
    }
  end
end

--- Graduated: each tier prices the units inside it; its flat amount is due once when entered.
---@param list billing.Tier[]
---@param quantity Decimal
---@param is_flat_at_zero boolean|nil
---@return billing.TierPart[]
function tiers.graduated(list, quantity, is_flat_at_zero)
  local parts = {}
  for _, piece in ipairs(entered(list, quantity, is_flat_at_zero)) do
    local tier = list[piece.tier]
    if not piece.quantity:is_zero() then
      parts[#parts + 1] = {
        tier = piece.tier,
        is_flat = false,
        quantity = piece.quantity,
        unit_price = tier.unit_price,
      }
    end
    add_flat(parts, piece.tier, tier)
  end
  return parts
end

--- Graduated percentage: as graduated, but a tier takes a percentage of the amount inside it.
---@param list billing.Tier[]
---@param amount Decimal
---@param is_flat_at_zero boolean|nil
---@return billing.TierPart[]
function tiers.graduated_percentage(list, amount, is_flat_at_zero)
  local parts = {}
  for _, piece in ipairs(entered(list, amount, is_flat_at_zero)) do
    local tier = list[piece.tier]
    if not piece.quantity:is_zero() then
      parts[#parts + 1] = {
        tier = piece.tier,
        is_flat = false,
        quantity = piece.quantity,
        percent = tier.percent,
      }
    end
    add_flat(parts, piece.tier, tier)
  end
  return parts
end

--- Volume: the first tier that holds the whole quantity prices all of it, so a total may fall.
--- `priced` is the quantity to charge when it differs from the one that picks the tier: a period
--- that is cut short picks its tier by full units and charges the prorated ones.
---@param list billing.Tier[]
---@param quantity Decimal
---@param is_flat_at_zero boolean|nil
---@param priced Decimal|nil
---@return billing.TierPart[]
function tiers.volume(list, quantity, is_flat_at_zero, priced)
  refuse_beyond(list, quantity)
  local parts = {}
  for index, tier in ipairs(list) do
    if tier.up_to == nil or quantity <= tier.up_to then
      local charged = priced or quantity
      if not charged:is_zero() then
        parts[1] = {
          tier = index,
          is_flat = false,
          quantity = charged,
          unit_price = tier.unit_price,
        }
      end
      if quantity > ZERO or is_flat_at_zero then
        add_flat(parts, index, tier)
      end
      return parts
    end
  end
  return parts
end

--- Packages: a started package costs a whole one.
---@param size Decimal
---@param package_price Decimal
---@param quantity Decimal
---@return billing.TierPart[]
function tiers.package(size, package_price, quantity)
  local packages = tiers.started(quantity, size)
  if packages:is_zero() then
    return {}
  end
  return { { tier = 0, is_flat = false, quantity = packages, unit_price = package_price } }
end

--- How many whole portions of `size` the quantity has begun.
---@param quantity Decimal
---@param size Decimal
---@return Decimal
function tiers.started(quantity, size)
  local whole = quantity:idiv(size)
  if whole * size < quantity then
    whole = whole + 1
  end
  return whole
end

--- Read the tiers of a tariff in blocks: `{block_size, unit_price, max_blocks}` each.
---@param owner billing.Reader
---@return billing.Tier[]
function tiers.read_blocks(owner)
  local list = {}
  local upper = ZERO
  local readers = owner:objects("tiers", true)
  for index, reader in ipairs(readers) do
    local size = reader:decimal("block_size", { above = 0 })
    local blocks_max = reader:integer("max_blocks", { is_optional = true, above = 0 })
    if not blocks_max and index < #readers then
      reader:refuse("max_blocks", "write how many blocks this tier holds; only the last may "
        .. "be open")
    end
    upper = blocks_max and upper + size * blocks_max or nil
    list[index] = {
      block_size = size,
      unit_price = reader:decimal("unit_price"),
      flat_amount = ZERO,
      -- The last tier takes whatever comes, so that every quantity has a price.
      up_to = index < #readers and upper or nil,
    }
  end
  return list
end

--- Blocks: a started block costs a whole block.
--- `all_tiers` fills the tiers one after the other; `top_tier` prices everything in blocks of the
--- tier reached, so the total may drop at a border.
---@param list billing.Tier[]
---@param quantity Decimal
---@param mode "all_tiers"|"top_tier"
---@return billing.TierPart[]
function tiers.blocks(list, quantity, mode)
  local parts = {}
  local pieces = entered(list, quantity)
  if mode == "top_tier" and #pieces > 0 then
    pieces = { { tier = pieces[#pieces].tier, quantity = quantity } }
  end
  for _, piece in ipairs(pieces) do
    local tier = list[piece.tier]
    parts[#parts + 1] = {
      tier = piece.tier,
      is_flat = false,
      quantity = tiers.started(piece.quantity, tier.block_size),
      unit_price = tier.unit_price,
    }
  end
  return parts
end

--- Read the tiers of a capacity tariff: `{price, up_to}` or, for several units, `{price, limits}`.
---@param owner billing.Reader
---@return {price: Decimal, limits: table<string, Decimal>}[]
function tiers.read_capacity(owner)
  local list = {}
  for index, reader in ipairs(owner:objects("tiers", true)) do
    local tier = { price = reader:decimal("price"), limits = {} }
    if reader:has("up_to") then
      tier.limits.quantity = reader:decimal("up_to", { min = 0 })
    end
    local limits = reader:object("limits", true)
    if limits then
      for unit in pairs(limits.source) do
        tier.limits[unit] = limits:decimal(unit, { is_optional = true, min = 0 })
      end
    end
    list[index] = tier
  end
  return list
end

--- Capacity: one price for the whole, that of the lowest tier large enough for every unit.
---@param list {price: Decimal, limits: table<string, Decimal>}[]
---@param quantities table<string, Decimal>
---@return billing.TierPart[]
function tiers.capacity(list, quantities)
  for index, tier in ipairs(list) do
    local is_enough = true
    for unit, quantity in pairs(quantities) do
      local limit = tier.limits[unit]
      is_enough = is_enough and (limit == nil or quantity <= limit)
    end
    if is_enough then
      return { { tier = index, is_flat = false, quantity = ONE, unit_price = tier.price } }
    end
  end
  reading.refuse("tiers", "a list", "no tier is large enough: end with a tier without limits")
  return {}
end

return tiers
