--- What a bill does to the entries it is made of: every claimed second, and every claimed amount,
--- goes somewhere.
--- Pure: it only says which movements the finalising transaction has to store (billing.ledger in
--- the database).
---@class billow.billing.ledger
local ledger = {}

local assign = require("billow.billing.assign")
local canonical = require("billow.billing.canonical")
local decimal = require("billow.decimal")
local json = require("billow.json")
local period = require("billow.billing.period")
local split = require("billow.billing.split")
local validation = require("billow.billing.validation")

--- What was claimed, judged.
---@class billow.billing.Judged
---@field claimed billow.billing.Claimed
---@field items billing.Collected
---@field exceptions billing.Exception[]   entry level
---@field expense_dispositions table<string, string>   by expense id: valid, exception, ...

---@class billow.billing.Movement
---@field entry_id string
---@field kind string
---@field to_state string
---@field quantity string
---@field amount? string
---@field currency? string
---@field invoice_id? string
---@field line_id? string
---@field reason? string

-- Where a disposition of the data model takes a quantity, and as what kind of movement.
local WAYS = {
  billed = { "bill", "billed" },
  held = { "hold", "held" },
  exception = { "hold", "held" },
  written_off = { "write_off", "written_off" },
  rounded_away = { "exclude", "excluded" },
  non_billable = { "exclude", "excluded" },
  already_invoiced = { "exclude", "excluded" },
  included = { "exclude", "excluded" },
  zero = { "exclude", "excluded" },
  moved = { "transfer", "moved" },
  open = { "release", "open" },
}

--- Judges every claimed entry by the rules of validation.
---@param ctx billing.Context
---@param contract table
---@param claimed billow.billing.Claimed
---@return billow.billing.Judged
function ledger.judge(ctx, contract, claimed)
  local index, placed = assign.index(ctx), {}
  for i, entry in ipairs(claimed.time) do
    local _, project = assign.find(index, entry)
    placed[i] = { entry = entry, project = project }
  end
  local items =
    period.items(ctx, contract, { time = placed, expenses = claimed.expenses }, claimed.marks)
  local dispositions = {}
  for _, expense in ipairs(claimed.expenses) do
    dispositions[expense.id] = validation.expense(ctx, expense, contract, claimed.marks).disposition
  end
  return {
    claimed = claimed,
    items = items,
    exceptions = items.exceptions,
    expense_dispositions = dispositions,
  }
end

--- The verdict on an entry of no contract: PROJECT_UNKNOWN, or a silent disposition.
---@param row {kind: string, body: table}
---@return billing.Exception?
---@return string disposition
function ledger.unknown_project(row)
  local nobody = { duplicate_of = {}, day_seconds = {} }
  local ctx = { period = { end_date = "9999-12-31" } } -- the query took the period's entries only
  local judge = row.kind == "time" and validation.time or validation.expense
  local verdict = row.kind == "time" and judge(ctx, row.body, nil, nil, nobody)
    or judge(ctx, row.body, nil, nobody)
  return verdict.exception, verdict.disposition
end

--- Where on the invoices an entry stands: invoice, line, and how much of the line is its.
---@class billow.billing.Place
---@field invoice_id string
---@field line_id string
---@field weight Decimal   its share of the whole, among its places
---@field amount Decimal   its share of the line's net

--- Each line's net divided over its references by their size, to the cent; several payers share by
--- percent.
local function places_on(ctx, invoices, kind)
  local places = {}
  for _, invoice in ipairs(invoices) do
    local d = ctx.decimals(invoice.currency)
    for _, line in ipairs(invoice.lines) do
      local mine, weights = {}, {}
      for _, reference in ipairs(line.references) do
        if reference.type == kind then
          mine[#mine + 1] = reference
          weights[#mine] = decimal(reference.seconds or reference.amount or 1)
        end
      end
      local total = decimal.sum(weights)
      local amounts = #mine > 0
          and not total:is_zero()
          and split.largest_remainder(decimal(line.net_amount), weights, d)
        or {}
      local percent = line.split_of
          and line.split_of ~= json.null
          and decimal(line.split_of.percent)
        or decimal(100)
      for i, reference in ipairs(mine) do
        local of_entry = places[reference.id] or {}
        places[reference.id] = of_entry
        of_entry[#of_entry + 1] = {
          invoice_id = invoice.id,
          line_id = line.id,
          weight = weights[i] * percent,
          amount = amounts[i] or decimal(0),
          currency = invoice.currency,
        }
      end
    end
  end
  return places
end

local function add(movements, entry_id, disposition, quantity, more)
  local way = WAYS[disposition]
  local movement =
    { entry_id = entry_id, kind = way[1], to_state = way[2], quantity = tostring(quantity) }
  for name, value in pairs(more or {}) do
    movement[name] = value
  end
  movements[#movements + 1] = movement
end

--- The billed quantity of one entry over the places where it stands; integers for seconds, `d`
--- decimals for amounts.
local function add_billed(movements, entry, quantity, places, d)
  if not places then
    error(string.format("entry %s is billed but stands on no line", entry.id), 0)
  end
  local weights = {}
  for i, place in ipairs(places) do
    weights[i] = place.weight
  end
  for i, share in ipairs(split.largest_remainder(quantity, weights, d)) do
    local place = places[i]
    add(movements, entry.entry_id, "billed", share, {
      invoice_id = place.invoice_id,
      line_id = place.line_id,
      amount = tostring(place.amount),
      currency = place.currency,
    })
  end
end

local function reason_of(exceptions)
  local reasons = {}
  for _, found in ipairs(exceptions) do
    if found.level == "entry" then
      reasons[found.ref] = found.code
    end
  end
  return reasons
end

local function settle_time(movements, ctx, judged, bill)
  local places = places_on(ctx, bill.canonical, "time_entry")
  local reasons = reason_of(bill.exceptions)
  for _, entry in ipairs(judged.claimed.time) do
    local dispositions = bill.dispositions[entry.id]
      or judged.items.dispositions[entry.id]
      or { open = entry.duration_seconds }
    for disposition, seconds in pairs(dispositions) do
      if disposition == "billed" and seconds > 0 then
        add_billed(movements, entry, decimal(seconds), places[entry.id], 0)
      elseif seconds > 0 then
        add(
          movements,
          entry.entry_id,
          disposition,
          seconds,
          { reason = disposition == "exception" and reasons[entry.id] or disposition }
        )
      end
    end
  end
end

local function settle_expenses(movements, ctx, judged, bill)
  local places = places_on(ctx, bill.canonical, "expense")
  local reasons = reason_of(bill.exceptions)
  for _, expense in ipairs(judged.claimed.expenses) do
    local disposition = judged.expense_dispositions[expense.id]
    if disposition == "valid" then
      add_billed(
        movements,
        expense,
        expense.amount,
        places[expense.id],
        math.max(expense.amount:scale(), 0)
      )
    else
      add(
        movements,
        expense.entry_id,
        disposition,
        expense.amount,
        { reason = disposition == "exception" and reasons[expense.id] or disposition }
      )
    end
  end
end

--- All movements of an issued bill. Together they move exactly what the run claimed.
---@param ctx billing.Context
---@param judged billow.billing.Judged
---@param bill billow.billing.Bill
---@return billow.billing.Movement[]
function ledger.settlement(ctx, judged, bill)
  local movements = json.array({})
  settle_time(movements, ctx, judged, bill)
  settle_expenses(movements, ctx, judged, bill)
  return movements
end

--- What the next period of the contract starts from.
---@param contract billow.billing.Contract
---@param bill billow.billing.Bill
---@return table {closing, opening}
function ledger.closing(contract, bill)
  local ctx, id = contract.ctx, contract.id
  local closing = canonical.closing(ctx, contract.contract, bill.closing)
  local used = ctx.opening.purchase_order_used[id] or decimal(0)
  for _, invoice in ipairs(bill.canonical) do
    used = used + decimal(invoice.totals.tax_exclusive_amount)
  end
  local opening = { purchase_order_used = { [id] = tostring(used) } }
  if closing.ceiling_used then
    opening.ceiling_used = { [id] = closing.ceiling_used }
  end
  return { closing = closing, opening = opening }
end

return ledger
