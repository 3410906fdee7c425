--- Contributions to a professional fund that the buyer pays on top of the fee (T5): Italy's
--- contributo integrativo of 4 %. They are part of what is taxed; a line for each of them and each
--- tax code, a percentage of what the document's other lines come to, less allowances.
---
--- Of what is out of scope (category O) nothing is due: it was laid out in the buyer's name.
---@class billing.contributions
local contributions = {}

local decimal = require("billow.decimal")
local draft = require("billow.billing.draft")
local figures = require("billow.billing.figures")
local tax = require("billow.billing.tax")

local ZERO, PERCENT = decimal(0), decimal(100)
local OUT_OF_SCOPE = "O"

contributions.COMPONENT = "contribution"

--- What the items come to by the tax code they have of their own ("" for none), in order of the
--- first line.
local function bases(firm, lines, allowances)
  local list, of_code = {}, {}
  local function add(item, amount)
    local code = item.tax_code or ""
    if code ~= "" and tax.find(firm, code).category_code == OUT_OF_SCOPE then
      return
    elseif not of_code[code] then
      of_code[code] = { tax_code = item.tax_code, net = ZERO }
      list[#list + 1] = of_code[code]
    end
    of_code[code].net = of_code[code].net + amount
  end
  for _, line in ipairs(lines) do
    add(line, line.net_amount)
  end
  for _, allowance in ipairs(allowances) do
    add(allowance, -allowance.amount)
  end
  return list
end

--- The lines of a contract's contributions, each rounded half up; none when it has none.
---@param ctx billing.Context
---@param contract table
---@param lines billing.Line[]
---@param allowances billing.Allowance[]
---@return billing.Line[]
function contributions.lines(ctx, contract, lines, allowances)
  local made, d = {}, ctx.decimals(contract.currency)
  for _, rule in ipairs(contract.contributions or {}) do
    for _, base in ipairs(bases(ctx.firm, lines, allowances)) do
      local amount = (base.net * rule.percent / PERCENT):round(d)
      if not amount:is_zero() then
        local percent, net = figures.plain(rule.percent), figures.amount(base.net, d)
        made[#made + 1] = draft.line(d, {
          component = contributions.COMPONENT,
          description_key = contributions.COMPONENT .. ":" .. rule.name,
          unit_price = amount,
          tax_code = base.tax_code,
          explain = {
            string.format("%s: %s %% of %s = %s", rule.name, percent, net, amount:fixed(d)),
          },
        })
      end
    end
  end
  return made
end

--- What a document's contributions come to.
---@param lines table[]   typed, or written
---@return Decimal
function contributions.net(lines)
  local net = ZERO
  for _, line in ipairs(lines) do
    if line.component == contributions.COMPONENT then
      net = net + decimal(line.net_amount)
    end
  end
  return net
end

return contributions
