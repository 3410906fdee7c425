local decimal = require("billow.decimal")
local meter = require("billow.billing.meter")
local reading = require("billow.billing.reading")
local testing = require("billow.testing")
local usage = require("billow.billing.usage")

--- What is stored with the invoices of a contract of the sample firm, by description key.
local function explained(model, contract)
  local world = testing.world({ now = "2026-11-02T09:00:00Z", fixtures = "acme" })
  world:start(model, { contract = contract, period = "2026-10" }, { as = "otto" })
  while #world:tasks("exception") > 0 do
    world:task("exception"):answer("hold", { as = "nina" })
  end
  world:task("approval"):approve({ as = "dana" })
  local lines = {}
  for _, invoice in pairs(world.billing.invoices) do
    for i, line in ipairs(invoice.explanation.lines) do
      lines[invoice.body.lines[i].description_key] = line
    end
  end
  return lines
end

local function says(line, ...)
  for _, words in ipairs({ ... }) do
    local text = table.concat(line.notes, "; ")
    assert.truthy(text:find(words, 1, true), words .. " in " .. text)
  end
end

describe("P8: every line of every model explains itself", function()
  for model, contract in pairs({
    ["tm"] = "C-01",
    ["fixed-fee"] = "C-10",
    ["retainer"] = "C-14",
    ["usage"] = "C-18",
  }) do
    it("of " .. model .. ": by entries and rates, or by the terms that made it", function()
      for key, line in pairs(explained(model, contract)) do
        assert.is_true(#line.entries > 0 or #line.notes > 0, key)
        assert.truthy(line.tax:find(" on 2026-10-31; ", 1, true), key)
        assert.is_true(#line.entries == 0 or #line.rates > 0, key)
      end
    end)
  end

  it("a milestone by its percentage, retainage and advances by what was before", function()
    local lines = explained("fixed-fee", "C-10")
    says(lines["milestone:M2"], " % of the fee of ", "for the milestones before it")
    says(lines.retainage, "is withheld", " was withheld before")
    says(lines["advance_deduction:AR2604-001"], "advance AR2604-001 of ", "of it left before")
  end)

  it("a retainer by its price and what it buys", function()
    says(explained("retainer", "C-14")["retainer:2026-10"], "5600", "hours a month", "2026-10")
  end)

  it("usage by its meter, price and tier", function()
    local lines = explained("usage", "C-18")
    says(lines["usage:pages:tier2"], "meter pages: ", "price graduated", "tier 2: above 50, up to ")
  end)

  it("a tier by what the whole meter measured, not by its own quantity", function()
    local self = meter.read(reading.open({
      id = "calls",
      aggregation = "sum",
      conversion = { divide_by = "1000", rounding = "ceiling" },
      free_quantity = "2",
      price = {
        model = "graduated",
        tiers = { { up_to = "10", unit_price = "10" }, { unit_price = "5" } },
      },
    }, "meter"))
    local measured = { aggregate = decimal("13501"), count = 2 }
    local lines = usage.meter_lines(self, measured, 2)
    assert.equal(2, #lines)
    for _, line in ipairs(lines) do
      assert.same({
        "measured: 13501",
        "13501 / 1000, rounding ceiling: 14",
        "14 less 2 free: 12",
      }, line.told)
    end
  end)
end)
