--- The entry ledger of the fake billing database: the rules that PostgreSQL keeps by constraints
--- and triggers
--- (engine/store/sql/0100_billing.sql), kept here alike, so that a workflow that would break them
--- fails in a spec too.
---@class billow.testing.billing_ledger
local ledger = {}

local decimal = require("billow.decimal")
local tables = require("billow.testing.tables")

local KINDS = tables.set_of({
  "receive",
  "claim",
  "release",
  "bill",
  "draw",
  "credit",
  "hold",
  "write_off",
  "write_down",
  "exclude",
  "transfer",
  "adjust",
})
local STATES = tables.set_of({
  "open",
  "claimed",
  "billed",
  "held",
  "on_hold",
  "written_off",
  "excluded",
  "moved",
})
-- States that an edit at the source may change: nobody has decided about them.
local UNDECIDED = tables.set_of({ "open", "held", "on_hold", "excluded" })
local ZERO = decimal(0)

---@class billow.testing.Movement
---@field entry_id string
---@field kind string
---@field from_state? string
---@field to_state? string
---@field quantity Decimal
---@field amount? string
---@field currency? string
---@field invoice_id? string
---@field line_id? string
---@field moved_to? string   transfer: the entry in which it arrives
---@field run_id string
---@field reason? string
---@field actor string

local function broken(text, ...)
  tables.fail("23514", "nothing_is_billed_twice", text, ...)
end

--- The check constraints of one row of billing.ledger.
local function check(db, move)
  local from, to, kind = move.from_state, move.to_state, move.kind
  local function row(is_good, what)
    if not is_good then
      tables.fail(
        "23514",
        "ledger_check",
        "a %s movement of entry %s breaks a rule: %s",
        tostring(kind),
        tostring(move.entry_id),
        what
      )
    end
  end
  if not db.entries[move.entry_id] then
    tables.fail(
      "23503",
      "ledger_tenant_id_entry_id_fkey",
      "there is no entry %s",
      tostring(move.entry_id)
    )
  end
  row(KINDS[kind], "there is no such kind")
  row(move.quantity:sign() >= 0, "the quantity is negative")
  row(from ~= to, "it goes nowhere")
  row(to == nil or STATES[to], "there is no state " .. tostring(to))
  row(
    kind ~= "claim" or ((from == "open" or from == "held") and to == "claimed"),
    "claims take what is open or held"
  )
  row(
    kind ~= "bill" or (from == "claimed" and to == "billed" and move.invoice_id),
    "only what is claimed is billed"
  )
  row(
    kind ~= "draw" or (from == "claimed" and to == "billed"),
    "only what is claimed is drawn on a retainer"
  )
  row(kind ~= "credit" or (from == "billed" and move.invoice_id), "only what is billed is credited")
  row(from ~= "billed" or kind == "credit", "what is billed leaves by a credit")
  row((kind == "transfer") == (to == "moved") and from ~= "moved", "only transfers move, for good")
  row((kind == "transfer") == (move.moved_to ~= nil), "a transfer arrives somewhere")
  row(
    to ~= "on_hold" or kind == "hold" or (kind == "adjust" and not from),
    "only a hold puts on hold"
  )
  row(
    from ~= "on_hold" or (kind == "release" and to == "open") or (kind == "adjust" and not to),
    "what is on hold is released first"
  )
  row(from or kind == "receive" or kind == "adjust", "it comes from nowhere")
  row(to or kind == "adjust", "it goes nowhere")
end

--- Sums by entry, state and run, in the order in which they first come.
local function grouped(moves, state_field)
  local groups, order = {}, {}
  for _, move in ipairs(moves) do
    local state = move[state_field]
    if state then
      local key = table.concat({ move.entry_id, state, move.run_id }, "\0")
      local group = groups[key]
      if not group then
        group = { entry_id = move.entry_id, state = state, run_id = move.run_id, quantity = ZERO }
        groups[key] = group
        order[#order + 1] = group
      end
      group.quantity = group.quantity + move.quantity
      group.reason = move.reason or group.reason
    end
  end
  return order
end

local function take(db, group)
  local row = (db.balances[group.entry_id] or {})[group.state]
  if not row or (group.state == "claimed" and row.run_id ~= group.run_id) then
    broken("entry %s has nothing %s for this run", group.entry_id, group.state)
  end
  local left = row.quantity - group.quantity
  if left:sign() < 0 then
    broken(
      "entry %s has %s %s, not the %s that are to leave",
      group.entry_id,
      tostring(row.quantity),
      group.state,
      tostring(group.quantity)
    )
  end
  db.log:set(row, "quantity", left)
end

local function give(db, group)
  local states = db.balances[group.entry_id]
  if not states then
    states = {}
    db.log:set(db.balances, group.entry_id, states)
  end
  local row = states[group.state]
  if not row then
    row = { quantity = ZERO }
    db.log:set(states, group.state, row)
  elseif group.state == "claimed" and not row.quantity:is_zero() and row.run_id ~= group.run_id then
    broken("entry %s is claimed by another run", group.entry_id)
  end
  db.log:set(row, "quantity", row.quantity + group.quantity)
  db.log:set(row, "run_id", group.state == "claimed" and group.run_id or nil)
  db.log:set(row, "reason", group.reason)
end

--- What an entry's states hold is what the entry is.
local function check_conserved(db, moves)
  for _, move in ipairs(moves) do
    local held, entry = ZERO, db.entries[move.entry_id]
    for _, row in pairs(db.balances[move.entry_id]) do
      held = held + row.quantity
    end
    if held ~= entry.quantity then
      tables.fail(
        "23514",
        "ledger_conserves",
        "entry %s: its states hold %s of %s in all",
        entry.id,
        tostring(held),
        tostring(entry.quantity)
      )
    end
  end
end

--- Store movements as one statement does: all, or none with the reason.
---@param db billow.testing.BillingDb
---@param moves billow.testing.Movement[]
function ledger.move(db, moves)
  for _, move in ipairs(moves) do
    check(db, move)
    db.log:append(db.movements, move)
  end
  for _, group in ipairs(grouped(moves, "from_state")) do
    take(db, group)
  end
  for _, group in ipairs(grouped(moves, "to_state")) do
    give(db, group)
  end
  check_conserved(db, moves)
end

--- How much of an entry is in a state.
---@param db billow.testing.BillingDb
---@param entry_id string
---@param state string
---@return Decimal
function ledger.quantity(db, entry_id, state)
  local row = (db.balances[entry_id] or {})[state]
  return row and row.quantity or ZERO
end

--- Has somebody decided about some of the entry, so that an edit at the source is not taken up:
--- billed, claimed, written off, moved, or credited as no billable work?
---@param db billow.testing.BillingDb
---@param entry_id string
---@return boolean
function ledger.is_taken(db, entry_id)
  for state, row in pairs(db.balances[entry_id] or {}) do
    if not UNDECIDED[state] and row.quantity:sign() > 0 then
      return true
    end
  end
  for _, move in ipairs(db.movements) do
    local is_given_up = move.kind == "credit" and move.to_state == "excluded"
    if is_given_up and move.entry_id == entry_id then
      return true
    end
  end
  return db.entries[entry_id].origin_id ~= nil
end

return ledger
