--- Where a service is taxed, and with which category.
local place_item = {}

local explanation = require("billow.billing.explanation")
local json = require("billow.json")
local place_of_supply = require("billow.billing.place_of_supply")
local tax_number = require("billow.billing.tax_number")

---@param party billing.Reader
---@return string
local function country_of(party)
  local code = party:text("country_code")
  if not code:find("^%u%u$") then
    party:refuse("country_code", "write an ISO 3166 code, for example DE")
  end
  return code
end

---@param buyer billing.Reader
---@return billing.SupplyParty
local function buyer_of(buyer)
  local vat_id, country_code = buyer:text("vat_id", false), country_of(buyer)
  local found = vat_id and tax_number.read(vat_id, country_code)
  return {
    country_code = country_code,
    state = buyer:text("state", false),
    is_business = buyer:boolean("is_business", vat_id ~= nil),
    vat_id = vat_id,
    may_leave_tax_out = buyer:boolean("is_vat_id_confirmed",
      found ~= nil and found.is_valid == true),
  }
end

---@param reader billing.Reader
---@param _ billing.PriceMoney
---@param steps billing.Step[]
---@return table
function place_item.price(reader, _, steps)
  local terms = reader:object("place_of_supply")
  local seller = terms:object("seller")
  local decided = place_of_supply.decide({
    seller = { country_code = country_of(seller), state = seller:text("state", false) },
    buyer = buyer_of(terms:object("buyer")),
    service = terms:choice("service", place_of_supply.SERVICES, "general"),
    location_country_code = terms:text("location_country_code", false),
    has_one_stop_shop = terms:boolean("has_one_stop_shop", false),
  })
  explanation.add(steps, "place_of_supply", decided.rule, decided.country_code)
  for _, fact in ipairs(decided.evidence) do
    explanation.add(steps, "evidence", fact)
  end
  decided.evidence, decided.missing = json.array(decided.evidence), json.array(decided.missing)
  decided.taxes = decided.taxes and json.array(decided.taxes)
  return decided
end

return place_item
