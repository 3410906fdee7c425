--- `billow price` and fields it does not know: nothing that somebody wrote is left out in silence.

local document = require("billow.billing.price.document")
local json = require("billow.json")
local nearest = require("billow.billing.nearest")
local price = require("billow.billing.price")
local names = require("billow.billing.price.names")

local function read(path)
  local file = assert(io.open(path, "rb"))
  local content = file:read("a")
  file:close()
  return content
end

local SCHEMA = read("stdlib/billing/price_schema.json")
local FIELDS = names.of(assert(json.decode(SCHEMA)))

local function item(content)
  return price.item(assert(json.decode(content)), FIELDS)
end

describe("a misspelt field", function()
  -- The item, where the wrong name is, and the right one.
  local CASES = {
    { [[{"lines": [{"qty": 2, "unit_price": "3"}]}]], "/lines/0/qty", "quantity" },
    { [[{"lines": [{"quantity": 2, "unitPrice": "3"}]}]], "/lines/0/unitPrice", "unit_price" },
    { [[{"lines": [{"quantity": 2, "price": "3"}]}]], "/lines/0/price", "unit_price" },
    { [[{"lines": [{"unit_price": "3", "taxRate": 19}]}]], "/lines/0/taxRate", "tax_percent" },
    { [[{"lines": [{"unit_price": "3", "discount": {"percent": "5"}}]}]], "/lines/0/discount",
      "discounts" },
    { [[{"meter": {"price": {"model": "graduated", "tiers": [{"unit": "5"}]}}, "quantity": "1"}]],
      "/meter/price/tiers/0/unit", "unit_price" },
    { [[{"meter": {"price": {"model": "volume", "tiers": [{"unit_price": "5", "flat": "2"}]}},
      "quantity": "1"}]], "/meter/price/tiers/0/flat", "flat_amount" },
    { [[{"meter": {"price": {"model": "package", "package_size": "5"}}, "quantity": "1"}]],
      "/meter/price/package_size", "size" },
    { [[{"meter": {"free_units": "5", "price": {"model": "per_unit", "unit_price": "1"}},
      "quantity": "9"}]], "/meter/free_units", "free_quantity" },
    { [[{"meter": {"price": {"model": "per_unit", "unit_price": "1"}}, "quantity": "9",
      "minimum": {"amount": "10"}}]], "/minimum", "minimum_commit" },
    { [[{"time_entries": [{"hours": "1", "rate": "50"}]}]], "/time_entries/0/rate",
      "hourly_rate" },
    { [[{"time_entries": [{"hours": "1", "hourly_rate": "50"}], "terms": {"rounding":
      {"increment_minutes": 15, "mode": "up", "scop": "entry"}}}]], "/terms/rounding/scop",
      "scope" },
    { [[{"interest": {"rate": "10"}, "amount": "100", "overdue_days": 3}]], "/interest/rate",
      "percent" },
    { [[{"amount": "100", "currrency": "JPY", "split": {"weights": ["1"]}}]], "/currrency",
      "currency" },
    { [[{"retainer": {"overages": {"rate": "10"}}, "draws": [{"quantity": "1"}]}]],
      "/retainer/overages", "overage" },
  }

  it("is refused, with the name that is right", function()
    for _, case in ipairs(CASES) do
      local refused = assert(item(case[1]).error, case[1])
      assert.are.equal(case[2], refused.pointer)
      assert.are.equal("there is no such field; did you mean " .. case[3] .. "?", refused.remedy)
    end
  end)

  it("in the place of the kind is refused too", function()
    assert.is_truthy(item('{"metre": {}}').error.remedy:find("metre is none; did you mean meter?",
      1, true))
  end)
end)

describe("a field that looks like none", function()
  it("is left out, and told of with the result", function()
    local result = item([[{"note": "seen", "lines": [{"unit_price": "3", "text": "Work"},
      {"unit_price": "4", "unit": "hour"}]}]])
    assert.are.equal("7.00", result.result.totals.payable_amount)
    assert.are.same({ "/lines/0/text", "/lines/1/unit", "/note" }, result.ignored)
  end)

  it("is not taken for one that is given", function()
    assert.is_nil(item('{"lines": [{"quantity": 2, "qty": 3, "unit_price": "3"}]}').error)
  end)

  it("may be the name of a unit or of a meter", function()
    local result = item([[{"meter": {"price": {"model": "capacity", "tiers": [{"price": "10",
      "limits": {"qty": "100"}}, {"price": "30"}]}}, "quantities": {"qty": "90"}}]])
    assert.are.equal("10.00", result.result.amount)
    assert.is_nil(result.ignored)
  end)

  it("is said on the terminal, in one line for each item", function()
    local output, complaints, remarks = document.run(
      '[{"split": {"weights": ["1"]}, "amount": "1", "zzz": 1}, {"splitt": {}}]', SCHEMA)
    assert.is_truthy(output:find('"ignored":["/zzz"]', 1, true))
    assert.are.equal(1, #complaints)
    assert.are.same({ "item 1: no such field, ignored: /zzz" }, { table.unpack(remarks) })
  end)
end)

describe("the examples of the schema", function()
  it("have no field that is not described", function()
    for name, definition in pairs(assert(json.decode(SCHEMA))["$defs"]) do
      for _, example in ipairs(name:find("_item$") and definition.examples or {}) do
        local result = price.item(example, FIELDS)
        assert.is_nil(result.error and result.error.message)
        assert.is_nil(result.ignored)
      end
    end
  end)
end)

describe("a word that is none of some", function()
  it("is refused with the one that looks like it", function()
    local refused = item([[{"meter": {"price": {"model": "gradated"}}, "quantity": "1"}]]).error
    assert.is_truthy(refused.remedy:find("^did you mean graduated%? write one of per_unit"))
  end)

  it("is compared without case and separators, and by few letters", function()
    assert.are.equal("half_up", nearest.of("HalfUp", { "up", "half_up" }))
    assert.are.equal("quarterly", nearest.of("qaurterly", { "monthly", "quarterly" }))
    assert.is_nil(nearest.of("net", { "gross" }))
    assert.is_nil(nearest.of("up", { "up" }))
    assert.is_nil(nearest.of(("x"):rep(100), { "x" }))
  end)
end)
