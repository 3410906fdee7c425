--- A preview: what the bill of a contract's period would be now, made by the very rules that bill
--- it. Nothing is claimed, asked, numbered or issued.
---
--- When the period has been billed, its preview is the bill as it would be made today: the
--- difference to what was issued shows late entries, edits, and changed cards, contracts and
--- policies.
---@class billow.billing.preview
local preview = {}

local billing = require("billow.billing")
local billow = require("billow")
local close = require("billow.billing.close")
local db = require("billow.db")
local decimal = require("billow.decimal")
local json = require("billow.json")
local preview_statements = require("billow.billing.preview_statements")
local store = require("billow.billing.store")
local usage_count = require("billow.billing.usage_count")
local usage_statements = require("billow.billing.usage_statements")
local workflow = require("billow.workflow")


---@class billow.billing.Preview
---@field contract string
---@field model string
---@field status string      ready, blocked, on_hold, nothing; "failed: ..." with the reason
---@field currency? string
---@field invoices? integer
---@field lines? integer
---@field net? string
---@field tax? string
---@field gross? string
---@field exceptions? table<string, integer>   how many of each code
---@field since_issued? table    {at, lines, net, tax, gross}: this less what was issued
---@field since_preview? table   {at, lines, net, tax, gross}: this less the preview before

--- What a bill would take.
---@param contract billow.billing.Contract
---@return billow.billing.Claimed
local function look(contract)
  local wanted = store.reach(contract.contract, contract.ctx.period.end_date)
  wanted.period = contract.period
  local claimed =
    store.note_starts(store.claimed_of(db.query(preview_statements.entries, { wanted })))
  if contract.contract.model == "usage" then
    claimed.usage = usage_count.collect(contract.ctx, contract.contract, {
      count = usage_statements.count_wanted,
      doubtful = usage_statements.doubtful_wanted,
    }, wanted)
  end
  return claimed
end

--- The contract before its bill of this period.
---@param contract_id string
---@param period string
---@return billow.billing.Contract
local function contract_before(contract_id, period)
  local contract, own = billing.contract(contract_id, period), {}
  for _, row in ipairs(db.query(preview_statements.own_advances, { contract_id, period })) do
    own[row.number] = true
  end
  local opening, kept = contract.ctx.opening, {}
  for _, advance in ipairs(opening.advances) do
    if not own[advance.number] then
      kept[#kept + 1] = advance
    end
  end
  opening.advances = kept
  return contract
end

local function counted(exceptions)
  local codes = {}
  for _, found in ipairs(exceptions) do
    codes[found.code] = (codes[found.code] or 0) + 1
  end
  return codes
end

local function sums_of(bill)
  local sums = { net = decimal(0), tax = decimal(0), gross = decimal(0), lines = 0 }
  for _, object in ipairs(bill.canonical) do
    sums.net = sums.net + decimal(object.totals.tax_exclusive_amount)
    sums.tax = sums.tax + decimal(object.totals.tax_amount)
    sums.gross = sums.gross + decimal(object.totals.payable_amount)
    sums.lines = sums.lines + #object.lines
  end
  return sums
end

--- This less an earlier one; nil without an earlier one.
---@param sums table
---@param earlier? table   a row
---@return table?
function preview.difference(sums, earlier)
  if not earlier then
    return nil
  end
  return {
    at = earlier.at,
    lines = sums.lines - earlier.lines,
    net = tostring(sums.net - decimal(earlier.net)),
    tax = tostring(sums.tax - decimal(earlier.tax)),
    gross = tostring(sums.gross - decimal(earlier.gross)),
  }
end

--- The bill of a contract's period as it would be now; nothing is claimed.
---@param contract_id string
---@param period string
---@return billow.billing.Contract
---@return billow.billing.Bill
---@return billow.billing.Claimed
function preview.bill(contract_id, period)
  local contract = contract_before(contract_id, period)
  local claimed = look(contract)
  local judged = billing.judge(contract, claimed)
  return contract, billing.draft(contract, judged), claimed
end

--- Previews one contract, and keeps what came out for the next preview.
---@param contract_id string
---@param period string
---@return billow.billing.Preview
function preview.contract(contract_id, period)
  local contract, bill = preview.bill(contract_id, period)
  local sums = sums_of(bill)
  local made = {
    contract = contract_id,
    model = contract.contract.model,
    status = bill.status,
    currency = contract.contract.currency,
    invoices = #bill.canonical,
    lines = sums.lines,
    net = tostring(sums.net),
    tax = tostring(sums.tax),
    gross = tostring(sums.gross),
    exceptions = counted(bill.exceptions),
  }
  local issued = db.one(preview_statements.issued, { contract_id, period })
  local last = db.one(preview_statements.last, { contract_id, period })
  db.transaction(function(tx)
    tx:exec(preview_statements.put, { contract_id, period, billow.run().id, made }, "one")
  end)
  made.since_issued = preview.difference(sums, issued)
  made.since_preview = preview.difference(sums, last)
  return made
end

--- Previews every contract side by side, each in a run of its own.
---@param period string
---@return billow.billing.Preview[]
function preview.all(period)
  local strands = {}
  for i, contract in ipairs(close.contracts()) do
    strands[i] = function()
      local input = { period = period, contract = contract.id }
      local is_done, result = pcall(workflow.call, "preview", input)
      if is_done then
        return result.contracts[1]
      end
      local status = "failed: " .. tostring(result)
      return { contract = contract.id, model = contract.model, status = status }
    end
  end
  return json.array(billow.all(strands))
end

return preview
