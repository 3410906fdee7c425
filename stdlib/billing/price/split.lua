--- An amount divided over payers or parts by largest remainder.
local split_item = {}

local decimal = require("billow.decimal")
local explanation = require("billow.billing.explanation")
local json = require("billow.json")
local split = require("billow.billing.split")

---@param reader billing.Reader
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
function split_item.price(reader, money, steps)
  local terms = reader:object("split")
  local amount = reader:decimal("amount")
  local weights
  if terms:has("percents") then
    weights = terms:decimals("percents", { min = 0 })
    local sum = decimal.sum(weights)
    if sum ~= decimal(100) then
      terms:refuse("percents", "write percents that sum to 100; these sum to " .. tostring(sum))
    end
  else
    weights = terms:decimals("weights", { min = 0 })
    if #weights == 0 or decimal.sum(weights):is_zero() then
      terms:refuse("weights", "write percents or weights, at least one of them above 0")
    end
  end
  if amount:round(money.d) ~= amount then
    reader:refuse("amount", "write at most " .. money.d .. " decimals")
  end
  local shares = split.largest_remainder(amount, weights, money.d)
  for index, share in ipairs(shares) do
    explanation.add(steps, "share", index .. " with weight " .. tostring(weights[index]), share)
  end
  return { currency = money.currency, amount = amount, share_amounts = json.array(shares) }
end

return split_item
