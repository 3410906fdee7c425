--- Interest on late payment: statutory tables by half-year, payments, disputes, the fixed sum.

local decimal = require("billow.decimal")
local date = require("billow.date")
local interest_rates = require("billow.billing.interest_rates")
local reading = require("billow.billing.reading")

local function history(changes)
  local made = {
    amount = decimal("1000.00"),
    due_date = "2024-12-21",
    reductions = {},
    disputes = {},
  }
  for name, value in pairs(changes or {}) do
    made[name] = value
  end
  return made
end

local function terms(changes)
  local made = {
    method = "statutory",
    table = "eu",
    has_compensation = false,
    during_dispute = "stop",
    days_in_year = 365,
  }
  for name, value in pairs(changes or {}) do
    made[name] = value
  end
  return made
end

local function amount(with_terms, with_history, until_date)
  return tostring(interest_rates.claim(with_terms, with_history, until_date, 2).amount)
end

describe("statutory interest", function()
  it("has the rate of each half-year: reference rate and margin", function()
    -- 10 days at 12.25 % and 10 days at 11.15 % of 1000.
    assert.equal("6.41", amount(terms(), history(), "2025-01-10"))
  end)

  it("has nine points in Germany, unless another margin is agreed", function()
    local function percent(fields)
      for _, row in ipairs(interest_rates.rates(terms(fields), "2024-12-31")) do
        if row.valid_from == "2024-07-01" then
          return tostring(row.percent:round(4))
        end
      end
    end
    assert.equal("12.3700", percent({ table = "de" }))
    assert.equal("8.3700", percent({ table = "de", margin = "5" }))
  end)

  it("moves in Germany with the rate of the ECB, point by point", function()
    local ecb, de = interest_rates.TABLES.eu.rows, interest_rates.TABLES.de.rows
    assert.equal(#ecb, #de)
    for i = 2, #de do
      assert.equal(ecb[i][1], de[i][1])
      assert.equal(
        decimal(ecb[i][2]) - decimal(ecb[i - 1][2]),
        decimal(de[i][2]) - decimal(de[i - 1][2]),
        de[i][1]
      )
    end
  end)

  it("says after the end of a table which one it is, and what to set", function()
    local _, refusal = reading.try(interest_rates.rates, terms({ table = "uk" }), "2026-08-01")
    assert.equal("interest.reference_rates", refusal.field)
    assert.truthy(refusal.remedy:find("the table uk (Bank Rate", 1, true))
    assert.truthy(refusal.remedy:find("2026-08-01 is asked for", 1, true))
    assert.truthy(refusal.remedy:find('"valid_from": "2026-07-01"', 1, true))
    assert.truthy(refusal.remedy:find("set its reference_known_until", 1, true))
  end)

  it("keeps the rate of the first day overdue where the law says so", function()
    local rates =
      interest_rates.rates(terms({ table = "uk" }), "2025-06-30", "2024-06-16")
    assert.equal(1, #rates)
    assert.equal("13.25", tostring(rates[1].percent))
  end)

  it("has rows for every half-year from 2016 to the end of each table", function()
    for name, source in pairs(interest_rates.TABLES) do
      local day = "2016-01-01"
      for _, row in ipairs(source.rows) do
        assert.equal(day, row[1], name)
        day = date.add_months(day, 6)
      end
      assert.equal(source.known_until, date.add_days(day, -1), name)
    end
  end)

  it("is refused for days that the table does not know", function()
    local result, refusal = reading.try(interest_rates.claim, terms(), history(), "2026-07-01", 2)
    assert.is_nil(result)
    local told = 'interest.reference_rates is "2026-06-30": the table eu'
    assert.truthy(tostring(refusal):find(told, 1, true))
  end)

  it("takes newer rates from the settings", function()
    local newer = terms({
      reference_rates = { { valid_from = "2026-07-01", percent = "2.00" } },
      reference_known_until = "2026-12-31",
    })
    -- One day at 10.15 %, one at 10 %.
    assert.equal("0.55", amount(newer, history({ due_date = "2026-06-29" }), "2026-07-01"))
  end)

  it("is refused for a table that there is not", function()
    local _, refusal = reading.try(interest_rates.rates, terms({ table = "fr" }), "2025-01-01")
    assert.equal('interest.table is "fr": write one of de, eu, ie, uk', tostring(refusal))
  end)
end)

describe("interest at an agreed rate", function()
  local fixed = terms({ method = "fixed", percent = "10" })

  it("is simple, from the day after the due date", function()
    assert.equal("4.11", amount(fixed, history(), "2025-01-05"))
    assert.equal("0.00", amount(fixed, history(), "2024-12-21"))
  end)

  it("runs on what is open; the day of the payment still counts in full", function()
    local paid = history({ reductions = { { date = "2024-12-31", amount = decimal("600") } } })
    -- 10 days on 1000 and 10 days on 400.
    assert.equal("3.84", amount(fixed, paid, "2025-01-10"))
  end)

  it("ends with the last payment", function()
    local paid = history({ reductions = { { date = "2024-12-31", amount = decimal("1000") } } })
    assert.equal("2.74", amount(fixed, paid, "2025-06-30"))
  end)

  it("stops on what is disputed while it is, or goes on, as agreed", function()
    local disputed = history({
      disputes = {
        { from_date = "2024-12-22", until_date = "2024-12-31", amount = decimal("1000") },
      },
    })
    assert.equal("2.74", amount(fixed, disputed, "2025-01-10"))
    local on = terms({ method = "fixed", percent = "10", during_dispute = "continue" })
    assert.equal("5.48", amount(on, disputed, "2025-01-10"))
  end)

  it("goes on where it was claimed before", function()
    assert.equal("2.74", amount(fixed, history({ charged_until = "2024-12-31" }), "2025-01-10"))
  end)

  it("shows its parts", function()
    local claim = interest_rates.claim(
      fixed,
      history({ reductions = { { date = "2024-12-31", amount = decimal("600") } } }),
      "2025-01-10",
      2
    )
    assert.same({
      {
        from_date = "2024-12-22",
        until_date = "2024-12-31",
        base = "1000.00",
        interest = "2.739726",
      },
      {
        from_date = "2025-01-01",
        until_date = "2025-01-10",
        base = "400.00",
        interest = "1.095890",
      },
    }, claim.parts)
  end)
end)

describe("the fixed sum for recovery", function()
  it("is claimed once, by the table and the size of the debt", function()
    local uk = terms({ table = "uk", has_compensation = true })
    local claim = interest_rates.claim(uk, history(), "2025-01-10", 2)
    assert.equal("70", tostring(claim.compensation))
    claim = interest_rates.claim(uk, history({ charged_until = "2024-12-31" }), "2025-01-10", 2)
    assert.is_true(claim.compensation:is_zero())
  end)
end)

describe("no interest", function()
  it("is claimed when the policy says so", function()
    assert.equal("0.00", amount(terms({ method = "none" }), history(), "2030-01-01"))
  end)
end)
