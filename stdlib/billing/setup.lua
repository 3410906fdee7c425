--- Stores a firm's documents: each firm, customer, contract, rate card and opening is a versioned
--- document.
local setup = {}

local db = require("billow.db")
local json = require("billow.json")
local given = require("billow.billing.reading").given
local model = require("billow.billing.model")
local statements = require("billow.billing.statements")
local text = require("billow.text")

-- Fields of the opening that belong to one contract each, by contract id.
local BY_CONTRACT =
  { "ceiling_used", "fixed_fee", "retainer", "purchase_order_used", "payer_used" }

--- What is wrong with the documents, as precise texts; empty when they fit together.
---@param documents table
---@param period string
---@return string[]
function setup.check(documents, period)
  local ctx, problems = model.read(documents, period)
  local texts = json.array({})
  if not ctx then
    for i, problem in ipairs(problems) do
      texts[i] = tostring(problem)
    end
  end
  return texts
end

local function add(list, kind, id, body)
  list[#list + 1] =
    { kind = kind, id = id, body = body, digest = text.sha256_hex(json.encode(body)) }
end

--- The opening of one contract: its own share of the firm's opening.
local function opening_of(opening, id)
  local own = {}
  for _, field in ipairs(BY_CONTRACT) do
    local values = given(opening[field]) or {}
    if given(values[id]) ~= nil then
      own[field] = { [id] = values[id] }
    end
  end
  local advances = json.array({})
  for _, advance in ipairs(given(opening.advances) or {}) do
    if advance.contract_id == id then
      advances[#advances + 1] = advance
    end
  end
  own.advances = advances
  return own
end

local function series_statements(tx, firm, opening)
  for _, series in ipairs(firm.number_series) do
    local counters = given(opening.number_series) or {}
    local counter = given(counters[series.id])
    tx:exec(statements.put_series, {
      series.id,
      series.format,
      series.reset,
      counter and counter.next_sequence or 1,
      opening.issue_date,
    }, "any")
  end
end

--- Stores new versions of what changed, and the number series that are not there yet. Returns how
--- many were stored.
---@param documents table   checked by setup.check
---@return integer
function setup.store(documents)
  local list, opening = json.array({}), documents.opening
  add(list, "firm", "firm", documents.firm)
  for _, customer in ipairs(documents.customers) do
    add(list, "customer", customer.id, customer)
  end
  for _, card in ipairs(documents.rate_cards) do
    add(list, "rate_card", card.id, card)
  end
  local common = {
    period = opening.period,
    issue_date = opening.issue_date,
    exchange_rates = opening.exchange_rates,
  }
  add(list, "opening", "firm", common)
  for _, contract in ipairs(documents.contracts) do
    add(list, "contract", contract.id, contract)
    add(list, "opening", "contract:" .. contract.id, opening_of(opening, contract.id))
  end
  local results = db.transaction(function(tx)
    tx:exec(statements.put_documents, { list }, "any")
    series_statements(tx, documents.firm, opening)
  end)
  return #results[1]
end

return setup
