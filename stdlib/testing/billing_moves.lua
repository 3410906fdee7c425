--- Holds, releases and transfers of the fake billing database: stand-ins for the statements of
--- billow.billing.moves_statements.
local moves = {}

local decimal = require("billow.decimal")
local entries = require("billow.testing.billing_entries")
local json = require("billow.json")
local ledger = require("billow.testing.billing_ledger")
local tables = require("billow.testing.tables")

local jsonb, text, given = tables.jsonb, tables.text, tables.given

--- The contract that bills an entry, by its own word or by its project.
local function contract_of(db, entry)
  if entry.contract_id then
    return entry.contract_id
  end
  for _, versions in pairs(db.documents) do
    local newest = versions[#versions]
    for _, project in ipairs(newest.kind == "contract" and newest.body.projects or {}) do
      local is_its = entry.project_code ~= "" and given(project.code) == entry.project_code
        or entry.project_code == "" and given(project.name) == entry.project_name
      if is_its then
        return newest.id
      end
    end
  end
  return json.null
end

local function ref_of(entry)
  return entry.body.id or entry.body.event and entry.body.event.id
end

--- The invoices that an entry was ever billed on.
local function billed_on(db, id)
  local numbers, seen = {}, {}
  for _, move in ipairs(db.movements) do
    local invoice = move.entry_id == id and move.kind == "bill" and db.invoices[move.invoice_id]
    if invoice and not seen[invoice.number] then
      seen[invoice.number], numbers[#numbers + 1] = true, invoice.number
    end
  end
  table.sort(numbers)
  return #numbers > 0 and table.concat(numbers, ", ") or json.null
end

moves["billing.movable"] = function(db, params)
  local wanted, rows = tables.set_of(jsonb(params[1])), {}
  for id, entry in pairs(db.entries) do
    if not entry.invalid and (wanted[id] or wanted[ref_of(entry)]) then
      local states = {}
      for state, row in pairs(db.balances[id]) do
        states[state] = row.quantity:sign() > 0 and tostring(row.quantity) or nil
      end
      rows[#rows + 1] = {
        entry_id = id,
        kind = entry.kind,
        unit = entry.unit,
        date = entry.entry_date or json.null,
        body = entry.body,
        ref = ref_of(entry),
        contract_id = contract_of(db, entry),
        states = states,
        claimed_by = states.claimed and db.balances[id].claimed.run_id or json.null,
        billed_on = billed_on(db, id),
      }
    end
  end
  table.sort(rows, function(a, b)
    return a.entry_id < b.entry_id
  end)
  return rows
end

moves["billing.put_hold"] = function(db, params)
  db.log:set(db.holds, text(params[1]), {
    id = text(params[1]),
    reason = text(params[2]),
    owner = text(params[3]),
    review_on = text(params[4]),
    placed_by = text(params[5]),
    since = text(params[6]),
  })
  return {}, 1
end

local function move_all(db, params, kind, to_state)
  local list = {}
  for i, row in ipairs(jsonb(params[1])) do
    list[i] = {
      entry_id = row.entry_id,
      kind = kind,
      from_state = given(row.from_state) or "on_hold",
      to_state = to_state,
      quantity = decimal(row.quantity),
      run_id = text(params[2]),
      actor = text(params[3]),
      reason = text(params[4]),
    }
  end
  return list
end

moves["billing.hold"] = function(db, params)
  if not db.holds[text(params[2])] then
    tables.fail("23514", "hold_has_a_reason", "nobody says why it is on hold, and whose that is")
  end
  local list = move_all(db, params, "hold", "on_hold")
  ledger.move(db, list)
  return {}, #list
end

moves["billing.release_hold"] = function(db, params)
  local list = move_all(db, params, "release", "open")
  ledger.move(db, list)
  return {}, #list
end

--- The hold that put an entry where it is: its last.
local function hold_of(db, id)
  for i = #db.movements, 1, -1 do
    local move = db.movements[i]
    if move.entry_id == id and move.kind == "hold" and move.to_state == "on_hold" then
      return move.run_id
    end
  end
  return nil
end

moves["billing.holds_of"] = function(db, params)
  local wanted, rows, seen = tables.set_of(jsonb(params[1])), {}, {}
  for _, move in ipairs(db.movements) do
    if move.kind == "hold" and wanted[move.entry_id] and db.holds[move.run_id] then
      if not seen[move.run_id] then
        seen[move.run_id], rows[#rows + 1] = true, { id = move.run_id }
      end
    end
  end
  table.sort(rows, function(a, b)
    return a.id < b.id
  end)
  return rows
end

moves["billing.hold_state"] = function(db, params)
  local hold = db.holds[text(params[1])]
  if not hold then
    return {}
  end
  local list = json.array({})
  for id, entry in pairs(db.entries) do
    local quantity = ledger.quantity(db, id, "on_hold")
    if quantity:sign() > 0 and hold_of(db, id) == hold.id then
      list[#list + 1] =
        { entry = id, quantity = tostring(quantity), contract = contract_of(db, entry) }
    end
  end
  table.sort(list, function(a, b)
    return a.entry < b.entry
  end)
  local firm = db.documents["firm\0firm"]
  return {
    {
      id = hold.id,
      reason = hold.reason,
      owner = hold.owner,
      review_on = hold.review_on,
      placed_by = hold.placed_by,
      since = hold.since,
      time_zone = firm and firm[#firm].body.time_zone or json.null,
      entries = list,
    },
  }
end

moves["billing.lock_entries"] = function(_, params)
  local rows = {}
  for i, part in ipairs(jsonb(params[1])) do
    rows[i] = { id = part.entry_id }
  end
  return rows
end

local function part_count(db, root_id)
  local count = 0
  for _, entry in pairs(db.entries) do
    count = count + (entry.root_id == root_id and 1 or 0)
  end
  return count
end

moves["billing.put_parts"] = function(db, params)
  local rows = {}
  for i, part in ipairs(jsonb(params[1])) do
    local origin = db.entries[part.entry_id]
    local root = db.entries[origin.root_id or origin.id]
    local nth = 2 + part_count(db, root.id)
    local copy, body = {}, {}
    for name, value in pairs(origin) do
      copy[name] = value
    end
    for _, fields in ipairs({ origin.body, part.said }) do
      for name, value in pairs(fields) do
        body[name] = value
      end
    end
    body.id, body.transferred_from = root.body.id .. "#" .. nth, origin.body.id
    copy.id, copy.body = root.id .. "#" .. nth, body
    copy.digest, copy.dup_key = origin.digest .. "#" .. nth, nil
    copy.project_code = part.said.project_code or origin.project_code
    copy.project_name = part.said.project_name or origin.project_name
    copy.contract_id, copy.quantity = part.contract_id, decimal(part.quantity)
    copy.origin_id, copy.root_id, copy.version = origin.id, root.id, 1
    copy.imported_by = text(params[2])
    entries.receive(db, copy)
    rows[i] = { id = copy.id, origin_id = origin.id }
  end
  return rows
end

--- The part that this run made of an entry and nothing has come to yet.
local function part_of(db, origin_id, run_id)
  for id, entry in pairs(db.entries) do
    if entry.origin_id == origin_id and entry.imported_by == run_id then
      local is_new = true
      for _, move in ipairs(db.movements) do
        is_new = is_new and move.moved_to ~= id
      end
      if is_new then
        return id, entry
      end
    end
  end
  return nil
end

moves["billing.transfer"] = function(db, params)
  local list, arrived, parts = move_all(db, params, "transfer", "moved"), {}, {}
  for _, move in ipairs(list) do
    parts[move.entry_id] = parts[move.entry_id] or part_of(db, move.entry_id, move.run_id)
    local id = parts[move.entry_id]
    move.moved_to = id
    arrived[id] = (arrived[id] or decimal(0)) + move.quantity
  end
  ledger.move(db, list)
  for id, quantity in pairs(arrived) do
    if db.entries[id].quantity ~= quantity then
      tables.fail("23514", "transfer_arrives", "transfer to %s: what arrives is not what left", id)
    end
  end
  return {}, #list
end

return moves
