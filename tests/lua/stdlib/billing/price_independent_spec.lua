--- `billow price` against figures that were computed apart from it, with exact fractions: bounds of
--- tiers hit exactly, nothing used, leap years, months of 28 to 31 days, currencies of no decimals,
--- what was billed before, minimum and maximum, and rounding of everything.
---
--- Each case is an item and what has to come out, by path into the result; figures agree by value.

local decimal = require("billow.decimal")
local json = require("billow.json")
local price = require("billow.billing.price")

local PATH = "tests/lua/fixtures/price/independent.json"
local CASES_MIN = 200

local function read_cases()
  local file = assert(io.open(PATH, "rb"))
  local content = file:read("a")
  file:close()
  return assert(json.decode(content))
end

--- The value at a path; `instalments.amount` of a list is the list of the amounts.
local function at(result, path)
  local value = result
  for name in path:gmatch("[^.]+") do
    if #value > 0 then
      local list = {}
      for index, one in ipairs(value) do
        list[index] = one[name]
      end
      value = list
    else
      value = value[name]
    end
  end
  return value
end

--- Decimals as plain text, so that "8" and "8.00" are one.
local function plain(value)
  if type(value) == "table" and not decimal.is(value) then
    local list = {}
    for index, one in ipairs(value) do
      list[index] = plain(one)
    end
    return list
  end
  local number = decimal.parse(tostring(value))
  return number and tostring(number:round(18)) or value
end

describe("billow price agrees with figures computed apart from it:", function()
  local cases = read_cases()
  for _, case in ipairs(cases) do
    it(case.name, function()
      local priced = price.item(case.item)
      assert.is_nil(priced.error and priced.error.message)
      for path, wanted in pairs(case.expected) do
        assert.are.same({ path, plain(wanted) }, { path, plain(at(priced.result, path)) })
      end
    end)
  end

  it("all of them are there", function()
    assert.is_true(#cases >= CASES_MIN, #cases .. " cases")
  end)
end)
