--- The order of the terms of time, through a contract's month.

local build = require("support.billing")

local function lines_of(terms, entries, cards)
  local ctx = build.context_of(terms, nil, { rate_cards = cards })
  local month = build.compute(ctx, entries)
  local texts = {}
  for i, line in ipairs(month.contracts.C.invoices[1].lines) do
    texts[i] = table.concat({ line.quantity, line.unit_code, line.unit_price, line.net_amount },
      " ")
  end
  return texts, month
end

describe("terms of time", function()
  it("round first, then raise to the minimum, then put overtime on", function()
    local texts = lines_of({
      rounding = { increment_minutes = 15, mode = "up", scope = "entry" },
      min_hours_per_entry = "1",
      overtime = { rules = { { factor = "2", after_hours_per_day = "1" } } },
    }, {
      build.entry(1, { duration_seconds = 600 }),
      build.entry(2, { duration_seconds = 5000 }),
    })
    assert.same({ "1 HUR 100.00 100.00", "1.5 HUR 200.00 300.00" }, texts)
  end)

  it("bill a fixed sum of a card once for each entry, whatever it took", function()
    local card = build.card("RC", {
      { selector = "task", value = "Development", rate = "80" },
      { selector = "task", value = "Development", rate = "250", unit_code = "LS" },
      { selector = "default", rate = "100" },
    })
    local texts, month = lines_of({}, {
      build.entry(1, { duration_seconds = 600 }),
      build.entry(2, { duration_seconds = 7200 }),
      build.entry(3, { task = "Testing" }),
    }, { card })
    assert.same({ "2 LS 250.00 500.00", "1 HUR 100.00 100.00" }, texts)
    assert.same({ billed = 11400 }, month.seconds)
  end)

  it("prefer an entry's own sum to its hourly rate, and that to every card", function()
    local texts = lines_of({ grouping = { "entry" } }, {
      build.entry(1, { fixed_rate = require("billow.decimal")("10"),
        hourly_rate = require("billow.decimal")("99") }),
      build.entry(2, { hourly_rate = require("billow.decimal")("99") }),
    })
    assert.same({ "1 LS 10.00 10.00", "1 HUR 99.00 99.00" }, texts)
  end)

  it("keep four kinds of work apart that are not charged", function()
    local texts, month = lines_of({
      no_charge_tasks = { "Travel" },
      included_tasks = { "Support" },
      pro_bono_tasks = { "Charity" },
    }, {
      build.entry(1, { billable = false }),
      build.entry(2, { task = "Travel" }),
      build.entry(3, { task = "Support" }),
      build.entry(4, { task = "Charity" }),
    })
    assert.same({ "1 HUR 0.00 0.00" }, texts)
    assert.same({ non_billable = 3600, billed = 3600, included = 3600, pro_bono = 3600 },
      month.seconds)
  end)
end)
