--- A whole period: collect -> validate -> bill -> assemble -> number, each step usable by itself
--- (model 3).
---
--- The workflow of one contract calls period.items and period.bill; period.compute does the whole
--- month at once and gives the shape of model 3.13.
local period = {}

local assign = require("billow.billing.assign")
local canonical = require("billow.billing.canonical")
local copy = require("billow.billing.copy")
local draft = require("billow.billing.draft")
local invoice = require("billow.billing.invoice")
local milestones = require("billow.billing.sources.milestones")
local number = require("billow.billing.number")
local rates = require("billow.billing.rates")
local split = require("billow.billing.split")
local usage = require("billow.billing.sources.usage")
local validation = require("billow.billing.validation")

--- What a month's sources hold, normalised, each list in source order.
---@class billing.Sources
---@field time table[]
---@field expenses table[]
---@field milestones table[]
---@field usage string[]                     lines of usage.jsonl
---@field exceptions billing.Exception[]     INVALID_ROW of the files

--- What is known of a contract before billing.
---@class billing.Collected: billing.Items
---@field exceptions billing.Exception[]
---@field dispositions table<string, table<string, integer>>   of the entries that are not valid

---@class billing.Result
---@field invoices table[]                   of invoice.assemble
---@field exceptions billing.Exception[]
---@field closing table
---@field dispositions table<string, table<string, integer>>   of the valid entries
---@field expense_cuts table<string, table<string, Decimal>>   what caps keep off expenses
---@field moved table<string, billing.Work[]>
---@field draft billing.Draft

local function collected()
  return { time = {}, expenses = {}, milestones = {}, exceptions = {}, dispositions = {} }
end

--- Valid entries and expenses of one contract; entries of other contracts must not be in the lists.
---@param ctx billing.Context
---@param contract table
---@param entries {time: {entry: table, project: table}[], expenses: table[]}
---@param marks billing.Marks   over all entries of the month (validation.marks)
---@return billing.Collected
function period.items(ctx, contract, entries, marks)
  local items, book = collected(), rates.book(ctx, contract)
  for _, placed in ipairs(entries.time) do
    local entry = placed.entry
    local verdict = validation.time(ctx, entry, contract, placed.project, marks, book)
    if verdict.disposition == "valid" then
      table.insert(items.time, verdict.work)
    else
      items.dispositions[entry.id] = { [verdict.disposition] = entry.duration_seconds }
      table.insert(items.exceptions, verdict.exception)
    end
  end
  for _, expense in ipairs(entries.expenses) do
    local verdict = validation.expense(ctx, expense, contract, marks)
    if verdict.disposition == "valid" then
      table.insert(items.expenses, expense)
    else
      table.insert(items.exceptions, verdict.exception)
    end
  end
  return items
end

local function place_entries(ctx, sources)
  local index, placed, unknown = assign.index(ctx), {}, { time = {}, expenses = {} }
  for _, contract in ipairs(ctx.contract_list) do
    placed[contract.id] = { time = {}, expenses = {} }
  end
  for _, entry in ipairs(sources.time) do
    local contract, project = assign.find(index, entry)
    local target = contract and placed[contract.id] or unknown
    table.insert(target.time, { entry = entry, project = project })
  end
  for _, expense in ipairs(sources.expenses) do
    local contract = assign.find(index, expense)
    table.insert((contract and placed[contract.id] or unknown).expenses, expense)
  end
  return placed, unknown
end

--- Entries without a contract: silent dispositions, else PROJECT_UNKNOWN.
local function judge_unknown(ctx, unknown, marks)
  local found = collected()
  for _, placed in ipairs(unknown.time) do
    local entry = placed.entry
    local verdict = validation.time(ctx, entry, nil, nil, marks)
    found.dispositions[entry.id] = { [verdict.disposition] = entry.duration_seconds }
    table.insert(found.exceptions, verdict.exception)
  end
  for _, expense in ipairs(unknown.expenses) do
    table.insert(found.exceptions, validation.expense(ctx, expense, nil, marks).exception)
  end
  return found
end

--- Give every exception to its contract, or to the period.
local function deliver(exceptions, by_contract, without)
  for _, exception in ipairs(exceptions) do
    local target = exception.contract_id and by_contract[exception.contract_id]
    table.insert(target and target.exceptions or without.exceptions, exception)
  end
end

--- Collect and validate everything of the month.
---@param ctx billing.Context
---@param sources billing.Sources
---@return table<string, billing.Collected> by_contract
---@return billing.Collected without   what has no contract: exceptions and dispositions only
function period.collect(ctx, sources)
  local marks = validation.marks(sources.time, sources.expenses)
  local placed, unknown = place_entries(ctx, sources)
  local events, metered =
    milestones.assign(ctx, sources.milestones), usage.collect(ctx, sources.usage)
  local without, by_contract = judge_unknown(ctx, unknown, marks), {}
  for _, contract in ipairs(ctx.contract_list) do
    local items = period.items(ctx, contract, placed[contract.id], marks)
    items.milestones = events.by_contract[contract.id] or {}
    items.usage = metered.by_contract[contract.id]
    by_contract[contract.id] = items
  end
  deliver(sources.exceptions, by_contract, without)
  deliver(events.exceptions, by_contract, without)
  deliver(metered.exceptions, by_contract, without)
  return by_contract, without
end

--- Add the parts that other contracts' ceilings moved here; those without a rate become exceptions.
---@param ctx billing.Context
---@param contract table
---@param items billing.Collected
---@param parts billing.Work[]
---@return billing.Collected
function period.with_moved(ctx, contract, items, parts)
  local book, time, exceptions =
    rates.book(ctx, contract), copy.list(items.time), copy.list(items.exceptions)
  for _, part in ipairs(parts) do
    local verdict = validation.moved(ctx, part, contract, book)
    if verdict.disposition == "valid" then
      time[#time + 1] = verdict.work
    else
      exceptions[#exceptions + 1] = verdict.exception
    end
  end
  return copy.with(items, { time = time, exceptions = exceptions })
end

--- The first payer on hold at the issue date.
local function payer_on_hold(ctx, contract)
  for _, payer in ipairs(split.payers(ctx, contract)) do
    local hold = payer.customer.hold
    if
      hold
      and hold.start_date <= ctx.issue_date
      and (not hold.end_date or hold.end_date >= ctx.issue_date)
    then
      return payer.customer
    end
  end
  return nil
end

local function all_open(works)
  local dispositions = {}
  for _, work in ipairs(works) do
    dispositions[work.id] = { open = work.worked_seconds }
  end
  return dispositions
end

local function entry_level(exceptions)
  local kept = {}
  for _, exception in ipairs(exceptions) do
    if exception.level == "entry" then
      kept[#kept + 1] = exception
    end
  end
  return kept
end

local function append(list, more)
  for _, item in ipairs(more) do
    list[#list + 1] = item
  end
  return list
end

local function hold_exception(contract, customer)
  local reason = customer.hold.reason and " (" .. customer.hold.reason .. ")" or ""
  return draft.exception(
    "CUSTOMER_ON_HOLD",
    contract.id,
    "contract",
    "customer "
      .. customer.id
      .. " is on hold"
      .. reason
      .. ": nothing is billed until the hold ends",
    contract.id
  )
end

--- The invoices of a draft, unless a payer is on hold: then there are none, entries stay open, and
--- of the draft's exceptions only those of level entry are to be reported (period.exceptions_of).
---@param ctx billing.Context
---@param contract table
---@param made billing.Draft
---@return table[] invoices
---@return billing.Exception[] exceptions   invoice level; on hold the hold's alone
---@return billing.Exception? hold
function period.assemble(ctx, contract, made)
  local invoices, blocking = invoice.assemble(ctx, contract, made)
  local customer = #invoices > 0 and payer_on_hold(ctx, contract)
  if customer then
    local hold = hold_exception(contract, customer)
    return {}, { hold }, hold
  end
  return invoices, blocking, nil
end

--- What is to be reported of a draft: all of it, or only the entry level when the customer is on
--- hold.
---@param made billing.Draft
---@param hold? billing.Exception
---@return billing.Exception[]
function period.exceptions_of(made, hold)
  return hold and entry_level(made.exceptions) or made.exceptions
end

--- Bill one contract: draft, assemble, and what a hold or a void draft takes back.
---@param ctx billing.Context
---@param contract table
---@param items billing.Collected
---@return billing.Result
function period.bill(ctx, contract, items)
  local made = draft.build(ctx, contract, items)
  local invoices, blocking, hold = period.assemble(ctx, contract, made)
  local exceptions = append({}, items.exceptions)
  append(exceptions, period.exceptions_of(made, hold))
  append(exceptions, blocking)
  local is_nothing_billed = made.is_void or hold ~= nil
  return {
    invoices = invoices,
    exceptions = exceptions,
    draft = made,
    closing = is_nothing_billed and {} or made.closing,
    dispositions = is_nothing_billed and all_open(items.time) or made.dispositions,
    expense_cuts = is_nothing_billed and {} or made.expense_cuts,
    moved = is_nothing_billed and {} or made.moved,
  }
end

--- Contracts in billing order: those that may move overflow to another contract first.
---@param ctx billing.Context
---@return table[]
function period.in_billing_order(ctx)
  local first, rest = {}, {}
  for _, contract in ipairs(ctx.contract_list) do
    local ceiling = contract.model == "tm" and contract.terms.ceiling
    local is_first = ceiling and ceiling.overflow_contract_id and true or false
    table.insert(is_first and first or rest, contract)
  end
  return append(first, rest)
end

--- Bill every contract of the period.
---@param ctx billing.Context
---@param by_contract table<string, billing.Collected>
---@return table<string, billing.Result>
function period.bill_all(ctx, by_contract)
  local results, waiting = {}, {}
  for _, contract in ipairs(period.in_billing_order(ctx)) do
    local items = by_contract[contract.id]
    if waiting[contract.id] then
      items = period.with_moved(ctx, contract, items, waiting[contract.id])
    end
    local result = period.bill(ctx, contract, items)
    results[contract.id] = result
    for id, parts in pairs(result.moved) do
      waiting[id] = append(waiting[id] or {}, parts)
    end
  end
  return results
end

local function sorted_contract_ids(ctx)
  local ids = {}
  for i, contract in ipairs(ctx.contract_list) do
    ids[i] = contract.id
  end
  table.sort(ids)
  return ids
end

--- Finalise all at once: by contract id, then the contract's own order; blocked invoices get no
--- number.
---@param ctx billing.Context
---@param results table<string, billing.Result>
function period.number_all(ctx, results)
  local next_number = number.allocator(ctx.firm, ctx.opening)
  for _, id in ipairs(sorted_contract_ids(ctx)) do
    for _, made in ipairs(results[id].invoices) do
      if made.status == "ready" then
        made.number = next_number(made.type_code, made.issue_date, made.customer_id)
      end
    end
  end
end

local function add_dispositions(seconds, dispositions)
  for id, of_entry in pairs(dispositions) do
    local is_moved_part = id:sub(-2) == "#2" -- counted at the contract that moved it
    for disposition, amount in pairs(is_moved_part and {} or of_entry) do
      seconds[disposition] = (seconds[disposition] or 0) + amount
    end
  end
end

--- The whole month as model 3.13 writes it, finalised at once.
---@param ctx billing.Context
---@param sources billing.Sources
---@return table
function period.compute(ctx, sources)
  local by_contract, without = period.collect(ctx, sources)
  local results, contracts, seconds = period.bill_all(ctx, by_contract), {}, {}
  period.number_all(ctx, results)
  add_dispositions(seconds, without.dispositions)
  for id, result in pairs(results) do
    contracts[id] = canonical.result(ctx, ctx.contracts[id], result)
    add_dispositions(seconds, by_contract[id].dispositions)
    add_dispositions(seconds, result.dispositions)
  end
  return {
    period = ctx.period.id,
    contracts = contracts,
    exceptions = canonical.exceptions(without.exceptions),
    seconds = seconds,
  }
end

return period
