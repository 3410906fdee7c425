--- Caps of expenses (capability S2): at most so much is billed of a category, or of all expenses
--- together, in each period anew or over the contract's life.
---
--- A cap counts what the customer is billed: input tax taken out, marked up, before discounts.
--- Expenses fill it by date, then source order. The one that does not fit is cut: of its amount,
--- rounded down to the currency's decimals, so much is billed as stays within the cap; the rest is
--- held (the next period bills it, as far as it has room) or written off. Caps follow one another.
--- What is given back (an amount below nothing) makes room.
---
--- Pure.
---@class billing.expense_caps
local expense_caps = {}

local copy = require("billow.billing.copy")
local decimal = require("billow.decimal")
local draft = require("billow.billing.draft")
local expenses = require("billow.billing.expenses")
local figures = require("billow.billing.figures")

local ZERO = decimal(0)

expense_caps.OVERFLOWS = { "hold", "write_off" }
expense_caps.SCOPES = { "period", "contract" }

local DISPOSITIONS = { hold = "held", write_off = "written_off" }
local WAYS = { hold = "held", write_off = "written off" }

--- What a cap over the contract's life has let through, in the contract's currency.
---@class billing.ExpenseCapUsed
---@field category? string   nil: all expenses
---@field used Decimal

---@class billing.ExpensesCapped
---@field billed table[]   expenses as far as they are billed, in the order given
---@field cuts table<string, table<string, Decimal>>   by expense: what is "held" or "written_off"
---@field exceptions billing.Exception[]
---@field used? billing.ExpenseCapUsed[]   after the period; nil without such a cap

--- Refuses two caps that count the same in the same scope: they would be one.
---@param check table   of consistency.lua
---@param rules table   contract.expenses
function expense_caps.check(check, rules)
  local seen = {}
  for i, cap in ipairs(rules.caps) do
    local name = cap.scope .. " " .. (cap.category or "")
    if seen[name] then
      check.error(
        string.format("expenses.caps[%d].category", i),
        cap.category,
        "counts the same as expenses.caps[" .. seen[name] .. "], in the same scope",
        "keep one of them, or change category or scope"
      )
    end
    seen[name] = seen[name] or i
  end
end

local function in_order(list)
  local ordered = copy.list(list)
  table.sort(ordered, function(a, b)
    if a.date ~= b.date then
      return a.date < b.date
    end
    return a.sequence < b.sequence
  end)
  return ordered
end

local function used_before(cap, used)
  for _, row in ipairs(cap.scope == "contract" and used or {}) do
    if row.category == cap.category then
      return row.used
    end
  end
  return ZERO
end

local function cap_text(cap)
  return string.format(
    "the cap of %s for %s %s",
    figures.plain(cap.amount),
    cap.category or "all expenses",
    cap.scope == "contract" and "over the contract's life" or "in a period"
  )
end

--- How much of an expense's amount fits into the room that is left.
local function fitting(expense, room, rules, d)
  local billed = expenses.billed(rules, expense, d)
  if billed <= decimal.max(room, ZERO) then
    return expense.amount
  end
  return (expense.amount * decimal.max(room, ZERO) / billed):round(d, "down")
end

local function exception_of(contract, expense, texts)
  local message = string.format(
    "of %s %s (%s): %s",
    figures.plain(expense.amount),
    expense.currency,
    expense.category,
    table.concat(texts, "; ")
  )
  return draft.exception("CAP_REACHED", expense.id, "entry", message, contract.id)
end

--- One expense through all caps that count it.
local function let_through(made, contract, expense, left, d)
  local rules, part, texts = contract.expenses, expense, {}
  for i, cap in ipairs(rules.caps) do
    local is_counted = not cap.category or cap.category == expense.category
    local amount = is_counted and fitting(part, left[i], rules, d) or part.amount
    if amount ~= part.amount then
      local off = made.cuts[expense.id] or {}
      made.cuts[expense.id] = off
      local way, beyond = DISPOSITIONS[cap.overflow], part.amount - amount
      off[way] = (off[way] or ZERO) + beyond
      texts[#texts + 1] = string.format(
        "%s beyond %s is %s",
        figures.plain(beyond),
        cap_text(cap),
        WAYS[cap.overflow]
      )
      part = copy.with(part, { amount = amount })
    end
  end
  local billed = expenses.billed(rules, part, d)
  for i, cap in ipairs(rules.caps) do
    if not cap.category or cap.category == expense.category then
      left[i] = left[i] - billed
    end
  end
  if #texts > 0 then
    made.exceptions[#made.exceptions + 1] = exception_of(contract, expense, texts)
    local of_paid = string.format("of %s: ", figures.plain(expense.amount))
    part = copy.with(part, { cut_text = of_paid .. table.concat(texts, "; ") })
  end
  return part
end

--- What caps over the contract's life have let through after the period. Categories whose cap is
--- gone keep what was counted: it may come back.
local function used_after(caps, used, left)
  local after, row_of, has_any = {}, {}, false
  for i, row in ipairs(used or {}) do
    after[i] = { category = row.category, used = row.used }
    row_of[row.category or ""] = after[i]
  end
  for i, cap in ipairs(caps) do
    if cap.scope == "contract" then
      has_any = true
      local row = row_of[cap.category or ""]
      if not row then
        row = { category = cap.category }
        row_of[cap.category or ""], after[#after + 1] = row, row
      end
      row.used = cap.amount - left[i]
    end
  end
  return (has_any or #after > 0) and after or nil
end

--- A contract's valid expenses as far as its caps let them through.
---@param contract table
---@param list table[]
---@param used? billing.ExpenseCapUsed[]   of earlier periods
---@param d integer
---@return billing.ExpensesCapped
function expense_caps.apply(contract, list, used, d)
  local caps = contract.expenses and contract.expenses.caps or {}
  local made, left, parts = { billed = {}, cuts = {}, exceptions = {} }, {}, {}
  for i, cap in ipairs(caps) do
    left[i] = cap.amount - used_before(cap, used)
  end
  if #caps == 0 then
    made.billed, made.used = list, used_after(caps, used, left)
    return made
  end
  for _, expense in ipairs(in_order(list)) do
    parts[expense.id] = let_through(made, contract, expense, left, d)
  end
  for _, expense in ipairs(list) do
    local part = parts[expense.id]
    if not made.cuts[expense.id] or not part.amount:is_zero() then
      made.billed[#made.billed + 1] = part
    end
  end
  made.used = used_after(caps, used, left)
  return made
end

return expense_caps
