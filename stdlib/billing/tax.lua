--- Tax codes, their percent on the tax point date, and the breakdown of an invoice (model 3.10,
--- 3.11).
local tax = {}

local decimal = require("billow.decimal")
local supply = require("billow.billing.supply")

local ZERO, HUNDRED = decimal(0), decimal(100)
local OUT_OF_SCOPE = "O"
-- EN 16931: standard rated, Canary Islands' IGIC (BR-AF), Ceuta's and Melilla's IPSI (BR-AG).
local HAS_RATE = { S = true, L = true, M = true }

--- How a document's tax is rounded (firm.tax_rounding): once per group of category and percent, as
--- EN 16931 BR-CO-17 has it, or line by line, where a country or a seller's books want that.
tax.ROUNDINGS = { "group", "line" }

--- Categories whose codes have rates.
tax.HAS_RATE = HAS_RATE

--- The code a line has when neither payer nor line says otherwise, as far as the contract knows.
---@param ctx billing.Context
---@param contract table
---@return string
function tax.contract_code(ctx, contract)
  local customer = ctx.customers[contract.customer_id]
  return contract.tax_code or supply.chosen(ctx, contract, customer) or customer.tax_code
end

--- The line's own override; a code equal to the contract's is none.
---@param ctx billing.Context
---@param contract table
---@param code? string   of the expense rules or the meter
---@return string?
function tax.override(ctx, contract, code)
  if code == tax.contract_code(ctx, contract) then
    return nil
  end
  return code
end

--- The tax code of a payer's line: the payer's own, the line's override, the contract's, what the
--- place of supply chooses, the customer's; then the tax policy may choose another.
---@param ctx billing.Context
---@param contract table
---@param payer billing.Payer
---@param line table   component, tax_code? (override)
---@return string code
---@return string reason
function tax.code_of(ctx, contract, payer, line)
  local code, reason
  if payer.tax_code then
    code, reason = payer.tax_code, "agreed with payer " .. payer.customer.id
  elseif line.tax_code then
    code, reason = line.tax_code, "set for component " .. line.component
  elseif contract.tax_code then
    code, reason = contract.tax_code, "set for contract " .. contract.id
  else
    code, reason = supply.chosen(ctx, contract, payer.customer)
    if not code then
      code, reason = payer.customer.tax_code, "tax code of customer " .. payer.customer.id
    end
  end
  local decision = ctx.decide
    and ctx.decide("tax", {
      contract = contract,
      customer = payer.customer,
      firm = ctx.firm,
      component = line.component,
      tax_code = code,
    })
  if decision and decision.tax_code and decision.tax_code ~= code then
    return decision.tax_code, table.concat(decision.reasons or { "tax policy" }, "; ")
  end
  return code, reason
end

--- The firm's tax code by id.
---@param firm table
---@param id string
---@return table
function tax.find(firm, id)
  for _, code in ipairs(firm.tax_codes) do
    if code.id == id then
      return code
    end
  end
  error(string.format("tax code %s is not one of the firm's tax_codes", tostring(id)), 2)
end

--- The rates row in force: the greatest valid_from on or before the day.
---@param code table
---@param day string
---@return table?
function tax.rate_on(code, day)
  local found
  for _, row in ipairs(code.rates) do
    if row.valid_from <= day and (not found or row.valid_from > found.valid_from) then
      found = row
    end
  end
  return found
end

--- Percent of a code: only S, L and M have one other than 0, O has none.
---@param code table
---@param tax_point_date string
---@return Decimal?
function tax.percent(code, tax_point_date)
  if code.category_code == OUT_OF_SCOPE then
    return nil
  elseif not HAS_RATE[code.category_code] then
    return decimal(0)
  end
  local row = tax.rate_on(code, tax_point_date)
  if not row then
    error(
      string.format(
        "tax code %s has no rate in force on %s: add a row to its rates",
        code.id,
        tax_point_date
      ),
      2
    )
  end
  return row.percent
end

--- The taxes that a code's rate is made of, as one text; "" for one tax.
---@param code table
---@return string
function tax.parts_text(code)
  local names = {}
  for i, part in ipairs(code.parts or {}) do
    names[i] = part.name .. " " .. tostring(part.share)
  end
  return table.concat(names, ", ")
end

local function key_of(item)
  return item.tax_category
    .. "\0"
    .. (item.tax_percent and tostring(item.tax_percent:round(6)) or "")
end

local function is_before(a, b)
  if a.category_code ~= b.category_code then
    return a.category_code < b.category_code
  end
  return (a.percent or decimal(0)) < (b.percent or decimal(0))
end

--- The tax of amounts that belong to one group, rounded as the firm rounds.
---@param amounts Decimal[]   lines, and allowances below zero
---@param percent Decimal
---@param rounding? "group"|"line"
---@param d integer
---@return Decimal
function tax.of_amounts(amounts, percent, rounding, d)
  local total = ZERO
  for _, amount in ipairs(amounts) do
    local part = amount * percent / HUNDRED
    total = total + (rounding == "line" and part:round(d) or part)
  end
  return total:round(d)
end

--- A group's tax; of a rate that is two taxes (India's CGST and SGST) each by itself.
local function settle(group, amounts, code, rounding, d)
  local percent = group.percent or ZERO
  if not code.parts then
    group.tax_amount = tax.of_amounts(amounts, percent, rounding, d)
    return
  end
  group.parts, group.tax_amount = {}, ZERO:round(d)
  for i, part in ipairs(code.parts) do
    local own = percent * part.share
    local amount = tax.of_amounts(amounts, own, rounding, d)
    group.parts[i] = { name = part.name, percent = own, tax_amount = amount }
    group.tax_amount = group.tax_amount + amount
  end
end

--- Groups by category and percent, in order of category, then percent.
---@param firm table
---@param lines table[]        tax_code, tax_category, tax_percent, net_amount
---@param allowances table[]   the same with amount
---@param d integer
---@return table[]
function tax.breakdown(firm, lines, allowances, d)
  local of_key, groups, amounts, codes = {}, {}, {}, {}
  local function add(item, amount)
    local key = key_of(item)
    local group = of_key[key]
    if not group then
      local code = tax.find(firm, item.tax_code)
      local is_exempt = not HAS_RATE[code.category_code] and code.category_code ~= "Z"
      group = {
        category_code = item.tax_category,
        percent = item.tax_percent,
        taxable_amount = decimal(0):round(d),
        exemption_reason = is_exempt and code.exemption_reason or nil,
        exemption_reason_code = is_exempt and code.exemption_reason_code or nil,
      }
      of_key[key] = group
      groups[#groups + 1] = group
      amounts[group], codes[group] = {}, code
    end
    group.taxable_amount = group.taxable_amount + amount
    table.insert(amounts[group], amount)
  end
  for _, line in ipairs(lines) do
    add(line, line.net_amount)
  end
  for _, allowance in ipairs(allowances) do
    add(allowance, -allowance.amount)
  end
  for _, group in ipairs(groups) do
    settle(group, amounts[group], codes[group], firm.tax_rounding, d)
  end
  table.sort(groups, is_before)
  return groups
end

return tax
