--- Where a contract's services are taxed (T3), and what a buyer's tax number proves (T4): what
--- does not agree, or is not proven, does not go out.

local build = require("support.billing")
local explained = require("billow.billing.explained")
local period = require("billow.billing.period")

local ANSWER = { status = "valid", requested_on = "2026-10-20", request_id = "W-1" }
local FRENCH = {
  address = { country_code = "FR" },
  vat_id = "FR40303265045",
  tax_code = "AE",
}

local function firm(changes)
  local made = build.firm({ vat_id = "DE136695976" })
  table.insert(made.tax_codes, {
    id = "AT", category_code = "S", country_code = "AT",
    rates = { { valid_from = "2016-01-01", percent = "20" } },
  })
  for name, value in pairs(changes or {}) do
    made[name] = value
  end
  return made
end

--- Bills one hour to a customer; the codes of what blocks it, the invoice, and the context.
local function bill(supply, customer, options)
  options = options or {}
  local ctx = build.context_of({}, {
    supply = supply,
    tax_code = options.tax_code,
    payers = options.payers,
    expenses = { tax_code = "O" },
  }, {
    firm = firm(options.firm),
    customers = { build.customer(customer), build.customer({ id = "AT", tax_code = "S" }) },
  })
  ctx.decide = options.vat and function(name, subject)
    return name == "tax" and { tax_code = subject.tax_code, vat = options.vat } or nil
  end
  local items = period.collect(ctx, { time = { build.entry(1) }, expenses = {}, milestones = {},
    usage = {}, exceptions = {} }).C
  local result, codes = period.bill(ctx, ctx.contracts.C, items), {}
  for i, found in ipairs(result.exceptions) do
    codes[i] = found.code
  end
  return codes, result.invoices[1], ctx, result
end

local function with(base, changes)
  local copy = {}
  for name, value in pairs(base) do
    copy[name] = value
  end
  for name, value in pairs(changes) do
    copy[name] = value
  end
  return copy
end

local CONFIRMED = with(FRENCH, { vat_check = ANSWER })

describe("a contract that names its supply", function()
  it("goes out when tax code and place agree, and keeps what that rests on", function()
    local codes, made, ctx = bill({}, CONFIRMED)
    assert.same({}, codes)
    assert.equal("AE", made.lines[1].tax_category)
    local told = table.concat(explained.totals(ctx, made), "\n")
    assert.truthy(told:find("AE in FR, article 44 and 196", 1, true))
    assert.truthy(told:find("confirmed by the authority on 2026-10-20, request W-1", 1, true))
    local kept = explained.invoice(ctx, made, {
      exceptions = {}, policies = {}, script = {}, approval = { by = "d", digest = "x" },
    }).supply
    assert.equal("W-1", kept.vat.evidence.answer.request_id)
    assert.equal("AE", kept.decision.category_code)
  end)

  it("is blocked with tax charged where the buyer accounts for it", function()
    local codes, made = bill({}, with(CONFIRMED, { tax_code = "S" }))
    assert.same({ "PLACE_OF_SUPPLY" }, codes)
    assert.equal("blocked", made.status)
  end)

  it("says which line, why, and which code to use", function()
    local _, _, _, result = bill({}, with(CONFIRMED, { tax_code = "S" }))
    local message = result.exceptions[1].message
    assert.truthy(message:find("line 1 has tax code S (S), but the service is AE in FR", 1, true))
    assert.truthy(message:find("use AE", 1, true))
  end)

  it("is blocked without tax while the buyer's number is not proven", function()
    assert.same({ "PLACE_OF_SUPPLY", "SUPPLY_NOT_PROVEN" }, (bill({}, FRENCH)))
    local stale = with(FRENCH, { vat_check = with(ANSWER, { requested_on = "2026-09-01" }) })
    assert.same({ "PLACE_OF_SUPPLY", "SUPPLY_NOT_PROVEN" }, (bill({}, stale)))
    local unknown = with(FRENCH, { vat_check = with(ANSWER, { status = "invalid" }) })
    assert.same({ "PLACE_OF_SUPPLY", "SUPPLY_NOT_PROVEN" }, (bill({}, unknown)))
  end)

  it("takes the form of the number as proof only where the tax policy says so", function()
    assert.same({}, (bill({}, FRENCH, { vat = { confirmation = "form" } })))
  end)

  it("waits, or leaves tax out until later, as the tax policy says", function()
    local unanswered = with(FRENCH, { vat_check = with(ANSWER, { status = "unavailable" }) })
    local codes = bill({}, unanswered, { vat = { when_unavailable = "block" } })
    assert.same({ "PLACE_OF_SUPPLY", "VAT_CHECK_PENDING", "SUPPLY_NOT_PROVEN" }, codes)
    assert.same({}, (bill({}, unanswered, { vat = { when_unavailable = "accept_pending" } })))
  end)

  it("needs a registration where it is taxed abroad", function()
    local terms = { service = "land", location_country_code = "AT" }
    assert.same({ "SUPPLY_NOT_PROVEN" }, (bill(terms, {}, { tax_code = "AT" })))
    local registered = { tax_registrations = { "AT" } }
    assert.same({}, (bill(terms, {}, { tax_code = "AT", firm = registered })))
    assert.same({ "PLACE_OF_SUPPLY" }, (bill(terms, {}, { firm = registered })))
  end)

  it("may let the place choose the tax code", function()
    local codes, made = bill({ mode = "decide" }, with(CONFIRMED, { tax_code = "S" }))
    assert.same({}, codes)
    assert.equal("AE", made.lines[1].tax_code)
    assert.truthy(made.lines[1].tax_reason:find("place of supply: article 44 and 196", 1, true))
  end)

  it("lets the contract's own tax code win over the place, and checks it", function()
    local codes = bill({ mode = "decide" }, CONFIRMED, { tax_code = "S" })
    assert.same({ "PLACE_OF_SUPPLY" }, codes)
  end)

  it("says when the firm has no tax code for the place", function()
    local home = bill({ mode = "decide" }, {
      address = { country_code = "IT" }, is_business = false, tax_code = "S",
    })
    assert.same({}, home) -- a general service to a consumer is taxed at home
    local _, _, _, digital = bill({ mode = "decide", service = "digital" }, {
      address = { country_code = "IT" }, is_business = false, tax_code = "S",
    }, { firm = { has_one_stop_shop = true } })
    assert.equal("PLACE_OF_SUPPLY", digital.exceptions[1].code)
    assert.truthy(digital.exceptions[1].message:find("add such a code", 1, true))
  end)

  it("names the documents that a law asks for, and keeps those that people have named", function()
    local consumer = { address = { country_code = "AT" }, is_business = false, tax_code = "AT" }
    local options = { firm = { has_one_stop_shop = true } }
    assert.same({ "SUPPLY_NOT_PROVEN" }, (bill({ service = "digital" }, consumer, options)))
    local terms = { service = "digital", proof = { "bank in AT", "address in AT" } }
    local codes, made, ctx = bill(terms, consumer, options)
    assert.same({}, codes)
    local told = table.concat(explained.totals(ctx, made), "\n")
    assert.truthy(told:find("evidence: documented: bank in AT", 1, true))
  end)

  it("decides for each payer alone", function()
    local codes, made, _, result = bill({ mode = "decide" }, CONFIRMED, {
      payers = {
        { customer_id = "CU", percent = "50" },
        { customer_id = "AT", percent = "50" },
      },
    })
    assert.same({}, codes)
    assert.equal("AE", made.lines[1].tax_code)
    assert.equal("S", result.invoices[2].lines[1].tax_code)
  end)
end)

describe("a reverse charge", function()
  it("does not go out on a number that cannot be right, supply or not", function()
    local mistyped = with(CONFIRMED, { vat_id = "FR40303265054" })
    assert.same({ "VAT_ID_INVALID" }, (bill(nil, mistyped)))
  end)

  it("of a country whose numbers are not known here is left to people", function()
    assert.same({}, (bill(nil, with(FRENCH, { vat_id = "XX1" }))))
  end)
end)
