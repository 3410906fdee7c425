--- Where a service is taxed, with which category, and what proves it (capabilities T3, T9).
---
--- For sellers in the European Union by directive 2006/112/EC (articles 44 to 59), in the United
--- Kingdom, Norway and Switzerland by the same scheme, in India by state. A decision names the
--- country whose tax is due, the category of EN 16931, and its reason; it lists what it rests on
--- and what is still missing. It does not know national exceptions: the firm's tax policy has the
--- last word, and nothing here is tax advice.
local place_of_supply = {}

local tax_number = require("billow.billing.tax_number")

--- Kinds of service that have rules of their own.
place_of_supply.SERVICES = {
  "general", "digital", "land", "admission", "passenger_transport", "restaurant", "disbursement",
}

-- Taxed where they are carried out or lie, whoever buys.
local BY_LOCATION = { land = true, passenger_transport = true, restaurant = true, admission = true }
-- Seats of sellers with a value added tax of this scheme.
local VAT_COUNTRIES = { GB = true, NO = true, CH = true }

local REVERSE_CHARGE = "VATEX-EU-AE"
local OUT_OF_SCOPE = "VATEX-EU-O"

---@class billing.SupplyParty
---@field country_code string      ISO 3166
---@field state? string            India: the state's code
---@field registrations? table<string, boolean>   of the seller: countries where it declares tax
---@field is_business boolean      of the buyer: a taxable person
---@field may_leave_tax_out boolean   of the buyer: verdict of vat_check on its number
---@field vat_id? string

---@class billing.Supply
---@field seller billing.SupplyParty
---@field buyer billing.SupplyParty
---@field service string
---@field location_country_code? string   where it is carried out, or where the land lies
---@field has_one_stop_shop boolean       the seller declares other countries' tax at home
---@field proof? string[]                 documents that people have named: bank, address, letters

---@class billing.SupplyDecision
---@field country_code string         whose tax is due
---@field category_code string        of EN 16931
---@field taxes? {name: string, share: string}[]   India: which taxes, and their part of the rate
---@field exemption_reason? string
---@field exemption_reason_code? string
---@field rule string                 the article
---@field evidence string[]
---@field missing string[]            what has to be known or done before the invoice may go out

---@param fields table
---@return billing.SupplyDecision
local function decision(fields)
  fields.evidence = fields.evidence or {}
  fields.missing = fields.missing or {}
  return fields
end

---@param supply billing.Supply
---@return billing.SupplyDecision
local function reverse_charge(supply)
  return decision({
    country_code = supply.buyer.country_code,
    category_code = "AE",
    exemption_reason = "Reverse charge",
    exemption_reason_code = REVERSE_CHARGE,
    rule = "article 44 and 196: services to a taxable person of another member state",
    evidence = {
      "buyer is a business in " .. supply.buyer.country_code,
      "VAT number " .. tostring(supply.buyer.vat_id) .. " may be relied on",
    },
  })
end

---@param supply billing.Supply
---@param rule string
---@param evidence string[]
---@return billing.SupplyDecision
local function out_of_scope(supply, rule, evidence)
  return decision({
    country_code = supply.buyer.country_code,
    category_code = "O",
    exemption_reason = "Not subject to VAT",
    exemption_reason_code = OUT_OF_SCOPE,
    rule = rule,
    evidence = evidence,
  })
end

---@param country_code string
---@param rule string
---@param evidence string[]
---@param missing? string[]
---@return billing.SupplyDecision
local function taxed_in(country_code, rule, evidence, missing)
  return decision({
    country_code = country_code,
    category_code = "S",
    rule = rule,
    evidence = evidence,
    missing = missing,
  })
end

--- The seller must be known where the tax is due.
local function registration(supply, country_code, can_declare_at_home)
  local registrations = supply.seller.registrations or {}
  if country_code == supply.seller.country_code or registrations[country_code] then
    return nil
  elseif can_declare_at_home and supply.has_one_stop_shop
    and tax_number.is_eu(country_code) then
    return nil
  end
  return { "a registration of the seller in " .. country_code
    .. (can_declare_at_home and tax_number.is_eu(country_code) and ", or the one stop shop" or "") }
end

--- Documents that must be there: those that people have named are evidence, else it is said what is
--- missing.
local function documented(supply, count, what, evidence, missing)
  local proof = supply.proof or {}
  if #proof < count then
    missing[#missing + 1] = what
    return
  end
  for _, document in ipairs(proof) do
    evidence[#evidence + 1] = "documented: " .. document
  end
end

---@param supply billing.Supply
---@return billing.SupplyDecision
local function by_location(supply)
  local country_code = supply.location_country_code
  if not country_code then
    return taxed_in(supply.seller.country_code, "articles 47 to 55: where it is carried out", {},
      { "location_country_code: where the service is carried out, or where the land lies" })
  end
  return taxed_in(country_code, "articles 47 to 55: where it is carried out",
    { supply.service .. " in " .. country_code },
    registration(supply, country_code, not supply.buyer.is_business))
end

---@param supply billing.Supply
---@return billing.SupplyDecision
local function to_business(supply)
  local seller, buyer = supply.seller.country_code, supply.buyer.country_code
  if buyer == seller then
    return taxed_in(seller, "article 44: both are in " .. seller, { "buyer is in " .. buyer })
  elseif tax_number.is_eu(seller) and tax_number.is_eu(buyer) then
    if supply.buyer.may_leave_tax_out then
      return reverse_charge(supply)
    end
    return taxed_in(seller, "article 44 is not proven: the buyer's number is not confirmed",
      { "buyer is in " .. buyer },
      { "a confirmed VAT number of the buyer, for the reverse charge" })
  end
  return out_of_scope(supply, "article 44: the buyer is established outside",
    { "buyer is a business in " .. buyer })
end

---@param supply billing.Supply
---@return billing.SupplyDecision
local function to_consumer(supply)
  local seller, buyer = supply.seller.country_code, supply.buyer.country_code
  if buyer == seller or supply.service ~= "digital" then
    if not tax_number.is_eu(buyer) and buyer ~= seller and tax_number.is_eu(seller) then
      return out_of_scope(supply, "article 59: intangible services to a consumer outside the Union",
        { "buyer is a consumer in " .. buyer })
    end
    return taxed_in(seller, "article 45: services to a consumer",
      { "buyer is a consumer in " .. buyer })
  elseif not tax_number.is_eu(buyer) then
    return out_of_scope(supply, "article 58: electronic services to a consumer outside the Union",
      { "buyer is a consumer in " .. buyer })
  end
  local missing = registration(supply, buyer, true) or {}
  local evidence = { "buyer is a consumer in " .. buyer }
  documented(supply, 2, "two pieces of evidence of the buyer's country: address and bank, say",
    evidence, missing)
  return taxed_in(buyer, "article 58: electronic services where the consumer lives", evidence,
    missing)
end

--- India: halves for centre and state inside a state, one tax between states, none on export.
---@param supply billing.Supply
---@return billing.SupplyDecision
local function in_india(supply)
  local seller, buyer = supply.seller, supply.buyer
  if buyer.country_code ~= "IN" then
    local evidence, missing = { "buyer is in " .. buyer.country_code }, {}
    documented(supply, 1, "a valid letter of undertaking, and payment in foreign currency",
      evidence, missing)
    return decision({
      country_code = "IN", category_code = "G", exemption_reason = "Export under LUT",
      rule = "IGST Act, section 2(6) and 16: export of services",
      evidence = evidence, missing = missing,
    })
  elseif not (seller.state and buyer.state) then
    return decision({
      country_code = "IN", category_code = "S", rule = "IGST Act, section 12",
      missing = { "the states of seller and buyer" },
    })
  end
  local is_same = seller.state == buyer.state
  return decision({
    country_code = "IN",
    category_code = "S",
    taxes = is_same and { { name = "CGST", share = "0.5" }, { name = "SGST", share = "0.5" } }
      or { { name = "IGST", share = "1" } },
    rule = "IGST Act, section 12: " .. (is_same and "inside a state" or "between states"),
    evidence = { "seller in state " .. seller.state, "buyer in state " .. buyer.state },
  })
end

--- Decide where a service is taxed.
---@param supply billing.Supply
---@return billing.SupplyDecision
function place_of_supply.decide(supply)
  local seller = supply.seller.country_code
  if supply.service == "disbursement" then
    return out_of_scope(supply, "article 79(c): paid in the buyer's name and for its account",
      { "passed on at cost, with the receipt in the buyer's name" })
  elseif seller == "IN" then
    return in_india(supply)
  elseif not (tax_number.is_eu(seller) or VAT_COUNTRIES[seller]) then
    return decision({
      country_code = supply.buyer.country_code, category_code = "O",
      exemption_reason = "No value added tax",
      rule = "the seller's country has no rules here",
      missing = { "a tax policy for sellers in " .. seller },
    })
  elseif BY_LOCATION[supply.service]
    and not (supply.service == "admission" and supply.buyer.is_business
      and not supply.location_country_code) then
    return by_location(supply)
  end
  return supply.buyer.is_business and to_business(supply) or to_consumer(supply)
end

return place_of_supply
