--- Progressive billing: invoices at thresholds, credited on the period's invoice.

local decimal = require("billow.decimal")
local progressive = require("billow.billing.progressive")

--- "2: 200 of 200" of the invoices: after which event, amount, total.
local function shown(thresholds, totals, recurring)
  local terms = { thresholds = {}, recurring = recurring and decimal(recurring) }
  for i, threshold in ipairs(thresholds) do
    terms.thresholds[i] = decimal(threshold)
  end
  local texts = {}
  for i, made in ipairs(progressive.invoices(terms, #totals, function(events)
    return decimal(totals[events])
  end)) do
    texts[i] = made.after_events .. ": " .. tostring(made.amount) .. " of " .. tostring(made.total)
  end
  return table.concat(texts, "; ")
end

describe("progressive billing", function()
  it("bills everything used so far when a threshold is reached", function()
    assert.equal("2: 200 of 200", shown({ "200" }, { "150", "200", "431" }))
    assert.equal("2: 250 of 250", shown({ "200" }, { "150", "250", "431" }))
    assert.equal("", shown({ "200" }, { "150", "199.99" }))
  end)

  it("makes one invoice of an event that passes several thresholds", function()
    assert.equal("1: 550 of 550; 2: 450 of 1000", shown({ "100", "500", "1000" },
      { "550", "1000" }))
  end)

  it("goes on every recurring amount after the last threshold", function()
    assert.equal("1: 120 of 120; 2: 130 of 250; 4: 50 of 300",
      shown({ "100" }, { "120", "250", "299", "300" }, "100"))
  end)
end)
