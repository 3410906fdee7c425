--- Fixed fees: milestones, percent complete, retainage, release, advances.

local build = require("support.billing")
local decimal = require("billow.decimal")
local fixed_fee = require("billow.billing.fixed_fee")

--- Bill October 2026 of a fixed fee with these events and this position before.
local function bill(terms, events, opening, advances, contract_changes)
  local contract = { model = "fixed-fee", start_date = "2026-01-01" }
  for name, value in pairs(contract_changes or {}) do
    contract[name] = value
  end
  for index, advance in ipairs(advances or {}) do
    advance.contract_id = "C"
    advance.tax_amount = "0"
    advance.number = advance.number or "A" .. index
  end
  local ctx = build.context_of(terms, contract, {
    opening = {
      period = "2026-10",
      issue_date = "2026-11-02",
      fixed_fee = opening and { C = opening } or nil,
      advances = advances,
    },
  })
  return fixed_fee.bill(ctx, ctx.contracts.C, { milestones = events or {} })
end

local function accepted(id, changes)
  local event = {
    id = "E-" .. id, contract_id = "C", type = "milestone", milestone_id = id,
    status = "accepted", accepted_on = "2026-10-10", accepted_by = "customer",
  }
  for name, value in pairs(changes or {}) do
    event[name] = value or nil
  end
  return event
end

local function progress(id, percent, as_of, accepted_by)
  return {
    id = id, contract_id = "C", type = "progress", percent_complete = decimal(percent),
    as_of = as_of, accepted_by = accepted_by,
  }
end

local function nets(draft)
  local shown = {}
  for index, line in ipairs(draft.lines) do
    shown[index] = line.description_key .. " " .. tostring(line.net_amount)
  end
  return shown
end

local function thirds()
  return {
    fee_amount = "100.00",
    milestones = {
      { id = "M1", percent = "33.3333" },
      { id = "M2", percent = "33.3333" },
      { id = "M3", percent = "33.3334", depends_on = { "M2" } },
    },
  }
end

describe("milestones", function()
  it("in percent are priced cumulatively, so that their amounts sum to the fee", function()
    local draft = bill(thirds(), { accepted("M1"), accepted("M2"), accepted("M3") })
    assert.are.same({ "milestone:M1 33.33", "milestone:M2 33.34", "milestone:M3 33.33" },
      nets(draft))
  end)

  it("are billed once, on the first event that counts and has evidence", function()
    local draft = bill(thirds(), {
      accepted("M1", { id = "E-1", accepted_by = false }),
      accepted("M1", { id = "E-2" }),
      accepted("M1", { id = "E-3" }),
    })
    assert.are.equal("E-2", draft.lines[1].references[1].id)
    assert.are.equal(1, #draft.lines)
    assert.are.same({}, bill(thirds(), { accepted("M1") }, {
      milestones_billed = { "M1" }, billed_net = "33.33",
    }).lines)
  end)

  it("need somebody who accepted them", function()
    local draft = bill(thirds(), { accepted("M1", { accepted_by = false }) })
    assert.are.same({ "MILESTONE_NOT_EVIDENCED milestone:E-M1" }, build.codes(draft.exceptions))
    assert.are.same({}, draft.lines)
  end)

  it("count by the end of the period, and only when accepted", function()
    assert.are.same({}, nets(bill(thirds(), {
      accepted("M1", { accepted_on = "2026-11-01" }),
      accepted("M2", { status = "submitted" }),
    })))
  end)

  it("wait for those they depend on", function()
    local draft = bill(thirds(), { accepted("M3") })
    assert.are.same({ "MILESTONE_DEPENDENCY milestone:E-M3" }, build.codes(draft.exceptions))
    assert.are.same({ "milestone:M2 33.34", "milestone:M3 33.33" },
      nets(bill(thirds(), { accepted("M2"), accepted("M3") })))
  end)

  it("worth 0 make no line but count as billed", function()
    local draft = bill({
      fee_amount = "10", milestones = { { id = "FAT", amount = "0.00" } },
    }, { accepted("FAT") })
    assert.are.same({}, draft.lines)
    assert.are.same({ "FAT" }, draft.closing.fixed_fee.milestones_billed)
  end)

  it("worth more than the fee void the whole bill", function()
    local draft = bill({
      fee_amount = "10", milestones = { { id = "M1", amount = "7" }, { id = "M2", amount = "4" } },
    }, { accepted("M1") })
    assert.is_true(draft.is_void)
    assert.are.same({ "MILESTONES_EXCEED_FEE C" }, build.codes(draft.exceptions))
    assert.are.same({}, draft.lines)
  end)
end)

describe("percent complete", function()
  local function terms()
    return { fee_amount = "200.00", billing = "percent_complete" }
  end

  it("bills the part of the fee reached, less what was billed", function()
    local draft = bill(terms(), { progress("E-1", "68", "2026-10-31", "c") },
      { billed_net = "75.00" })
    assert.are.same({ "progress:2026-10 61.00" }, nets(draft))
  end)

  it("takes the latest report of the period; of one day, the later in the file", function()
    local draft = bill(terms(), {
      progress("E-1", "50", "2026-10-15", "c"),
      progress("E-2", "40", "2026-10-15", "c"),
      progress("E-3", "90", "2026-11-01", "c"),
    })
    assert.are.same({ "progress:2026-10 80.00" }, nets(draft))
  end)

  it("cannot go back", function()
    local draft = bill(terms(), { progress("E-1", "10", "2026-10-31", "c") },
      { billed_net = "75.00" })
    assert.are.same({ "PROGRESS_DECREASED milestone:E-1" }, build.codes(draft.exceptions))
    assert.are.same({}, draft.lines)
  end)

  it("needs somebody who accepted it", function()
    local draft = bill(terms(), { progress("E-1", "10", "2026-10-31") })
    assert.are.same({ "MILESTONE_NOT_EVIDENCED milestone:E-1" }, build.codes(draft.exceptions))
  end)
end)

describe("retainage", function()
  local function terms(retainage)
    return {
      fee_amount = "1000.00", billing = "percent_complete", retainage = retainage,
      milestones = { { id = "FAT", amount = "0" } },
    }
  end
  local HALF = { progress("E-1", "60", "2026-10-31", "c") }

  it("is withheld on everything billed, as a negative quantity", function()
    local draft = bill(terms({ percent = "5" }), HALF, {
      billed_net = "400.00", withheld_net = "20.00",
    })
    assert.are.same({ "progress:2026-10 200.00", "retainage -10.00" }, nets(draft))
    assert.are.equal("-1", tostring(draft.lines[2].quantity))
    assert.are.equal("30.00", tostring(draft.closing.fixed_fee.withheld_net))
  end)

  it("steps down in bands of the fee", function()
    local draft = bill(terms({ bands = {
      { up_to_percent = "50", percent = "10" }, { percent = "5" },
    } }), HALF)
    assert.are.equal("retainage -55.00", nets(draft)[2])
  end)

  it("ends at its cap, in money or in percent of the fee", function()
    for _, cap in ipairs({ { cap_amount = "45" }, { cap_percent = "4.5" } }) do
      cap.percent = "10"
      local draft = bill(terms(cap), HALF, { billed_net = "400.00", withheld_net = "40.00" })
      assert.are.equal("retainage -5.00", nets(draft)[2])
      draft = bill(terms(cap), HALF, { billed_net = "500.00", withheld_net = "45.00" })
      assert.are.same({ "progress:2026-10 100.00" }, nets(draft))
    end
  end)

  it("is released when its milestone is accepted with evidence", function()
    local release = { percent = "10", release = { milestone_id = "FAT" } }
    local events = { HALF[1], accepted("FAT") }
    assert.are.equal("retainage_release 60.00", nets(bill(terms(release), events))[3])
    events[2] = accepted("FAT", { accepted_by = false })
    assert.are.equal(2, #bill(terms(release), events).lines)
  end)

  it("is released on its date, once", function()
    local release = { percent = "10", release = { date = "2026-10-31" } }
    local draft = bill(terms(release), {}, { billed_net = "600", withheld_net = "60.00" })
    assert.are.same({ "retainage_release 60.00" }, nets(draft))
    assert.are.same({}, nets(bill(terms(release), {}, {
      billed_net = "600", withheld_net = "60", released_net = "60",
    })))
  end)
end)

describe("advances", function()
  local function terms(deduction)
    return {
      fee_amount = "1000.00", billing = "percent_complete",
      advance = { percent = "12.5", deduction = deduction },
    }
  end
  local function issued(number, remaining, issue_date)
    return {
      number = number, net_amount = "100.00", remaining_net = remaining,
      issue_date = issue_date or "2026-05-01",
    }
  end
  local function deductions(deduction, percent, advances)
    local draft = bill(terms(deduction), { progress("E", percent, "2026-10-31", "c") }, nil,
      advances)
    local shown = {}
    for index = 2, #draft.lines do
      shown[index - 1] = draft.lines[index].description_key .. " "
        .. tostring(draft.lines[index].net_amount)
    end
    return shown, draft
  end

  it("are billed apart in the month the contract starts, unless there is one", function()
    local starting = { start_date = "2026-10-05" }
    local draft = bill(terms(), {}, nil, nil, starting)
    assert.are.equal("125.00", tostring(draft.advance_lines[1].net_amount))
    assert.are.same({}, draft.lines)
    assert.are.same({}, bill(terms(), {}, nil, { issued("A1", "100") }, starting).advance_lines)
    assert.are.same({}, bill(terms(), {}).advance_lines)
  end)

  it("come off in proportion to what is billed of the fee", function()
    assert.are.same({ "advance_deduction:A1 -30.00" },
      (deductions("proportional", "30", { issued("A1", "100.00") })))
  end)

  it("come off as soon as possible, the oldest first, never more than the invoice has", function()
    assert.are.same({ "advance_deduction:A2 -100.00", "advance_deduction:A1 -50.00" },
      (deductions("as_soon_as_possible", "15", {
        issued("A1", "100.00", "2026-06-01"), issued("A2", "100.00", "2026-05-01"),
      })))
  end)

  it("come off on the final invoice when so agreed", function()
    assert.are.same({}, (deductions("final", "99", { issued("A1", "100.00") })))
    assert.are.same({ "advance_deduction:A1 -100.00" },
      (deductions("final", "100", { issued("A1", "100.00") })))
  end)

  it("are named on the invoice, and what remains of them is kept", function()
    local _, draft = deductions("proportional", "30", { issued("A1", "100.00") })
    assert.are.same({ { number = "A1", issue_date = "2026-05-01" } }, draft.preceding_invoices)
    assert.are.equal("70.00", tostring(draft.closing.advances_remaining.A1))
  end)
end)
