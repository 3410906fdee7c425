--- Reading fields: every refusal names the field, the value and what to write instead.

local decimal = require("billow.decimal")
local json = require("billow.json")
local reading = require("billow.billing.reading")

local function refusal(source, action)
  local _, found = reading.try(function()
    return action(reading.open(source, "item"))
  end)
  return found and tostring(found)
end

describe("a decimal", function()
  local function read(value)
    return refusal({ n = value }, function(reader)
      return reader:decimal("n")
    end)
  end

  it("is plain digits as text, or a decimal already read", function()
    for _, value in ipairs({ "12.50", "-3", decimal("1.5"), 7 }) do
      assert.is_nil(read(value))
    end
  end)

  it("has no exponent, separator, sign of currency or space", function()
    for _, value in ipairs({ "1e3", "1,000", "EUR 5", " 5", "5.", ".5", "", "+5" }) do
      assert.are.equal('item.n is "' .. value .. '": write a decimal as text in plain digits, '
        .. 'for example "12.50"', read(value))
    end
  end)

  it("has at most 18 digits", function()
    assert.is_nil(read("123456789012345678"))
    assert.are.equal('item.n is "1234567890123456789": write a number of at most 18 digits',
      read("1234567890123456789"))
  end)

  it("is required without a default, and null counts as absent", function()
    assert.are.equal('item.n is nothing: write a decimal as text, for example "12.50"',
      read(json.null))
  end)
end)

describe("other fields", function()
  it("are whole numbers, dates, months, words and lists", function()
    local cases = {
      { function(r) return r:integer("v") end, "1.5", "write a whole number, for example 15" },
      { function(r) return r:date("v") end, "2026-02-30",
        "write a date that exists as YYYY-MM-DD" },
      { function(r) return r:period("v") end, "2026-13", "write a month as YYYY-MM" },
      { function(r) return r:choice("v", { "up", "down" }) end, "sideways",
        "write one of up, down" },
      { function(r) return r:boolean("v", false) end, "yes", "write true or false" },
      { function(r) return r:text("v") end, "", "write a text" },
      { function(r) return r:list("v") end, "x", "write a list" },
      { function(r) return r:object("v") end, "x", "write an object with named fields" },
    }
    for _, case in ipairs(cases) do
      assert.are.equal('item.v is "' .. case[2] .. '": ' .. case[3],
        refusal({ v = case[2] }, case[1]))
    end
  end)

  it("inside lists are named by their place", function()
    assert.are.equal('item.rows[2].n is "x": write a decimal as text in plain digits, for '
      .. 'example "12.50"', refusal({ rows = { { n = "1" }, { n = "x" } } }, function(reader)
      for _, row in ipairs(reader:objects("rows")) do
        row:decimal("n")
      end
    end))
  end)
end)

describe("try", function()
  it("lets errors that are no refusals through", function()
    assert.has_error(function()
      reading.try(function()
        error("a bug", 0)
      end)
    end, "a bug")
  end)
end)
