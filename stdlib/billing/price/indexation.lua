--- A price that follows an index.
local indexation_item = {}

local explanation = require("billow.billing.explanation")
local indexation = require("billow.billing.indexation")
local json = require("billow.json")

---@param reader billing.Reader
---@return billing.IndexAdjustment[]
local function adjustments_of(reader)
  local list = {}
  for index, own in ipairs(reader:objects("adjustments", true)) do
    list[index] = {
      valid_from = own:date("valid_from"),
      value = own:decimal("value", { above = 0 }),
      notice_date = own:date("notice_date", true),
    }
    if index > 1 and list[index].valid_from <= list[index - 1].valid_from then
      own:refuse("valid_from", "write a day after the one before, " .. list[index - 1].valid_from)
    end
  end
  return list
end

---@param terms billing.Reader
---@return billing.IndexTerms
local function terms_of(terms)
  local read = {
    base_value = terms:decimal("base_value", { above = 0 }),
    floor_percent = terms:decimal("floor_percent", { is_optional = true }),
    cap_percent = terms:decimal("cap_percent", { is_optional = true }),
    threshold_percent = terms:decimal("threshold_percent", { is_optional = true, min = 0 }),
    share_percent = terms:decimal("share_percent", { is_optional = true, min = 0, max = 100 }),
    notice_days = terms:integer("notice_days", { is_optional = true, min = 0 }),
  }
  if read.floor_percent and read.cap_percent and read.cap_percent < read.floor_percent then
    terms:refuse("cap_percent", "write at least floor_percent, " .. tostring(read.floor_percent))
  end
  return read
end

---@param reader billing.Reader
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
function indexation_item.price(reader, money, steps)
  local terms = reader:object("indexation")
  local price = reader:decimal("unit_price", { default = 1 })
  local made = indexation.steps(terms_of(terms), adjustments_of(terms))
  local decimals = reader:integer("price_decimals", { default = money.d, min = 0, max = 12 })
  local shown = {}
  for index, step in ipairs(made) do
    shown[index] = {
      valid_from = step.valid_from,
      change_percent = step.change_percent,
      applied_percent = step.applied_percent,
      factor = step.factor,
      note = step.note,
      unit_price = (price * step.factor):round(decimals),
    }
    explanation.add(steps, "index", "from " .. step.valid_from .. ": "
      .. tostring(step.change_percent) .. " % of the index"
      .. (step.note and ", " .. step.note or ""), step.applied_percent)
  end
  local day = reader:date("date", true)
  local factor = day and indexation.factor_on(made, day) or made[#made].factor
  local indexed = (price * factor):round(decimals)
  explanation.add(steps, "unit_price", tostring(price) .. " x " .. tostring(factor)
    .. ", rounded to " .. decimals .. " decimals", indexed)
  return {
    currency = money.currency,
    factor = factor,
    unit_price = indexed,
    adjustments = json.array(shown),
  }
end

return indexation_item
