--- What a credit changes of the state that the next period starts from: worked figures.

local credit_effects = require("billow.billing.credit_effects")
local decimal = require("billow.decimal")
local json = require("billow.json")

local function line(id, component, net, more)
  local made = {
    id = id,
    component = component,
    description_key = component,
    quantity = "10.00",
    unit_code = "HUR",
    unit_price = "100.00",
    net_amount = net,
    references = json.array({}),
  }
  for name, value in pairs(more or {}) do
    made[name] = value
  end
  return made
end

local function invoice(lines, net)
  return {
    type_code = "380",
    number = "INV-1",
    period = { end_date = "2026-10-31" },
    lines = lines,
    totals = { tax_exclusive_amount = net },
  }
end

local function note(of, lines, net, more)
  for _, credited in ipairs(lines) do
    credited.credits = { invoice_id = "I", line_id = credited.id }
  end
  local made = { id = "N", body = invoice(lines, net), credited_body = of }
  for name, value in pairs(more or {}) do
    made[name] = value
  end
  return made
end

local function seconds(count)
  return json.array({ { type = "time_entry", id = "e1", seconds = count } })
end

describe("credit_effects.count", function()
  local tm = { id = "C", model = "tm", terms = { ceiling = { amount = "5000.00" } } }
  local by_hours = { id = "C", model = "tm", terms = { ceiling = { hours = "100" } } }
  local retainer = { id = "C", model = "retainer", terms = {} }

  it("takes credited money off ceiling and order: 1000.00 less 250.00", function()
    local of = invoice({ line("1", "time", "1000.00") }, "1000.00")
    local opening = {
      ceiling_used = { C = "1000.00" },
      purchase_order_used = { C = "1000.00" },
    }
    local part = note(of, { line("1", "time", "250.00") }, "250.00")
    local after, ids = credit_effects.count(opening, tm, { part })
    assert.same({ "750.00", "750.00" }, { after.ceiling_used.C, after.purchase_order_used.C })
    assert.same({ "N" }, { table.unpack(ids) })
    assert.equals("1000.00", opening.ceiling_used.C)
  end)

  it("counts the invoice made anew: 1000.00 less 1000.00 plus 900.00", function()
    local of = invoice({ line("1", "time", "1000.00") }, "1000.00")
    local void = note(of, { line("1", "time", "1000.00") }, "1000.00")
    local new = { id = "R", body = invoice({ line("1", "time", "900.00") }, "900.00") }
    local opening = { ceiling_used = { C = "1000.00" } }
    local after = credit_effects.count(opening, tm, { void, new })
    assert.equals(decimal("900.00"), decimal(after.ceiling_used.C))
  end)

  it("takes off hours by the work given back: 4 of 10 worked hours, billed as 12", function()
    local of = invoice({
      line("1", "time", "1200.00", { quantity = "12.00", references = seconds(36000) }),
    }, "1200.00")
    local part = note(of, {
      line("1", "time", "480.00", { quantity = "1", references = seconds(14400) }),
    }, "480.00")
    local after = credit_effects.count({ ceiling_used = { C = "12" } }, by_hours, { part })
    assert.equals(decimal("7.2"), decimal(after.ceiling_used.C))
  end)

  it("takes no hours off for a concession, nor for work without a price", function()
    local of = invoice({ line("1", "time", "1000.00", { references = seconds(36000) }) }, "1000.00")
    local concession = note(of, { line("1", "time", "100.00") }, "100.00")
    local after = credit_effects.count({ ceiling_used = { C = "10" } }, by_hours, { concession })
    assert.equals(decimal("10"), decimal(after.ceiling_used.C))
    local free = line("1", "time", "0.00", { unit_price = "0.00", references = seconds(36000) })
    local void = note(invoice({ free }, "0.00"), { free }, "0.00")
    after = credit_effects.count({ ceiling_used = { C = "10" } }, by_hours, { void })
    assert.equals(decimal("10"), decimal(after.ceiling_used.C))
  end)

  it("never goes below nothing used", function()
    local of = invoice({ line("1", "time", "1000.00") }, "1000.00")
    local void = note(of, { line("1", "time", "1000.00") }, "1000.00")
    local after = credit_effects.count({ ceiling_used = { C = "400.00" } }, tm, { void })
    assert.is_true(decimal(after.ceiling_used.C):is_zero())
  end)

  it("takes a retainer's buckets as its last document says", function()
    local of = invoice({ line("1", "retainer", "5600.00") }, "5600.00")
    local position = { buckets = json.array({}), invoiced_periods = json.array({ "2026-09" }) }
    local opening = { retainer = { C = { buckets = { {} }, invoiced_periods = { "2026-10" } } } }
    local void = note(of, { line("1", "retainer", "5600.00") }, "5600.00", { position = position })
    local after = credit_effects.count(opening, retainer, { void })
    assert.same({ "2026-09" }, { table.unpack(after.retainer.C.invoiced_periods) })
  end)

  it("lets a fee in advance be billed when its month comes, once it is credited whole", function()
    local function fee(net)
      return line("1", "retainer", net, { description_key = "retainer:2026-11" })
    end
    local opening = { retainer = { C = { invoiced_periods = { "2026-10", "2026-11" } } } }
    local whole = note(invoice({ fee("100.00") }, "100.00"), { fee("100.00") }, "100.00")
    local after = credit_effects.count(opening, retainer, { whole })
    assert.same({ "2026-10" }, { table.unpack(after.retainer.C.invoiced_periods) })
    local part = note(invoice({ fee("100.00") }, "100.00"), { fee("10.00") }, "10.00")
    after = credit_effects.count(opening, retainer, { part })
    assert.equals(2, #after.retainer.C.invoiced_periods)
  end)

  it("gives a volume discount and a promised credit back with the lines", function()
    local contract = {
      id = "C", model = "tm", terms = {},
      discounts = {
        { kind = "percent", name = "Friend", components = { "time" } },
        { kind = "volume", name = "Year", components = { "time" } },
        { kind = "credit", name = "Sorry", components = { "time" } },
      },
    }
    local of = invoice({ line("1", "time", "1000.00") }, "800.00")
    local part = note(of, { line("1", "time", "500.00") }, "400.00")
    part.body.allowances = {
      { reason = "Friend", amount = "50.00" },
      { reason = "Year", amount = "20.00" },
      { reason = "Sorry", amount = "30.00" },
    }
    local opening = { discount_used = { C = {
      { name = "Year", since = "2026-01", net = "900.00", granted = "40.00" },
      { name = "Sorry", since = "2026-01", net = "860.00", granted = "60.00" },
      { name = "Year", since = "2027-01", net = "5.00", granted = "1.00" },
    } } }
    local after = credit_effects.count(opening, contract, { part }).discount_used.C
    assert.same({ "450.00", "20.00" }, { after[1].net, after[1].granted })
    assert.same({ "430.00", "30.00" }, { after[2].net, after[2].granted })
    assert.same({ "5.00", "1.00" }, { after[3].net, after[3].granted })
  end)

  it("of an invoice of several contracts concerns each by its own lines", function()
    local function of(contract_id, made)
      made.contract_id = contract_id
      return made
    end
    local body = invoice({
      of("C", line("1", "time", "1000.00")),
      of("D", line("2", "time", "300.00")),
    }, "1300.00")
    body.contracts = { { id = "C", net_amount = "1000.00" }, { id = "D", net_amount = "300.00" } }
    local part = note(body, {
      of("C", line("1", "time", "250.00")),
      of("D", line("2", "time", "100.00")),
    }, "350.00")
    part.body.contracts =
      { { id = "C", net_amount = "250.00" }, { id = "D", net_amount = "100.00" } }
    local opening = {
      ceiling_used = { C = "1000.00" },
      purchase_order_used = { C = "1000.00" },
    }
    local after = credit_effects.count(opening, tm, { part })
    assert.equals("750.00", after.ceiling_used.C)
    assert.equals("750.00", after.purchase_order_used.C)
  end)
end)
