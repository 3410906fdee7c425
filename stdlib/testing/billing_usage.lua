--- Stand-ins for the statements about usage events (billow.billing.usage_statements): claimed,
--- counted and settled as PostgreSQL does it.
local usage = {}

local decimal = require("billow.decimal")
local entries = require("billow.testing.billing_entries")
local json = require("billow.json")
local ledger = require("billow.testing.billing_ledger")
local tables = require("billow.testing.tables")

local jsonb, text, given = tables.jsonb, tables.text, tables.given

local function set_of(entry)
  return entry.id:match("^[^/]*")
end

local function is_earlier(a, b)
  local left, right = set_of(a), set_of(b)
  if left ~= right then
    return left < right
  end
  return a.sequence < b.sequence
end

--- The earliest other event of the same source and id, when it is before this one.
local function first_before(db, entry)
  local first
  for _, id in ipairs(db.by_dup_key["usage\0" .. (entry.dup_key or "")] or {}) do
    local other = db.entries[id]
    if is_earlier(other, entry) and (not first or is_earlier(other, first)) then
      first = other
    end
  end
  return first
end

local function events_where(db, is_wanted)
  local list = {}
  for _, id in ipairs(db.order) do
    local entry = db.entries[id]
    if entry.kind == "usage" and not entry.invalid and is_wanted(entry) then
      list[#list + 1] = entry
    end
  end
  table.sort(list, is_earlier)
  return list
end

local function is_open(db, entry)
  return ledger.quantity(db, entry.id, "open"):sign() > 0
    or ledger.quantity(db, entry.id, "held"):sign() > 0
end

usage["billing.usage_repeated"] = function(db, params)
  local repeated = events_where(db, function(entry)
    return set_of(entry) == text(params[1])
      and entry.source == text(params[2])
      and first_before(db, entry) ~= nil
  end)
  return { { repeated = #repeated } }
end

usage["billing.usage_open"] = function(db, params)
  local wanted, lots, rows = jsonb(params[1]), {}, {}
  local subjects = tables.set_of(wanted.subjects)
  local list = events_where(db, function(entry)
    return subjects[entry.subject] and entry.entry_date <= wanted.until_date and is_open(db, entry)
  end)
  for _, entry in ipairs(list) do
    local key = entry.subject .. "\0" .. set_of(entry)
    if not lots[key] then
      lots[key] = { subject = entry.subject, set = set_of(entry), first = entry.sequence }
      rows[#rows + 1] = lots[key]
    end
    lots[key].last = entry.sequence
  end
  return rows
end

usage["billing.usage_claim"] = function(db, params)
  local wanted, moves = jsonb(params[1]), {}
  for _, entry in
    ipairs(events_where(db, function(entry)
      return entry.subject == wanted.subject
        and set_of(entry) == wanted.set
        and entry.sequence >= wanted.first
        and entry.sequence <= wanted.last
        and entry.entry_date <= wanted.until_date
    end))
  do
    entries.claim_moves(db, entry.id, moves, params)
  end
  ledger.move(db, moves)
  return {}, #moves
end

local function claimed(db, wanted)
  local list = {}
  for _, entry in ipairs(entries.claimed_by(db, wanted.run)) do
    list[#list + 1] = entry.kind == "usage" and entry or nil
  end
  table.sort(list, is_earlier)
  return list
end

--- What a bill of the period would take: what is open or claimed, or what this very period took.
local function wanted_by(db, wanted)
  local subjects = tables.set_of(wanted.subjects)
  local closing = db.closings[wanted.contract .. "\0" .. wanted.period]
  local is_taken = {}
  for _, move in ipairs(closing and db.movements or {}) do
    if move.run_id == closing.run_id and move.from_state == "claimed" then
      is_taken[move.entry_id] = true
    end
  end
  return events_where(db, function(entry)
    local is_free = is_open(db, entry) or ledger.quantity(db, entry.id, "claimed"):sign() > 0
    return subjects[entry.subject]
      and entry.entry_date <= wanted.until_date
      and (is_free or is_taken[entry.id])
  end)
end

local function has_all(has, wanted)
  for _, name in ipairs(wanted) do
    if not has[name] then
      return false
    end
  end
  return true
end

local function verdict(db, entry, wanted)
  local first = first_before(db, entry)
  local needs = wanted.types[entry.body.type]
  if first then
    return first.body.mark == entry.body.mark and "repeated" or "conflict"
  elseif
    needs
    and entry.entry_date >= wanted.start_date
    and entry.entry_date <= wanted.end_date
    and has_all(tables.set_of(entry.body.quantities), needs.quantities)
    and has_all(entry.body.fields, needs.present)
  then
    return "plain"
  end
  return "doubtful"
end

local function count_meter(meter, events)
  local sum, max, fees, seen, distinct = decimal(0), decimal(0), decimal(0), {}, 0
  local count, last = 0, nil
  for _, entry in ipairs(events) do
    if entry.body.type == meter.type then
      local value = given(meter.field) and entry.body.fields[meter.field]
      count = count + 1
      distinct = distinct + (seen[value or ""] and 0 or 1)
      seen[value or ""] = true
      if value and (meter.aggregation ~= "unique" or given(meter.percent)) then
        local number = decimal(value)
        sum, max = sum + number, decimal.max(max, number)
        if not last or entry.body.time_us >= last.body.time_us then
          last = entry
        end
        if given(meter.percent) then
          local fee = number * decimal(meter.percent) / 100 + decimal(meter.fixed)
          fee = given(meter.min) and decimal.max(fee, decimal(meter.min)) or fee
          fee = given(meter.max) and decimal.min(fee, decimal(meter.max)) or fee
          fees = fees + fee
        end
      end
    end
  end
  local aggregates = {
    count = decimal(count),
    sum = sum,
    max = max,
    unique = decimal(count > 0 and distinct or 0),
    last = last and decimal(last.body.fields[meter.field]) or decimal(0),
  }
  return {
    meter = meter.id,
    events = count,
    aggregate = tostring(aggregates[meter.aggregation]),
    sum = given(meter.percent) and tostring(sum) or json.null,
    fees = given(meter.percent) and tostring(fees) or json.null,
  }
end

local function count_of(source)
  return function(db, params)
    local wanted, plain, repeated, rows = jsonb(params[1]), {}, 0, {}
    for _, entry in ipairs(source(db, wanted)) do
      local found = verdict(db, entry, wanted)
      plain[#plain + 1] = found == "plain" and entry or nil
      repeated = repeated + (found == "repeated" and 1 or 0)
    end
    for i, meter in ipairs(wanted.meters) do
      rows[i] = count_meter(meter, plain)
    end
    rows[#rows + 1] =
      { meter = json.null, events = repeated, aggregate = tostring(#plain) }
    return rows
  end
end

local function doubtful_of(source)
  return function(db, params)
    local wanted, rows = jsonb(params[1]), {}
    local after = { id = text(params[2]) .. "/",
      sequence = math.tointeger(tonumber(text(params[3]))) }
    local limit = math.tointeger(tonumber(text(params[4])))
    for _, entry in ipairs(source(db, wanted)) do
      local found = verdict(db, entry, wanted)
      local is_asked = found == "conflict" or found == "doubtful"
      if is_asked and #rows < limit and is_earlier(after, entry) then
        rows[#rows + 1] = {
          set = set_of(entry),
          sequence = entry.sequence,
          line = entry.body.line,
          is_conflict = found == "conflict",
        }
      end
    end
    return rows
  end
end

usage["billing.usage_count_claimed"] = count_of(claimed)
usage["billing.usage_doubtful_claimed"] = doubtful_of(claimed)
usage["billing.usage_count_wanted"] = count_of(wanted_by)
usage["billing.usage_doubtful_wanted"] = doubtful_of(wanted_by)

local function settle(db, run_id, terms, limit)
  local moves, codes = {}, jsonb(terms.codes) or {}
  for _, entry in ipairs(claimed(db, { run = run_id })) do
    local code = given(codes[entry.body.id])
    local reason = first_before(db, entry) and "repeated"
      or code ~= "DUPLICATE_EVENT_CONFLICT" and code
      or nil
    local kind, to_state = terms.invoice_id and "bill" or "draw", "billed"
    if reason then
      kind = reason == "repeated" and "exclude" or "hold"
      to_state = reason == "repeated" and "excluded" or "held"
    end
    moves[#moves + 1] = #moves < limit
        and {
          entry_id = entry.id,
          kind = kind,
          from_state = "claimed",
          to_state = to_state,
          quantity = ledger.quantity(db, entry.id, "claimed"),
          invoice_id = not reason and terms.invoice_id or nil,
          run_id = run_id,
          reason = reason,
          actor = terms.actor,
        }
      or nil
  end
  ledger.move(db, moves)
  return {}, #moves
end

local function terms_of(params)
  return { invoice_id = text(params[2]), codes = params[3], actor = text(params[4]) }
end

usage["billing.settle_usage"] = function(db, params)
  return settle(db, text(params[1]), terms_of(params), math.huge)
end

usage["billing.decide_usage"] = function(db, params)
  local run_id = text(params[1])
  if db.usage_settlements[run_id] then
    tables.fail("23505", "usage_settlement_pkey", "the run has decided before")
  end
  db.log:set(db.usage_settlements, run_id, terms_of(params))
  return {}, 1
end

usage["billing.settle_usage_stretch"] = function(db, params)
  local run_id = text(params[1])
  local limit = math.tointeger(tonumber(text(params[2])))
  local terms = db.usage_settlements[run_id]
  return settle(db, run_id, terms or {}, terms and limit or 0)
end

usage["billing.release_usage_stretch"] = function(db, params)
  local run_id, moves = text(params[1]), {}
  local limit = math.tointeger(tonumber(text(params[4])))
  for _, entry in ipairs(claimed(db, { run = run_id })) do
    moves[#moves + 1] = #moves < limit
        and {
          entry_id = entry.id,
          kind = "release",
          from_state = "claimed",
          to_state = "open",
          quantity = ledger.quantity(db, entry.id, "claimed"),
          run_id = run_id,
          actor = text(params[2]),
          reason = text(params[3]),
        }
      or nil
  end
  ledger.move(db, moves)
  return {}, #moves
end

usage["billing.usage_decided"] = function(db, params)
  return { { is_decided = db.usage_settlements[text(params[1])] ~= nil } }
end

usage["billing.usage_left"] = function(db, params)
  return { { is_left = #claimed(db, { run = text(params[1]) }) > 0 } }
end

return usage
