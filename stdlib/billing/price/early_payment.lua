--- An early payment discount: its last day and what it takes off price and tax.
local early_payment_item = {}

local discount_early = require("billow.billing.discount_early")
local explanation = require("billow.billing.explanation")

---@param reader billing.Reader
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
function early_payment_item.price(reader, money, steps)
  local terms = reader:object("early_payment_discount")
  local result = { currency = money.currency }
  if reader:has("issue_date") then
    local issue_date = reader:date("issue_date")
    local days = terms:integer("days", { min = 0 })
    result.last_date = discount_early.last_date(issue_date, days)
    explanation.add(steps, "last_date", issue_date .. " + " .. days .. " days, that day included",
      result.last_date)
  end
  if reader:has("net_amount") or not result.last_date then
    local net = reader:decimal("net_amount", { min = 0 })
    local offer = {
      percent = terms:decimal("percent", { min = 0, max = 100 }),
      mode = terms:choice("mode", discount_early.MODES, "included"),
    }
    local amounts = discount_early.amounts(net,
      reader:decimal("tax_percent", { default = 0, min = 0 }),
      reader:decimal("fixed_tax_amount", { default = 0 }), offer, money.d)
    for name, value in pairs(amounts) do
      result[name] = value
    end
    explanation.add(steps, "total", tostring(net) .. " and tax " .. tostring(amounts.tax_amount)
      .. " on the invoice", amounts.total_amount)
    explanation.add(steps, "discount", tostring(offer.percent) .. " %, tax " .. offer.mode
      .. ": off the net " .. tostring(amounts.base_discount_amount)
      .. ", off the tax " .. tostring(amounts.tax_discount_amount), amounts.discounted_amount)
  end
  return result
end

return early_payment_item
