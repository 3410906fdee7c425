local billing = dofile("tests/lua/support/billing.lua")
local number = require("billow.billing.number")
local policy = dofile("policies/numbering/policy.lua")
local testing = require("billow.testing")

local OBJECT = { type_code = "380", issue_date = "2026-11-02", customer_id = "CU" }

local function decide(changes, settings, object)
  return policy.decide(number.subject(billing.firm(changes), object or OBJECT), settings or {})
end

describe("policy numbering", function()
  it("takes the firm's series for the type", function()
    assert.equal("INV", decide().series)
    assert.is_nil(decide().problem)
  end)

  it("takes another series where a branch or a contract has its own", function()
    local series = {
      { id = "INV", type_codes = { "380" }, format = "INV-{SEQ:5}", reset = "year" },
      { id = "B", type_codes = {}, format = "B-{SEQ:5}", reset = "year" },
    }
    assert.equal("B", decide({ number_series = series }, { series = { ["380"] = "B" } }).series)
  end)

  it("says what to do when there is no series", function()
    local none = decide({}, {}, { type_code = "384", issue_date = "2026-11-02", customer_id = "C" })
    assert.truthy(none.problem:find("takes type 384: add it to number_series", 1, true))
    local wrong = decide({}, { series = { ["380"] = "NOPE" } })
    assert.truthy(wrong.problem:find("the firm has no series NOPE", 1, true))
  end)
end)

describe("N4: what India asks of numbers", function()
  local function india(format, reset)
    return decide({
      country_code = "IN",
      number_series = {
        { id = "INV", type_codes = { "380" }, format = format, reset = reset or "year:04" },
      },
    })
  end

  it("allows 16 characters", function()
    assert.is_nil(india("INV/{FY}/{SEQ:6}").problem)
    local long = india("INV/{FY}/{SEQ:7}").problem
    assert.truthy(long:find("INV/26-27/9999999 have 17 characters, at most 16", 1, true), long)
  end)

  it("allows letters, digits, hyphen and slash", function()
    assert.truthy(india("INV_{FY}_{SEQ:6}").problem:find("not allowed", 1, true))
  end)

  it("asks for a series for each financial year", function()
    assert.truthy(india("INV/{SEQ:6}", "never").problem:find("each financial year", 1, true))
  end)

  it("counts a financial year from April and names it", function()
    local series = { id = "INV", format = "INV/{FY}/{SEQ:3}", reset = "year:04", type_codes = {} }
    assert.equal("2026", number.stretch(series, "2027-03-31"))
    assert.equal("2027", number.stretch(series, "2027-04-01"))
    assert.equal("INV/26-27/007", number.format(series.format, 7, "2027-03-31", "C", "year:04"))
  end)

  it("gives no number when the format breaks the law, and says why", function()
    local world = testing.world({
      now = "2026-11-02T09:00:00Z",
      fixtures = "acme",
      settings = { numbering = { length_max = 10 } },
    })
    local run = world:start("tm", { contract = "C-01", period = "2026-10" })
    world:task("exception"):answer("hold")
    world:task("approval"):approve({ as = "dana" })
    assert.equal("parked", run.status)
    assert.equal("NO_SERIES", run.error.code)
    assert.truthy(run.error.text:find("at most 10 are allowed: shorten the format", 1, true))
    assert.equal(0, #world:numbers())
  end)
end)

local function of_country(country, type_codes, format, type_code, code)
  return decide({
    country_code = country,
    number_series = {
      {
        id = "A",
        type_codes = type_codes,
        format = format or "A-{YYYY}/{SEQ:5}",
        reset = "year",
        validation_code = code,
      },
    },
  }, {}, { type_code = type_code or "380", issue_date = "2026-11-02", customer_id = "CU" })
end

describe("N4: what Spain asks of numbers", function()
  it("has corrective documents in a series of their own", function()
    assert.is_nil(of_country("ES", { "380", "386" }).problem)
    assert.is_nil(of_country("ES", { "381", "384" }, nil, "381").problem)
    local mixed = of_country("ES", { "380", "381" }).problem
    assert.truthy(mixed:find("series A numbers 380 and 381", 1, true), mixed)
    local same = of_country("ES", { "380", "381" }, nil, "381").problem
    assert.truthy(same:find("series A numbers 381 and 380", 1, true), same)
  end)

  it("allows no characters that its register refuses", function()
    assert.truthy(of_country("ES", { "380" }, "A<{SEQ:5}").problem:find("no < > =", 1, true))
  end)
end)

describe("N4: what Portugal asks of numbers", function()
  it("has type, series and sequence in the form of SAF-T", function()
    assert.is_nil(of_country("PT", { "380" }, "FT A{YY}/{SEQ:6}", "380", "CSDF7T5H").problem)
    local other = of_country("PT", { "380" }, "INV-{SEQ:6}").problem
    assert.truthy(other:find("the document's type, a space, the series", 1, true), other)
  end)

  it("has a validation code of the tax authority for every series", function()
    local problem = of_country("PT", { "380" }, "FT A{YY}/{SEQ:6}").problem
    assert.truthy(problem:find("series A has no validation_code", 1, true), problem)
  end)

  it("has a series for each type of document", function()
    local mixed = of_country("PT", { "380", "381" }, "FT A{YY}/{SEQ:6}").problem
    assert.truthy(mixed:find("A numbers 381 too", 1, true), mixed)
  end)
end)
