--- hold, release, transfer: what a person keeps out of billing stays out, what moves is billed
--- once, elsewhere; and what a ceiling moves arrives.

local decimal = require("billow.decimal")
local testing = require("billow.testing")

local ZERO = decimal(0)

describe("moves of entries", function()
  local world, db

  before_each(function()
    world = testing.world({ now = "2026-11-02T09:00:00Z", fixtures = "acme" })
    db = world.billing
  end)

  --- The first readable and approved time entry of a project.
  local function entry_of(code)
    local ids = {}
    for id, entry in pairs(db.entries) do
      local is_fine = entry.kind == "time" and not entry.invalid
      if is_fine and entry.project_code == code and entry.body.approval_status == "approved" then
        ids[#ids + 1] = id
      end
    end
    table.sort(ids)
    return db.entries[ids[1]]
  end

  local function start(workflow, entries, more)
    local input = { entries = entries, reason = "the order is missing" }
    for name, value in pairs(more or {}) do
      input[name] = value
    end
    return world:start(workflow, input, { as = "otto" })
  end

  local function state(id, name)
    local row = db.balances[id][name]
    return row and row.quantity or ZERO
  end

  local function bill(contract)
    local run = world:start("tm", { contract = contract, period = "2026-10" }, { as = "otto" })
    for _, kind in ipairs({ "exception", "approval" }) do
      if world:tasks(kind)[1] then
        world:task(kind):answer(kind == "exception" and "hold" or "approve", { as = "dana" })
      end
    end
    return run
  end

  local function is_on_an_invoice(ref)
    for _, lines in pairs(db.lines) do
      for _, line in ipairs(lines) do
        for _, reference in ipairs(line.references) do
          if reference.id == ref then
            return true
          end
        end
      end
    end
    return false
  end

  it("keeps what is on hold out of every bill, until it is released", function()
    local entry = entry_of("NLV-01")
    local run = start("hold", entry.id)
    assert.equals("put on hold", run.result.status, run.result.problem)
    bill("C-01")
    assert.is_false(is_on_an_invoice(entry.body.id))
    assert.equals(entry.quantity, state(entry.id, "on_hold"))
    assert.equals("released", start("release", entry.id).result.status)
    assert.equals(entry.quantity, state(entry.id, "open"))
  end)

  it("holds a part of an entry, and bills the rest", function()
    local entry = entry_of("NLV-01")
    start("hold", entry.id .. "=0.5h")
    bill("C-01")
    assert.equals(decimal(1800), state(entry.id, "on_hold"))
    assert.equals(entry.quantity - 1800, state(entry.id, "billed"))
  end)

  it("asks the owner on the day of the review, and whom the policy names before", function()
    local setting = { policy = "entry-moves", name = "hold", value = { { roles = { "partner" } } } }
    world:set_setting(setting)
    local entry = entry_of("NLV-01")
    local run = start("hold", entry.id, { owner = "nina", review_on = "2026-11-20" })
    assert.equals(ZERO, state(entry.id, "on_hold"))
    world:task("approval"):approve({ as = "otto" })
    assert.truthy(world:task("approval").body.remark:find("cannot agree", 1, true))
    world:task("approval"):approve({ as = "dana" })
    assert.same({ "nina", "2026-11-20" }, { run.result.owner, run.result.review_on })
    world:advance("17d")
    assert.equals(0, #world:tasks("hold-review"))
    world:advance("2d")
    local review = world:task("hold-review")
    assert.equals(entry.id, review.body.entries[1].entry)
    review:answer("keep", { as = "nina" })
    assert.equals(0, #world:tasks("hold-review"))
    world:advance("18d")
    world:task("hold-review"):answer("release", { as = "nina" })
    assert.equals(entry.quantity, state(entry.id, "open"))
    assert.equals("done", world:runs({ workflow = "hold-review" })[1].status)
  end)

  it("asks nobody about a hold that was released before its day", function()
    local entry = entry_of("NLV-01")
    start("hold", entry.id)
    start("release", entry.id)
    assert.equals("done", world:runs({ workflow = "hold-review" })[1].status)
    world:advance("60d")
    assert.equals(0, #world:tasks("hold-review"))
  end)

  it("moves work to another contract once somebody else agrees; there it is billed once", function()
    local entry = entry_of("NLV-01")
    local run = start("transfer", entry.id .. "=0.5h", { to = "C-05" })
    assert.equals(ZERO, state(entry.id, "moved"))
    world:task("approval"):approve({ as = "dana" })
    assert.equals("transferred", run.result.status, run.result.problem)
    local part = db.entries[entry.id .. "#2"]
    assert.same({ part.id }, { table.unpack(run.result.parts) })
    assert.same({ "C-05", "REG-01", 1800, entry.body.id }, {
      part.contract_id,
      part.project_code,
      part.body.duration_seconds,
      part.body.transferred_from,
    })
    assert.equals(entry.body.duration_seconds, db.entries[entry.id].body.duration_seconds)
    bill("C-01")
    bill("C-05")
    assert.equals(decimal(1800), state(part.id, "billed"))
    assert.equals(entry.quantity - 1800, state(entry.id, "billed"))
    assert.is_true(is_on_an_invoice(part.body.id))
  end)

  it("changes nothing when somebody refuses the transfer", function()
    local entry = entry_of("NLV-01")
    local run = start("transfer", entry.id, { to = "C-05" })
    world:task("approval"):answer("reject", { as = "dana" })
    assert.equals("rejected", run.result.status)
    assert.equals(entry.quantity, state(entry.id, "open"))
    assert.is_nil(db.entries[entry.id .. "#2"])
  end)

  it("does not move what was billed while people were asked", function()
    local entry = entry_of("NLV-01")
    local run = start("transfer", entry.id, { to = "C-05" })
    local asked = world:task("approval")
    local billing = world:start("tm", { contract = "C-01", period = "2026-10" }, { as = "otto" })
    world:task("exception"):answer("hold", { as = "nina" })
    asked:approve({ as = "dana" })
    assert.equals("refused", run.result.status)
    assert.truthy(run.result.problem:find("billed or moved meanwhile", 1, true))
    world:task("approval"):approve({ as = "dana" })
    assert.equals("issued", billing.result.status)
    assert.equals(entry.quantity, state(entry.id, "billed"))
  end)

  it("moves work once when two people want it elsewhere, and tells the second", function()
    local entry = entry_of("NLV-01")
    local first = start("transfer", entry.id, { to = "C-05" })
    local second = start("transfer", entry.id, { to = "C-05" })
    world:task("approval", { run = first.id }):approve({ as = "dana" })
    world:task("approval", { run = second.id }):approve({ as = "dana" })
    assert.equals("transferred", first.result.status)
    assert.equals("refused", second.result.status)
    assert.truthy(second.result.problem:find("moved meanwhile", 1, true))
    assert.equals(entry.quantity, state(entry.id, "moved"))
    assert.is_nil(db.entries[entry.id .. "#3"])
  end)

  it("says what cannot be, and in a dry run what would be", function()
    local entry = entry_of("NLV-01")
    for _, case in ipairs({
      { "hold", "nobody", {}, "there is no entry nobody" },
      { "hold", entry.id, { reason = " " }, "say why, in at most 500 characters" },
      { "hold", entry.id, { review_on = "2026-11-02" }, "write a day after today" },
      { "hold", entry.id .. "=100h", {}, "at most 0.83 h of it can be taken, not 100.00 h" },
      { "release", entry.id, {}, "it is not on hold" },
      { "transfer", entry.id, { to = "C-01" }, "is of contract C-01 already" },
      { "transfer", entry.id, { to = "C-99" }, "there is no contract C-99" },
      { "transfer", entry.id, { to = "C-02" }, "several projects: name one of OST-01, OST-02" },
      { "transfer", entry.id, { to = "C-02", project = "X" }, "has no project X" },
      { "transfer", entry.id, { to = "C-16" }, "contract C-16 runs from 2026-10-12" },
    }) do
      local run = start(case[1], case[2], case[3])
      assert.equals("refused", run.result.status)
      assert.truthy(run.result.problem:find(case[4], 1, true), run.result.problem)
    end
    local run = start("transfer", entry.id, { to = "C-14", dry_run = true })
    assert.equals("dry run", run.result.status)
    assert.truthy(run.result.text:find("C-01 to C-14: nobody is asked", 1, true), run.result.text)
    start("hold", entry.id)
    run = start("transfer", entry.id, { to = "C-05" })
    assert.truthy(run.result.problem:find("on hold: release it first", 1, true))
  end)

  it("opens the work again when a bill is cancelled while people look at it", function()
    local entry = entry_of("NLV-01")
    local run = world:start("tm", { contract = "C-01", period = "2026-10" }, { as = "otto" })
    world:task("exception"):answer("hold", { as = "nina" })
    assert.equals(entry.quantity, state(entry.id, "claimed"))
    run:cancel("not now", { as = "nina" })
    assert.equals("cancelled", run.status)
    assert.equals(entry.quantity, state(entry.id, "open"))
    assert.equals(ZERO, db:totals().claimed or ZERO)
  end)

  --- A run that has claimed the usage of C-18, and perhaps issued a bill that says where it goes,
  --- is cancelled before its events have moved.
  local function cancelled_usage(is_decided)
    local source = ([[
local billing = require("billow.billing")
local billow = require("billow")
local db = require("billow.db")
local task = require("billow.task")
local usage_statements = require("billow.billing.usage_statements")
local workflow = require("billow.workflow")
return workflow.define({ name = "halfway", version = "1.0.0", run = function()
  billing.collect(billing.contract("C-18", "2026-10"))
  if %s then
    db.transaction(function(tx)
      tx:exec(usage_statements.decide, { billow.run().id, nil, {}, "dana" }, "any")
    end)
  end
  task.open({ kind = "question", title = "halfway" })
end })]]):format(is_decided)
    world = testing.world({
      now = "2026-11-02T09:00:00Z",
      fixtures = "acme",
      files = { ["workflows/halfway.lua"] = source },
    })
    db = world.billing
    local run = world:start("halfway", {}, { as = "otto" })
    assert.is_true(db:totals("usage").claimed:sign() > 0)
    run:cancel("not now", { as = "nina" })
    assert.equals("cancelled", run.status)
    return db:totals("usage")
  end

  it("settles what an issued bill has decided about, when its run is cancelled", function()
    local before = cancelled_usage(false)
    assert.same({ ZERO, ZERO }, { before.claimed, before.billed or ZERO })
    local after = cancelled_usage(true)
    assert.equals(ZERO, after.claimed)
    assert.is_true(after.billed:sign() > 0)
    assert.equals(before.open, after.open + after.billed + after.excluded)
  end)

  it("bills what a ceiling moves to the next contract there, once", function()
    local versions = db.documents["contract\0C-01"]
    local changed = {}
    for name, value in pairs(versions[#versions].body) do
      changed[name] = value
    end
    local terms = {}
    for name, value in pairs(changed.terms) do
      terms[name] = value
    end
    terms.ceiling = { hours = "10", overflow = "next_contract", overflow_contract_id = "C-05" }
    terms.ceiling.scope = "period"
    changed.terms = terms
    db.documents["contract\0C-01"] = {
      { kind = "contract", id = "C-01", version = 1, body = changed, digest = "x" },
    }
    local run = bill("C-01")
    assert.equals("issued", run.result.status)
    local moved, parts, billed = ZERO, ZERO, ZERO
    for _, move in ipairs(db.movements) do
      if move.kind == "transfer" then
        moved = moved + move.quantity
        parts = parts + db.entries[move.moved_to].quantity
      end
    end
    assert.is_true(moved:sign() > 0)
    assert.equals(moved, parts)
    bill("C-05")
    for id, entry in pairs(db.entries) do
      if entry.origin_id then
        billed = billed + state(id, "billed")
      end
    end
    assert.equals(moved, billed)
  end)
end)
