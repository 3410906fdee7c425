--- Writes the SQL of a random life of invoices: bills, credits, voids, as the real rules make them,
--- executed through the statements that workflows use. Whatever must not happen (a credit again, a
--- credit beyond the invoice, work given back twice) is tried too and has to be refused; at the end
--- the database must hold what the model holds.
---
---   billow-lua -d DIR tests/integration/receivables.lua SEED STEPS >life.sql
---   billow-lua -d DIR tests/integration/receivables.lua race    >two notes for one invoice

local json = require("billow.json")
local model = require("support.receivables")
local statements = require("billow.billing.statements")
local credits = require("billow.billing.receivables_statements")

local TENANT = "00000000-0000-4000-8000-00000000000a"
local RUN = "00000000-0000-4000-8000-0000000000aa"

local function quoted(value)
  if value == nil or value == json.null then
    return "null"
  end
  return "'" .. tostring(value):gsub("'", "''") .. "'"
end

local function call(statement, params)
  local list, count = {}, 0
  for digits in statement.sql:gmatch("%$(%d+)") do
    count = math.max(count, tonumber(digits))
  end
  for i = 1, count do
    local value = params[i]
    list[i] = quoted(type(value) == "table" and value ~= json.null and json.encode(value) or value)
  end
  -- As the engine does: all parameters as one array, and a row for each that is touched.
  local sql = statement.sql:gsub("%$(%d+)", "($1)[%1]")
  if not sql:find("returning") then
    sql = sql .. " returning 1"
  end
  return string.format(
    "perform billow.script_execute($sql$%s$sql$, array[%s]::text[], false, 100000);\n",
    sql,
    table.concat(list, ", ")
  )
end

local BEGIN = "do $do$ begin perform set_config('billow.tenant', '" .. TENANT .. "', true);\n"

local function accepted(calls)
  io.write(BEGIN, table.concat(calls), "perform billow.script_settle();\nend $do$;\n")
end

--- Refused by a constraint, named where it matters which.
local function refused(calls, why)
  io.write(
    BEGIN,
    table.concat(calls),
    "perform billow.script_settle();\n",
    "raise exception ",
    quoted("not refused: " .. why),
    " using errcode = 'P0004';\n",
    "exception when check_violation or foreign_key_violation\n",
    "or unique_violation then null;\nend $do$;\n"
  )
end

local function receive(entries)
  local rows = {}
  for i, entry in ipairs(entries) do
    rows[i] = {
      id = entry.id,
      kind = "time",
      source = "harvest-time",
      source_rank = 1,
      sequence = i,
      digest = entry.id,
      entry_date = "2026-10-05",
      person = "Ana",
      quantity = entry.seconds,
      unit = "second",
      body = { id = entry.ref },
    }
  end
  accepted({ call(statements.put_entries, { json.array(rows), RUN }) })
end

local function bill(basis)
  local claims, moves = {}, {}
  for i, row in ipairs(basis.billed) do
    claims[i] = { entry_id = row.entry_id, quantity = row.quantity }
    moves[i] = {
      entry_id = row.entry_id,
      kind = "bill",
      to_state = "billed",
      quantity = row.quantity,
      amount = row.amount,
      currency = "EUR",
      invoice_id = basis.invoice.id,
      line_id = row.line_id,
    }
  end
  local invoice = basis.invoice
  accepted({
    call(credits.claim_exactly, { json.array(claims), RUN, "tm" }),
    call(
      statements.put_invoice,
      { invoice, invoice.number, "INV", RUN, "Dana", "digest", "2026-10", "" }
    ),
    call(statements.put_lines, { invoice }),
    call(statements.settle, { json.array(moves), RUN, "Dana" }),
  })
end

local function note_calls(basis, object, movements)
  return {
    call(
      credits.put_credit_note,
      { object, object.number, "CN", RUN, "Dana", "digest", "2026-10", "", basis.invoice.id }
    ),
    call(credits.put_credit_lines, { object }),
    call(credits.credit_entries, { movements, RUN, "Dana", "credited" }),
  }
end

local function renamed(object, movements, suffix)
  local copy, moved = json.decode(json.encode(object)), json.decode(json.encode(movements))
  copy.id, copy.number = copy.id .. suffix, copy.number .. suffix
  for _, movement in ipairs(moved) do
    movement.invoice_id = copy.id
  end
  return copy, json.array(moved)
end

--- Would the same movements once more give back more than their lines still bill?
local function is_too_much_twice(data)
  for _, movement in ipairs(data.made.movements) do
    local line = data.made.object.lines[tonumber(movement.line_id)].credits.line_id
    local left = model.still_billed(data.basis, movement.entry_id, line)
    if left < tonumber(movement.quantity) then
      return true
    end
  end
  return false
end

--- The note; then what nobody may do after it.
local function credit(data)
  local object, movements = data.made.object, data.made.movements
  accepted(note_calls(data.basis, object, movements))
  if is_too_much_twice(data) then
    local copy, moved = renamed(object, movements, "-again")
    refused(note_calls(data.basis, copy, moved), "credit again of " .. object.id)
  end
  if #movements > 0 then
    -- Work given back without a line that credits it.
    local _, alone = renamed(object, movements, "-alone")
    refused({ call(credits.credit_entries, { alone, RUN, "Eve", "mine" }) }, "no credit note")
  end
end

local function beyond(basis)
  local invoice = basis.invoice
  local function note(suffix, change)
    local object = json.decode(json.encode(invoice))
    object.id, object.number, object.type_code =
      invoice.id .. suffix, invoice.number .. suffix, "381"
    for _, line in ipairs(object.lines) do
      line.credits = { invoice_id = invoice.id, line_id = line.id }
    end
    change(object)
    return note_calls(basis, object, json.array({}))
  end
  refused(note("-void", function() end), "a second void of " .. invoice.id)
  refused(
    note("-loose", function(object)
      object.lines[1].credits = nil
    end),
    "a line that credits nothing"
  )
  refused(
    note("-tax", function(object)
      object.tax_breakdown = json.array({})
    end),
    "tax without groups"
  )
end

--- An invoice that is owed: reminders, interest, disputes and write-offs keep to their rules.
local function owed(firm)
  for _, entry in ipairs(firm.entries) do
    entry.rate = "100"
  end
  local basis = firm:bill({ { firm.entries[1], firm.entries[1].open } })
  local id, payable = basis.invoice.id, basis.invoice.totals.payable_amount
  local function reminder(level)
    local step = { invoice_id = id, level = level, sent_on = "2026-12-07", channel = "email" }
    step.language, step.open_amount, step.message = "en", payable, { id = "m" }
    step.disputed_amount, step.fee, step.interest = "0", "0", "0"
    return call(credits.put_step, { step, RUN })
  end
  local function charge(from, to)
    local row = { invoice_id = id, from_date = from, until_date = to, amount = "1.00" }
    row.compensation, row.currency, row.basis = "0", "EUR", { parts = json.array({}) }
    return call(credits.put_interest, { row, RUN })
  end
  local function dispute(name, amount)
    local row = { id = name, invoice_id = id, line_id = "1", amount = amount, currency = "EUR" }
    row.reason_code, row.owner, row.raised_by = "hours", "nina", "CU"
    row.raised_on, row.answer_by = "2026-12-08", "2026-12-15"
    return call(credits.put_dispute, { row, RUN })
  end
  local function step(name, state, more)
    local row = { dispute_id = name, state = state, actor = "nina" }
    for field, value in pairs(more or {}) do
      row[field] = value
    end
    return call(credits.put_dispute_step, { row, RUN })
  end
  local function write_off(name, amount)
    local row = { id = name, invoice_id = id, amount = amount, currency = "EUR" }
    row.reason_code, row.is_tax_relief, row.tax_amount = "rounding", false, "0"
    row.on, row.approved_by, row.roles = "2026-12-20", "dana", "controller"
    return call(credits.put_write_off, { row, RUN })
  end
  accepted({ reminder(1), charge("2026-12-03", "2026-12-10") })
  refused({ reminder(1) }, "a level twice")
  refused({ charge("2026-12-10", "2026-12-12") }, "interest for a day twice")
  accepted({ dispute("d1", payable), step("d1", "raised") })
  refused({ dispute("d2", "0.01") }, "disputes beyond the invoice")
  refused({ step("d1", "accepted", { accepted_amount = "1.00" }) }, "an answer before the question")
  accepted({ step("d1", "acknowledged"), step("d1", "investigating") })
  refused({ step("d1", "rejected") }, "a rejection without evidence")
  accepted({ step("d1", "rejected", { evidence = "timesheet" }), dispute("d3", "0.01") })
  accepted({ write_off("w1", payable) })
  refused({ write_off("w2", "0.01") }, "a write-off beyond what is open")
end

--- What the database holds is what the model holds.
local function compare(firm)
  local rows = {}
  for _, entry in ipairs(firm.entries) do
    local billed = 0
    for _, basis in ipairs(firm.invoices) do
      billed = billed + model.still_billed(basis, entry.id)
    end
    rows[#rows + 1] = string.format("('%s', %d, %d)", entry.id, entry.open, billed)
  end
  io.write(
    "do $do$ declare wrong text; begin\nset local search_path = billing;\n",
    "select m.id into wrong from (values ",
    table.concat(rows, ", "),
    ") as m(id, open, billed)\n",
    "where m.open <> coalesce((select quantity from ledger_balance b where b.entry_id = m.id",
    " and b.state = 'open'), 0)\n",
    "or m.billed <> coalesce((select quantity from ledger_balance b where b.entry_id = m.id",
    " and b.state = 'billed'), 0) limit 1;\n",
    "if wrong is not null then raise exception 'the model knows better: %', wrong; end if;\n",
    "if exists (select 1 from billing.receivable where open_amount <> 0) then raise exception ",
    "'voided invoices owe something'; end if;\nend $do$;\n"
  )
end

local function life(seed, steps)
  local actions = { entries = receive, bill = bill, credit = credit }
  local firm = model.new(seed, 8, function(kind, data)
    actions[kind](data)
  end)
  for _ = 1, steps do
    firm:step()
    firm:check()
  end
  firm:void_all()
  for _, basis in ipairs(firm.invoices) do
    if basis.invoice.totals.payable_amount ~= "0.00" then
      beyond(basis)
    end
  end
  compare(firm)
  owed(firm)
end

--- Two full credits of one invoice, for two sessions at once: one file each.
local function race(directory)
  local kept = {}
  local firm = model.new(7, 3, function(kind, data)
    if kind == "entries" then
      receive(data)
    elseif kind == "bill" then
      bill(data)
    else
      kept[#kept + 1] = data
    end
  end)
  firm:bill({ { firm.entries[1], firm.entries[1].open }, { firm.entries[2], 60 } })
  firm:credit(firm.invoices[1], { all = true })
  for i, suffix in ipairs({ "-a", "-b" }) do
    local object = renamed(kept[1].made.object, kept[1].made.movements, suffix)
    local file = assert(io.open(directory .. "/note" .. i .. ".sql", "w"))
    file:write(
      BEGIN,
      table.concat(note_calls(kept[1].basis, object, json.array({}))),
      "end $do$;\n"
    )
    file:close()
  end
end

if arg[1] == "race" then
  race(arg[2])
else
  life(tonumber(arg[1]), tonumber(arg[2]))
end
