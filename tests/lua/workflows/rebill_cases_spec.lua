--- Worked cases of other systems where work was billed twice, or lost, after a credit: through the
--- real workflows and the entry ledger. What they say of hours holds here.

local billing_db = require("billow.testing.billing_db")
local build = require("support.billing")
local decimal = require("billow.decimal")
local receivables_db = require("billow.testing.receivables_db")
local testing = require("billow.testing")

local HEADER = "Date,Client,Project,Project Code,Task,Notes,Hours,Hours Rounded,Billable?,"
  .. "Invoiced?,Approved?,First Name,Last Name,Roles,Employee?,Billable Rate,Billable Amount,"
  .. "Cost Rate,Cost Amount,Currency,External Reference URL\n"

local function row(day, hours)
  return day .. ",Client,Project,P,Development,work of " .. day .. "," .. hours .. "," .. hours
    .. ",Yes,No,Yes,Ana,Ruiz,Consultant,Yes,,,,,Euro - EUR,\n"
end

local FIRM = build.firm({
  number_series = {
    { id = "INV", type_codes = { "380" }, format = "INV-{SEQ:5}", reset = "never" },
    { id = "CN", type_codes = { "381" }, format = "CN-{SEQ:5}", reset = "never" },
  },
})

describe("a worked case of billing anew", function()
  local world, files

  local function new_world(period, rates)
    world = testing.world({ now = "2026-10-01T09:00:00Z" })
    world.billing = billing_db.new()
    world:use(world.billing)
    world:use(receivables_db.new(world.billing))
    local documents = build.files({
      firm = FIRM,
      rate_cards = { build.card("RC", rates or { { selector = "default", rate = "50" } }) },
      opening = { period = period, issue_date = "2026-10-01" },
    })
    local run = world:start("setup", { documents = documents, period = period })
    assert.equals("done", run.status, (run.error or {}).text)
    world.database:make_series(world.engine)
    files = 0
  end

  local function import(rows)
    files = files + 1
    local run = testing.import(world, "harvest-time.csv", HEADER .. rows, "set-" .. files)
    assert.equals("done", run.status, (run.error or {}).text)
  end

  local function finish(run)
    local task = world:tasks()[1]
    while task do
      if task.kind == "approval" then
        task:approve({ as = "dana" })
      else
        -- The same amount twice is what these cases are about.
        task:answer("issue", { as = "nina" })
      end
      task = world:tasks()[1]
    end
    assert.equals("done", run.status, (run.error or {}).text)
    return run.result
  end

  --- Bill a month; returns the invoice's number and its hours.
  local function bill(period)
    local result = finish(world:start("tm", { contract = "C", period = period }, { as = "otto" }))
    local issued = result.invoices and result.invoices[1]
    assert.is_truthy(issued, period .. ": " .. tostring(result.status))
    local hours = decimal(0)
    for _, line in ipairs(world.billing.invoices[issued.id].body.lines) do
      hours = hours + decimal(line.quantity)
    end
    return issued.number, tostring(hours)
  end

  local function credit(number, request)
    local input = { invoice = number, request = request, reason = "rate" }
    local result = finish(world:start("credit", input, { as = "otto" }))
    assert.equals("issued", result.status)
  end

  --- "Billed" when everything worked is billed, "Partially Billed" when some of it is.
  local function state()
    local totals = world.billing:totals()
    return totals.open:is_zero() and "Billed" or "Partially Billed"
  end

  local function entry_of(day)
    for id, entry in pairs(world.billing.entries) do
      if entry.body.work_date == day then
        return id
      end
    end
  end

  it("bills after a partial credit what was credited and what is new, never June again", function()
    new_world("2026-07")
    import(row("2026-06-15", "4.5") .. row("2026-07-23", "3.5"))
    local number, hours = bill("2026-07")
    assert.equals("8", tostring(decimal(hours):round(0)))
    credit(number, { entries = { { entry_id = entry_of("2026-07-23") } } })
    import(row("2026-07-31", "1"))
    hours = select(2, bill("2026-08"))
    assert.is_true(decimal("4.5") == decimal(hours), hours)
  end)

  it("is not moved by an earlier invoice of more hours than were worked", function()
    new_world("2026-06", { { selector = "default", rate = "50", min_hours = "3" } })
    import(row("2026-06-10", "1"))
    local _, hours = bill("2026-06")
    assert.is_true(decimal(3) == decimal(hours), hours)
    -- From July on an hour is an hour: hours billed beyond those worked are no credit for later.
    local documents = build.files({
      firm = FIRM,
      rate_cards = { build.card("RC", { { selector = "default", rate = "50" } }) },
      opening = { period = "2026-06", issue_date = "2026-10-01" },
    })
    local run = world:start("setup", { documents = documents, period = "2026-06" })
    assert.equals("done", run.status, (run.error or {}).text)
    import(row("2026-07-10", "1"))
    _, hours = bill("2026-07")
    assert.is_true(decimal(1) == decimal(hours), hours)
  end)

  it("goes from partially billed to billed, back after a return, and on again", function()
    new_world("2026-06")
    import(row("2026-06-10", "2") .. row("2026-07-10", "2"))
    local states = {}
    bill("2026-06")
    states[1] = state()
    local number = bill("2026-07")
    states[2] = state()
    credit(number, { all = true })
    states[3] = state()
    bill("2026-08")
    states[4] = state()
    assert.same({ "Partially Billed", "Billed", "Partially Billed", "Billed" }, states)
  end)
end)
