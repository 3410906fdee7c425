--- What work that is not billed would come to at its own rate, and how much it is, in words. For
--- decisions about it before it is billed; the bill itself may round and cap it otherwise.
---@class billow.billing.worth
local worth = {}

local currency = require("billow.billing.currency")
local decimal = require("billow.decimal")
local expenses = require("billow.billing.expenses")
local figures = require("billow.billing.figures")
local json = require("billow.json")
local ledger = require("billow.billing.ledger")
local store = require("billow.billing.store")

local SECONDS_PER_HOUR = decimal(3600)

--- A row of an entry of which somebody wants some: {entry_id, kind, body, wanted}.
---@alias billow.billing.WantedRow table

--- What an entry is worth at its own rate, or an expense with its mark-up; nil when it has no rate.
---@param contract billow.billing.Contract
---@param row billow.billing.WantedRow
---@return Decimal?
function worth.of(contract, row)
  local d = currency.decimals(contract.contract.currency)
  if row.kind == "expense" then
    return expenses.worth(contract.contract.expenses, row.body, row.wanted, d)
  elseif row.kind ~= "time" then
    return nil
  end
  local typed = store.claimed_of({
    {
      entry_id = row.entry_id,
      kind = row.kind,
      body = row.body,
      claimed = tostring(row.wanted),
      duplicate_of = json.null,
      day_seconds = json.null,
    },
  })
  local work = ledger.judge(contract.ctx, contract.contract, typed).items.time[1]
  if not work or not work.rate then
    return nil
  end
  local unit = SECONDS_PER_HOUR
  if work.rate.unit_code == "DAY" then
    unit = unit * contract.contract.terms.hours_per_day
  end
  return (row.wanted * work.rate.price / unit):round(d)
end

--- "1.5 h", "20.00", "1".
---@param row billow.billing.WantedRow
---@return string
function worth.size(row)
  if row.kind == "time" then
    return figures.plain(figures.hours(row.wanted:to_integer()):round(2)) .. " h"
  end
  return tostring(row.wanted)
end

--- A line for each.
---@param rows billow.billing.WantedRow[]
---@return string
function worth.text(rows)
  local texts = {}
  for i, row in ipairs(rows) do
    texts[i] = string.format("  %s %s", row.entry_id, worth.size(row))
  end
  return table.concat(texts, "\n")
end

return worth
