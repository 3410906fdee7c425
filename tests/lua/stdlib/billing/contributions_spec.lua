--- Contributions to a fund on top of the fee, inside what is taxed (T5).

local build = require("support.billing")
local decimal = require("billow.decimal")
local draft = require("billow.billing.draft")
local invoice = require("billow.billing.invoice")

local CASSA = { { name = "Cassa", percent = "4" } }

local function bill(lines, changes)
  changes = changes or {}
  changes.contributions = changes.contributions or CASSA
  local ctx = build.context_of({}, changes)
  local made = draft.new({})
  for i, fields in ipairs(lines) do
    made.lines[i] = draft.line(2, {
      component = fields[3] or "time",
      description_key = "time:" .. i,
      unit_price = decimal(fields[1]),
      tax_code = fields[2],
    })
  end
  local invoices = invoice.assemble(ctx, ctx.contracts.C, made)
  local list = {}
  for i, line in ipairs(invoices[1].lines) do
    list[i] = line.description_key .. " " .. tostring(line.net_amount) .. " " .. line.tax_code
  end
  return list, invoices[1]
end

describe("a contribution", function()
  it("is a line of its own after all others, rounded half up, and taxed like them", function()
    local lines, made = bill({ { "100.00" }, { "12.63", nil, "expense" } })
    assert.same({ "time:1 100.00 S", "time:2 12.63 S", "contribution:Cassa 4.51 S" }, lines)
    assert.equal("117.14", tostring(made.totals.tax_exclusive_amount))
    assert.equal("22.26", tostring(made.totals.tax_amount))
  end)

  it("is one line for each tax code", function()
    local lines = bill({ { "100.00" }, { "50.00", "R" } })
    assert.equal("contribution:Cassa 4.00 S", lines[3])
    assert.equal("contribution:Cassa 2.00 R", lines[4])
  end)

  it("is not due of what is out of scope", function()
    local lines = bill({ { "100.00" }, { "50.00", "O" } })
    assert.equal(3, #lines)
    assert.equal("contribution:Cassa 4.00 S", lines[3])
  end)

  it("is due of what is left after allowances", function()
    local lines = bill({ { "100.00" } }, { discount = { percent = "10", components = { "time" } } })
    assert.equal("contribution:Cassa 3.60 S", lines[2])
  end)

  it("may be several, none of them upon another", function()
    local lines = bill({ { "100.00" } }, {
      contributions = { { name = "A", percent = "4" }, { name = "B", percent = "2" } },
    })
    assert.same({ "contribution:A 4.00 S", "contribution:B 2.00 S" }, { lines[2], lines[3] })
  end)

  it("comes back with what an advance invoice had of it", function()
    local lines = bill({ { "1000.00", nil, "milestone" }, { "-400.00", nil, "advance_deduction" } })
    assert.equal("contribution:Cassa 24.00 S", lines[3])
  end)
end)
