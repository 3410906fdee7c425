--- Usage events: one disposition each, the first rule that applies.

local build = require("support.billing")
local usage = require("billow.billing.sources.usage")

local function context(changes, terms)
  local contract = { model = "usage", usage_subjects = { "s" }, start_date = "2026-09-15" }
  for name, value in pairs(changes or {}) do
    contract[name] = value
  end
  return build.context_of({
    late_events = terms and terms.late_events,
    meters = { {
      id = "pages", event_type = "doc", aggregation = "sum", field = "pages",
      price = { model = "per_unit", unit_price = "1" },
    } },
  }, contract, { firm = build.firm({ time_zone = "UTC" }) })
end

local function line(id, changes)
  local fields = {
    id = '"' .. id .. '"', source = '"/a"', type = '"doc"', subject = '"s"',
    time = '"2026-10-05T10:00:00Z"', data = '{"pages":3}',
  }
  for name, value in pairs(changes or {}) do
    fields[name] = value
  end
  local parts = {}
  for name, value in pairs(fields) do
    parts[#parts + 1] = '"' .. name .. '":' .. value
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function collect(lines, ctx)
  local result = usage.collect(ctx or context(), lines)
  return result.by_contract.C, build.codes(result.exceptions), result
end

describe("reading", function()
  it("ignores blank lines but counts them", function()
    local items, codes = collect({ line("1"), "", "  ", "{broken" })
    assert.are.equal(1, items.counted)
    assert.are.same({ "INVALID_EVENT usage:line-4" }, codes)
  end)

  it("cannot use a line without id, source, type, time, subject or data", function()
    local lines = { line("1", { id = "5" }), line("2", { time = '"yesterday"' }),
      line("3", { data = "7" }), line("4", { subject = "null" }), "[]", "7" }
    local items, codes = collect(lines)
    assert.are.equal(0, items.counted)
    assert.are.equal(#lines, #codes)
  end)

  it("takes whole texts with any line break", function()
    assert.are.equal(2, collect(line("1") .. "\r\n" .. line("2") .. "\n").counted)
  end)
end)

describe("an event that comes again", function()
  it("is dropped silently when it says the same", function()
    local items, codes = collect({ line("1"), line("1"), line("1") })
    assert.are.equal(1, items.counted)
    assert.are.equal(2, items.duplicates_dropped)
    assert.are.same({}, codes)
  end)

  it("is dropped with a conflict when it does not, and the first one counts", function()
    local items, codes = collect({ line("1"), line("1", { data = '{"pages":4}' }) })
    assert.are.equal(1, items.counted)
    assert.are.equal(0, items.duplicates_dropped)
    assert.are.same({ "DUPLICATE_EVENT_CONFLICT usage:1" }, codes)
    assert.are.equal(3, items.events_by_type.doc[1].data.pages)
  end)

  it("is another event when its source is another", function()
    assert.are.equal(2, collect({ line("1"), line("1", { source = '"/b"' }) }).counted)
  end)
end)

describe("dispositions", function()
  local function code(changes, ctx)
    local _, codes = collect({ line("1", changes) }, ctx)
    return codes[1]
  end

  it("name what is unknown", function()
    assert.are.equal("UNKNOWN_SUBJECT usage:1", code({ subject = '"x"' }))
    assert.are.equal("UNKNOWN_EVENT_TYPE usage:1", code({ type = '"ping"' }))
  end)

  it("hold what is outside the contract", function()
    assert.are.equal("CONTRACT_NOT_STARTED usage:1", code({ time = '"2026-09-14T23:59:59Z"' }))
    assert.are.equal("CONTRACT_ENDED usage:1", code({ time = '"2026-10-21T00:00:00Z"' },
      context({ end_date = "2026-10-20" })))
  end)

  it("leave a later period's event open, silently", function()
    local items, codes = collect({ line("1", { time = '"2026-11-01T00:00:00Z"' }) })
    assert.are.equal(0, items.counted)
    assert.are.same({}, codes)
  end)

  it("bill a late event, unless the contract wants an exception", function()
    local late = { time = '"2026-09-20T00:00:00Z"' }
    assert.is_nil(code(late))
    assert.are.equal("LATE_EVENT usage:1",
      code(late, context(nil, { late_events = "exception" })))
  end)

  it("hold an event whose data no meter can count", function()
    assert.are.equal("INVALID_EVENT usage:1", code({ data = '{"page":3}' }))
    assert.are.equal("INVALID_EVENT usage:1", code({ data = '{"pages":-3}' }))
    assert.is_nil(code({ data = '{"pages":"3.5"}' }))
  end)

  it("name the contract where it is known", function()
    local _, _, result = collect({ line("1", { type = '"ping"' }), line("2", { subject = '"x"' }) })
    assert.are.equal("C", result.exceptions[1].contract_id)
    assert.is_nil(result.exceptions[2].contract_id)
  end)
end)
