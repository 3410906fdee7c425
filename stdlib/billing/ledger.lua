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
local milestones = require("billow.billing.sources.milestones")
local period = require("billow.billing.period")
local rates = require("billow.billing.rates")
local split = require("billow.billing.split")
local usage = require("billow.billing.sources.usage")
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

-- Decimals of a payer's share of a milestone.
local SHARE_DECIMALS = 4

-- Where a disposition of the data model takes a quantity, and as what kind of movement.
local WAYS = {
  billed = { "bill", "billed" },
  drawn = { "draw", "billed" },
  held = { "hold", "held" },
  exception = { "hold", "held" },
  written_off = { "write_off", "written_off" },
  rounded_away = { "exclude", "excluded" },
  non_billable = { "exclude", "excluded" },
  already_invoiced = { "exclude", "excluded" },
  included = { "exclude", "excluded" },
  pro_bono = { "exclude", "excluded" },
  zero = { "exclude", "excluded" },
  open = { "release", "open" },
}

--- Milestones and usage of the contract, with the exceptions found on the way.
local function add_events(ctx, contract, claimed, items)
  local values = {}
  for i, entry in ipairs(claimed.milestones) do
    values[i] = entry.event
  end
  local events = milestones.assign(ctx, (milestones.read(values)))
  items.milestones = events.by_contract[contract.id] or {}
  local metered = claimed.usage or usage.collect(ctx, {})
  items.usage = metered.by_contract[contract.id]
  for _, list in ipairs({ events.exceptions, metered.exceptions }) do
    for _, exception in ipairs(list) do
      if exception.contract_id == contract.id then
        items.exceptions[#items.exceptions + 1] = exception
      end
    end
  end
end

--- What a ceiling moved here from another contract, as work of this one: only its rate is judged
--- (model 3.6), it was judged where it comes from.
local function moved_part(entry)
  return {
    id = entry.id,
    sequence = entry.sequence,
    person = entry.person,
    role = entry.role,
    task = entry.task,
    project = entry.moved_project,
    work_date = entry.work_date,
    worked_seconds = entry.moved_seconds or entry.duration_seconds,
    is_moved = true,
    entry = entry,
  }
end

--- The items with the parts that came from other contracts' ceilings.
local function with_moved(ctx, contract, items, parts)
  if #parts == 0 then
    return items
  end
  items = period.with_moved(ctx, contract, items, parts)
  local is_fine = {}
  for _, work in ipairs(items.time) do
    is_fine[work.id] = true
  end
  for _, part in ipairs(parts) do
    if not is_fine[part.id] then
      items.dispositions[part.id] = { exception = part.entry.duration_seconds }
    end
  end
  return items
end

--- Judges every claimed entry by the rules of validation.
---@param ctx billing.Context
---@param contract table
---@param claimed billow.billing.Claimed
---@return billow.billing.Judged
function ledger.judge(ctx, contract, claimed)
  local index, placed, parts = assign.index(ctx), {}, {}
  for _, entry in ipairs(claimed.time) do
    if entry.moved_by == "ceiling" then
      parts[#parts + 1] = moved_part(entry)
    else
      local _, project = assign.find(index, entry)
      placed[#placed + 1] = { entry = entry, project = project }
    end
  end
  local items =
    period.items(ctx, contract, { time = placed, expenses = claimed.expenses }, claimed.marks)
  items = with_moved(ctx, contract, items, parts)
  add_events(ctx, contract, claimed, items)
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
---@field seconds Decimal  of time that this place stands for
---@field amount Decimal   its share of the line's net

--- Each line's net divided over its references by their size, to the cent; several payers share by
--- percent.
local function places_on(ctx, invoices, kind)
  local places = {}
  for _, invoice in ipairs(invoices) do
    local d = ctx.decimals(invoice.currency)
    for _, line in ipairs(invoice.lines) do
      local mine, weights, worth = {}, {}, {}
      for _, reference in ipairs(line.references) do
        if reference.type == kind then
          mine[#mine + 1] = reference
          weights[#mine] = decimal(reference.seconds or reference.amount or 1)
          -- Entries of a fixed sum are worth the same, however long they took.
          worth[#mine] = line.unit_code == rates.FIXED and decimal(1) or weights[#mine]
        end
      end
      local total = decimal.sum(worth)
      local amounts = #mine > 0
          and not total:is_zero()
          and split.largest_remainder(decimal(line.net_amount), worth, d)
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
          seconds = weights[i] * percent / 100,
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
--- decimals for amounts. What stands on no line was drawn from a retainer.
local function add_billed(movements, entry, quantity, places, d)
  local weights = {}
  for i, place in ipairs(places or {}) do
    weights[i] = place.weight
  end
  local shares = split.largest_remainder(quantity, weights, d)
  for i, share in ipairs(shares) do
    local place = places[i]
    add(movements, entry.entry_id, "billed", share, {
      invoice_id = place.invoice_id,
      line_id = place.line_id,
      amount = tostring(place.amount),
      currency = place.currency,
    })
  end
end

--- How much of a billed entry stands on lines; the rest was drawn from the retainer.
local function on_lines(entry, seconds, places, is_retainer)
  if not is_retainer then
    if not places then
      error(string.format("entry %s is billed but stands on no line", entry.id), 0)
    end
    return seconds
  end
  local standing = decimal(0)
  for _, place in ipairs(places or {}) do
    standing = standing + place.seconds
  end
  return math.min(seconds, standing:to_integer())
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

--- Where an entry's seconds go. Of what came from a ceiling as rounded time, the ledger moves the
--- seconds that were worked, in the same shares.
local function dispositions_of(entry, judged, bill)
  local found = bill.dispositions[entry.id]
    or judged.items.dispositions[entry.id]
    or { open = entry.duration_seconds }
  local names, weights, total = {}, {}, 0
  for name, seconds in pairs(found) do
    names[#names + 1], weights[#names + 1] = name, decimal(seconds)
    total = total + seconds
  end
  if not entry.moved_seconds or total == entry.duration_seconds or total == 0 then
    return found
  end
  local scaled = {}
  local shares = split.largest_remainder(decimal(entry.duration_seconds), weights, 0)
  for i, name in ipairs(names) do
    scaled[name] = shares[i]:to_integer()
  end
  return scaled
end

local function settle_time(movements, ctx, judged, bill)
  local places = places_on(ctx, bill.canonical, "time_entry")
  local reasons, is_retainer = reason_of(bill.exceptions), bill.model == "retainer"
  for _, entry in ipairs(judged.claimed.time) do
    for disposition, seconds in pairs(dispositions_of(entry, judged, bill)) do
      if disposition == "billed" and seconds > 0 then
        local standing = on_lines(entry, seconds, places[entry.id], is_retainer)
        if standing > 0 then
          add_billed(movements, entry, decimal(standing), places[entry.id], 0)
        end
        if standing < seconds then
          add(movements, entry.entry_id, "drawn", seconds - standing, { reason = "retainer" })
        end
      elseif seconds > 0 and disposition ~= "moved" then -- that is ledger.transfers
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

--- A valid expense: what caps keep off is held or written off, the rest is billed.
local function settle_valid_expense(movements, expense, cuts, places)
  local rest = expense.amount
  for disposition, amount in pairs(cuts or {}) do
    add(movements, expense.entry_id, disposition, amount, { reason = "CAP_REACHED" })
    rest = rest - amount
  end
  if not cuts or not rest:is_zero() then
    add_billed(movements, expense, rest, places, math.max(expense.amount:scale(), 0))
  end
end

local function settle_expenses(movements, ctx, judged, bill)
  local places = places_on(ctx, bill.canonical, "expense")
  local reasons = reason_of(bill.exceptions)
  for _, expense in ipairs(judged.claimed.expenses) do
    local disposition = judged.expense_dispositions[expense.id]
    if disposition == "valid" then
      local cuts = (bill.expense_cuts or {})[expense.id]
      settle_valid_expense(movements, expense, cuts, places[expense.id])
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

local function settle_milestones(movements, ctx, judged, bill)
  local places = places_on(ctx, bill.canonical, "milestone")
  local reasons = reason_of(bill.exceptions)
  for _, entry in ipairs(judged.claimed.milestones) do
    local standing = places[entry.event.id]
    if standing then
      add_billed(movements, entry, decimal(1), standing, SHARE_DECIMALS)
    elseif reasons[entry.id] then
      add(movements, entry.entry_id, "exception", 1, { reason = reasons[entry.id] })
    else
      add(movements, entry.entry_id, "open", 1, { reason = "not due" })
    end
  end
end

--- What a ceiling moves to the next contract: the parts that arrive there, and the movements of
--- what they come from (billow.billing.moves_statements.add_transfer).
---@param judged billow.billing.Judged
---@param bill billow.billing.Bill
---@return table[] parts
---@return table[] moves
function ledger.transfers(judged, bill)
  local parts, moves, works = json.array({}), json.array({}), {}
  for contract_id, list in pairs(bill.moved or {}) do
    for _, work in ipairs(list) do
      works[work.entry.id] = { contract_id = contract_id, work = work }
    end
  end
  for _, entry in ipairs(judged.claimed.time) do
    local seconds = (bill.dispositions[entry.id] or {}).moved or 0
    local target = seconds > 0 and works[entry.id]
    if target then
      parts[#parts + 1] = {
        entry_id = entry.entry_id,
        quantity = tostring(seconds),
        contract_id = target.contract_id,
        said = {
          duration_seconds = seconds,
          moved_by = "ceiling",
          moved_project = target.work.project,
          moved_seconds = target.work.worked_seconds,
        },
      }
      moves[#moves + 1] = {
        entry_id = entry.entry_id,
        from_state = "claimed",
        quantity = tostring(seconds),
      }
    end
  end
  return parts, moves
end

--- All movements of a bill but its transfers, usage events apart (they move by one statement).
--- Together they move exactly what the run claimed.
---@param ctx billing.Context
---@param judged billow.billing.Judged
---@param bill billow.billing.Bill
---@return billow.billing.Movement[]
function ledger.settlement(ctx, judged, bill)
  local movements = json.array({})
  settle_time(movements, ctx, judged, bill)
  settle_expenses(movements, ctx, judged, bill)
  settle_milestones(movements, ctx, judged, bill)
  return movements
end

--- Codes of usage events that are not billed, by their reference.
---@param bill billow.billing.Bill
---@return table<string, string>
function ledger.usage_exceptions(bill)
  local codes = {}
  for ref, code in pairs(reason_of(bill.exceptions)) do
    if ref:sub(1, 6) == "usage:" then
      codes[ref] = code
    end
  end
  return codes
end

local function invoiced_periods(contract, bill)
  local known = contract.ctx.opening.retainer[contract.id]
  local list = { table.unpack(known and known.invoiced_periods or {}) }
  for _, object in ipairs(bill.canonical) do
    for _, line in ipairs(object.lines) do
      local period_id = line.component == "retainer"
        and line.description_key:match("^retainer:(.*)$")
      if period_id and list[#list] ~= period_id then
        list[#list + 1] = period_id
      end
    end
  end
  return json.array(list)
end

--- What each payer with a cap has been billed so far; nil when nobody has a cap.
local function payer_used(ctx, contract, bill)
  local used = (ctx.opening.payer_used or {})[contract.id] or {}
  local after
  for _, payer in ipairs(contract.payers or {}) do
    if payer.cap_amount then
      local sum = used[payer.customer_id] or decimal(0)
      for _, invoice in ipairs(bill.canonical) do
        if invoice.customer_id == payer.customer_id then
          sum = sum + decimal(invoice.totals.tax_exclusive_amount)
        end
      end
      after = after or {}
      after[payer.customer_id] = tostring(sum)
    end
  end
  return after
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
  local opening = {
    purchase_order_used = { [id] = tostring(used) },
    payer_used = { [id] = payer_used(ctx, contract.contract, bill) },
  }
  if closing.ceiling_used then
    opening.ceiling_used = { [id] = closing.ceiling_used }
  end
  if closing.cap_used then
    opening.cap_used = { [id] = json.array(closing.cap_used) }
  end
  if closing.expense_cap_used then
    opening.expense_cap_used = { [id] = json.array(closing.expense_cap_used) }
  end
  if closing.usage_counted then
    opening.usage_counted = { [id] = json.array(closing.usage_counted) }
  end
  if closing.discount_used then
    opening.discount_used = { [id] = json.array(closing.discount_used) }
  end
  if closing.fixed_fee then
    opening.fixed_fee = { [id] = closing.fixed_fee }
  end
  if closing.retainer then
    opening.retainer = {
      [id] = {
        buckets = closing.retainer.buckets,
        invoiced_periods = invoiced_periods(contract, bill),
      },
    }
  end
  local counted = ctx.counted or {}
  local retainer = bill.closing.retainer
  return {
    closing = closing,
    opening = opening,
    counted = #counted > 0 and counted or nil,
    expired = retainer and tostring(retainer.expired or 0) or nil, -- for the books: breakage
  }
end

return ledger
