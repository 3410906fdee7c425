local change = require("support.documents")
local decimal = require("billow.decimal")
local json = require("billow.json")
local testing = require("billow.testing")

local INPUT = { contract = "C-01", period = "2026-10" }
local ID = "C-01/CU-01/2026-10/380"

--- The totals that the sample month has to come to.
local function expected_totals(contract)
  local file = assert(io.open("examples/acme/expected.json", "rb"))
  local expected = json.decode(file:read("a"))
  file:close()
  return expected.contracts[contract].invoices[1].totals
end

local function sum(totals)
  local all = decimal(0)
  for _, quantity in pairs(totals) do
    all = all + quantity
  end
  return all
end

describe("tm", function()
  local world

  before_each(function()
    world = testing.world({ now = "2026-11-02T09:00:00Z", fixtures = "acme" })
  end)

  local function issued(input)
    local run = world:start("tm", input or INPUT, { as = "otto" })
    world:task("exception"):answer("hold", { as = "nina" })
    world:task("approval"):approve({ as = "dana" })
    return run
  end

  it("issues the invoice of the month, with the next number", function()
    local run = issued()
    assert.equals("done", run.status)
    assert.equals("issued", run.result.status)
    assert.same({ { id = ID, number = "INV-2026-00214" } }, run.result.invoices)
    local invoice = world.billing.invoices[ID]
    assert.equals("INV-2026-00214", invoice.body.number)
    assert.equals("dana", invoice.approved_by)
    for name, amount in pairs(expected_totals("C-01")) do
      assert.equals(amount, invoice.body.totals[name], name)
    end
  end)

  it("puts its number into the page", function()
    issued()
    local page = world.billing.invoices[ID].html
    assert.truthy(page:find("INV-2026-00214", 1, true))
    assert.falsy(page:find("{{", 1, true))
  end)

  it("issues the annex that the contract asks for, and the approver sees it", function()
    change(world, "contract", "C-01", function(contract)
      contract.annex = { by = json.array({ "person", "date" }), amounts = true }
    end)
    world:start("tm", INPUT, { as = "otto" })
    world:task("exception"):answer("hold", { as = "nina" })
    local task = world:task("approval")
    assert.is_true(#task.body.documents[1].annex.rows > 0)
    task:approve({ as = "dana" })
    local invoice, stated = world.billing.invoices[ID], decimal(0)
    for _, row in ipairs(invoice.body.annex.rows) do
      stated = stated + decimal(row.amount)
    end
    local of_time = decimal(0)
    for _, line in ipairs(invoice.body.lines) do
      of_time = of_time + decimal(line.component == "time" and line.net_amount or 0)
    end
    assert.equals(of_time, stated)
    assert.truthy(invoice.html:find("<section class=\"annex\">", 1, true))
    local steps = table.concat(invoice.explanation.totals, "\n")
    assert.truthy(steps:find("by person, date, as the contract asks", 1, true))
  end)

  it("shows Portugal's code of the document where the series has one (N4)", function()
    change(world, "firm", "firm", function(firm)
      firm.country_code = "PT"
      firm.number_series[1].id = "FT"
      firm.number_series[1].format = "FT A{YY}/{SEQ:6}"
      firm.number_series[1].validation_code = "CSDF7T5H"
    end)
    world:set_series({ series = "FT", format = "FT A{YY}/{SEQ:6}", reset = "year", next = 214 })
    issued()
    local invoice = world.billing.invoices[ID]
    assert.equals("ATCUD:CSDF7T5H-000214", invoice.body.atcud)
    assert.truthy(invoice.html:find("ATCUD:CSDF7T5H-000214", 1, true))
    assert.falsy(invoice.html:find("{{", 1, true))
  end)

  it("registers the documents of a Spanish firm, and no others (N4)", function()
    change(world, "firm", "firm", function(firm)
      firm.country_code = "ES"
    end)
    issued()
    assert.equals("ES", world.billing.invoices[ID].body.register)
  end)

  it("shows exceptions to a person, and holds what they concern", function()
    local run = world:start("tm", INPUT)
    local task = world:task("exception")
    assert.equals("C-01", task.group)
    assert.equals(11, #task.body.exceptions)
    assert.equals(0, #world:tasks("approval"))
    task:answer("hold", { as = "nina" })
    world:task("approval"):approve({ as = "dana" })
    assert.equals(run.result.seconds.exception, world.billing:totals().held:to_integer())
  end)

  it("looks again when somebody mended the source", function()
    world:start("tm", INPUT)
    world:task("exception"):answer("recheck", { as = "nina" })
    local task = world:task("exception")
    assert.equals(11, #task.body.exceptions)
    assert.equals(2, #world:tasks("exception", { status = "all" }))
  end)

  it("loses no second: what was worked is billed, held, excluded or open", function()
    local before = sum(world.billing:totals())
    issued()
    local after = world.billing:totals()
    assert.equals(before, sum(after))
    assert.equals(decimal(0), after.claimed)
  end)

  it("does not count the approval of who prepared the bill", function()
    local run = world:start("tm", INPUT, { as = "otto" })
    world:task("exception"):answer("hold", { as = "nina" })
    world:task("approval"):approve({ as = "otto" })
    assert.equals("open", run.status)
    local task = world:task("approval")
    assert.truthy(task.body.remark:find("otto prepared this bill", 1, true))
    task:approve({ as = "dana" })
    assert.equals("issued", run.result.status)
  end)

  it("asks two people when the setting says so", function()
    world:set_setting({ policy = "approval", name = "count", value = 2 })
    local run = world:start("tm", INPUT, { as = "otto" })
    world:task("exception"):answer("hold")
    world:task("approval"):approve({ as = "dana" })
    world:task("approval"):approve({ as = "dana" })
    assert.equals("open", run.status)
    world:task("approval"):approve({ as = "piet" })
    assert.equals("dana, piet", world.billing.invoices[ID].approved_by)
    assert.equals("done", run.status)
  end)

  it("holds in the next month too what is beyond a cap over the contract's life", function()
    change(world, "contract", "C-01", function(contract)
      contract.terms.caps =
        json.array({ { per = json.array({ "person" }), hours = "1", scope = "contract" } })
    end)
    issued()
    local billed = world.billing:totals().billed
    world:advance("30d")
    local run = world:start("tm", { contract = "C-01", period = "2026-11" }, { as = "otto" })
    while #world:tasks("exception") > 0 do
      world:task("exception"):answer("hold", { as = "nina" })
    end
    assert.equals("nothing", run.result.status)
    assert.equals("CAP_REACHED", run.result.exceptions[1].code)
    assert.equals(billed, world.billing:totals().billed)
  end)

  it("bills of expenses what a cap lets through, and holds the rest until there is room", function()
    local function cap(amount)
      change(world, "contract", "C-01", function(contract)
        contract.expenses.caps = json.array({ { amount = amount } })
      end)
    end
    local function billed()
      return world.billing:totals("expense").billed
    end
    local all = sum(world.billing:totals("expense"))
    cap("11.00")
    issued()
    local nets = decimal(0)
    for _, line in ipairs(world.billing.invoices[ID].body.lines) do
      nets = nets + (line.component == "expense" and decimal(line.net_amount) or decimal(0))
    end
    assert.equals(decimal("11.00"), nets)
    assert.equals(decimal("10.00"), billed())
    assert.equals(all, sum(world.billing:totals("expense")))
    world:advance("30d")
    world:start("tm", { contract = "C-01", period = "2026-11" }, { as = "otto" })
    while #world:tasks("exception") > 0 do
      world:task("exception"):answer("hold", { as = "nina" })
    end
    world:task("approval"):approve({ as = "dana" })
    assert.equals(decimal("20.00"), billed())
    assert.equals(all, sum(world.billing:totals("expense")))
  end)

  it("issues nothing when the bill is rejected, and opens the entries again", function()
    local before = world.billing:totals().open
    local run = world:start("tm", INPUT)
    world:task("exception"):answer("hold")
    world:task("approval"):reject({ as = "dana", comment = "the rate is wrong" })
    assert.equals("rejected", run.result.status)
    assert.same({}, world.billing.invoices)
    assert.equals(0, #world:numbers())
    assert.equals(before, world.billing:totals().open)
  end)

  it("leaves a customer on hold alone", function()
    local run = world:start("tm", { contract = "C-06", period = "2026-10" })
    world:task("exception", "need a decision"):answer("hold")
    world:task("exception", "on hold"):answer("hold")
    assert.equals("on_hold", run.result.status)
    assert.same({}, world.billing.invoices)
  end)

  it("keeps the draft of a blocked bill for people to look at", function()
    local run = world:start("tm", { contract = "C-07", period = "2026-10" })
    world:task("exception", "need a decision"):answer("hold")
    world:task("exception", "blocked"):answer("hold")
    assert.equals("blocked", run.result.status)
    assert.equals(1, #run.result.drafts)
    assert.is_nil(run.result.drafts[1].number)
  end)

  it("bills nothing twice", function()
    issued()
    local billed = world.billing:totals().billed
    local second = world:start("tm", INPUT)
    assert.equals("parked", second.status)
    assert.truthy(second.error.text:find("is closed for 2026-10", 1, true))
    assert.equals(0, #world:tasks())
    assert.equals(1, #world:numbers())
    assert.equals(billed, world.billing:totals().billed)
  end)

  it("does not bill what another run has claimed", function()
    world:start("tm", INPUT)
    local second = world:start("tm", INPUT)
    assert.equals("nothing", second.result.status)
    world:task("exception"):answer("hold")
    world:task("approval"):approve({ as = "dana" })
    assert.equals(1, #world:numbers()) -- and does not close what the first one bills
  end)

  it("gives one number per invoice, without a gap, for several payers", function()
    local run = issued({ contract = "C-05", period = "2026-10" })
    local numbers = {}
    for i, invoice in ipairs(run.result.invoices) do
      numbers[i] = invoice.number
    end
    assert.same({ "INV-2026-00214", "INV-2026-00215", "INV-2026-00216" }, numbers)
  end)

  it("comes to the same invoice when the engine is killed while people think", function()
    local run = world:start("tm", INPUT, { as = "otto" })
    world:crash()
    world:task("exception"):answer("hold")
    world:crash()
    world:task("approval"):approve({ as = "dana" })
    assert.same({ { id = ID, number = "INV-2026-00214" } }, run.result.invoices)
  end)

  it("says which contract is missing", function()
    local run = world:start("tm", { contract = "C-99", period = "2026-10" })
    assert.equals("parked", run.status)
    assert.truthy(run.error.text:find("there is no contract C-99", 1, true))
  end)

  it("refuses a contract of another model", function()
    local run = world:start("tm", { contract = "C-10", period = "2026-10" })
    while #world:tasks("exception") > 0 do
      world:task("exception"):answer("hold")
    end
    assert.equals("parked", run.status)
    assert.truthy(run.error.text:find("fixed", 1, true))
  end)

  it("refuses an input that is none", function()
    local run = world:start("tm", { contract = "C-01", period = "October" })
    assert.equals("parked", run.status)
    assert.truthy(run.error.text:find("input.period", 1, true))
  end)
end)
