--- Expense lines of any model (model 3.10): marked up, rounded per expense, by category or one by
--- one.
local expenses = {}

local copy = require("billow.billing.copy")
local decimal = require("billow.decimal")
local draft = require("billow.billing.draft")
local figures = require("billow.billing.figures")

local HUNDRED = decimal(100)

--- The markup of a category in percent.
---@param rules table   contract.expenses
---@param category string
---@return Decimal
function expenses.markup(rules, category)
  local by_category = rules.category_markup_percent or {}
  return by_category[category] or rules.markup_percent or decimal(0)
end

--- The tax code of a category: what is passed on at cost may be taxed otherwise than what is
--- recharged.
---@param rules table   contract.expenses
---@param category string
---@return string?
function expenses.tax_code(rules, category)
  return (rules.category_tax_code or {})[category] or rules.tax_code
end

--- The tax that an expense's amount contains and the firm gets back, in percent: as the expense
--- says, or by category, or of all; nil when the amount is passed on as it was paid.
---@param rules table
---@param expense table   tax_percent?, category
---@return Decimal?
function expenses.input_tax(rules, expense)
  local is_taken_out = rules.input_tax_percent or rules.category_input_tax_percent
  if not is_taken_out then
    return nil
  end
  local by_category = rules.category_input_tax_percent or {}
  return expense.tax_percent or by_category[expense.category] or rules.input_tax_percent
end

--- What the customer is billed for one expense: input tax taken out, marked up, rounded once.
---@param rules table
---@param expense table
---@param d integer
---@return Decimal
function expenses.billed(rules, expense, d)
  local contained = expenses.input_tax(rules, expense) or decimal(0)
  local marked_up = expense.amount * (HUNDRED + expenses.markup(rules, expense.category))
  return (marked_up / (HUNDRED + contained)):round(d)
end

--- What some of an expense that is not billed yet would be billed at: at cost where the contract
--- says nothing of expenses.
---@param rules? table    contract.expenses
---@param body table      of the entry: category, tax_percent?
---@param amount Decimal
---@param d integer
---@return Decimal
function expenses.worth(rules, body, amount, d)
  local contained = body.tax_percent and decimal(body.tax_percent)
  local some = { amount = amount, category = body.category, tax_percent = contained }
  return expenses.billed(rules or {}, some, d)
end

local function line_of(key, members, rules, d)
  local total, references, words = decimal(0), {}, {}
  for i, expense in ipairs(members) do
    local billed = expenses.billed(rules, expense, d)
    total = total + billed
    references[i] = { type = "expense", id = expense.id, amount = billed }
    local contained = expenses.input_tax(rules, expense)
    words[i] = string.format(
      "%s: %s %s on %s%s + %s %% = %s%s",
      expense.id,
      figures.plain(expense.amount),
      expense.currency,
      expense.date,
      contained and " less " .. figures.plain(contained) .. " % input tax in it" or "",
      figures.plain(expenses.markup(rules, expense.category)),
      billed:fixed(d),
      expense.cut_text and ", " .. expense.cut_text or ""
    )
  end
  return draft.line(d, {
    component = "expense",
    description_key = "expense:" .. key,
    unit_price = total,
    net_amount = total,
    tax_code = expenses.tax_code(rules, members[1].category),
    references = references,
    explain = words,
  })
end

local function by_entry(list, rules, d)
  local ordered, made = copy.list(list), {}
  table.sort(ordered, function(a, b)
    if a.date ~= b.date then
      return a.date < b.date
    end
    return a.sequence < b.sequence
  end)
  for i, expense in ipairs(ordered) do
    made[i] = line_of(expense.id, { expense }, rules, d)
  end
  return made
end

local function by_category(list, rules, d)
  local members, names, made = {}, {}, {}
  for _, expense in ipairs(list) do
    if not members[expense.category] then
      members[expense.category] = {}
      names[#names + 1] = expense.category
    end
    table.insert(members[expense.category], expense)
  end
  table.sort(names)
  for i, name in ipairs(names) do
    made[i] = line_of(name, members[name], rules, d)
  end
  return made
end

--- The lines of a contract's valid expenses; none when the contract does not bill expenses.
---@param ctx billing.Context
---@param contract table
---@param list table[]
---@return billing.Line[]
function expenses.lines(ctx, contract, list)
  local rules = contract.expenses
  if not rules then
    return {}
  end
  local d = ctx.decimals(contract.currency)
  return (rules.grouping == "entry" and by_entry or by_category)(list, rules, d)
end

return expenses
