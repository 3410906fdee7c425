--- Entries of the fake billing database: import, claims, duplicates, what no contract takes.
---@class billow.testing.billing_entries
local entries = {}

local decimal = require("billow.decimal")
local json = require("billow.json")
local ledger = require("billow.testing.billing_ledger")
local tables = require("billow.testing.tables")

local jsonb, text, given = tables.jsonb, tables.text, tables.given

local function is_before(a, b)
  if a.source_rank ~= b.source_rank then
    return a.source_rank < b.source_rank
  end
  return a.sequence < b.sequence
end

--- Source order: kind, file, record.
local function by_source(a, b)
  if a.kind ~= b.kind then
    return a.kind < b.kind
  end
  return is_before(a, b)
end

local function person_day(entry)
  return (entry.person or "") .. "\0" .. (entry.entry_date or "")
end

--- The index that finds neighbours of an entry; ids, because rows of copies are other tables.
local function index(db, by, key, id)
  local ids = db[by][key]
  if not ids then
    ids = {}
    db.log:set(db[by], key, ids)
  end
  db.log:append(ids, id)
end

local function add_to_indexes(db, entry)
  if entry.dup_key then
    index(db, "by_dup_key", entry.kind .. "\0" .. entry.dup_key, entry.id)
  end
  index(db, "by_person_day", person_day(entry), entry.id)
end

--- A row as it is stored. Members that are null in SQL are absent.
local function row_of(item, run_id)
  return {
    id = item.id,
    kind = item.kind,
    source = item.source,
    source_rank = item.source_rank,
    sequence = item.sequence,
    digest = item.digest,
    entry_date = given(item.entry_date),
    person = given(item.person),
    project_code = given(item.project_code) or "",
    project_name = given(item.project_name) or "",
    contract_id = given(item.contract_id),
    subject = given(item.subject),
    dup_key = given(item.dup_key),
    quantity = decimal(item.quantity),
    unit = item.unit,
    invalid = given(item.invalid),
    body = item.body,
    imported_by = run_id,
    version = 1,
  }
end

--- Stores an entry that is new, with its movement.
function entries.receive(db, entry)
  db.log:set(db.entries, entry.id, entry)
  db.log:append(db.order, entry.id)
  add_to_indexes(db, entry)
  ledger.move(db, {
    {
      entry_id = entry.id,
      kind = "receive",
      to_state = entry.invalid and "excluded" or "open",
      quantity = entry.quantity,
      run_id = entry.imported_by,
      reason = entry.invalid or (entry.origin_id and "transferred from " .. entry.origin_id),
      actor = entry.origin_id and "transfer" or "import",
    },
  })
end

--- What an edit does to the states: what a bill left out is judged anew, what shrinks goes from
--- what is open, held, on hold, in this order; what grows is open, on hold when all of it is.
local function adjustments(db, id, less)
  local list, has = {}, {}
  for _, state in ipairs({ "open", "held", "on_hold", "excluded" }) do
    has[state] = ledger.quantity(db, id, state)
  end
  local function adjust(from, to, quantity)
    if quantity:sign() > 0 then
      list[#list + 1] = { from_state = from, to_state = to, quantity = quantity }
    end
  end
  local shrink = decimal.max(less, decimal(0))
  local gone = decimal.min(shrink, has.excluded)
  adjust("excluded", nil, gone)
  adjust("excluded", "open", has.excluded - gone)
  shrink = shrink - gone
  for _, state in ipairs({ "open", "held", "on_hold" }) do
    local part = decimal.min(shrink, has[state])
    adjust(state, nil, part)
    shrink = shrink - part
  end
  adjust("open", nil, shrink) -- which is not there
  local is_all_on_hold = has.on_hold:sign() > 0 and (has.open + has.held):is_zero()
  adjust(nil, is_all_on_hold and "on_hold" or "open", decimal.max(-less, decimal(0)))
  return list
end

--- An approved entry that its source says otherwise of is unlocked, and that is on record.
local function note_unlock(db, old, entry)
  if given(old.body.approval_status) == "approved" then
    local is_withdrawn = given(entry.body.approval_status) ~= "approved"
    db.log:append(db.unlocks, {
      entry_id = entry.id,
      version = old.version,
      kind = is_withdrawn and "approval_withdrawn" or "changed_after_approval",
      run_id = entry.imported_by,
    })
  end
end

--- An edit at the source.
local function edit(db, old, entry)
  entry.version = old.version + 1
  note_unlock(db, old, entry)
  db.log:set(db.entries, entry.id, entry)
  add_to_indexes(db, entry)
  local moves = adjustments(db, entry.id, old.quantity - entry.quantity)
  for _, move in ipairs(moves) do
    move.entry_id, move.kind = entry.id, "adjust"
    move.run_id, move.actor = entry.imported_by, "import"
    move.reason = "edited at the source"
  end
  ledger.move(db, moves)
end

function entries.put(db, params)
  local stored, run_id = {}, text(params[2])
  for _, item in ipairs(jsonb(params[1])) do
    local old = db.entries[item.id]
    if not old then
      entries.receive(db, row_of(item, run_id))
      stored[#stored + 1] = { id = item.id, version = 1 }
    elseif old.digest ~= item.digest and not ledger.is_taken(db, item.id) then
      edit(db, old, row_of(item, run_id))
      stored[#stored + 1] = { id = item.id, version = db.entries[item.id].version }
    end
  end
  return stored
end

function entries.edited_after_billing(db, params)
  local rows = {}
  for _, item in ipairs(jsonb(params[1])) do
    local entry = db.entries[item.id]
    if entry and entry.digest ~= item.digest and ledger.is_taken(db, item.id) then
      rows[#rows + 1] = { id = item.id }
    end
  end
  table.sort(rows, function(a, b)
    return a.id < b.id
  end)
  return rows
end

--- Does an entry belong to these contracts, projects, usage subjects? Milestones have no date
--- before
--- they are accepted.
local function matcher(wanted)
  local codes, names = tables.set_of(wanted.codes), tables.set_of(wanted.names)
  local contracts, subjects = tables.set_of(wanted.contracts), tables.set_of(wanted.subjects)
  return function(entry)
    if entry.contract_id then
      return contracts[entry.contract_id] or false
    elseif entry.kind == "usage" then
      return entry.subject ~= nil and subjects[entry.subject] or false
    end
    return codes[entry.project_code]
      or (entry.project_code == "" and names[entry.project_name])
      or false
  end
end

local function is_due(entry, until_date)
  return entry.kind == "milestone" or (entry.entry_date ~= nil and entry.entry_date <= until_date)
end

--- Adds what claims all of an entry that is open or held. $2 run id, $3 actor
function entries.claim_moves(db, id, moves, params)
  for _, state in ipairs({ "open", "held" }) do
    local quantity = ledger.quantity(db, id, state)
    if quantity:sign() > 0 then
      moves[#moves + 1] = {
        entry_id = id,
        kind = "claim",
        from_state = state,
        to_state = "claimed",
        quantity = quantity,
        run_id = text(params[2]),
        actor = text(params[3]),
      }
    end
  end
end

function entries.claim(db, params)
  local wanted, moves = jsonb(params[1]), {}
  wanted.contracts = { wanted.contract }
  local is_wanted = matcher(wanted)
  for _, id in ipairs(db.order) do
    local entry = db.entries[id]
    if entry.kind ~= "usage" and is_due(entry, wanted.until_date) and is_wanted(entry) then
      entries.claim_moves(db, id, moves, params)
    end
  end
  ledger.move(db, moves)
  return {}, #moves
end

--- The entries that a run has claimed something of.
function entries.claimed_by(db, run_id)
  local mine = {}
  for _, id in ipairs(db.order) do
    local row = (db.balances[id] or {}).claimed
    if row and row.quantity:sign() > 0 and row.run_id == run_id then
      mine[#mine + 1] = db.entries[id]
    end
  end
  return mine
end

--- Entries that count twice under one key, in source order; the first is the one that counts.
local function same_key(db, entry)
  local found, seen = {}, {}
  for _, id in ipairs(entry.dup_key and db.by_dup_key[entry.kind .. "\0" .. entry.dup_key] or {}) do
    local other = db.entries[id]
    if not seen[id] and other.dup_key == entry.dup_key and not other.invalid then
      found[#found + 1] = other
    end
    seen[id] = true
  end
  table.sort(found, is_before)
  return found
end

--- What a person worked on a day in all, each entry once.
local function day_seconds(db, entry)
  local total, seen = decimal(0), {}
  for _, id in ipairs(db.by_person_day[person_day(entry)] or {}) do
    local other = db.entries[id]
    if
      not seen[id]
      and other.kind == "time"
      and not other.invalid
      and not other.origin_id -- counted where it was worked
      and person_day(other) == person_day(entry)
    then
      local first = same_key(db, other)[1]
      if not first or first.id == other.id then
        total = total + other.quantity
      end
    end
    seen[id] = true
  end
  return total
end

--- Entries, not usage, that a run has claimed; of one contract's reach, when it is given.
local function claimed_entries(db, run_id, wanted)
  local mine, is_wanted = {}, nil
  if wanted then
    wanted = jsonb(wanted)
    wanted.contracts = { wanted.contract }
    is_wanted = matcher(wanted)
  end
  for _, entry in ipairs(entries.claimed_by(db, run_id)) do
    local is_meant = entry.kind ~= "usage" and (not is_wanted or is_wanted(entry))
    mine[#mine + 1] = is_meant and entry or nil
  end
  return mine
end

local function claimed_rows(db, mine)
  local rows = {}
  table.sort(mine, by_source)
  for i, entry in ipairs(mine) do
    local first = same_key(db, entry)[1]
    local is_duplicate = first ~= nil and is_before(first, entry)
    local has_day = entry.kind == "time" and entry.person and entry.entry_date
    rows[i] = {
      entry_id = entry.id,
      kind = entry.kind,
      source_rank = entry.source_rank,
      body = entry.body,
      quantity = tables.number(entry.quantity),
      claimed = tables.number(ledger.quantity(db, entry.id, "claimed")),
      duplicate_of = is_duplicate and first.body.id or json.null,
      day_seconds = has_day and tables.number(day_seconds(db, entry)) or json.null,
    }
  end
  return rows
end

function entries.claimed(db, params)
  return claimed_rows(db, claimed_entries(db, text(params[1])))
end

function entries.claimed_of(db, params)
  return claimed_rows(db, claimed_entries(db, text(params[1]), params[2]))
end

local function body_text(entry, name)
  return given(entry.body[name])
end

function entries.starts(db, params)
  local rows, seen = {}, {}
  for _, day in ipairs(jsonb(params[1])) do
    for _, id in ipairs(db.by_person_day[day.person .. "\0" .. day.date] or {}) do
      local entry = db.entries[id]
      local is_meant = entry.kind == "time" and not entry.invalid and not seen[id]
      if is_meant and body_text(entry, "started_at") then
        seen[id] = true
        rows[#rows + 1] = {
          id = entry.body.id,
          person = entry.person,
          project_code = entry.project_code,
          project_name = entry.project_name,
          started_at = body_text(entry, "started_at"),
          quantity = text(entry.quantity),
          source_rank = entry.source_rank,
          sequence = entry.sequence,
        }
      end
    end
  end
  return rows
end

function entries.worked_days(db, params)
  local wanted, sums, rows = tables.set_of(jsonb(params[1])), {}, {}
  for _, id in ipairs(db.order) do
    local entry = db.entries[id]
    local day = entry.entry_date
    local is_meant = entry.kind == "time" and not entry.invalid and wanted[entry.person] and day
    if is_meant and day >= text(params[2]) and day <= text(params[3]) then
      local first = same_key(db, entry)[1]
      if not first or first.id == entry.id then
        local key = person_day(entry)
        sums[key] = (sums[key] or decimal(0)) + entry.quantity
      end
    end
  end
  for key, seconds in pairs(sums) do
    local person, day = key:match("^(.*)\0(.*)$")
    rows[#rows + 1] = { person = person, date = day, seconds = text(seconds) }
  end
  table.sort(rows, function(a, b)
    return a.person .. a.date < b.person .. b.date
  end)
  return rows
end

local function release(db, mine, run_id, actor, reason)
  local moves = {}
  for i, entry in ipairs(mine) do
    moves[i] = {
      entry_id = entry.id,
      kind = "release",
      from_state = "claimed",
      to_state = "open",
      quantity = ledger.quantity(db, entry.id, "claimed"),
      run_id = run_id,
      actor = actor,
      reason = reason,
    }
  end
  ledger.move(db, moves)
  return {}, #moves
end

function entries.release(db, params)
  local run_id = text(params[1])
  return release(db, entries.claimed_by(db, run_id), run_id, text(params[2]), text(params[3]))
end

function entries.release_of(db, params)
  local run_id = text(params[1])
  local mine = claimed_entries(db, run_id, params[2])
  return release(db, mine, run_id, text(params[3]), text(params[4]))
end

--- Is the event a repetition of an earlier one of its set?
local function is_repeated(db, entry, prefix)
  for _, id in ipairs(db.by_dup_key["usage\0" .. (entry.dup_key or "")] or {}) do
    local other = db.entries[id]
    if id:sub(1, #prefix) == prefix and other.sequence < entry.sequence then
      return true
    end
  end
  return false
end

--- Does no contract take it?
local function is_stray(db, entry, is_known, last_day, prefix)
  if is_known(entry) then
    return false
  elseif entry.kind == "usage" then
    return entry.subject ~= nil and not is_repeated(db, entry, prefix)
  elseif entry.kind == "milestone" then
    return entry.contract_id ~= nil
  end
  return is_due(entry, last_day) and not entry.contract_id
end

function entries.unassigned(db, params)
  local last_day, prefix, rows = text(params[1]), text(params[3]) .. "/", {}
  local is_known = matcher(jsonb(params[2]))
  for _, id in ipairs(db.order) do
    local entry = db.entries[id]
    if
      id:sub(1, #prefix) == prefix
      and (entry.invalid or is_stray(db, entry, is_known, last_day, prefix))
    then
      rows[#rows + 1] = entry
    end
  end
  table.sort(rows, by_source)
  for i, entry in ipairs(rows) do
    rows[i] = {
      entry_id = entry.id,
      kind = entry.kind,
      body = entry.body,
      invalid = entry.invalid or json.null,
      quantity = tables.number(entry.quantity),
    }
  end
  return rows
end

return entries
