local calendar = require("billow.billing.calendar")
local date = require("billow.date")
local testing = require("billow.testing")

local FIRM = { holidays = { "2026-12-25" }, time_zone = "Europe/Berlin" }
local OFFICE = { from = "09:00", to = "17:00" }

local function at(text)
  return date.parse_instant(text)
end

describe("P3: business hours", function()
  local function after(start, hours)
    return date.format_instant(calendar.business_instant(at(start), hours, OFFICE, FIRM))
  end

  it("pass in the office only", function()
    assert.equal("2026-11-02T14:00:00Z", after("2026-11-02T09:00:00Z", 5))
    assert.equal("2026-11-03T10:00:00Z", after("2026-11-02T14:00:00Z", 4))
    assert.equal("2026-11-03T09:00:00Z", after("2026-11-02T20:00:00Z", 1))
  end)

  it("do not pass on weekends and holidays of the firm", function()
    assert.equal("2026-11-09T09:00:00Z", after("2026-11-06T20:00:00Z", 1))
    assert.equal("2026-12-28T09:00:00Z", after("2026-12-24T20:00:00Z", 1))
  end)
end)

describe("an approval", function()
  local world

  --- A bill of C-01, started by otto, whose approval task is open.
  local function start(settings, options)
    world = testing.world({
      now = "2026-11-02T09:00:00Z",
      fixtures = "acme",
      settings = { approval = settings },
    })
    local input = { contract = "C-01", period = "2026-10" }
    local run = world:start("tm", input, options or { as = "otto" })
    world:task("exception"):answer("hold", { as = "nina" })
    return run
  end

  local function remark()
    return world:task("approval").body.remark
  end

  local function noted(run, what)
    return run:notes("approval." .. what)[1]
  end

  it("P1: asks the people of each rule that applies, one after the other", function()
    local run = start({
      approvers = { "dana" },
      rules = {
        { when = { above = "1" }, approvers = { "carl", "cleo" }, count = 2 },
        { when = { countries = { "XX" } }, approvers = { "nobody" } },
      },
    })
    assert.same({ "dana" }, world:task("approval").assignees)
    world:task("approval"):approve({ as = "dana" })
    assert.same({ "carl", "cleo" }, world:task("approval").assignees)
    world:task("approval"):approve({ as = "cleo" })
    world:task("approval"):approve({ as = "carl" })
    assert.equal("issued", run.result.status)
    assert.equal("dana, cleo, carl", world.billing.invoices["C-01/CU-01/2026-10/380"].approved_by)
  end)

  it("P1: asks all at once when the order is parallel; one no is enough", function()
    local settings = {
      approvers = { "dana" },
      order = "parallel",
      rules = { { when = {}, approvers = { "carl" } } },
    }
    local run = start(settings)
    assert.equal(2, #world:tasks("approval"))
    world:task("approval", { stage = nil }):approve({ as = "dana" })
    assert.equal("open", run.status)
    world:task("approval"):approve({ as = "carl" })
    assert.equal("issued", run.result.status)
    run = start(settings)
    world:task("approval"):reject({ as = "dana" })
    assert.equal("rejected", run.result.status)
    assert.equal(0, #world:tasks("approval"))
    assert.equal(0, #world:numbers())
  end)

  it("P1: takes a no, too, only from who was asked or had a part in the bill", function()
    local run = start({ approvers = { "dana" }, delegations = {
      { from = "dana", to = "nina", start_date = "2020-01-01" } } })
    for _, decision in ipairs({ "reject", "reassign", "edit" }) do
      world:task("approval"):answer(decision, { as = "zed", comment = "zed" })
      assert.equal("zed was not asked: dana, nina", remark())
    end
    assert.equal("open", run.status)
    assert.equal("zed", run:notes("approval.refused")[1].by)
    world:task("approval"):reject({ as = "nina" })
    assert.equal("rejected", run.result.status)
    run = start({ approvers = { "dana" } })
    world:task("approval"):reject({ as = "Otto" }) -- who prepared it takes it back
    assert.equal("rejected", run.result.status)
  end)

  it("P2: does not count who started it, under any name or spelling", function()
    local run = start({ people = { ob = "Otto" } })
    world:task("approval"):approve({ as = "OTTO " })
    assert.truthy(remark():find("prepared this bill", 1, true))
    world:task("approval"):approve({ as = "ob" })
    assert.truthy(remark():find("ob prepared this bill", 1, true))
    assert.equal("open", run.status)
    assert.equal(0, #world:numbers())
    assert.equal("ob", run:notes("approval.refused")[2].by)
  end)

  it("P2: does not count who acts for somebody who prepared it", function()
    local run = start({
      approvers = { "otto", "dana" },
      delegations = { { from = "otto", to = "piet", start_date = "2026-11-01" } },
    })
    world:task("approval"):approve({ as = "piet" })
    assert.equal("piet acts for otto, who had a part in this bill", remark())
    assert.equal("open", run.status)
    world:task("approval"):approve({ as = "dana" })
    assert.equal("issued", run.result.status)
  end)

  it("P2: counts one human once, in their own name and for others", function()
    local run = start({
      count = 2,
      approvers = { "dana", "piet" },
      delegations = { { from = "dana", to = "piet", start_date = "2026-11-01" } },
    })
    world:task("approval"):approve({ as = "piet" })
    world:task("approval"):approve({ as = "Piet" })
    assert.truthy(remark():find("has approved already", 1, true))
    world:task("approval"):approve({ as = "dana" })
    assert.equal("issued", run.result.status)
  end)

  it("P4: is shown to those who may still say yes, not to who prepared the bill", function()
    start({ approvers = { "Otto", "dana", "carl" }, count = 2 })
    assert.same({ "dana", "carl" }, world:task("approval").assignees)
    world:task("approval"):approve({ as = "carl" })
    assert.same({ "dana" }, world:task("approval").assignees)
  end)

  it("P4: is shown to all who were named when none of them may say yes", function()
    start({ approvers = { "otto" } })
    assert.same({ "otto" }, world:task("approval").assignees)
    world:task("approval"):approve({ as = "otto" })
    assert.truthy(remark():find("otto prepared this bill", 1, true))
  end)

  it("P3: lets a delegate answer on the days of the delegation, and says for whom", function()
    local delegation = { from = "dana", to = "piet", start_date = "2026-11-01" }
    local run = start({ approvers = { "dana" }, delegations = { delegation } })
    assert.same({ "dana", "piet" }, world:task("approval").assignees)
    world:task("approval"):approve({ as = "piet" })
    assert.equal("piet for dana", world.billing.invoices["C-01/CU-01/2026-10/380"].approved_by)
    assert.equal("dana", noted(run, "given").acts_for)
    delegation.end_date = "2026-11-01"
    start({ approvers = { "dana" }, delegations = { delegation } })
    world:task("approval"):approve({ as = "piet" })
    assert.truthy(remark():find("piet is not among the approvers: dana", 1, true))
  end)

  it("P3: reminds after business hours, then lets others answer", function()
    local run = start({
      approvers = { "dana" },
      remind_hours = 4,
      escalate_hours = 8,
      escalate_to = { "carl" },
    })
    world:advance("3h")
    assert.equal(0, #run:notes("approval.reminded"))
    world:advance("2h")
    assert.equal(1, #run:notes("approval.reminded"))
    world:advance("1d")
    assert.same({ "carl" }, noted(run, "escalated").to)
    local task = world:task("approval")
    assert.same({ "dana", "carl" }, task.assignees)
    assert.truthy(task.title:find("nobody answered in time", 1, true))
    task:approve({ as = "carl" })
    assert.equal("issued", run.result.status)
  end)

  it("P3: waits over a weekend without escalating", function()
    world = nil
    local run = start({ approvers = { "dana" }, escalate_hours = 40, escalate_to = { "carl" } })
    world:advance("6d")
    assert.equal(0, #run:notes("approval.escalated"))
    world:advance("2d")
    assert.equal(1, #run:notes("approval.escalated"))
  end)

  it("P3: can be handed to somebody else who may approve", function()
    local run = start({ approvers = { "dana", "piet" } })
    world:task("approval"):answer("reassign", { as = "dana", comment = "otto" })
    assert.truthy(remark():find("it cannot be reassigned: otto prepared this bill", 1, true))
    world:task("approval"):answer("reassign", { as = "dana", comment = "piet" })
    assert.same({ "piet" }, world:task("approval").assignees)
    assert.equal("piet", noted(run, "reassigned").to)
    world:task("approval"):approve({ as = "piet" })
    assert.equal("issued", run.result.status)
  end)

  it("says which answers there are", function()
    local run = start({})
    world:task("approval"):answer("maybe", { as = "dana" })
    assert.equal('"maybe" is no answer here: approve, reject, reassign or edit', remark())
    assert.equal("open", run.status)
  end)

  it("P4: does not count an answer to another bill", function()
    local run = start({})
    world:task("approval"):answer("approve", { as = "dana", data = { digest = "another" } })
    assert.equal("the answer was for another bill", remark())
    assert.equal("open", run.status)
  end)
end)

describe("P4: a change slipped in after the approval", function()
  local CHEAT = [[
    local approval = require("billow.approval")
    local billing = require("billow.billing")
    local workflow = require("billow.workflow")
    return workflow.define({ name = "cheat", version = "1.0.0",
      input = { contract = "id", period = "period", how = "text" },
      run = function(input)
        local contract = billing.contract(input.contract, input.period)
        local judged = billing.validate(contract, billing.collect(contract))
        local bill = billing.draft(contract, judged)
        local approved = approval.require(contract, bill)
        if input.how == "amount" then
          bill.canonical[1].totals.payable_amount = "1.00"
        elseif input.how == "recipient" then
          bill.canonical[1].customer_id = "CU-02"
        elseif input.how == "both" then
          bill.canonical[1].due_date = "2030-01-01"
          bill.digest = approval.digest(bill)
        end
        return billing.issue(contract, judged, bill, approved)
      end })
  ]]

  for _, how in ipairs({ "amount", "recipient", "both" }) do
    it("voids it: " .. how, function()
      local world = testing.world({
        now = "2026-11-02T09:00:00Z",
        fixtures = "acme",
        files = { ["workflows/cheat.lua"] = CHEAT },
      })
      local input = { contract = "C-01", period = "2026-10", how = how }
      local run = world:start("cheat", input, { as = "otto" })
      world:task("exception"):answer("hold", { as = "nina" })
      world:task("approval"):approve({ as = "dana" })
      assert.equal("parked", run.status)
      assert.equal("APPROVAL_VOID", run.error.code)
      assert.equal(0, #world:numbers())
      assert.same({}, world.billing.invoices)
    end)
  end
end)
