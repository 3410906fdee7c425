--- The report that ends the close of a period: per contract what was invoiced, held, blocked and
--- written off, with reasons; totals by currency; and the accrual of work that is not billed (R2).
---@class billow.billing.close_report
local close_report = {}

local billing = require("billow.billing")
local billow = require("billow")
local calendar = require("billow.billing.calendar")
local currency = require("billow.billing.currency")
local date = require("billow.date")
local db = require("billow.db")
local decimal = require("billow.decimal")
local expenses = require("billow.billing.expenses")
local figures = require("billow.billing.figures")
local json = require("billow.json")
local ledger = require("billow.billing.ledger")
local reading = require("billow.billing.reading")
local store = require("billow.billing.store")

local given = reading.given
local ZERO, SECONDS_PER_HOUR = decimal(0), decimal(3600)

--- What a period came to, contract by contract. $1 period, $2 its last day
close_report.figures_statement = db.statement({
  name = "billing.close_figures",
  sql = [[
with work as (
  select p.contract_id,
         coalesce(sum(b.quantity) filter (where b.state = 'held' and p.kind = 'time'), 0) as held,
         coalesce(sum(b.quantity) filter (where b.state = 'open' and p.kind = 'time'), 0) as open,
         coalesce(sum(b.quantity) filter (where b.state = 'written_off' and p.kind = 'time'), 0)
           as written_off,
         jsonb_agg(distinct b.reason) filter (where b.state = 'held' and b.quantity > 0)
           as reasons,
         bool_or(b.state in ('open', 'held') and b.quantity > 0 and p.kind in ('time', 'expense'))
           as is_unbilled
    from billing.entry_placed p
    join billing.ledger_balance b on b.tenant_id = p.tenant_id and b.entry_id = p.id
   where p.contract_id is not null and p.entry_date <= $2::date
   group by p.contract_id
)
select k.id as contract, k.model, k.currency, c.run_id is not null as is_closed,
       coalesce(i.net, 0)::text as net, coalesce(i.invoices, 0) as invoices,
       coalesce(w.held, 0)::text as held_seconds, coalesce(w.open, 0)::text as open_seconds,
       coalesce(w.written_off, 0)::text as written_off_seconds,
       coalesce(w.reasons, '[]') as held_reasons, coalesce(w.is_unbilled, false) as is_unbilled,
       coalesce(x.codes, '{}') as exceptions, coalesce(x.blockers, '[]') as blockers
  from billing.contract_now k
  left join billing.closing c on c.contract_id = k.id and c.period = $1
  left join work w on w.contract_id = k.id
 cross join lateral (select sum(case n.type_code when '381' then -n.net else n.net end) as net,
                            count(*) as invoices
                       from billing.invoice_of_contract n
                      where n.contract_id = k.id and n.period = $1) i
 cross join lateral (select jsonb_object_agg(e.code, e.count) as codes,
                            jsonb_agg(jsonb_build_object('code', e.code, 'message', e.message))
                              filter (where e.is_blocking) as blockers
                       from (select y.code, count(*) as count, min(y.message) as message,
                                    bool_or(y.level <> 'entry' and y.code not in
                                      ('CEILING_REACHED', 'CAP_REACHED', 'TIMESHEET_MISSING'))
                                      as is_blocking
                               from billing.exception y
                              where y.contract_id = k.id and y.period = $1 group by y.code) e) x
 order by k.id collate "C"]],
})

--- What of a contract's time and expenses is not billed. $1 contract, $2 last day
close_report.unbilled_statement = db.statement({
  name = "billing.close_unbilled",
  sql = [[
select e.id as entry_id, e.kind, e.body, sum(b.quantity)::text as claimed
  from billing.entry_placed p
  join billing.entry e on e.id = p.id
  join billing.ledger_balance b on b.entry_id = e.id and b.state in ('open', 'held')
   and b.quantity > 0
 where p.contract_id = $1 and p.entry_date <= $2::date and p.kind in ('time', 'expense')
   and p.invalid is null
 group by e.id, e.kind, e.body
 order by e.id collate "C"]],
})

--- $1 JSON array of {contract_id, amount, currency, basis}, $2 period, $3 last day, $4 day after,
--- $5 run
close_report.put_accruals = db.statement({
  name = "billing.put_accruals",
  sql = [[
insert into billing.accrual (contract_id, period, amount, currency, accrued_on, reversed_on, basis,
    run_id)
select a.contract_id, $2, a.amount, a.currency, $3::date, $4::date, a.basis, $5::uuid
  from jsonb_to_recordset($1::jsonb) as a(contract_id text, amount numeric, currency text,
      basis jsonb)
on conflict do nothing]],
})

--- $1 period, $2 JSON body, $3 run
close_report.put_report = db.statement({
  name = "billing.put_close_report",
  sql = [[
insert into billing.close_report (period, position, body, run_id)
select $1, coalesce(max(r.position), 0) + 1, $2::jsonb, $3::uuid
  from billing.close_report r where r.period = $1]],
})

--- The worth of unbilled entries at their own rates, and of expenses with their mark-up; what has
--- no rate is counted, not guessed.
---@param contract billow.billing.Contract
---@param rows table[]
---@return Decimal amount
---@return table basis
function close_report.worth(contract, rows)
  local d, unit = currency.decimals(contract.contract.currency), SECONDS_PER_HOUR
  local total, seconds, costs, unrated = ZERO, 0, ZERO, 0
  for _, row in ipairs(rows) do
    row.duplicate_of, row.day_seconds = json.null, json.null
    local claimed = store.claimed_of({ row })
    if row.kind == "expense" then
      local cost = decimal(row.claimed)
      costs = costs + cost
      total = total + expenses.worth(contract.contract.expenses, row.body, cost, d)
    else
      local judged = ledger.judge(contract.ctx, contract.contract, claimed)
      local work = judged.items.time[1]
      seconds = seconds + decimal(row.claimed):to_integer()
      if work and work.rate then
        local per = work.rate.unit_code == "DAY" and unit * contract.contract.terms.hours_per_day
          or unit
        total = total + (decimal(row.claimed) * work.rate.price / per):round(d)
      else
        unrated = unrated + decimal(row.claimed):to_integer()
      end
    end
  end
  return total,
    { seconds = seconds, unrated_seconds = unrated, expenses = tostring(costs), at = "rates" }
end

--- By model: fees of fixed-fee contracts are earned by milestones, usage by its events; only time
--- and materials, and what a retainer holds back, is worth its rate.
local IS_BY_RATE = { tm = true, retainer = true }

local function accruals_of(rows, period, last_day)
  local made = json.array({})
  for _, row in ipairs(rows) do
    if row.is_unbilled == true and IS_BY_RATE[row.model] then
      local contract = billing.contract(row.contract, period)
      local unbilled = db.query(close_report.unbilled_statement, { row.contract, last_day })
      local amount, basis = close_report.worth(contract, unbilled)
      made[#made + 1] = {
        contract_id = row.contract,
        amount = figures.amount(amount, currency.decimals(row.currency)),
        currency = row.currency,
        basis = basis,
      }
    end
  end
  return made
end

local function hours(seconds)
  return figures.plain((decimal(seconds) / SECONDS_PER_HOUR):round(2))
end

local function status_of(row, result)
  if result and result.status then
    return result.status
  end
  return row.is_closed == true and "closed" or "not billed"
end

--- The report of what is in the database now. Pure.
---@param period string
---@param rows table[]      of close_figures
---@param results table[]   of the billing runs
---@param accruals table[]
---@param unassigned table  of close.unassigned
---@return table
function close_report.of(period, rows, results, accruals, unassigned)
  local by_contract, accrued, totals = {}, {}, {}
  for _, result in ipairs(results) do
    by_contract[result.contract] = result
  end
  for _, accrual in ipairs(accruals) do
    accrued[accrual.contract_id] = accrual.amount
  end
  local contracts, blocked = json.array({}), json.array({})
  for i, row in ipairs(rows) do
    local total = totals[row.currency] or { invoiced = ZERO, accrued = ZERO, invoices = 0 }
    totals[row.currency] = total
    total.invoiced = total.invoiced + decimal(row.net)
    total.accrued = total.accrued + decimal(accrued[row.contract] or 0)
    total.invoices = total.invoices + row.invoices
    contracts[i] = {
      contract = row.contract,
      model = row.model,
      currency = row.currency,
      status = status_of(row, by_contract[row.contract]),
      is_closed = row.is_closed == true,
      invoiced_net = row.net,
      invoices = row.invoices,
      held_hours = hours(row.held_seconds),
      held_reasons = json.array(given(row.held_reasons) or {}),
      open_hours = hours(row.open_seconds),
      written_off_hours = hours(row.written_off_seconds),
      exceptions = row.exceptions,
      accrued_net = accrued[row.contract] or "0",
    }
    for _, blocker in ipairs(row.is_closed ~= true and row.blockers or {}) do
      blocked[#blocked + 1] = {
        contract = row.contract,
        code = blocker.code,
        message = blocker.message,
      }
    end
  end
  local sums = {}
  for code, total in pairs(totals) do
    sums[code] = {
      invoiced_net = tostring(total.invoiced),
      accrued_net = tostring(total.accrued),
      invoices = total.invoices,
    }
  end
  return {
    period = period,
    contracts = contracts,
    blockers = blocked,
    totals = sums,
    unassigned = #unassigned.exceptions,
  }
end

--- Makes the report of a period whose contracts were all billed or set aside, and keeps it together
--- with the accrual.
---@param period string
---@param results table[]
---@param unassigned table
---@return table
function close_report.make(period, results, unassigned)
  local last_day = calendar.period(period).end_date
  local rows = db.query(close_report.figures_statement, { period, last_day })
  local accruals = accruals_of(rows, period, last_day)
  local report = close_report.of(period, rows, results, accruals, unassigned)
  local run = billow.run()
  db.transaction(function(tx)
    local day_after = date.add_days(last_day, 1)
    local params = { accruals, period, last_day, day_after, run.id }
    tx:exec(close_report.put_accruals, params, "any")
    tx:exec(close_report.put_report, { period, report, run.id }, "one")
  end)
  return report
end

return close_report
