--- credit: what the next period of a contract starts from after it, and every model made anew.

local decimal = require("billow.decimal")
local testing = require("billow.testing")

describe("after a credit", function()
  local world

  local function new_world()
    return testing.world({ now = "2026-11-02T09:00:00Z", fixtures = "acme" })
  end

  before_each(function()
    world = new_world()
  end)

  local function answer_all()
    local task = world:tasks()[1]
    while task do
      if task.kind == "approval" then
        task:approve({ as = "dana" })
      else
        task:answer("hold", { as = "nina" })
      end
      task = world:tasks()[1]
    end
  end

  local function bill(model, contract, period)
    local input = { contract = contract, period = period }
    local run = world:start(model, input, { as = "otto" })
    answer_all()
    assert.equals("done", run.status)
    return run.result
  end

  local function credit(number, request, more)
    local input = { invoice = number, request = request, reason = "rate" }
    for name, value in pairs(more or {}) do
      input[name] = value
    end
    local run = world:start("credit", input, { as = "otto" })
    answer_all()
    assert.equals("done", run.status, (run.error or {}).text)
    assert.equals("issued", run.result.status)
    return run.result
  end

  local function body(id)
    return world.billing.invoices[id].body
  end

  local function closing(contract, period)
    return world.billing.closings[contract .. "\0" .. period].body
  end

  --- What a period left behind of one figure of the contract.
  local function left(contract, period, name)
    return decimal(closing(contract, period).opening[name][contract])
  end

  local function billed(kind)
    return world.billing:totals(kind).billed
  end

  --- What November leaves behind when nothing is credited, and what it bills.
  local function undisturbed(model, contract)
    local mine = world
    world = new_world()
    bill(model, contract, "2026-10")
    local result = bill(model, contract, "2026-11")
    local state, net = closing(contract, "2026-11"), decimal(0)
    for _, issued in ipairs(result.invoices) do
      net = net + decimal(body(issued.id).totals.tax_exclusive_amount)
    end
    world = mine
    return state, net
  end

  it("a ceiling has room again, and the credited work is billed again exactly once", function()
    local first = bill("tm", "C-02", "2026-10").invoices[1]
    local used, before = left("C-02", "2026-10", "ceiling_used"), billed()
    local line = body(first.id).lines[1]
    credit(first.number, { lines = { { line_id = line.id } } })
    assert.is_true(billed() < before)
    local second = bill("tm", "C-02", "2026-11").invoices[1]
    -- The entry that the ceiling cut in October comes on top, as far as there is room.
    local new = body(second.id)
    local references = {}
    for _, made in ipairs(new.lines) do
      for _, reference in ipairs(made.references) do
        references[reference.id] = (references[reference.id] or 0) + reference.seconds
      end
    end
    for _, reference in ipairs(line.references) do
      assert.equals(reference.seconds, references[reference.id])
    end
    local net = decimal(0)
    for _, made in ipairs(new.lines) do
      net = net + decimal(made.net_amount)
    end
    assert.equals(
      used - decimal(line.net_amount) + net,
      left("C-02", "2026-11", "ceiling_used")
    )
    -- December counts no credit of October a second time.
    bill("tm", "C-02", "2026-12")
    local last = world.billing.closings["C-02\0002026-12"]
    if last then
      assert.equals(
        left("C-02", "2026-11", "ceiling_used"),
        left("C-02", "2026-12", "ceiling_used")
      )
    end
  end)

  it("an order has as much left as was credited, concessions included", function()
    local first = bill("tm", "C-01", "2026-10").invoices[1]
    local used = left("C-01", "2026-10", "purchase_order_used")
    credit(first.number, { amount = "100.00" })
    credit(first.number, { lines = { { line_id = "1" } } })
    bill("tm", "C-01", "2026-11")
    local line, again = decimal(body(first.id).lines[1].net_amount), decimal(0)
    for id, invoice in pairs(world.billing.invoices) do
      if invoice.period == "2026-11" and invoice.type_code == "380" then
        again = again + decimal(body(id).totals.tax_exclusive_amount)
      end
    end
    local credited = decimal(0)
    for _, invoice in pairs(world.billing.invoices) do
      if invoice.type_code == "381" then
        credited = credited + decimal(invoice.body.totals.tax_exclusive_amount)
      end
    end
    assert.is_true(credited > line)
    assert.equals(used - credited + again, left("C-01", "2026-11", "purchase_order_used"))
  end)

  it("a milestone whose work was given back is due again, with what was withheld of it", function()
    local state, net = undisturbed("fixed-fee", "C-11")
    local first = bill("fixed-fee", "C-11", "2026-10").invoices[1]
    credit(first.number, { all = true })
    local second = bill("fixed-fee", "C-11", "2026-11").invoices[1]
    local both = net + decimal(body(first.id).totals.tax_exclusive_amount)
    assert.equals(both, decimal(body(second.id).totals.tax_exclusive_amount))
    local before, after = state.opening.fixed_fee["C-11"], closing("C-11", "2026-11")
    after = after.opening.fixed_fee["C-11"]
    table.sort(before.milestones_billed)
    table.sort(after.milestones_billed)
    assert.same(before, after)
  end)

  it("a milestone that was conceded, or written off, is not billed once more", function()
    local state, net = undisturbed("fixed-fee", "C-11")
    local first = bill("fixed-fee", "C-11", "2026-10").invoices[1]
    credit(first.number, { amount = "500.00" })
    credit(first.number, { all = true, outcome = "written_off" })
    local second = bill("fixed-fee", "C-11", "2026-11").invoices[1]
    assert.equals(net, decimal(body(second.id).totals.tax_exclusive_amount))
    assert.same(state.opening.fixed_fee, closing("C-11", "2026-11").opening.fixed_fee)
  end)

  it("an advance that was taken off is there to be taken off again", function()
    local state = undisturbed("fixed-fee", "C-10")
    local first = bill("fixed-fee", "C-10", "2026-10").invoices[1]
    credit(first.number, { all = true })
    bill("fixed-fee", "C-10", "2026-11")
    assert.same(state.closing, closing("C-10", "2026-11").closing)
  end)

  it("a retainer that is voided draws again with the next period", function()
    local first = bill("retainer", "C-14", "2026-10").invoices[1]
    local before = billed()
    assert.is_true(before > decimal(0))
    credit(first.number, { all = true })
    assert.is_true(billed():is_zero())
    bill("retainer", "C-14", "2026-11")
    assert.equals(before, billed())
    local periods = closing("C-14", "2026-11").opening.retainer["C-14"].invoiced_periods
    assert.equals("2026-11", periods[#periods])
    assert.not_equals("2026-10", periods[#periods - 1])
  end)

  for model, contract in pairs({
    ["tm"] = "C-02",
    ["fixed-fee"] = "C-12",
    ["retainer"] = "C-16",
    ["usage"] = "C-18",
  }) do
    it("a " .. model .. " invoice is voided and made again, the old one kept", function()
      local first = bill(model, contract, "2026-10").invoices[1]
      local state = undisturbed(model, contract)
      local kind = model == "usage" and "usage" or model == "fixed-fee" and "milestone" or "time"
      local quantity = billed(kind)
      local result = credit(first.number, { all = true }, { rebill = true })
      local old, new = body(first.id), body(result.rebilled[1].id)
      assert.equals(first.number, old.number)
      assert.not_equals(first.number, new.number)
      assert.same(old.totals, new.totals)
      assert.equals(first.number, new.preceding_invoices[#new.preceding_invoices].number)
      assert.equals(quantity, billed(kind))
      -- Nothing of what the next period leaves is another for it.
      bill(model, contract, "2026-11")
      assert.same(state.opening, closing(contract, "2026-11").opening)
      assert.is_true(world.billing:totals(kind).claimed:is_zero())
    end)
  end

  it("a retainer that was billed on top of is not made again beneath", function()
    local first = bill("retainer", "C-14", "2026-10").invoices[1]
    bill("retainer", "C-14", "2026-11")
    local run = world:start("credit", {
      invoice = first.number,
      request = { all = true },
      reason = "rate",
      rebill = true,
    }, { as = "otto" })
    assert.equals("refused", run.result.status)
    assert.truthy(run.result.problem:find("void that one first", 1, true))
  end)
end)
