--- Several contracts of a customer on one invoice (A19): one number, and of each contract its own
--- claims, ledger rows, closing and approval.

local change = require("support.documents")
local decimal = require("billow.decimal")
local json = require("billow.json")
local testing = require("billow.testing")

local INPUT = { group = "monthly", period = "2026-10" }
local ID = "group:monthly/CU-01/2026-10/380"

describe("consolidated", function()
  local world, before

  local function group(id, name)
    change(world, "contract", id, function(contract)
      contract.invoice_group, contract.purchase_order = name, nil
      contract.buyer_reference, contract.payment_terms = nil, nil
    end)
  end

  --- C-01 (time and materials) and C-14 (a retainer) are both of CU-01.
  before_each(function()
    world = testing.world({ now = "2026-11-02T09:00:00Z", fixtures = "acme" })
    group("C-01", "monthly")
    group("C-14", "monthly")
    before = world.billing:totals()
  end)

  local function clear_exceptions(decision)
    for _ = 1, 10 do
      if #world:tasks("exception") == 0 then
        return
      end
      world:task("exception"):answer(decision or "hold", { as = "nina" })
    end
  end

  local function approve_all()
    for _ = 1, 4 do
      if #world:tasks("approval") == 0 then
        return
      end
      world:task("approval"):approve({ as = "dana" })
    end
  end

  local function issued()
    local run = world:start("consolidated", INPUT, { as = "otto" })
    clear_exceptions()
    approve_all()
    return run
  end

  local function sum(totals)
    local all = decimal(0)
    for _, quantity in pairs(totals) do
      all = all + quantity
    end
    return all
  end

  --- What the sample month expects of a contract's invoice.
  local function month_of(contract)
    local file = assert(io.open("examples/acme/expected.json", "rb"))
    local all = json.decode(file:read("a"))
    file:close()
    return all.contracts[contract]
  end

  local function expected(contract)
    return month_of(contract).invoices[1]
  end

  it("issues one invoice with one number for both contracts", function()
    local run = issued()
    assert.equals("done", run.status)
    assert.equals("issued", run.result.status)
    assert.same({ { id = ID, number = "INV-2026-00214" } }, run.result.invoices)
    assert.equals(1, #world:numbers())
    local body = world.billing.invoices[ID].body
    local net = decimal(expected("C-01").totals.tax_exclusive_amount)
      + decimal(expected("C-14").totals.tax_exclusive_amount)
    assert.equals(tostring(net), body.totals.tax_exclusive_amount)
    assert.equals(#expected("C-01").lines + #expected("C-14").lines, #body.lines)
  end)

  it("says of every line which contract it is of, and what each has of the whole", function()
    issued()
    local body, nets = world.billing.invoices[ID].body, {}
    for _, line in ipairs(body.lines) do
      nets[line.contract_id] = (nets[line.contract_id] or decimal(0)) + decimal(line.net_amount)
    end
    for _, part in ipairs(body.contracts) do
      local of_part = decimal(expected(part.id).totals.tax_exclusive_amount)
      assert.equals(of_part, decimal(part.net_amount))
      assert.is_true(nets[part.id] >= of_part)
    end
    local page = world.billing.invoices[ID].html
    for _, part in ipairs(body.contracts) do
      assert.truthy(page:find(part.name, 1, true), part.name)
    end
  end)

  it("rounds tax once for the whole", function()
    issued()
    local totals = world.billing.invoices[ID].body.totals
    local tax = (decimal(totals.tax_exclusive_amount) * decimal("0.19")):round(2)
    assert.equals(tax, decimal(totals.tax_amount))
  end)

  it("loses no second, and claims nothing for ever", function()
    issued()
    local after = world.billing:totals()
    assert.equals(sum(before), sum(after))
    assert.equals(decimal(0), after.claimed)
    assert.is_true(after.billed > decimal(0))
  end)

  it("bills in the ledger what each contract would have billed by itself", function()
    local function billed(contract)
      local rows = {}
      for _, move in ipairs(world.billing.movements) do
        if move.kind == "bill" then
          rows[move.entry_id] = tostring(move.quantity) .. " for " .. tostring(move.amount)
        end
      end
      return rows, contract
    end
    issued()
    local together = billed()
    world = testing.world({ now = "2026-11-02T09:00:00Z", fixtures = "acme" })
    for contract, workflow in pairs({ ["C-01"] = "tm", ["C-14"] = "retainer" }) do
      world:start(workflow, { contract = contract, period = "2026-10" }, { as = "otto" })
      clear_exceptions()
      approve_all()
    end
    assert.same(billed(), together)
  end)

  it("closes the period of each contract, from which its next one starts", function()
    issued()
    for _, id in ipairs({ "C-01", "C-14" }) do
      local closing = world.billing.closings[id .. "\0002026-10"]
      assert.truthy(closing, id)
      for name, state in pairs(month_of(id).closing) do
        assert.equals(json.encode(state), json.encode(closing.body.closing[name]), id .. name)
      end
    end
  end)

  it("asks for the approval of each, bound to its own part and to the whole", function()
    world:start("consolidated", INPUT, { as = "otto" })
    clear_exceptions()
    local tasks = world:tasks("approval")
    assert.equals(2, #tasks)
    local groups, digests = {}, {}
    for _, task in ipairs(tasks) do
      groups[task.group] = true
      local part = task.body.documents[1]
      digests[part.consolidated.digest] = true
      assert.equals(ID, part.consolidated.id)
      assert.equals(
        expected(task.group).totals.tax_exclusive_amount,
        task.body.invoices[1].net
      )
    end
    assert.same({ ["C-01"] = true, ["C-14"] = true }, groups)
    local count = 0
    for _ in pairs(digests) do
      count = count + 1
    end
    assert.equals(1, count)
    approve_all()
    local by = world.billing.invoices[ID].approved_by
    assert.truthy(by:find("C-01: dana", 1, true) and by:find("C-14: dana", 1, true), by)
  end)

  it("issues nothing when one of them is rejected, and opens the work of both", function()
    local run = world:start("consolidated", INPUT, { as = "otto" })
    clear_exceptions()
    world:task("approval"):approve({ as = "dana" })
    world:task("approval"):reject({ as = "dana", comment = "not this one" })
    assert.equals("rejected", run.result.status)
    assert.same({}, world.billing.invoices)
    assert.equals(0, #world:numbers())
    assert.equals(before.open, world.billing:totals().open)
  end)

  it("does not count the approval of who prepared it", function()
    local run = world:start("consolidated", INPUT, { as = "dana" })
    clear_exceptions()
    world:task("approval"):approve({ as = "dana" })
    assert.equals("open", run.status)
    assert.same({}, world.billing.invoices)
  end)

  it("looks again at one contract's entries without letting go of the other's", function()
    local run = world:start("consolidated", INPUT, { as = "otto" })
    world:task("exception"):answer("recheck", { as = "nina" })
    clear_exceptions()
    approve_all()
    assert.equals("issued", run.result.status)
    assert.equals(sum(before), sum(world.billing:totals()))
  end)

  it("comes to the same invoice when the engine is killed while people think", function()
    local run = world:start("consolidated", INPUT, { as = "otto" })
    clear_exceptions()
    world:crash()
    world:task("approval"):approve({ as = "dana" })
    world:crash()
    approve_all()
    assert.same({ { id = ID, number = "INV-2026-00214" } }, run.result.invoices)
  end)

  it("bills nothing twice", function()
    issued()
    local billed = world.billing:totals().billed
    local second = world:start("consolidated", INPUT, { as = "otto" })
    clear_exceptions()
    approve_all()
    assert.equals("nothing", second.result.status)
    assert.equals(1, #world:numbers())
    assert.equals(billed, world.billing:totals().billed)
  end)

  it("is the only way to bill its contracts", function()
    local run = world:start("tm", { contract = "C-01", period = "2026-10" })
    clear_exceptions()
    assert.equals("parked", run.status)
    assert.truthy(run.error.text:find("start consolidated with group monthly", 1, true))
    assert.same({}, world.billing.invoices)
  end)

  it("explains every line, whichever contract it is of", function()
    issued()
    local explanation = world.billing.invoices[ID].explanation
    assert.equals(#world.billing.invoices[ID].body.lines, #explanation.lines)
    for i, line in ipairs(explanation.lines) do
      assert.equals(tostring(i), line.id)
      assert.truthy(#line.entries > 0 or #line.notes > 0, line.line)
    end
  end)

  it("says which contract does not fit its group", function()
    group("C-02", "monthly")
    local run = world:start("consolidated", INPUT, { as = "otto" })
    assert.equals("parked", run.status)
    assert.truthy(
      run.error.text:find("has another customer than contract C-01 of its group", 1, true),
      run.error.text
    )
  end)

  it("is started by the close of a period, once for the group", function()
    local run = world:start("period-close", { period = "2026-10", contract = "C-14" })
    clear_exceptions()
    approve_all()
    assert.equals("done", run.status)
    assert.truthy(world.billing.invoices[ID])
    assert.equals("INV-2026-00214", run.result.contracts[1].consolidated_into)
  end)
end)
