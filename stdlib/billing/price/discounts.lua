--- Discounts on an amount, or on lines, in their fixed order.
local discounts_item = {}

local decimal = require("billow.decimal")
local explanation = require("billow.billing.explanation")
local json = require("billow.json")
local reductions = require("billow.billing.reductions")
local split = require("billow.billing.split")
local tiers = require("billow.billing.tiers")

---@param own billing.Reader
---@return string
local function kind_of(own)
  if own:has("kind") then
    return own:choice("kind", reductions.KINDS)
  end
  return own:has("tiers") and "volume" or own:has("percent") and "percent" or "amount"
end

---@param own billing.Reader
---@return billing.Reduction
local function reduction_of(own)
  own:only_one({ "percent", "amount", "tiers" })
  if not (own:has("percent") or own:has("amount") or own:has("tiers")) then
    own:refuse("percent", "write percent, amount or tiers")
  end
  local kind = kind_of(own)
  local is_volume = kind == "volume"
  return {
    kind = kind,
    name = own:text("name", kind),
    percent = kind == "percent" and own:decimal("percent", { min = 0, max = 100 }) or nil,
    amount = (kind == "amount" or kind == "credit") and own:decimal("amount", { min = 0 }) or nil,
    tiers = is_volume and tiers.read(own, "percent") or nil,
    year_to_date = is_volume
      and own:decimal("year_to_date_amount", { default = 0, min = 0 }) or nil,
    mode = is_volume and own:choice("mode", reductions.VOLUME_MODES, "whole") or nil,
  }
end

---@param reader billing.Reader
---@return Decimal amount
---@return Decimal[]|nil nets   of lines
local function base_of(reader)
  reader:only_one({ "amount", "line_amounts" })
  if not reader:has("line_amounts") then
    return reader:decimal("amount", { min = 0 }), nil
  end
  local nets = reader:decimals("line_amounts", { min = 0 })
  return decimal.sum(nets), nets
end

--- What is left of each line: the discount divided by size, to the cent.
---@param nets Decimal[]|nil
---@param off Decimal
---@param d integer
---@return table[]|nil
local function shares_of(nets, off, d)
  if not nets or #nets == 0 or decimal.sum(nets):is_zero() then
    return nil
  end
  local shown = {}
  for index, share in ipairs(split.largest_remainder(off, nets, d)) do
    shown[index] = { net_amount = nets[index] - share, discount_amount = share }
  end
  return json.array(shown)
end

---@param reader billing.Reader
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
function discounts_item.price(reader, money, steps)
  local list = {}
  for index, own in ipairs(reader:objects("discounts", true)) do
    list[index] = reduction_of(own)
  end
  local amount, nets = base_of(reader)
  local cap = reader:object("maximum_spend", true)
  local applied, left = reductions.apply(amount, list,
    cap and cap:decimal("amount", { min = 0 }), money.d)
  local shown = {}
  for index, own in ipairs(applied) do
    shown[index] = {
      name = own.name, kind = own.kind, base_amount = own.base, discount_amount = own.amount,
    }
    local percent = own.percent and tostring(own.percent) .. " % " or ""
    explanation.add(steps, own.kind, own.name .. ": " .. percent .. "off " .. tostring(own.base),
      own.amount)
  end
  explanation.add(steps, "net_amount", tostring(amount) .. " less " .. tostring(amount - left),
    left)
  return {
    currency = money.currency,
    amount = amount,
    discounts = json.array(shown),
    discount_total_amount = amount - left,
    net_amount = left,
    lines = shares_of(nets, amount - left, money.d),
  }
end

return discounts_item
