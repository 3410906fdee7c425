--- Where a service is taxed.

local place_of_supply = require("billow.billing.place_of_supply")

local function decide(seller, buyer, fields)
  local supply = { service = "general", has_one_stop_shop = false }
  for name, value in pairs(fields or {}) do
    supply[name] = value
  end
  supply.seller = type(seller) == "table" and seller or { country_code = seller }
  supply.buyer = buyer
  return place_of_supply.decide(supply)
end

local function place(...)
  local decided = decide(...)
  return decided.category_code .. " in " .. decided.country_code
end

local function business(country_code, is_confirmed)
  return { country_code = country_code, is_business = true, vat_id = "X",
    may_leave_tax_out = is_confirmed ~= false }
end

local function consumer(country_code)
  return { country_code = country_code, is_business = false, may_leave_tax_out = false }
end

describe("a service to a business", function()
  it("is taxed at home at home", function()
    assert.equal("S in DE", place("DE", business("DE")))
  end)

  it("of another member state has the reverse charge, with its reason", function()
    local decided = decide("DE", business("FR"))
    assert.equal("AE", decided.category_code)
    assert.equal("VATEX-EU-AE", decided.exemption_reason_code)
    assert.equal(0, #decided.missing)
  end)

  it("whose number is not confirmed is taxed at home, and says what is missing", function()
    local decided = decide("DE", business("FR", false))
    assert.equal("S in DE", decided.category_code .. " in " .. decided.country_code)
    assert.truthy(decided.missing[1]:find("confirmed VAT number", 1, true))
  end)

  it("outside the Union is out of scope", function()
    assert.equal("O in US", place("DE", business("US")))
    assert.equal("O in DE", place("GB", business("DE")))
  end)
end)

describe("a service to a consumer", function()
  it("is taxed where the seller is, electronic services where the consumer lives", function()
    assert.equal("S in DE", place("DE", consumer("FR")))
    assert.equal("S in FR", place("DE", consumer("FR"), { service = "digital" }))
    assert.equal("O in US", place("DE", consumer("US"), { service = "digital" }))
  end)

  it("in another member state needs a registration there, or the one stop shop", function()
    assert.equal(2, #decide("DE", consumer("FR"), { service = "digital" }).missing)
    assert.equal(1, #decide("DE", consumer("FR"), { service = "digital",
      has_one_stop_shop = true }).missing)
  end)
end)

describe("services with a place of their own", function()
  it("are taxed there, whoever buys", function()
    assert.equal("S in ES", place("DE", business("FR"),
      { service = "land", location_country_code = "ES" }))
  end)

  it("need the place to be known", function()
    assert.truthy(decide("DE", business("FR"), { service = "land" }).missing[1]
      :find("location_country_code", 1, true))
  end)
end)

it("money paid for the buyer's account is out of scope", function()
  assert.equal("O in DE", place("DE", business("DE"), { service = "disbursement" }))
end)

describe("India", function()
  local function taxes(state)
    local decided = decide({ country_code = "IN", state = "27" },
      { country_code = "IN", state = state, is_business = true })
    local names = {}
    for i, tax in ipairs(decided.taxes) do
      names[i] = tax.name .. " " .. tax.share
    end
    return table.concat(names, ", ")
  end

  it("has halves for centre and state inside a state, one tax between states", function()
    assert.equal("CGST 0.5, SGST 0.5", taxes("27"))
    assert.equal("IGST 1", taxes("29"))
  end)

  it("exports without tax", function()
    assert.equal("G in IN", place("IN", business("US")))
  end)
end)
