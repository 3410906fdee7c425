--- The matching policy: when a payment is booked without asking anybody.

local json = require("billow.json")

local function load()
  local file = assert(io.open("policies/matching/settings.json", "rb"))
  local schema = assert(json.decode(file:read("a")))
  file:close()
  return dofile("policies/matching/policy.lua"), schema
end

local policy, schema = load()

local function subject(fields)
  local made = {
    amount = "100.00",
    currency = "EUR",
    is_complete = true,
    candidates = { { rule = "invoice_number", score = 95, outcome = "exact" } },
  }
  for name, value in pairs(fields or {}) do
    made[name] = value
  end
  return made
end

local function decide(fields, settings)
  local decision = policy.decide(subject(fields), settings or {})
  return decision.action .. ": " .. decision.reasons[1]
end

local function candidate(outcome, score)
  return { candidates = { { rule = "invoice_number", score = score or 90, outcome = outcome } } }
end

describe("the matching policy", function()
  it("books one candidate that reaches the threshold", function()
    assert.equal("book: one candidate, by invoice_number, with score 95 of at least 80", decide())
  end)

  it("never books below the threshold", function()
    assert.equal("ask: score 79 is below the threshold of 80", decide(candidate("exact", 79)))
    assert.equal("ask: score 95 is below the threshold of 96", decide(nil, { auto_threshold = 96 }))
    assert.equal(
      "ask: score 100 is below the threshold of 101",
      decide(candidate("exact", 100), { auto_threshold = 101 })
    )
  end)

  it("never chooses between candidates", function()
    local two = { { rule = "a", score = 100, outcome = "exact" }, { rule = "b", score = 50 } }
    assert.equal("ask: 2 candidates: a person must choose", decide({ candidates = two }))
    assert.equal("ask: no open invoice fits", decide({ candidates = {} }))
  end)

  it("never trusts a search that was cut off", function()
    assert.truthy(decide({ is_complete = false }):find("the search was cut off", 1, true))
  end)

  it("asks for the certificate of withheld tax, and about disputes, always", function()
    assert.truthy(decide(candidate("withholding")):find("certificate", 1, true))
    assert.truthy(decide(candidate("dispute")):find("in dispute", 1, true))
  end)

  it("books part payments and overpayments only where it is set so", function()
    assert.truthy(decide(candidate("part")):find("^ask"))
    assert.truthy(decide(candidate("part"), { part_payments = "auto" }):find("^book"))
    assert.truthy(decide(candidate("over")):find("^ask"))
    assert.truthy(decide(candidate("over"), { over_payments = "on_account" }):find("^book"))
  end)

  it("asks about payments above the largest amount", function()
    assert.truthy(decide(nil, { auto_amount_max = "99.99" }):find("^ask: 100.00 EUR"))
    assert.truthy(decide(nil, { auto_amount_max = "100" }):find("^book"))
  end)

  it("decides the same when settings are absent and at their defaults", function()
    local defaults = {}
    for name, property in pairs(schema.properties) do
      assert.truthy(property.title and property.description and property["x-ui"].widget, name)
      assert.truthy(property["x-scope"][1] and property["x-effect"], name)
      assert.not_nil(property.default, name)
      defaults[name] = property.default
    end
    for _, outcome in ipairs({ "exact", "part", "over", "discount", "withholding" }) do
      assert.equal(decide(candidate(outcome)), decide(candidate(outcome), defaults))
    end
  end)
end)
