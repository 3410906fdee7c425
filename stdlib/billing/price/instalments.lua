--- An instalment plan of an amount.
local instalments_item = {}

local decimal = require("billow.decimal")
local due_date_item = require("billow.billing.price.due_date")
local explanation = require("billow.billing.explanation")
local instalments = require("billow.billing.instalments")
local json = require("billow.json")

local PERCENT = decimal(100)

---@param plan billing.Reader
---@return billing.InstalmentTerm[]
local function stated_terms(plan)
  local terms, sum, has_amounts = {}, decimal(0), false
  for index, term in ipairs(plan:objects("terms")) do
    terms[index] = {
      percent = term:decimal("percent", { is_optional = true, above = 0 }),
      amount = term:decimal("amount", { is_optional = true, min = 0 }),
      days = term:integer("days", { is_optional = true, min = 0 }),
      months = term:integer("months", { is_optional = true, min = 0 }),
    }
    if (terms[index].percent == nil) == (terms[index].amount == nil) then
      term:refuse("percent", "write either percent or amount")
    end
    has_amounts = has_amounts or terms[index].amount ~= nil
    sum = sum + (terms[index].percent or 0)
  end
  if not has_amounts and sum ~= PERCENT then
    plan:refuse("terms", "write percents that sum to 100; these sum to " .. tostring(sum))
  end
  return terms
end

---@param plan billing.Reader
---@return billing.InstalmentTerm[]
local function terms_of(plan)
  if plan:has("terms") then
    return stated_terms(plan)
  end
  local count = plan:integer("count", { above = 0, max = 1000 })
  local every_days = plan:integer("every_days", { is_optional = true, above = 0 })
  local every_months = plan:integer("every_months", { default = every_days and 0 or 1, min = 0 })
  return instalments.equal(count, { days = every_days, months = every_months })
end

---@param reader billing.Reader
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
function instalments_item.price(reader, money, steps)
  local plan = reader:object("instalments")
  local amount = reader:decimal("amount", { min = 0 })
  local terms = terms_of(plan)
  local fixed, shares = decimal(0), 0
  for _, term in ipairs(terms) do
    fixed = fixed + (term.amount or 0)
    shares = shares + (term.amount and 0 or 1)
  end
  if fixed > amount or (shares == 0 and fixed ~= amount) then
    plan:refuse("terms", "write amounts that come to " .. tostring(amount) .. "; these come to "
      .. tostring(fixed))
  end
  local parts = instalments.plan(amount, {
    first_date = plan:date("first_date"),
    terms = terms,
    remainder = plan:choice("remainder", { "largest", "last" }, "largest"),
    shift = plan:choice("shift", { "none", "next_business_day" }, "none"),
    holidays = due_date_item.holidays(reader),
  }, money.d)
  for _, part in ipairs(parts) do
    explanation.add(steps, "instalment", part.number .. " due " .. part.due_date, part.amount)
  end
  return { currency = money.currency, amount = amount, instalments = json.array(parts) }
end

return instalments_item
