--- An instalment plan of an amount.
local instalments_item = {}

local decimal = require("billow.decimal")
local due_date_item = require("billow.billing.price.due_date")
local explanation = require("billow.billing.explanation")
local instalments = require("billow.billing.instalments")
local json = require("billow.json")

local PERCENT = decimal(100)

---@param term billing.Reader
---@return billing.InstalmentTerm
local function stated_term(term)
  local has_type = term:has("type")
  local own = {
    percent = term:decimal("percent", { is_optional = true, above = 0 }),
    amount = term:decimal("amount", { is_optional = true, min = 0 }),
    is_rest = term:boolean("is_rest", false),
    terms = has_type and due_date_item.read(term) or nil,
    days = not has_type and term:integer("days", { is_optional = true, min = 0 }) or nil,
    months = not has_type and term:integer("months", { is_optional = true, min = 0 }) or nil,
  }
  local given = (own.percent and 1 or 0) + (own.amount and 1 or 0) + (own.is_rest and 1 or 0)
  if given ~= 1 then
    term:refuse("percent", "write one of percent, amount and is_rest")
  end
  return own
end

---@param plan billing.Reader
---@return billing.InstalmentTerm[]
local function stated_terms(plan)
  local terms, sum, is_open, rests = {}, decimal(0), false, 0
  for index, term in ipairs(plan:objects("terms")) do
    terms[index] = stated_term(term)
    is_open = is_open or terms[index].amount ~= nil or terms[index].is_rest
    rests = rests + (terms[index].is_rest and 1 or 0)
    sum = sum + (terms[index].percent or 0)
  end
  if rests > 1 then
    plan:refuse("terms", "let one term take the rest")
  elseif not is_open and sum ~= PERCENT or sum > PERCENT then
    plan:refuse("terms", "write percents that sum to 100; these sum to " .. tostring(sum))
  end
  return terms
end

---@param plan billing.Reader
---@return billing.InstalmentTerm[]
local function terms_of(plan)
  plan:only_one({ "count", "terms" })
  if plan:has("terms") then
    return stated_terms(plan)
  elseif not plan:has("count") then
    plan:refuse("count", "write the number of equal parts, or terms with parts of their own")
  end
  local count = plan:integer("count", { above = 0, max = 1000 })
  local every_days = plan:integer("every_days", { is_optional = true, above = 0 })
  local every_months = plan:integer("every_months", { default = every_days and 0 or 1, min = 0 })
  return instalments.equal(count, { days = every_days, months = every_months })
end

--- Fixed amounts, and percents beside a rest, must leave something or come to the amount.
---@param plan billing.Reader
---@param terms billing.InstalmentTerm[]
---@param amount Decimal
---@param d integer
local function check_sum(plan, terms, amount, d)
  local fixed, is_divided, has_rest = decimal(0), false, false
  for _, term in ipairs(terms) do
    has_rest = has_rest or term.is_rest == true
  end
  for _, term in ipairs(terms) do
    if term.amount then
      fixed = fixed + term.amount
    elseif term.percent and has_rest then
      fixed = fixed + (amount * term.percent / PERCENT):round(d)
    else
      is_divided = true
    end
  end
  if fixed > amount or (not is_divided and fixed ~= amount) then
    plan:refuse("terms", "write amounts that come to " .. tostring(amount) .. "; these come to "
      .. tostring(fixed))
  end
end

---@param reader billing.Reader
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
function instalments_item.price(reader, money, steps)
  local plan = reader:object("instalments")
  local amount = reader:decimal("amount", { min = 0 })
  local terms = terms_of(plan)
  check_sum(plan, terms, amount, money.d)
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
