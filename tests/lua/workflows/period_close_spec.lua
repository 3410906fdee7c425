local decimal = require("billow.decimal")
local testing = require("billow.testing")

--- Answers whatever is asked until nobody is asked any more.
local function answer_all(world)
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

describe("period-close", function()
  local world

  before_each(function()
    world = testing.world({ now = "2026-11-02T09:00:00Z", fixtures = "acme" })
  end)

  it("bills every contract of the period, side by side", function()
    local run = world:start("period-close", { period = "2026-10" }, { as = "otto" })
    assert.truthy(#world:tasks() > 10)
    answer_all(world)
    assert.equals("done", run.status)
    local status = {}
    for _, result in ipairs(run.result.contracts) do
      status[result.contract] = result.status
    end
    assert.equals("issued", status["C-01"])
    assert.equals("on_hold", status["C-06"])
    assert.equals("blocked", status["C-07"])
    assert.equals(#run.result.contracts, #run:children())
  end)

  it("gives numbers without a gap, whatever order approvals come in", function()
    world:start("period-close", { period = "2026-10" }, { as = "otto" })
    answer_all(world)
    local expected = 214
    for _, taken in ipairs(world:numbers("INV")) do
      assert.equals(expected, taken.sequence)
      expected = expected + 1
    end
    assert.truthy(expected > 220)
  end)

  it("leaves nothing claimed", function()
    world:start("period-close", { period = "2026-10" }, { as = "otto" })
    answer_all(world)
    assert.equals(decimal(0), world.billing:totals().claimed)
    assert.equals(decimal(0), world.billing:totals("expense").claimed)
  end)

  it("does not let whoever started the month approve its bills", function()
    world:start("period-close", { period = "2026-10", contract = "C-15" }, { as = "otto" })
    world:task("approval"):approve({ as = "otto" })
    assert.equals(0, #world:numbers("INV"))
    assert.truthy(world:task("approval").body.remark:find("prepared", 1, true))
    world:task("approval"):approve({ as = "dana" })
    assert.equals(1, #world:numbers("INV"))
  end)

  it("passes over a contract that is closed, and bills the others", function()
    world:start("period-close", { period = "2026-10", contract = "C-15" }, { as = "otto" })
    answer_all(world)
    local run = world:start("period-close", { period = "2026-10" }, { as = "otto" })
    answer_all(world)
    assert.equals("done", run.status)
    local status = {}
    for _, result in ipairs(run.result.contracts) do
      status[result.contract] = result.status
    end
    assert.equals("closed before", status["C-15"])
    assert.equals("issued", status["C-14"])
  end)

  it("ends with a report: invoiced, held, blocked, and accrued, once", function()
    local run = world:start("period-close", { period = "2026-10" }, { as = "otto" })
    answer_all(world)
    local report, by_contract = run.result.report, {}
    for _, row in ipairs(report.contracts) do
      by_contract[row.contract] = row
    end
    assert.same({ "39423.20", 1 }, {
      by_contract["C-01"].invoiced_net,
      by_contract["C-01"].invoices,
    })
    assert.equals("blocked", by_contract["C-07"].status)
    assert.is_false(by_contract["C-07"].is_closed)
    local blocked = {}
    for _, blocker in ipairs(report.blockers) do
      blocked[blocker.contract] = blocker.code
    end
    assert.truthy(blocked["C-07"])
    assert.equals("CUSTOMER_ON_HOLD", blocked["C-06"])
    local total = decimal(0)
    for _, row in ipairs(report.contracts) do
      total = total + (row.currency == "EUR" and decimal(row.invoiced_net) or decimal(0))
    end
    assert.equals(total, decimal(report.totals.EUR.invoiced_net))
    -- What is not billed of C-06, whose customer is on hold, is accrued at its rates.
    local accrual = world.receivables.accruals["C-06\0002026-10"]
    assert.is_true(decimal(accrual.amount):sign() > 0)
    assert.same({ "2026-10-31", "2026-11-01" }, { accrual.accrued_on, accrual.reversed_on })
    assert.equals(1, #world.receivables.close_reports)
    local again = world:start("period-close", { period = "2026-10" }, { as = "otto" })
    answer_all(world)
    assert.equals("done", again.status)
    assert.equals(accrual.amount, world.receivables.accruals["C-06\0002026-10"].amount)
  end)

  it("bills one contract when it is asked for one", function()
    local run = world:start("period-close", { period = "2026-10", contract = "C-15" })
    answer_all(world)
    assert.equals(1, #run.result.contracts)
    assert.equals(1, #run:children())
  end)

  it("reports entries of projects that no contract has", function()
    local run = world:start("period-close", { period = "2026-10", contract = "C-15" })
    answer_all(world)
    local codes = {}
    for _, exception in ipairs(run.result.unassigned.exceptions) do
      codes[exception.code] = true
    end
    assert.truthy(codes.PROJECT_UNKNOWN)
    assert.truthy(codes.INVALID_ROW)
  end)
end)
