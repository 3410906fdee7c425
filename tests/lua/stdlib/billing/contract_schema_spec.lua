--- The reference of contracts says what the product reads: every field that it names is known, and
--- its examples are contracts.

local build = require("support.billing")
local json = require("billow.json")
local model = require("billow.billing.model")

local SCHEMA_PATH = "stdlib/billing/contract_schema.json"
-- Neither a text, nor a list, nor an object, nor a decimal of this data model.
local WRONG = 3.5

local function schema()
  local file = assert(io.open(SCHEMA_PATH, "rb"))
  local content = file:read("a")
  file:close()
  return assert(json.decode(content))["$defs"]
end

local definitions = schema()
local TERMS_OF = {
  ["tm"] = "tm_terms",
  ["fixed-fee"] = "fixed_fee_terms",
  ["retainer"] = "retainer_terms",
  ["usage"] = "usage_terms",
}

local function copy(value)
  return assert(json.decode(json.encode(value)))
end

local function has_problem(files, field)
  local _, problems = model.read(build.files(files))
  for _, problem in ipairs(problems) do
    if problem.field == field then
      return true
    end
  end
  return false
end

describe("the reference of contracts", function()
  it("has examples of every model that are read", function()
    local seen = {}
    for _, example in ipairs(definitions.contract.examples) do
      local ctx, problems = model.read(build.files({ contracts = { copy(example) } }))
      assert.is_truthy(ctx, example.id .. ": " .. tostring(problems[1]))
      seen[example.model] = true
    end
    for name in pairs(TERMS_OF) do
      assert.is_true(seen[name], name)
    end
  end)

  it("names only fields of contracts that are looked at", function()
    for name in pairs(definitions.contract.properties) do
      local contract = copy(definitions.contract.examples[1])
      contract[name] = WRONG
      assert.is_true(has_problem({ contracts = { contract } }, name), name)
    end
  end)

  it("names only terms that are looked at", function()
    for _, example in ipairs(definitions.contract.examples) do
      for name in pairs(definitions[TERMS_OF[example.model]].properties) do
        local contract = copy(example)
        contract.terms[name] = WRONG
        assert.is_true(has_problem({ contracts = { contract } }, "terms." .. name),
          example.model .. ": " .. name)
      end
    end
  end)

  it("names only fields of customers that are looked at", function()
    for name in pairs(definitions.customer.properties) do
      local customer = build.customer()
      customer[name] = WRONG
      assert.is_true(has_problem({ customers = { customer } }, name), name)
    end
  end)
end)
