local json = require("billow.json")

local NAMES = {
  "rates",
  "rounding",
  "ceiling",
  "tax",
  "approval",
  "grouping",
  "validation",
  "late-entries",
  "duplicate-guard",
  "numbering",
  "retention",
}
local SCOPES = { firm = true, pack = true, tenant = true, customer = true, contract = true }

local function settings_of(name)
  local file = assert(io.open("policies/" .. name .. "/settings.json", "rb"))
  local content = file:read("a")
  file:close()
  return assert(json.decode(content))
end

local function policy(name)
  return dofile("policies/" .. name .. "/policy.lua")
end

local function defaults(name)
  local values = {}
  for key, property in pairs(settings_of(name).properties) do
    values[key] = property.default
  end
  return values
end

describe("a policy's settings", function()
  for _, name in ipairs(NAMES) do
    it("of " .. name .. " are described, defaulted, scoped and rated by effect", function()
      local schema = settings_of(name)
      assert.truthy(schema.title and schema.description)
      assert.is_false(schema.additionalProperties)
      for key, property in pairs(schema.properties) do
        assert.truthy(property.title and property.description, key)
        assert.not_nil(property.default, key)
        assert.truthy(property["x-ui"].widget, key)
        assert.truthy(property["x-effect"], key)
        for _, scope in ipairs(property["x-scope"]) do
          assert.is_true(SCOPES[scope], scope)
        end
      end
    end)

    it("of " .. name .. " decide the same when absent and at their defaults", function()
      local subject = {
        contract = {},
        customer = { address = { country_code = "DE" } },
        component = "time",
        tax_code = "S",
        invoices = {},
        currency = "EUR",
        model = "tm",
        period = { id = "2026-10", start_date = "2026-10-01", end_date = "2026-10-31" },
        type_code = "380",
        country = "DE",
        series = { { id = "INV", type_codes = { "380" }, reset = "year" } },
        numbers = { INV = "INV-2026-99999" },
        kind = "document",
        date = "2026-11-02",
        on = "2026-11-02",
      }
      local decide = policy(name).decide
      assert.same(decide(subject, {}), decide(subject, defaults(name)))
      assert.equal(name, policy(name).name)
      assert.truthy(policy(name).version)
      assert.truthy(decide(subject, {}).reasons[1])
    end)
  end
end)

describe("policy rates", function()
  it("searches contract, customer and firm on the work date by default", function()
    local decision = policy("rates").decide({}, {})
    assert.same({ "contract", "customer", "firm" }, decision.levels)
    assert.same({ "work_date", "card" }, { decision.rate_date, decision.rate_source })
    assert.is_nil(decision.selectors)
  end)

  it(
    "can prefer the firm's card, another order of rows, the issue date and the tracker's rates",
    function()
      local settings = {
        levels = { "firm" },
        selectors = { "person" },
        rate_date = "issue_date",
        rate_source = "source",
      }
      local decision = policy("rates").decide({}, settings)
      assert.same(
        { { "firm" }, { "person" }, "issue_date", "source" },
        { decision.levels, decision.selectors, decision.rate_date, decision.rate_source }
      )
    end
  )
end)

describe("policy rounding", function()
  it("bills time as worked by default", function()
    assert.is_nil(policy("rounding").decide({}, {}).rounding)
  end)

  it("rounds as set", function()
    local decision = policy("rounding").decide(
      {},
      { increment_minutes = 6, mode = "nearest", scope = "person_day" }
    )
    assert.same(
      { increment_minutes = 6, mode = "nearest", scope = "person_day" },
      decision.rounding
    )
    assert.same({ "time is rounded nearest to 6 minutes by person_day" }, decision.reasons)
  end)
end)

describe("policy ceiling", function()
  it("holds work beyond the ceiling by default, or does as set", function()
    assert.equal("hold", policy("ceiling").decide({}, {}).overflow)
    assert.equal("stop", policy("ceiling").decide({}, { overflow = "stop" }).overflow)
  end)
end)

describe("policy tax", function()
  local subject = {
    customer = { address = { country_code = "CH" } },
    component = "expense",
    tax_code = "S",
  }

  it("leaves the agreed code by default", function()
    assert.equal("S", policy("tax").decide(subject, {}).tax_code)
  end)

  it("chooses by component before country, and says why", function()
    local settings = { by_component = { expense = "R" }, by_country = { CH = "O" } }
    local decision = policy("tax").decide(subject, settings)
    assert.same(
      { "R", { "policy tax: lines of component expense have R" } },
      { decision.tax_code, decision.reasons }
    )
    settings.by_component = {}
    assert.equal("O", policy("tax").decide(subject, settings).tax_code)
  end)
end)
