--- What billing keeps in the database, as the rules see it: typed documents and entries in,
--- movements out.
--- The only module of billing that has effects apart from the facade in init.lua.
---@class billow.billing.store
local store = {}

local billow = require("billow")
local credit_effects = require("billow.billing.credit_effects")
local date = require("billow.date")
local db = require("billow.db")
local decimal = require("billow.decimal")
local json = require("billow.json")
local model = require("billow.billing.model")
local given = require("billow.billing.reading").given
local starts = require("billow.billing.starts")
local statements = require("billow.billing.statements")
local usage_count = require("billow.billing.usage_count")
local usage_statements = require("billow.billing.usage_statements")
local validation = require("billow.billing.validation")

-- Usage events claimed in one commit.
local USAGE_STRETCH = 20000

local EMPTY_OPENING = {
  number_series = {},
  ceiling_used = {},
  cap_used = {},
  expense_cap_used = {},
  discount_used = {},
  usage_counted = {},
  fixed_fee = {},
  advances = {},
  retainer = {},
  purchase_order_used = {},
  payer_used = {},
  exchange_rates = {},
}

local function bodies(kind, ids)
  local found = {}
  for _, row in ipairs(db.query(statements.documents, { kind, json.array(ids) })) do
    found[row.id] = row.body
  end
  return found
end

local function add_once(list, seen, id)
  if id and id ~= json.null and not seen[id] then
    seen[id] = true
    list[#list + 1] = id
  end
end

--- Ids of the customers and cards that a contract leads to.
local function customers_of(contracts)
  local ids, seen = {}, {}
  for _, contract in ipairs(contracts) do
    add_once(ids, seen, contract.customer_id)
    for _, payer in ipairs(given(contract.payers) or {}) do
      add_once(ids, seen, payer.customer_id)
    end
  end
  return ids
end

local function cards_of(firm, customers, contracts)
  local ids, seen = {}, {}
  add_once(ids, seen, firm.rate_card_id)
  for _, list in ipairs({ customers, contracts }) do
    for _, owner in ipairs(list) do
      add_once(ids, seen, owner.rate_card_id)
    end
  end
  return ids
end

local function in_id_order(by_id)
  local list = {}
  for _, body in pairs(by_id) do
    list[#list + 1] = body
  end
  return json.array(list)
end

--- Advances agreed before and those issued here, each with what is left of it by the last closing.
local function advances_of(contract_id, known, remaining)
  local list, is_listed = json.array({}), {}
  for _, advance in ipairs(known) do
    local copy = {}
    for name, value in pairs(advance) do
      copy[name] = value
    end
    copy.remaining_net = remaining[copy.number] or copy.remaining_net
    list[#list + 1], is_listed[copy.number] = copy, true
  end
  for _, issued in ipairs(db.query(statements.advances, { contract_id })) do
    if not is_listed[issued.number] then
      list[#list + 1] = {
        contract_id = contract_id,
        number = issued.number,
        issue_date = issued.issue_date,
        net_amount = issued.net_amount,
        tax_amount = issued.tax_amount,
        remaining_net = remaining[issued.number] or issued.net_amount,
      }
    end
  end
  return list
end

--- What the last closing leaves, and what credits have changed of it since.
local function closed_state(contract, closing)
  local state, counted = {}, json.array({})
  for name, value in pairs(closing.body.opening) do
    state[name] = value
  end
  state.advances_remaining = given(closing.body.closing.advances_remaining) or {}
  for i, id in ipairs(given(closing.body.counted) or {}) do
    counted[i] = id
  end
  local later = given(closing.later) or {}
  if #later == 0 then
    return state, counted
  end
  local changed, ids = credit_effects.count(state, contract, later)
  for _, id in ipairs(ids) do
    counted[#counted + 1] = id
  end
  return changed, counted
end

--- The state before a period, as far as it concerns one contract: the closing of its last period
--- with what was credited since, else what the firm's opening document says.
---@param contract table   raw
---@param period string
---@return table opening
---@return string[] counted   credit notes and new invoices that are in it
local function opening_of(contract, period)
  local documents = bodies("opening", { "firm", "contract:" .. contract.id })
  local opening, counted = {}, json.array({})
  for name, value in pairs(EMPTY_OPENING) do
    opening[name] = value
  end
  for _, id in ipairs({ "firm", "contract:" .. contract.id }) do
    for name, value in pairs(documents[id] or {}) do
      opening[name] = value
    end
  end
  local closing = db.query(statements.last_closing, { contract.id, period })[1]
  local state = {}
  if closing then
    state, counted = closed_state(contract, closing)
  end
  local remaining = state.advances_remaining or {}
  state.advances_remaining = nil
  for name, value in pairs(state) do
    opening[name] = value
  end
  opening.advances = advances_of(contract.id, opening.advances, remaining)
  return opening, counted
end

--- The contract that overflow goes to, when there is one, belongs to the picture.
local function contracts_around(contract_id)
  local contract = bodies("contract", { contract_id })[contract_id]
  if not contract then
    return nil
  end
  local around = { contract }
  local ceiling = given(contract.terms) and given(contract.terms.ceiling)
  local other = ceiling and given(ceiling.overflow_contract_id)
  if other then
    around[2] = bodies("contract", { other })[other]
  end
  return around
end

--- The typed context of one contract and period, as billing.Context.
---@param contract_id string
---@param period string   "2026-10"
---@return billing.Context
function store.context(contract_id, period)
  local contracts = contracts_around(contract_id)
  if not contracts then
    error(
      string.format(
        "there is no contract %s: import contracts.json, or correct the id",
        contract_id
      ),
      0
    )
  end
  local firm = bodies("firm", { "firm" }).firm
  local customers = in_id_order(bodies("customer", customers_of(contracts)))
  local opening, counted = opening_of(contracts[1], period)
  if opening.period ~= period then
    opening.issue_date = billow.today(firm.time_zone)
    opening.period = period
  end
  local ctx, problems = model.read({
    firm = firm,
    customers = customers,
    contracts = json.array(contracts),
    opening = opening,
    rate_cards = in_id_order(bodies("rate_card", cards_of(firm, customers, contracts))),
  }, period)
  if not ctx then
    local texts = {}
    for i, problem in ipairs(problems) do
      texts[i] = tostring(problem)
    end
    error("the documents do not fit together:\n" .. table.concat(texts, "\n"), 0)
  end
  ctx.counted = counted
  return ctx
end

-- After every period, and every day.
local LATEST, LATEST_DAY = "9999-12", "9999-12-31"

--- What the contract's next period would start from, as stored (raw): closings and credits so far.
---@param contract_id string
---@return table opening
function store.position(contract_id)
  local contract = bodies("contract", { contract_id })[contract_id]
  return (opening_of(contract, LATEST))
end

--- A stored entry as the rules know it. What is claimed of it may be less than the whole: the rest
--- was billed before.
local function typed(row)
  local entry = {}
  for name, value in pairs(row.body) do
    if value ~= json.null then
      entry[name] = value
    end
  end
  entry.entry_id = row.entry_id
  if row.kind == "time" then
    entry.duration_seconds = decimal(row.claimed):to_integer()
    -- What a ceiling rounded before it moved; of a part of that, what was worked counts.
    if entry.duration_seconds ~= row.body.duration_seconds then
      entry.moved_seconds = nil
    end
    entry.source_rate = entry.source_rate and decimal(entry.source_rate)
  elseif row.kind == "expense" then
    entry.amount = decimal(row.claimed)
    entry.tax_percent = entry.tax_percent and decimal(entry.tax_percent)
  end
  return entry
end

---@class billow.billing.Claimed
---@field time table[]
---@field expenses table[]
---@field milestones table[]   events as they came
---@field usage? billing.UsageCollection   usage contracts only
---@field marks billing.Marks

local LIST_OF = { time = "time", expense = "expenses", milestone = "milestones" }

local function sort_in(claimed, row)
  local entry = typed(row)
  table.insert(claimed[LIST_OF[row.kind]], entry)
  claimed.marks.duplicate_of[entry.id] = given(row.duplicate_of)
  if row.kind == "time" and given(row.day_seconds) then
    local seconds = decimal(row.day_seconds):to_integer()
    claimed.marks.day_seconds[validation.day_key(entry.person, entry.work_date)] = seconds
  end
end

--- Claims a contract's usage events, a stretch a commit: nobody waits long for a million of them.
local function claim_usage(wanted, run)
  for _, lot in ipairs(db.query(usage_statements.open, { wanted })) do
    for first = lot.first, lot.last, USAGE_STRETCH do
      local stretch = {
        subject = lot.subject,
        set = lot.set,
        first = first,
        last = math.min(lot.last, first + USAGE_STRETCH - 1),
        until_date = wanted.until_date,
      }
      db.transaction(function(tx)
        tx:exec(usage_statements.claim, { stretch, run.id, run.workflow }, "any")
      end)
    end
  end
end

--- Which contracts are closed for a period.
---@param period string
---@return table<string, boolean>
function store.closed(period)
  local is_closed = {}
  for _, row in ipairs(db.query(statements.closed, { period })) do
    is_closed[row.contract_id] = true
  end
  return is_closed
end

--- By what a contract's entries are known up to a day, as the statements take it.
---@param contract table
---@param until_date string
---@return table
function store.reach(contract, until_date)
  local codes, names = {}, {}
  for _, project in ipairs(contract.projects) do
    codes[#codes + 1] = project.code
    names[#names + 1] = project.name
  end
  return {
    contract = contract.id,
    codes = json.array(codes),
    names = json.array(names),
    subjects = json.array(contract.usage_subjects),
    until_date = until_date,
  }
end

--- Rows of entries, as the rules know them; usage is read apart.
---@param rows table[]
---@return billow.billing.Claimed
function store.claimed_of(rows)
  local marks = { duplicate_of = {}, day_seconds = {} }
  local claimed = { time = {}, expenses = {}, milestones = {}, marks = marks }
  for _, row in ipairs(rows) do
    sort_in(claimed, row)
  end
  return claimed
end

--- Notes what the instants tell at which the claimed work, and that of the same persons' days,
--- began.
---@param claimed billow.billing.Claimed
---@return billow.billing.Claimed claimed
function store.note_starts(claimed)
  local days = json.array({})
  for _, entry in ipairs(claimed.time) do
    if entry.started_at then
      days[#days + 1] = { person = entry.person, date = entry.work_date }
    end
  end
  if #days > 0 then
    local same_start, overlaps = starts.judge(db.query(statements.starts, { days }))
    claimed.marks.same_start, claimed.marks.overlaps = same_start, overlaps
  end
  return claimed
end

--- The usage events that this run has claimed, counted.
local function claimed_usage(ctx, contract, run_id)
  return usage_count.collect(ctx, contract, {
    count = usage_statements.count_claimed,
    doubtful = usage_statements.doubtful_claimed,
  }, { run = run_id })
end

--- Should the run be cancelled from here on, what it still claims goes where it belongs: usage that
--- an invoice bills already is settled, everything else is open again. Nothing stays claimed by
--- nobody.
---@param contract table
function store.keep_no_claims(contract)
  billow.compensate(function()
    local run = billow.run()
    local is_usage = contract.model == "usage"
    if is_usage and db.query(usage_statements.decided, { run.id })[1].is_decided then
      store.settle_usage()
    end
    store.release("the run was cancelled", contract)
  end, "claims of " .. contract.id)
end

--- Claims what is open of a contract up to the period's end for this run, and gives it in source
--- order; usage events counted.
---@param ctx billing.Context
---@param contract table
---@return billow.billing.Claimed
function store.claim(ctx, contract)
  local run, wanted = billow.run(), store.reach(contract, ctx.period.end_date)
  store.keep_no_claims(contract)
  local results = db.transaction(function(tx)
    tx:exec(statements.claim, { wanted, run.id, run.workflow }, "any")
    if contract.is_grouped then
      tx:exec(statements.claimed_of, { run.id, wanted }, "any")
    else
      tx:exec(statements.claimed, { run.id }, "any")
    end
  end)
  local claimed = store.note_starts(store.claimed_of(results[2]))
  if contract.model == "usage" then
    claim_usage(wanted, run)
    claimed.usage = claimed_usage(ctx, contract, run.id)
  end
  return claimed
end

--- What this run has claimed before, nothing new.
---@param ctx billing.Context
---@param contract table
---@return billow.billing.Claimed
function store.claimed(ctx, contract)
  local run = billow.run()
  local claimed = store.note_starts(store.claimed_of(db.query(statements.claimed, { run.id })))
  if contract.model == "usage" then
    claimed.usage = claimed_usage(ctx, contract, run.id)
  end
  return claimed
end

--- Moves this run's usage events by `statement`, a stretch a commit, until none is left.
local function move_usage(statement, params)
  local run = billow.run()
  repeat
    db.transaction(function(tx)
      tx:exec(statement, params, "any")
    end)
  until not db.query(usage_statements.left, { run.id })[1].is_left
end

--- Are there so many usage events that they cannot move in one commit with others?
---@param claimed billow.billing.Claimed
---@param contract table
---@return boolean
function store.is_long(claimed, contract)
  local items = claimed.usage and claimed.usage.by_contract[contract.id]
  return items ~= nil and items.counted + items.duplicates_dropped > USAGE_STRETCH
end

--- Moves the usage events of which usage_statements.decide said where they go.
function store.settle_usage()
  move_usage(usage_statements.settle_stretch, { billow.run().id, USAGE_STRETCH })
end

--- Gives back the usage events that this run still claims.
---@param reason string
function store.release_usage(reason)
  local run = billow.run()
  move_usage(usage_statements.release_stretch, { run.id, run.workflow, reason, USAGE_STRETCH })
end

--- Gives back everything that this run still claims; of a contract that is billed with others
--- (is_grouped) only what it claims of that one.
---@param reason string
---@param contract? table   usage events of a usage contract go back in stretches
function store.release(reason, contract)
  local run = billow.run()
  if contract and contract.model == "usage" then
    store.release_usage(reason)
  end
  db.transaction(function(tx)
    if contract and contract.is_grouped then
      local wanted = store.reach(contract, LATEST_DAY)
      tx:exec(statements.release_of, { run.id, wanted, run.workflow, reason }, "any")
    else
      tx:exec(statements.release, { run.id, run.workflow, reason }, "any")
    end
  end)
end

--- The name under which a source row is kept: import sets keep equal file names of different months
--- apart.
---@param set string
---@param id string
---@return string
function store.entry_id(set, id)
  return set .. "/" .. id
end

--- The date that decides about an entry: the day of work, or of the expense.
---@param entry table
---@return string?
function store.date_of(entry)
  local day = entry.work_date or entry.date
  return day and date.is_valid(day) and day or nil
end

return store
