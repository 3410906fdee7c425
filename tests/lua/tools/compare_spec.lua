local build = require("support.billing")
local compare = require("tests.tools.compare")

local function month(changes)
  local ctx = build.context_of({ no_charge_tasks = {} })
  local made = build.compute(ctx, { build.entry(1), build.entry(2, { approval_status = "none" }) })
  local invoice = made.contracts.C.invoices[1]
  for name, value in pairs(changes or {}) do
    if invoice.totals[name] then
      invoice.totals[name] = value
    elseif invoice.lines[1][name] then
      invoice.lines[1][name] = value
    else
      invoice[name] = value
    end
  end
  return made
end

local function differences(changes, options)
  local report = compare.months(month(), { month(changes) }, options)
  return report.by_contract.C, report
end

describe("comparing months", function()
  it("agrees with itself, whatever the shape", function()
    local _, report = differences()
    assert.is_true(report.agrees)
    local actual = month()
    local contract = actual.contracts.C
    report = compare.months(month(), { contract.invoices[1], { exceptions = contract.exceptions } })
    assert.is_true(report.agrees)
  end)

  it("compares decimals by value and nothing else by value", function()
    assert.same({}, (differences({ quantity = "1.00" })))
    assert.same(
      { "C/CU/380: line 1 quantity: expected 1, got 1.01" },
      (differences({ quantity = "1.01" }))
    )
    assert.same(
      { "C/CU/380: totals.payable_amount: expected 119, got not a decimal: 119.0x" },
      (differences({ payable_amount = "119.0x" }))
    )
  end)

  it("compares numbers only when asked to", function()
    assert.same({}, (differences({ number = "X" })))
    assert.same(
      { "C/CU/380: number: expected INV-2026-00001, got X" },
      (differences({ number = "X" }, {
        numbers = true,
      }))
    )
  end)

  it("tells what is missing and what was not expected", function()
    local report = compare.months(month(), { { code = "NO_RATE", ref = "harvest-time:9" } })
    assert.is_false(report.agrees)
    assert.same({
      "(no contract) agrees",
      "C",
      "    C/CU/380: no such invoice",
      "    exception missing: NOT_APPROVED harvest-time:2",
      "not expected: exception NO_RATE harvest-time:9",
      "0 of 1 invoices agree to the cent; 0 of 1 exceptions agree",
    }, compare.text(report))
  end)
end)
