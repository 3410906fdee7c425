--- The billing database in memory: a stand-in for every statement of billow.billing.statements,
--- with the rules that
--- PostgreSQL's constraints and triggers keep. Workflows run on it in specs as they run on the real
--- one.
---
---   local db = billing_db.new()
---   world:use(db)              -- world{ fixtures = ... } does this
---   db.invoices["C-01/CU-01/2026-10/380"].number
---@class billow.testing.billing_db
local billing_db = {}

local decimal = require("billow.decimal")
local entries = require("billow.testing.billing_entries")
local json = require("billow.json")
local ledger = require("billow.testing.billing_ledger")
local person_moves = require("billow.testing.billing_moves")
local preview = require("billow.testing.billing_preview")
local review = require("billow.testing.billing_review")
local tables = require("billow.testing.tables")
local usage = require("billow.testing.billing_usage")

local jsonb, text, given, fail = tables.jsonb, tables.text, tables.given, tables.fail

---@class billow.testing.BillingDb
---@field log billow.testing.Tables
---@field documents table<string, table>   by kind and id: versions, the newest last
---@field entries table<string, table>
---@field balances table<string, table<string, table>>   by entry and state: {quantity, run_id}
---@field movements billow.testing.Movement[]
---@field unlocks table[]                   approvals taken back or changed behind
---@field invoices table<string, table>    by id
---@field lines table<string, table[]>     by invoice id
---@field exceptions table<string, table>
---@field closings table<string, table>   by contract and period
---@field holds table<string, table>
---@field series table<string, table>
---@field fakes table<string, fun(params: any[]): table[], integer?>   by statement name
local BillingDb = {}
BillingDb.__index = BillingDb

local fakes = {}

fakes["billing.put_documents"] = function(db, params)
  local stored = {}
  for _, row in ipairs(jsonb(params[1])) do
    local key = row.kind .. "\0" .. row.id
    local versions = db.documents[key]
    if not versions then
      versions = {}
      db.log:set(db.documents, key, versions)
    end
    local newest = versions[#versions]
    if not newest or newest.digest ~= row.digest then
      local version = {
        kind = row.kind,
        id = row.id,
        version = #versions + 1,
        body = row.body,
        digest = row.digest,
      }
      db.log:append(versions, version)
      stored[#stored + 1] = { kind = row.kind, id = row.id, version = version.version }
    end
  end
  return stored
end

fakes["billing.documents"] = function(db, params)
  local kind, ids, rows = text(params[1]), jsonb(params[2]), {}
  table.sort(ids)
  for i, id in ipairs(ids) do
    local versions = id ~= ids[i - 1] and db.documents[kind .. "\0" .. id]
    if versions then
      local newest = versions[#versions]
      rows[#rows + 1] = { kind = kind, id = id, version = newest.version, body = newest.body }
    end
  end
  return rows
end

fakes["billing.contracts"] = function(db)
  local rows = {}
  for _, versions in pairs(db.documents) do
    local newest = versions[#versions]
    if newest.kind == "contract" then
      local body = newest.body
      rows[#rows + 1] = {
        id = newest.id,
        name = body.name,
        model = body.model,
        customer_id = body.customer_id,
        projects = body.projects,
        usage_subjects = body.usage_subjects,
        invoice_group = body.invoice_group,
        overflow_contract_id = given(body.terms)
          and given(body.terms.ceiling)
          and body.terms.ceiling.overflow_contract_id,
      }
    end
  end
  return rows
end

fakes["billing.edited_after_billing"] = entries.edited_after_billing
fakes["billing.put_entries"] = entries.put
fakes["billing.count_anew"] = function()
  return { { is_counted = false } }
end
fakes["billing.claim"] = entries.claim
fakes["billing.claimed"] = entries.claimed
fakes["billing.claimed_of"] = entries.claimed_of
fakes["billing.release"] = entries.release
fakes["billing.release_of"] = entries.release_of
fakes["billing.starts"] = entries.starts
fakes["billing.worked_days"] = entries.worked_days
fakes["billing.unassigned"] = entries.unassigned
fakes["billing.preview_entries"] = preview.entries
fakes["billing.preview_usage"] = preview.usage
fakes["billing.preview_own_advances"] = preview.own_advances
fakes["billing.beside"] = review.beside
fakes["billing.recorded_decisions"] = review.recorded_decisions

--- Where an entry is billed: movements that bill it, less what was credited of them.
fakes["billing.correction_state"] = function(db, params)
  local entry = db.entries[text(params[1])]
  if not entry then
    return {}
  end
  local places, order, states = {}, {}, {}
  for _, move in ipairs(db.movements) do
    local sign = move.kind == "bill" and 1 or move.kind == "credit" and -1 or 0
    if move.entry_id == entry.id and sign ~= 0 and given(move.invoice_id) then
      local credits = db.invoices[move.invoice_id].body.lines[1].credits
      local id = given(credits) and credits.invoice_id or move.invoice_id
      local place = places[id]
      if not place then
        place = { quantity = decimal(0), amount = decimal(0) }
        places[id], order[#order + 1] = place, id
      end
      place.quantity = place.quantity + move.quantity * sign
      place.amount = place.amount + decimal(given(move.amount) or 0) * sign
    end
  end
  local list = json.array({})
  for _, id in ipairs(order) do
    if places[id].quantity:sign() > 0 then
      list[#list + 1] = {
        invoice = id,
        number = db.invoices[id].number,
        quantity = tostring(places[id].quantity),
        amount = tostring(places[id].amount),
      }
    end
  end
  for state, row in pairs(db.balances[entry.id] or {}) do
    states[state] = row.quantity:sign() > 0 and tostring(row.quantity) or nil
  end
  return {
    {
      version = entry.version,
      body = entry.body,
      quantity = tables.number(entry.quantity),
      places = list,
      states = states,
    },
  }
end

for _, more in ipairs({ usage, person_moves }) do
  for name, fake in pairs(more) do
    fakes[name] = fake
  end
end

fakes["billing.settle"] = function(db, params)
  local moves = {}
  for i, row in ipairs(jsonb(params[1])) do
    moves[i] = {
      entry_id = row.entry_id,
      kind = row.kind,
      from_state = "claimed",
      to_state = given(row.to_state),
      quantity = decimal(row.quantity),
      amount = given(row.amount),
      currency = given(row.currency),
      invoice_id = given(row.invoice_id),
      line_id = given(row.line_id),
      run_id = text(params[2]),
      reason = given(row.reason),
      actor = text(params[3]),
    }
  end
  ledger.move(db, moves)
  return {}, #moves
end

local function check_invoice(db, row)
  local totals = row.body.totals
  local expected = decimal(totals.line_extension_amount)
    - decimal(given(totals.allowance_total_amount) or 0)
    + decimal(given(totals.charge_total_amount) or 0)
  if db.invoices[row.id] then
    fail("23505", "invoice_pkey", "the invoice %s is there already", row.id)
  elseif db.numbers[row.number] then
    fail("23505", "invoice_tenant_id_number_key", "the number %s is given already", row.number)
  elseif not row.approved_by then
    fail("23502", "", "the invoice %s was approved by nobody", row.id)
  elseif decimal(totals.tax_exclusive_amount) ~= expected then
    fail(
      "23514",
      "invoice_check",
      "the invoice %s: its net is not lines - allowances + charges",
      row.id
    )
  end
end

--- Portugal's code of a document, on the page that asks for it and in the object.
local function put_atcud(db, row)
  if not row.html:find("{{billow:atcud}}", 1, true) then
    return
  end
  local versions = db.documents["firm\0firm"]
  for _, series in ipairs(versions[#versions].body.number_series) do
    if series.id == row.series and given(series.validation_code) then
      local code = "ATCUD:" .. series.validation_code .. "-" .. row.number:match("/(%d+)$")
      row.body.atcud = code
      row.html = row.html:gsub("{{billow:atcud}}", code)
    end
  end
end

fakes["billing.put_invoice"] = function(db, params)
  local body = jsonb(params[1])
  body.number = text(params[2])
  local row = {
    id = body.id,
    number = body.number,
    series = text(params[3]),
    type_code = body.type_code,
    contract_id = body.contract_id,
    customer_id = body.customer_id,
    currency = body.currency,
    period = text(params[7]),
    run_id = text(params[4]),
    approved_by = text(params[5]),
    approval_digest = text(params[6]),
    body = body,
    explanation = given(params[9]) and jsonb(params[9]) or nil,
    html = text(params[8]):gsub("{{billow:number}}", (body.number:gsub("%%", "%%%%"))),
  }
  put_atcud(db, row)
  check_invoice(db, row)
  db.log:set(db.invoices, row.id, row)
  db.log:set(db.numbers, row.number, row.id)
  db.log:append(db.unsettled, row.id)
  return {}, 1
end

fakes["billing.put_lines"] = function(db, params)
  local invoice = jsonb(params[1])
  local lines, seen = {}, {}
  for i, line in ipairs(invoice.lines) do
    if seen[line.id] or db.lines[invoice.id] then
      fail(
        "23505",
        "invoice_line_pkey",
        "the line %s of invoice %s is there already",
        line.id,
        invoice.id
      )
    end
    seen[line.id], lines[i] = true, line
  end
  db.log:set(db.lines, invoice.id, lines)
  db.log:append(db.unsettled, invoice.id)
  return {}, #lines
end

fakes["billing.advances"] = function(db, params)
  local rows = {}
  for _, row in pairs(db.invoices) do
    if row.contract_id == text(params[1]) and row.type_code == "386" then
      rows[#rows + 1] = {
        number = row.number,
        issue_date = row.body.issue_date,
        net_amount = text(row.body.totals.tax_exclusive_amount),
        tax_amount = text(row.body.totals.tax_amount),
      }
    end
  end
  table.sort(rows, function(a, b)
    return a.issue_date .. a.number < b.issue_date .. b.number
  end)
  return rows
end

fakes["billing.put_exceptions"] = function(db, params)
  local rows, seen, period = jsonb(params[1]), {}, text(params[2])
  for _, row in ipairs(rows) do
    local key = table.concat({ period, row.code, row.ref }, "\0")
    if seen[key] then
      fail("21000", "", "the exception %s of %s comes twice in one statement", row.code, row.ref)
    end
    seen[key] = true
    db.log:set(db.exceptions, key, {
      period = period,
      code = row.code,
      ref = row.ref,
      contract_id = given(row.contract_id),
      level = row.level,
      message = given(row.message),
      details = given(row.details),
      run_id = text(params[3]),
    })
  end
  return {}, #rows
end

fakes["billing.put_closing"] = function(db, params)
  local key = text(params[1]) .. "\0" .. text(params[2])
  if db.closings[key] then
    fail(
      "23505",
      "closing_pkey",
      "contract %s has a closing of %s already",
      text(params[1]),
      text(params[2])
    )
  end
  db.log:set(db.closings, key, {
    contract_id = text(params[1]),
    period = text(params[2]),
    body = jsonb(params[3]),
    run_id = text(params[4]),
  })
  return {}, 1
end

fakes["billing.closed"] = function(db, params)
  local rows = {}
  for _, row in pairs(db.closings) do
    if row.period == text(params[1]) then
      rows[#rows + 1] = { contract_id = row.contract_id }
    end
  end
  table.sort(rows, function(a, b)
    return a.contract_id < b.contract_id
  end)
  return rows
end

fakes["billing.last_closing"] = function(db, params)
  local found
  for _, row in pairs(db.closings) do
    if
      row.contract_id == text(params[1])
      and row.period < text(params[2])
      and (not found or row.period > found.period)
    then
      found = row
    end
  end
  return found and { { period = found.period, body = found.body } } or {}
end

fakes["billing.put_series"] = function(db, params)
  local series = text(params[1])
  if db.series[series] then
    return {}, 0
  end
  db.log:set(db.series, series, {
    series = series,
    format = text(params[2]),
    reset = text(params[3]),
    next = math.tointeger(tonumber(text(params[4]))),
  })
  return {}, 1
end

--- What is checked when a transaction ends: lines belong to an invoice, and add up to its total.
function BillingDb:settle()
  for _, id in ipairs(self.unsettled) do
    local invoice, total = self.invoices[id], decimal(0)
    if not invoice then
      fail(
        "23503",
        "invoice_line_tenant_id_invoice_id_fkey",
        "lines of the invoice %s, which is not there",
        id
      )
    end
    for _, line in ipairs(self.lines[id] or {}) do
      total = total + decimal(line.net_amount)
    end
    if total ~= decimal(invoice.body.totals.line_extension_amount) then
      fail(
        "23514",
        "invoice_adds_up",
        "invoice %s: its lines add up to %s, its total says %s",
        id,
        tostring(total),
        tostring(invoice.body.totals.line_extension_amount)
      )
    end
  end
  self.unsettled = {}
end

function BillingDb:begin()
  self.log:begin()
end

function BillingDb:commit()
  self.log:commit()
end

function BillingDb:roll_back()
  self.log:roll_back()
  self.unsettled = {}
end

--- What of each entry's quantity is where, over all entries of a kind: worked = billed + held +
--- open + ... .
---@param kind? string   "time" when absent
---@return table<string, Decimal>
function BillingDb:totals(kind)
  local totals = {}
  for id, states in pairs(self.balances) do
    if self.entries[id].kind == (kind or "time") then
      for state, row in pairs(states) do
        totals[state] = (totals[state] or decimal(0)) + row.quantity
      end
    end
  end
  return totals
end

local function bind(db)
  db.fakes = {}
  for name, fake in pairs(fakes) do
    db.fakes[name] = function(params)
      return fake(db, params)
    end
  end
  return setmetatable(db, BillingDb)
end

--- An empty billing database.
---@return billow.testing.BillingDb
function billing_db.new()
  return bind({
    log = tables.new(),
    documents = {},
    entries = {},
    order = {},
    balances = {},
    movements = {},
    unlocks = {},
    invoices = {},
    numbers = {},
    lines = {},
    exceptions = {},
    closings = {},
    holds = {},
    usage_settlements = {},
    series = {},
    unsettled = {},
    by_dup_key = {},
    by_person_day = {},
  })
end

--- A copy to work on: what happens in it does not change the original.
---@return billow.testing.BillingDb
function BillingDb:copy()
  local depths = {
    documents = 2,
    entries = 2,
    order = 1,
    balances = 3,
    movements = 1,
    unlocks = 1,
    invoices = 2,
    numbers = 1,
    lines = 2,
    exceptions = 2,
    closings = 2,
    holds = 2,
    usage_settlements = 2,
    series = 2,
    unsettled = 1,
    by_dup_key = 2,
    by_person_day = 2,
  }
  local copy = { log = tables.new() }
  for name, depth in pairs(depths) do
    copy[name] = tables.copy(self[name], depth)
  end
  return bind(copy)
end

return billing_db
