--- Billow's own lines of expenses (S2): amounts, and the tax that is in them.

local json = require("billow.json")
local own = require("billow.billing.sources.own")

local function read(changes)
  local line = {
    id = "7",
    person = "Ana",
    date = "2026-10-05",
    category = "Travel",
    currency = "EUR",
    amount = "119.00",
  }
  for name, value in pairs(changes or {}) do
    line[name] = value
  end
  return own.line_reader("expenses", "expenses.jsonl")(1, { json.encode(line) })
end

describe("an expense line of our own", function()
  it("may say which tax is in its amount", function()
    assert.equal("19", tostring(read({ tax_percent = "19" }).tax_percent))
    assert.is_nil(read().tax_percent)
  end)

  it("is refused when that tax is no percentage, with what to do", function()
    local entity, problem = read({ tax_percent = "-19" })
    assert.is_nil(entity)
    assert.truthy(problem.message:find('tax_percent "-19" is not a number', 1, true))
  end)
end)
