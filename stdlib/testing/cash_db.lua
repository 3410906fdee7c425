--- The cash part of the billing database in memory: a stand-in for every statement of
--- billow.billing.cash_statements, with the rules that PostgreSQL's triggers keep.
---
---   local db = cash_db.new({ items = { {invoice_id = "I-1", ...} } })   -- rows of cash.open_items
---   world:use(db)
---   db.payments["bank:..."].amount
---@class billow.testing.cash_db
local cash_db = {}

local decimal = require("billow.decimal")
local tables = require("billow.testing.tables")

local jsonb, text, fail = tables.jsonb, tables.text, tables.fail

---@class billow.testing.CashDb
---@field log billow.testing.Tables
---@field items table<string, table>      rows of cash.open_items by invoice id
---@field statements table[]
---@field entries table<string, table>
---@field payments table<string, table>
---@field allocations table[]
---@field rates table?                    the row of cash.rates
---@field fakes table<string, fun(params: any[]): table[], integer?>
local CashDb = {}
CashDb.__index = CashDb

local ZERO = decimal(0)
local IS_MONEY = { payment = true, refund = true, ["return"] = true }

local fakes = {}

fakes["cash.known_statements"] = function(db, params)
  local rows = {}
  for _, row in ipairs(db.statements) do
    if row.account == text(params[1]) then
      table.insert(rows, 1, row)
    end
  end
  return rows
end

fakes["cash.put_statement"] = function(db, params)
  local row = jsonb(params[1])
  for _, other in ipairs(db.statements) do
    if other.account == row.account and other.id == row.id and other.digest == row.digest then
      return {}
    end
  end
  db.log:append(db.statements, row)
  return { { id = row.id } }
end

fakes["cash.put_entries"] = function(db, params)
  local new = {}
  for _, row in ipairs(jsonb(params[1])) do
    if not db.entries[row.id] then
      db.log:set(db.entries, row.id, row)
      new[#new + 1] = { id = row.id }
    end
  end
  return new
end

local function is_waiting(entry)
  return entry.status == "new" or entry.status == "asked"
end

fakes["cash.open_entries"] = function(db)
  local rows = {}
  for _, entry in pairs(db.entries) do
    if is_waiting(entry) then
      rows[#rows + 1] = { id = entry.id, body = entry.body }
    end
  end
  return rows
end

fakes["cash.mark_entry"] = function(db, params)
  local entry = db.entries[text(params[1])]
  if not entry or not is_waiting(entry) then
    return {}
  end
  db.log:set(entry, "status", text(params[2]))
  db.log:set(entry, "status_reason", text(params[3]))
  return { { id = entry.id } }
end

--- What allocations of an invoice, a payment, or one kind of both come to.
local function total(db, field, wanted)
  local sum = ZERO
  for _, row in ipairs(db.allocations) do
    local is_wanted = true
    for name, value in pairs(wanted) do
      is_wanted = is_wanted and row[name] == value
    end
    if is_wanted then
      sum = sum + decimal(row[field])
    end
  end
  return sum
end

--- What is open of an invoice.
---@param id string
---@return Decimal
function CashDb:open(id)
  return decimal(self.items[id].payable_amount) - total(self, "amount", { invoice_id = id })
end

--- What a payment has left.
---@param id string
---@return Decimal
function CashDb:unapplied(id)
  return decimal(self.payments[id].amount) - total(self, "payment_amount", { payment_id = id })
end

fakes["cash.open_items"] = function(db, params)
  local rows = {}
  for id, item in pairs(db.items) do
    local open = db:open(id)
    if id > text(params[1]) and open > ZERO then
      local row = {}
      for name, value in pairs(item) do
        row[name] = value
      end
      row.open_amount = tostring(open)
      rows[#rows + 1] = row
    end
  end
  return rows
end

fakes["cash.rates"] = function(db)
  return db.rates and { db.rates } or {}
end

fakes["cash.put_payment"] = function(db, params)
  local row = jsonb(params[1])
  row.actor = text(params[3])
  if db.payments[row.id] then
    fail("23505", "payment_pkey", "payment %s is there already", row.id)
  end
  db.log:set(db.payments, row.id, row)
  return {}, 1
end

local function check(db, row)
  if row.invoice_id and db:open(row.invoice_id) < ZERO then
    local format = "invoice %s takes no more"
    fail("23514", "invoice_takes_what_is_payable", format, row.invoice_id)
  elseif db:unapplied(row.payment_id) < ZERO then
    fail("23514", "payment_gives_what_it_is", "payment %s has no more", row.payment_id)
  end
end

local function add_allocation(db, row)
  if not IS_MONEY[row.kind] and not decimal(row.payment_amount):is_zero() then
    fail("23514", "allocation_check", "%s takes no money", row.kind)
  end
  db.log:append(db.allocations, row)
end

fakes["cash.put_allocations"] = function(db, params)
  local rows = jsonb(params[1])
  for _, row in ipairs(rows) do
    row.actor = text(params[3])
    add_allocation(db, row)
  end
  for _, row in ipairs(rows) do
    check(db, row)
  end
  return {}, #rows
end

fakes["cash.returnable"] = function(db, params)
  local rows = {}
  for id, payment in pairs(db.payments) do
    local is_same = payment.end_to_end_id == text(params[3])
      or payment.payer_account == text(params[4])
      or text(params[3]) == "" and text(params[4]) == ""
    if decimal(payment.amount) == decimal(text(params[1])) and is_same then
      rows[#rows + 1] = { id = id, amount = payment.amount, date = payment.date }
    end
  end
  table.sort(rows, function(a, b)
    return a.id < b.id
  end)
  return rows
end

fakes["cash.take_back"] = function(db, params)
  local id, count = text(params[1]), #db.allocations
  for i = 1, count do
    local row = db.allocations[i]
    if row.payment_id == id then
      add_allocation(db, {
        payment_id = id,
        invoice_id = row.invoice_id,
        kind = row.kind,
        currency = row.currency,
        amount = tostring(-decimal(row.amount)),
        payment_amount = tostring(-decimal(row.payment_amount)),
      })
    end
  end
  local amount = db.payments[id].amount
  add_allocation(db, { payment_id = id, kind = "return", amount = amount, payment_amount = amount })
  return {}, #db.allocations - count
end

fakes["cash.unapplied_aging"] = function()
  return {}
end

function CashDb:begin()
  self.log:begin()
end

function CashDb:settle() end

function CashDb:commit()
  self.log:commit()
end

function CashDb:roll_back()
  self.log:roll_back()
end

--- A database with open invoices.
---@param options? {items?: table[], rates?: table}
---@return billow.testing.CashDb
function cash_db.new(options)
  options = options or {}
  local db = setmetatable({
    log = tables.new(),
    items = {},
    statements = {},
    entries = {},
    payments = {},
    allocations = {},
    rates = options.rates,
    series = {},
    fakes = {},
  }, CashDb)
  for _, item in ipairs(options.items or {}) do
    db.items[item.invoice_id] = item
  end
  for name, fake in pairs(fakes) do
    db.fakes[name] = function(params)
      return fake(db, params)
    end
  end
  return db
end

return cash_db
