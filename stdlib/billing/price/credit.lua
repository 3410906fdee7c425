--- A credit of part of an invoice: rounded net plus rounded tax, the last one taking what is left.
local credit_item = {}

local credit = require("billow.billing.credit")
local explanation = require("billow.billing.explanation")
local proration = require("billow.billing.proration")

---@param terms billing.Reader
---@param d integer
---@return Decimal
local function net_of(terms, d)
  local net = terms:decimal("net_amount", { min = 0 })
  if not terms:has("days") then
    return net:round(d)
  end
  local of_days = terms:integer("of_days", { above = 0 })
  return proration.part(net, terms:integer("days", { min = 0, max = of_days }), of_days, d)
end

---@param reader billing.Reader
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
function credit_item.price(reader, money, steps)
  local terms = reader:object("credit")
  local group = reader:object("invoice", true)
  local net = net_of(terms, money.d)
  local tax_percent = terms:decimal("tax_percent", { default = 0, min = 0 })
  local left = group and {
    net = group:decimal("net_amount") - group:decimal("credited_net", { default = 0 }),
    tax = group:decimal("tax_amount") - group:decimal("credited_tax", { default = 0 }),
  } or nil
  if left and net > left.net then
    terms:refuse("net_amount", "write at most " .. tostring(left.net)
      .. ", what is left to credit")
  end
  local done = credit.amounts(net, tax_percent, left, money.d)
  local part = terms:has("days") and " x " .. terms:integer("days") .. " / "
    .. terms:integer("of_days") or ""
  explanation.add(steps, "net", tostring(terms:decimal("net_amount")) .. part .. ", rounded",
    done.net_amount)
  explanation.add(steps, "tax", done.is_last and "what is left of the tax"
    or tostring(tax_percent) .. " % of " .. tostring(done.net_amount) .. ", rounded",
    done.tax_amount)
  return {
    currency = money.currency,
    net_amount = done.net_amount,
    tax_amount = done.tax_amount,
    total_amount = done.net_amount + done.tax_amount,
  }
end

return credit_item
