--- Tax codes, their percent on the tax point date, and the breakdown of an invoice (model 3.10,
--- 3.11).
local tax = {}

local decimal = require("billow.decimal")
local supply = require("billow.billing.supply")

local HUNDRED = decimal(100)
local STANDARD, OUT_OF_SCOPE = "S", "O"

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

--- Percent of a code: only S has one other than 0, O has none.
---@param code table
---@param tax_point_date string
---@return Decimal?
function tax.percent(code, tax_point_date)
  if code.category_code == OUT_OF_SCOPE then
    return nil
  elseif code.category_code ~= STANDARD then
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

--- Groups by category and percent, tax rounded once per group; in order of category, then percent.
---@param firm table
---@param lines table[]        tax_code, tax_category, tax_percent, net_amount
---@param allowances table[]   the same with amount
---@param d integer
---@return table[]
function tax.breakdown(firm, lines, allowances, d)
  local of_key, groups = {}, {}
  local function add(item, amount)
    local key = key_of(item)
    local group = of_key[key]
    if not group then
      local code = tax.find(firm, item.tax_code)
      local is_exempt = code.category_code ~= STANDARD and code.category_code ~= "Z"
      group = {
        category_code = item.tax_category,
        percent = item.tax_percent,
        taxable_amount = decimal(0):round(d),
        exemption_reason = is_exempt and code.exemption_reason or nil,
        exemption_reason_code = is_exempt and code.exemption_reason_code or nil,
      }
      of_key[key] = group
      groups[#groups + 1] = group
    end
    group.taxable_amount = group.taxable_amount + amount
  end
  for _, line in ipairs(lines) do
    add(line, line.net_amount)
  end
  for _, allowance in ipairs(allowances) do
    add(allowance, -allowance.amount)
  end
  for _, group in ipairs(groups) do
    group.tax_amount = (group.taxable_amount * (group.percent or decimal(0)) / HUNDRED):round(d)
  end
  table.sort(groups, is_before)
  return groups
end

return tax
