--- What of an invoice can still be credited (K1): by line, by tax group, by entry, and in all.
---
--- Everything follows from the invoice, its credit notes and the ledger's movements; nothing is
--- counted twice in a table of its own. Pure; amounts are decimals.
local credit_left = {}

local currency = require("billow.billing.currency")
local decimal = require("billow.decimal")
local figures = require("billow.billing.figures")
local json = require("billow.json")
local reading = require("billow.billing.reading")

local given = reading.given
local ZERO = decimal(0)

--- A bill or credit movement of an entry on the invoice.
---@class billing.CreditMovement
---@field entry_id string
---@field line_id string     of the invoice that is credited
---@field quantity any       a decimal, or text
---@field amount? any
---@field kind? string       of the entry: "time", "expense", "milestone", "usage"
---@field ref? string        the entry's id in its source

---@class billing.CreditBasis
---@field invoice table                      canonical, with its number
---@field credits table[]                    canonical credit notes that it has already
---@field billed billing.CreditMovement[]    in source order
---@field credited billing.CreditMovement[]

---@class billing.CreditLineLeft
---@field line table
---@field net Decimal           not credited yet, with the line's sign
---@field is_untouched boolean  nothing of it has been credited

---@class billing.CreditGroupLeft
---@field group table   of the invoice's tax_breakdown
---@field net Decimal
---@field tax Decimal
---@field parts? Decimal[]   of a rate that is several taxes: what is left of each

---@class billing.CreditEntryLeft
---@field entry_id string
---@field line_id string
---@field kind string
---@field ref string
---@field quantity Decimal
---@field amount Decimal

---@class billing.CreditLeft
---@field lines billing.CreditLineLeft[]     in invoice order
---@field groups billing.CreditGroupLeft[]
---@field entries billing.CreditEntryLeft[]
---@field allowances Decimal[]               by position on the invoice
---@field net Decimal
---@field tax Decimal
---@field payable Decimal
---@field rounding Decimal
---@field accounting? Decimal                tax in the firm's currency

local function key_of(category, percent)
  percent = given(percent)
  return category .. "\0" .. (percent and figures.plain(decimal(percent)) or "")
end

--- The tax group that a line or an allowance belongs to.
---@param item table   tax_category, tax_percent
---@return string
function credit_left.key_of_line(item)
  return key_of(item.tax_category, item.tax_percent)
end

--- The same key, of a group in a tax_breakdown.
---@param group table   category_code, percent
---@return string
function credit_left.key_of_group(group)
  return key_of(group.category_code, group.percent)
end

local function lines_left(basis)
  local credited = {}
  for _, note in ipairs(basis.credits) do
    for _, line in ipairs(note.lines) do
      local id = line.credits.line_id
      credited[id] = (credited[id] or ZERO) + decimal(line.net_amount)
    end
  end
  local left = {}
  for i, line in ipairs(basis.invoice.lines) do
    left[i] = {
      line = line,
      net = decimal(line.net_amount) - (credited[line.id] or ZERO),
      is_untouched = credited[line.id] == nil,
    }
  end
  return left
end

local function parts_of(group)
  local parts = given(group.parts)
  local amounts = parts and {}
  for i, part in ipairs(parts or {}) do
    amounts[i] = decimal(part.tax_amount)
  end
  return amounts
end

local function groups_left(basis)
  local left, by_key = {}, {}
  for i, group in ipairs(basis.invoice.tax_breakdown) do
    left[i] = {
      group = group,
      net = decimal(group.taxable_amount),
      tax = decimal(group.tax_amount),
      parts = parts_of(group),
    }
    by_key[credit_left.key_of_group(group)] = left[i]
  end
  for _, note in ipairs(basis.credits) do
    for _, group in ipairs(note.tax_breakdown) do
      local rest = by_key[credit_left.key_of_group(group)]
      rest.net = rest.net - decimal(group.taxable_amount)
      rest.tax = rest.tax - decimal(group.tax_amount)
      for i, amount in ipairs(parts_of(group) or {}) do
        rest.parts[i] = rest.parts[i] - amount
      end
    end
  end
  return left
end

local function entries_left(basis)
  local left, by_key = {}, {}
  for _, row in ipairs(basis.billed) do
    local key = row.entry_id .. "\0" .. row.line_id
    local rest = by_key[key]
    if not rest then
      rest = {
        entry_id = row.entry_id,
        line_id = row.line_id,
        kind = row.kind,
        ref = given(row.ref) or row.entry_id,
        quantity = ZERO,
        amount = ZERO,
      }
      by_key[key], left[#left + 1] = rest, rest
    end
    rest.quantity = rest.quantity + decimal(row.quantity)
    rest.amount = rest.amount + decimal(given(row.amount) or 0)
  end
  for _, row in ipairs(basis.credited) do
    local rest = by_key[row.entry_id .. "\0" .. row.line_id]
    rest.quantity = rest.quantity - decimal(row.quantity)
    rest.amount = rest.amount - decimal(given(row.amount) or 0)
  end
  return left
end

local function allowances_left(basis)
  local left = {}
  for i, allowance in ipairs(basis.invoice.allowances) do
    left[i] = decimal(allowance.amount)
  end
  for _, note in ipairs(basis.credits) do
    for _, allowance in ipairs(note.allowances) do
      local i = allowance.credits
      left[i] = left[i] - decimal(allowance.amount)
    end
  end
  return left
end

local function total_left(basis, field)
  local total = given(basis.invoice.totals[field])
  if not total then
    return nil
  end
  total = decimal(total)
  for _, note in ipairs(basis.credits) do
    total = total - decimal(given(note.totals[field]) or 0)
  end
  return total
end

--- What of an invoice can still be credited.
---@param basis billing.CreditBasis
---@return billing.CreditLeft
function credit_left.of(basis)
  return {
    lines = lines_left(basis),
    groups = groups_left(basis),
    entries = entries_left(basis),
    allowances = allowances_left(basis),
    net = total_left(basis, "tax_exclusive_amount"),
    tax = total_left(basis, "tax_amount"),
    payable = total_left(basis, "payable_amount"),
    rounding = total_left(basis, "payable_rounding_amount"),
    accounting = total_left(basis, "tax_amount_accounting"),
  }
end

--- The same for people and tasks: text, only what is not used up.
---@param basis billing.CreditBasis
---@return table
function credit_left.shown(basis)
  local left, lines, groups = credit_left.of(basis), {}, {}
  local d = currency.decimals(basis.invoice.currency)
  for _, rest in ipairs(left.lines) do
    if not rest.net:is_zero() then
      lines[#lines + 1] = { line_id = rest.line.id, net_amount = figures.amount(rest.net, d) }
    end
  end
  for _, rest in ipairs(left.groups) do
    groups[#groups + 1] = {
      category_code = rest.group.category_code,
      percent = rest.group.percent,
      taxable_amount = figures.amount(rest.net, d),
      tax_amount = figures.amount(rest.tax, d),
    }
  end
  return {
    invoice_id = basis.invoice.id,
    number = basis.invoice.number,
    currency = basis.invoice.currency,
    lines = json.array(lines),
    tax_breakdown = json.array(groups),
    net_amount = figures.amount(left.net, d),
    tax_amount = figures.amount(left.tax, d),
    payable_amount = figures.amount(left.payable, d),
  }
end

return credit_left
