--- Letters: the texts of reminders, in the customer's language.

local letters = require("billow.billing.letters")

local function reminder(language, changes)
  local facts = {
    template = "reminder",
    number = "INV-1",
    issue_date = "2026-11-02",
    due_date = "2026-12-02",
    amount = "1234.50",
    currency = "EUR",
    fee = "0.00",
  }
  for name, value in pairs(changes or {}) do
    facts[name] = value
  end
  return letters.reminder(language, facts)
end

describe("a reminder", function()
  it("names number, dates and amount as the language writes them", function()
    assert.equal("Reminder: invoice INV-1", reminder("en").subject)
    assert.truthy(reminder("en").text:find("1,234.50 EUR is still open", 1, true))
    assert.equal("Zahlungserinnerung: Rechnung INV-1", reminder("de").subject)
    assert.truthy(reminder("de").text:find("1.234,50 EUR", 1, true))
  end)

  it("is in English where there is no other text", function()
    assert.equal(reminder("en").text, reminder("fr").text)
    assert.equal(reminder("en").text, reminder("en", { template = "unknown" }).text)
  end)

  it("adds fee, interest and what is disputed, when there is any", function()
    local text = reminder("en", { fee = "10.00", interest = "3.21", disputed_amount = "5.00" }).text
    for _, part in ipairs({ "fee of 10.00 EUR", "3.21 EUR so far", "5.00 EUR that you" }) do
      assert.truthy(text:find(part, 1, true), part)
    end
    assert.is_nil(reminder("en").text:find("fee", 1, true))
  end)
end)
