--- An amount divided over payers or parts by largest remainder.
local split_item = {}

local decimal = require("billow.decimal")
local explanation = require("billow.billing.explanation")
local json = require("billow.json")
local reading = require("billow.billing.reading")
local split = require("billow.billing.split")

--- Payers with percents and perhaps caps: what is beyond a cap goes to those without one.
---@param terms billing.Reader
---@param amount Decimal
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
local function of_payers(terms, amount, money, steps)
  local payers, sum, has_open = {}, decimal(0), false
  for index, payer in ipairs(terms:objects("payers", true)) do
    local cap = payer:decimal("cap_amount", { is_optional = true, min = 0 })
    local used = payer:decimal("used_amount", { default = 0, min = 0 })
    payers[index] = {
      id = payer:text("customer_id", "payer-" .. index),
      percent = payer:decimal("percent", { min = 0 }),
      available = cap and decimal.max(cap - used, decimal(0)),
    }
    sum = sum + payers[index].percent
    has_open = has_open or not cap and payers[index].percent > decimal(0)
  end
  if sum ~= decimal(100) then
    terms:refuse("payers", "write percents that sum to 100; these sum to " .. tostring(sum))
  elseif not has_open then
    terms:refuse("payers", "leave one payer without cap_amount: it takes what is beyond the caps")
  elseif amount:round(money.d) ~= amount then
    reading.refuse("amount", amount, "write at most " .. money.d .. " decimals")
  end
  local row, shown, shares = split.with_caps({ amount }, payers, money.d)[1], {}, {}
  for index, payer in ipairs(payers) do
    shown[index] = { customer_id = payer.id, amount = row[index] }
    shares[index] = row[index]
    explanation.add(steps, "share", payer.id .. ": " .. tostring(payer.percent) .. " %"
      .. (payer.available and ", at most " .. tostring(payer.available) or ""), row[index])
  end
  return {
    currency = money.currency,
    amount = amount,
    share_amounts = json.array(shares),
    payers = json.array(shown),
  }
end

---@param reader billing.Reader
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
function split_item.price(reader, money, steps)
  local terms = reader:object("split")
  local amount = reader:decimal("amount")
  terms:only_one({ "percents", "weights", "payers" })
  if terms:has("payers") then
    return of_payers(terms, amount, money, steps)
  end
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
  local total = tostring(decimal.sum(weights))
  for index, share in ipairs(shares) do
    explanation.add(steps, "share", index .. ": " .. tostring(amount) .. " x "
      .. tostring(weights[index]) .. " / " .. total .. ", odd units to the largest remainders",
      share)
  end
  return { currency = money.currency, amount = amount, share_amounts = json.array(shares) }
end

return split_item
