--- The receivables part of the billing database in memory: a stand-in for every statement of
--- billow.billing.receivables_statements that workflows use, with the rules that PostgreSQL keeps
--- (engine/store/sql/0120_receivables.sql).
---
---   local world = testing.world({ fixtures = "acme" })
---   local db = receivables_db.new(world.billing)
---   world:use(db)
---   db:pay(invoice_id, "100.00", "2026-12-20")    -- then world:send("payment.booked", invoice_id)
---@class billow.testing.receivables_db
local receivables_db = {}

local close_db = require("billow.testing.close_db")
local credit_left = require("billow.billing.credit_left")
local calendar_date = require("billow.date")
local decimal = require("billow.decimal")
local dispute = require("billow.billing.dispute")
local json = require("billow.json")
local ledger = require("billow.testing.billing_ledger")
local tables = require("billow.testing.tables")

local jsonb, text, given, fail = tables.jsonb, tables.text, tables.given, tables.fail
local ZERO = decimal(0)

---@class billow.testing.ReceivablesDb
---@field billing billow.testing.BillingDb
---@field log billow.testing.Tables
---@field credits table<string, string>     credit note id -> id of the invoice
---@field replaces table<string, string>    new invoice id -> id of the old one
---@field positions table<string, table>    document id -> the retainer's state after it
---@field steps table[]                     reminders
---@field attempts table[]
---@field deliveries table[]
---@field holds table[]
---@field charges table[]
---@field write_offs table[]
---@field disputes table[]
---@field dispute_steps table[]
---@field payments table[]
---@field is_cash_unmatched boolean
---@field fakes table<string, fun(params: any[]): table[], integer?>
local ReceivablesDb = {}
ReceivablesDb.__index = ReceivablesDb

local newest, placing = close_db.newest, close_db.placing

local fakes = {}
for name, fake in pairs(close_db.fakes) do
  fakes[name] = fake
end

local function invoice_of(db, reference)
  local found = db.billing.invoices[reference]
  return found or db.billing.invoices[db.billing.numbers[reference]]
end

--- Notes of an invoice, the oldest first.
local function notes_of(db, invoice_id)
  local notes = json.array({})
  for _, id in ipairs(db.order) do
    if db.credits[id] == invoice_id then
      notes[#notes + 1] = db.billing.invoices[id].body
    end
  end
  return notes
end

--- Where a credit movement stands on the invoice that it credits.
local function credited_line(db, movement)
  for _, line in ipairs(db.billing.lines[movement.invoice_id] or {}) do
    if line.id == movement.line_id then
      return line.credits and line.credits.line_id
    end
  end
  return nil
end

local function movement_row(db, movement, line_id)
  local entry = db.billing.entries[movement.entry_id]
  return {
    entry_id = movement.entry_id,
    line_id = line_id,
    quantity = tostring(movement.quantity),
    amount = movement.amount,
    kind = entry.kind,
    ref = entry.body.id,
  }
end

local function basis_of(db, invoice)
  local basis = {
    invoice = invoice.body,
    credits = notes_of(db, invoice.id),
    billed = json.array({}),
    credited = json.array({}),
  }
  for _, movement in ipairs(db.billing.movements) do
    if not movement.line_id then
      goto next_movement -- usage and draws stand on no line
    elseif movement.kind == "bill" and movement.invoice_id == invoice.id then
      table.insert(basis.billed, movement_row(db, movement, movement.line_id))
    elseif movement.kind == "credit" and db.credits[movement.invoice_id] == invoice.id then
      table.insert(basis.credited, movement_row(db, movement, credited_line(db, movement)))
    end
    ::next_movement::
  end
  return basis
end

fakes["billing.creditable"] = function(db, params)
  local invoice = invoice_of(db, text(params[1]))
  if not invoice then
    return {}
  end
  local row, notes, invoices = basis_of(db, invoice), 0, 0
  for _, other in pairs(db.billing.invoices) do
    local is_beside = other.contract_id == invoice.contract_id
      and other.customer_id == invoice.customer_id
      and other.period == invoice.period
    notes = notes + (is_beside and other.type_code == "381" and 1 or 0)
    invoices = invoices + (is_beside and other.type_code == invoice.type_code and 1 or 0)
  end
  for _, name in ipairs({ "id", "number", "period", "contract_id", "customer_id" }) do
    row[name] = invoice[name]
  end
  row.note_count, row.invoice_count = notes, invoices
  row.closed_after = json.null
  for _, closing in pairs(db.billing.closings) do
    local is_later = closing.contract_id == invoice.contract_id and closing.period > invoice.period
    if is_later and (row.closed_after == json.null or closing.period < row.closed_after) then
      row.closed_after = closing.period
    end
  end
  return { row }
end

fakes["billing.case"] = function(db, params)
  local invoice = invoice_of(db, text(params[1]))
  if not invoice then
    return {}
  end
  local row = {
    payable_amount = invoice.body.totals.payable_amount,
    tax_amount = invoice.body.totals.tax_amount,
    contract = newest(db, "contract", invoice.contract_id),
    instalments = invoice.body.instalments or json.null,
    currency = invoice.body.currency,
    issue_date = invoice.body.issue_date,
    due_date = invoice.body.due_date,
    customer = newest(db, "customer", invoice.customer_id),
    firm = newest(db, "firm", "firm"),
  }
  for _, name in ipairs({ "id", "number", "type_code", "contract_id", "customer_id", "period" }) do
    row[name] = invoice[name]
  end
  return { row }
end

--- The document itself; what stands behind $8 is of the credit, not of billing.put_invoice.
local function put_document(db, params)
  db.billing.fakes["billing.put_invoice"](table.move(params, 1, 8, 1, {}))
end

fakes["billing.put_credit_note"] = function(db, params)
  put_document(db, params)
  local id, of = jsonb(params[1]).id, text(params[9])
  db.log:set(db.credits, id, of)
  db.log:set(db.positions, id, given(jsonb(params[10])))
  db.log:append(db.order, id)
  db.log:append(db.unsettled, of)
  return {}, 1
end

fakes["billing.put_replacement"] = function(db, params)
  put_document(db, params)
  local id = jsonb(params[1]).id
  db.log:set(db.replaces, id, text(params[9]))
  db.log:set(db.positions, id, given(jsonb(params[10])))
  db.log:append(db.order, id)
  return {}, 1
end

fakes["billing.put_credit_lines"] = function(db, params)
  return db.billing.fakes["billing.put_lines"](params)
end

--- Credits of an invoice stay within it: in each line, group and entry.
local function check_credits(db, invoice_id)
  local left = credit_left.of(basis_of(db, db.billing.invoices[invoice_id]))
  local function check(is_good, what)
    if not is_good then
      fail("23514", "credit_stays_within_invoice", "credits of %s exceed %s", invoice_id, what)
    end
  end
  for _, rest in ipairs(left.lines) do
    local net = decimal(rest.line.net_amount)
    check(rest.net:abs() <= net:abs() and rest.net:sign() * net:sign() >= 0, "a line")
  end
  for _, rest in ipairs(left.groups) do
    check(rest.net:sign() >= 0 and rest.tax:sign() >= 0, "a tax group")
  end
  for _, rest in ipairs(left.entries) do
    check(rest.quantity:sign() >= 0, "what it billed of entry " .. rest.entry_id)
  end
end

local function moves_of(params, kind, from_state, more)
  local moves = {}
  for i, row in ipairs(jsonb(params[1])) do
    moves[i] = {
      entry_id = row.entry_id,
      kind = kind,
      from_state = given(row.from_state) or from_state,
      to_state = given(row.to_state) or more.to_state,
      quantity = decimal(row.quantity),
      amount = given(row.amount),
      currency = given(row.currency),
      invoice_id = given(row.invoice_id),
      line_id = given(row.line_id),
      run_id = text(params[2]),
      actor = text(params[3]),
      reason = more.reason,
    }
  end
  return moves
end

fakes["billing.credit_entries"] = function(db, params)
  local moves = moves_of(params, "credit", "billed", { reason = text(params[4]) })
  ledger.move(db.billing, moves)
  return {}, #moves
end

fakes["billing.claim_exactly"] = function(db, params)
  local moves = moves_of(params, "claim", "open", { to_state = "claimed" })
  ledger.move(db.billing, moves)
  return {}, #moves
end

fakes["billing.unbilled"] = function(db, params)
  local wanted, rows, contract_of = tables.set_of(jsonb(params[1])), {}, placing(db)
  for id, entry in pairs(db.billing.entries) do
    local open = ledger.quantity(db.billing, id, "open")
    local held = ledger.quantity(db.billing, id, "held")
    if (wanted[id] or wanted[entry.body.id]) and (open + held):sign() > 0 then
      rows[#rows + 1] = {
        entry_id = id,
        kind = entry.kind,
        ref = entry.body.id,
        body = entry.body,
        contract_id = contract_of(entry),
        open = tostring(open),
        held = tostring(held),
        quantity = tostring(open + held),
      }
    end
  end
  table.sort(rows, function(a, b)
    return a.entry_id < b.entry_id
  end)
  return rows
end

fakes["billing.write_down"] = function(db, params)
  local more = { to_state = "written_off", reason = text(params[4]) }
  local moves = moves_of(params, "write_down", "open", more)
  ledger.move(db.billing, moves)
  return {}, #moves
end

--- What stands on no line of the invoice or note in $1 (usage, draws), moved on as one.
local function usage_moves(db, id, kind, move)
  local moves = {}
  for _, movement in ipairs(db.billing.movements) do
    local is_loose = movement.line_id == nil
    if is_loose and movement.kind == kind and movement.invoice_id == id then
      local copy = { entry_id = movement.entry_id, quantity = movement.quantity }
      for name, value in pairs(move) do
        copy[name] = value
      end
      moves[#moves + 1] = copy
    end
  end
  ledger.move(db.billing, moves)
  return {}, #moves
end

fakes["billing.credit_usage"] = function(db, params)
  return usage_moves(db, text(params[1]), "bill", {
    kind = "credit",
    from_state = "billed",
    to_state = text(params[6]),
    invoice_id = text(params[2]),
    run_id = text(params[3]),
    actor = text(params[4]),
    reason = text(params[5]),
  })
end

fakes["billing.claim_credited_usage"] = function(db, params)
  return usage_moves(db, text(params[1]), "credit", {
    kind = "claim",
    from_state = "open",
    to_state = "claimed",
    run_id = text(params[2]),
    actor = text(params[3]),
  })
end

fakes["billing.credit_draws"] = function(db, params)
  local invoice, moves = db.billing.invoices[text(params[1])], {}
  for _, movement in ipairs(db.billing.movements) do
    if movement.kind == "draw" and movement.run_id == invoice.run_id then
      moves[#moves + 1] = {
        entry_id = movement.entry_id,
        quantity = movement.quantity,
        kind = "credit",
        from_state = "billed",
        to_state = "open",
        invoice_id = text(params[2]),
        run_id = text(params[3]),
        actor = text(params[4]),
        reason = text(params[5]),
      }
    end
  end
  ledger.move(db.billing, moves)
  return {}, #moves
end

--- Where the credited work of a note went, and which milestones are billed elsewhere.
local function given_back(db, note_id)
  local outcome, still_billed = nil, {}
  for _, movement in ipairs(db.billing.movements) do
    if movement.kind == "credit" and movement.invoice_id == note_id then
      outcome = movement.to_state
      local entry = db.billing.entries[movement.entry_id]
      local is_billed = ledger.quantity(db.billing, movement.entry_id, "billed"):sign() > 0
      if entry.kind == "milestone" and is_billed then
        still_billed[entry.body.event.id] = true
      end
    end
  end
  return outcome, next(still_billed) and still_billed
end

fakes["billing.last_closing"] = function(db, params)
  local rows = db.billing.fakes["billing.last_closing"](params)
  local contract_id, period, row = text(params[1]), text(params[2]), rows[1]
  if not row then
    return rows
  end
  local is_counted, later = {}, json.array({})
  for _, id in ipairs(given(row.body.counted) or {}) do
    is_counted[id] = true
  end
  for _, id in ipairs(db.order) do
    local made = db.billing.invoices[id]
    if made.contract_id == contract_id and made.period < period and not is_counted[id] then
      local outcome, still_billed = given_back(db, id)
      local credited = db.credits[id] and db.billing.invoices[db.credits[id]]
      later[#later + 1] = {
        id = id,
        body = made.body,
        credited_body = credited and credited.body or json.null,
        outcome = outcome or json.null,
        position = db.positions[id] or json.null,
        still_billed = still_billed or json.null,
      }
    end
  end
  return { { period = row.period, body = row.body, later = later } }
end

--- Adds a row; `key` names the fields that no two rows share.
local function put(db, list, row, run, key)
  for _, other in ipairs(list) do
    local is_same = #key > 0
    for _, name in ipairs(key) do
      is_same = is_same and other[name] == row[name]
    end
    if is_same then
      fail("23505", "pkey", "%s is there already", tostring(row[key[1]]))
    end
  end
  row.run_id = run
  db.log:append(list, row)
  return {}, 1
end

fakes["billing.put_dunning_step"] = function(db, params)
  return put(db, db.steps, jsonb(params[1]), text(params[2]), { "invoice_id", "level" })
end

fakes["billing.put_dunning_attempt"] = function(db, params)
  local row = {
    invoice_id = text(params[1]),
    level = math.tointeger(tonumber(text(params[2]))),
    attempt = math.tointeger(tonumber(text(params[3]))),
    status = text(params[4]),
    reason = text(params[5]),
  }
  return put(db, db.attempts, row, text(params[6]), {})
end

fakes["billing.put_delivery"] = function(db, params)
  local row = {
    invoice_id = text(params[1]),
    attempt = math.tointeger(tonumber(text(params[2]))),
    channel = text(params[3]),
    status = text(params[4]),
    reason = text(params[5]),
  }
  return put(db, db.deliveries, row, text(params[6]), {})
end

fakes["billing.put_dunning_hold"] = function(db, params)
  local row = jsonb(params[1])
  row.actor = text(params[2])
  return put(db, db.holds, row, nil, { "id" })
end

fakes["billing.lift_dunning_hold"] = function(db, params)
  for _, row in ipairs(db.holds) do
    if row.id == text(params[1]) and not row.lifted_on then
      db.log:set(row, "lifted_on", text(params[2]))
      return {}, 1
    end
  end
  return {}, 0
end

fakes["billing.put_interest"] = function(db, params)
  return put(db, db.charges, jsonb(params[1]), text(params[2]), { "invoice_id", "from_date" })
end

fakes["billing.put_write_off"] = function(db, params)
  local row = jsonb(params[1])
  local result, count = put(db, db.write_offs, row, text(params[2]), { "id" })
  if db:open(row.invoice_id):sign() < 0 then
    fail("23514", "invoice_takes_what_is_payable", "more is written off than was open")
  end
  return result, count
end

fakes["billing.put_dispute"] = function(db, params)
  local row = jsonb(params[1])
  local result, count = put(db, db.disputes, row, text(params[2]), { "id" })
  local payable = decimal(db.billing.invoices[row.invoice_id].body.totals.payable_amount)
  if db:disputed(row.invoice_id) > payable then
    fail("23514", "dispute_fits", "disputes come to more than the invoice")
  end
  return result, count
end

fakes["billing.put_dispute_step"] = function(db, params)
  local row = jsonb(params[1])
  local before = db:dispute_state(row.dispute_id)
  if not dispute.may_follow(before, row.state) then
    fail("23514", "dispute_step_follows", "%s does not follow %s", row.state, tostring(before))
  end
  return put(db, db.dispute_steps, row, text(params[2]), {})
end

local function of_invoice(list, invoice_id, write)
  local rows = json.array({})
  for _, row in ipairs(list) do
    if row.invoice_id == invoice_id then
      rows[#rows + 1] = write(row)
    end
  end
  return rows
end

local function reductions_of(db, invoice_id)
  local rows = json.array({})
  for _, note in ipairs(notes_of(db, invoice_id)) do
    rows[#rows + 1] = { date = note.issue_date, amount = note.totals.payable_amount }
  end
  for _, list in ipairs({ db.payments, db.write_offs }) do
    for _, row in ipairs(list) do
      if row.invoice_id == invoice_id then
        rows[#rows + 1] = { date = row.date or row.on, amount = row.amount }
      end
    end
  end
  return rows
end

local function sum(rows)
  local total = ZERO
  for _, row in ipairs(rows) do
    total = total + decimal(row.amount)
  end
  return total
end

--- What an invoice still owes.
---@param invoice_id string
---@return Decimal
function ReceivablesDb:open(invoice_id)
  local payable = decimal(self.billing.invoices[invoice_id].body.totals.payable_amount)
  return payable - sum(reductions_of(self, invoice_id))
end

--- What of it is in dispute.
---@param invoice_id string
---@return Decimal
function ReceivablesDb:disputed(invoice_id)
  local total = ZERO
  for _, row in ipairs(self.disputes) do
    local state = self:dispute_state(row.id)
    if row.invoice_id == invoice_id and (not state or dispute.is_open(state)) then
      total = total + decimal(row.amount)
    end
  end
  return total
end

---@param id string
---@return string? state   of the last step
function ReceivablesDb:dispute_state(id)
  local state
  for _, step in ipairs(self.dispute_steps) do
    state = step.dispute_id == id and step.state or state
  end
  return state
end

--- Cash that was applied to an invoice.
function ReceivablesDb:pay(invoice_id, amount, date)
  table.insert(self.payments, { invoice_id = invoice_id, amount = amount, date = date })
end

fakes["billing.account"] = function(db, params)
  local invoice = db.billing.invoices[text(params[1])]
  if not invoice or invoice.type_code == "381" then
    return {}
  end
  local id, today, charged_until = invoice.id, text(params[2]), nil
  local holds = json.array({})
  for _, row in ipairs(db.holds) do
    local is_of_invoice = row.invoice_id == nil
      or row.invoice_id == json.null
      or row.invoice_id == id
    if
      row.customer_id == invoice.customer_id
      and is_of_invoice
      and not (row.lifted_on and row.lifted_on <= today)
    then
      holds[#holds + 1] = row
    end
  end
  for _, row in ipairs(db.charges) do
    charged_until = row.invoice_id == id and row.until_date or charged_until
  end
  local open, disputed = db:open(id), db:disputed(id)
  return {
    {
      invoice_id = id,
      number = invoice.number,
      currency = invoice.currency,
      issue_date = invoice.body.issue_date,
      due_date = invoice.body.due_date,
      payable_amount = invoice.body.totals.payable_amount,
      open_amount = tostring(open),
      disputed_amount = tostring(disputed < open and disputed or open),
      sent = of_invoice(db.steps, id, function(row)
        return { level = row.level, sent_on = row.sent_on, fee = row.fee }
      end),
      attempts = of_invoice(db.attempts, id, function(row)
        return { level = row.level, attempt = row.attempt, status = row.status }
      end),
      holds = holds,
      disputes = of_invoice(db.disputes, id, function(row)
        local state = db:dispute_state(row.id)
        local is_open = not state or dispute.is_open(state)
        return {
          from_date = row.raised_on,
          until_date = is_open and json.null or today,
          amount = row.amount,
          state = state,
        }
      end),
      reductions = reductions_of(db, id),
      charged_until = charged_until or json.null,
      is_cash_unmatched = db.is_cash_unmatched,
    },
  }
end

fakes["billing.exposure"] = function(db, params)
  local customer, today, by_currency = text(params[1]), text(params[2]), {}
  local owed = json.array({})
  for id, invoice in pairs(db.billing.invoices) do
    local is_owed = invoice.customer_id == customer and invoice.type_code ~= "381"
    local open = is_owed and db:open(id) or ZERO
    if open:sign() > 0 then
      local code, due_date = invoice.body.currency, invoice.body.due_date
      local row = by_currency[code] or { open = ZERO, overdue = ZERO, days = 0 }
      by_currency[code] = row
      row.open = row.open + open
      row.overdue = row.overdue + (due_date < today and open or ZERO)
      row.days = math.max(row.days, calendar_date.days_between(due_date, today))
    end
  end
  for code, row in pairs(by_currency) do
    owed[#owed + 1] = {
      currency = code,
      open = tostring(row.open),
      overdue = tostring(row.overdue),
      days = row.days,
    }
  end
  local state = json.null
  for _, row in ipairs(db.service_states) do
    if row.customer_id == customer then
      state = { position = row.position, is_stopped = row.is_stopped }
    end
  end
  return { { owed = owed, state = state } }
end

fakes["billing.put_service_state"] = function(db, params)
  local row = {
    customer_id = text(params[1]),
    position = math.tointeger(tonumber(text(params[2]))),
    is_stopped = text(params[3]) == "true",
    reasons = jsonb(params[4]),
  }
  return put(db, db.service_states, row, text(params[5]), { "customer_id", "position" })
end

fakes["billing.parties"] = function(db, params)
  local customer = newest(db, "customer", text(params[1]))
  return { { firm = newest(db, "firm", "firm"), customer = customer } }
end

fakes["billing.disputed_by_customer"] = function(db, params)
  local rows = {}
  for id, invoice in pairs(db.billing.invoices) do
    if invoice.customer_id == text(params[1]) and db:disputed(id):sign() > 0 then
      rows[#rows + 1] = { number = invoice.number, amount = tostring(db:disputed(id)) }
    end
  end
  return rows
end

fakes["billing.unapplied_by_customer"] = function()
  return {}
end

local function add_item(db, rows, customer, last_day, item)
  local invoice = db.billing.invoices[item.invoice_id]
  if invoice.customer_id == customer and item.date <= last_day then
    item.currency, item.due_date = invoice.body.currency, item.due_date or json.null
    item.refers_to, item.invoice_id = item.refers_to or invoice.number, nil
    rows[#rows + 1] = item
  end
end

fakes["billing.account_items"] = function(db, params)
  local rows, customer, last_day = {}, text(params[1]), text(params[2])
  for id, invoice in pairs(db.billing.invoices) do
    local credited = db.credits[id] and db.billing.invoices[db.credits[id]]
    add_item(db, rows, customer, last_day, {
      kind = credited and "credit_note" or "invoice",
      invoice_id = id,
      date = invoice.body.issue_date,
      number = invoice.number,
      amount = invoice.body.totals.payable_amount,
      due_date = not credited and invoice.body.due_date or nil,
      refers_to = credited and credited.number or json.null,
    })
  end
  for i, row in ipairs(db.payments) do
    local item = { kind = "payment", number = "P-" .. i, date = row.date, amount = row.amount }
    item.invoice_id = row.invoice_id
    add_item(db, rows, customer, last_day, item)
  end
  for _, row in ipairs(db.write_offs) do
    local item = { kind = "write_off", number = row.id, date = row.on, amount = row.amount }
    item.invoice_id = row.invoice_id
    add_item(db, rows, customer, last_day, item)
  end
  return rows
end

--- What is checked when a transaction ends.
function ReceivablesDb:settle()
  for _, invoice_id in ipairs(self.unsettled) do
    check_credits(self, invoice_id)
  end
  self.unsettled = {}
end

function ReceivablesDb:roll_back()
  self.unsettled = {}
end

--- Receivables beside a billing database: what a transaction changes in both, it takes back in
--- both.
---@param billing billow.testing.BillingDb
---@return billow.testing.ReceivablesDb
function receivables_db.new(billing)
  local db = setmetatable({
    billing = billing,
    log = billing.log,
    credits = {},
    replaces = {},
    positions = {},
    order = {},
    unsettled = {},
    steps = {},
    attempts = {},
    deliveries = {},
    service_states = {},
    accruals = {},
    close_reports = {},
    holds = {},
    charges = {},
    write_offs = {},
    disputes = {},
    dispute_steps = {},
    payments = {},
    is_cash_unmatched = false,
    fakes = {},
  }, ReceivablesDb)
  for name, fake in pairs(fakes) do
    db.fakes[name] = function(params)
      return fake(db, params)
    end
  end
  return db
end

return receivables_db
