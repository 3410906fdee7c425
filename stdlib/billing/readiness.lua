--- Readiness of a period before it is billed (V6, V10): per contract a score and everything that
--- stands in the way, each with who has to act; per customer the data that is missing. Claims, asks
--- and issues nothing.
---@class billow.billing.readiness
local readiness = {}

local agreed = require("billow.billing.agreed")
local billow = require("billow")
local close = require("billow.billing.close")
local date = require("billow.date")
local err = require("billow.err")
local json = require("billow.json")
local preview = require("billow.billing.preview")
local split = require("billow.billing.split")
local tax = require("billow.billing.tax")
local workflow = require("billow.workflow")

-- A blocked bill is never more than half ready, one on hold never ready.
local BLOCKED_MAX = 50
-- What a bill reports beside what stands in its way.
local IS_NO_BLOCK = { CAP_REACHED = true, CEILING_REACHED = true }
local REVERSE = { AE = true, K = true }

---@class billow.billing.Blocker
---@field code string
---@field level "entry"|"invoice"|"contract"|"customer"
---@field count integer
---@field owner string      who has to act: names, or a role when nobody is named
---@field message string    of the first of them

---@class billow.billing.Readiness
---@field contract string
---@field customer string
---@field status string          ready, blocked, on_hold, nothing; "failed: ..."
---@field score integer          0 to 100
---@field blockers billow.billing.Blocker[]
---@field holds table[]          {of, reason, owner, since, days, review_date?, is_overdue}

--- Who acts when nobody is named.
local OWNERS = {
  NOT_APPROVED = "whoever approves the work at its source",
  TIMESHEET_MISSING = "whoever keeps the timesheets",
  OVERLAPS = "whoever approves the work at its source",
  NO_RATE = "whoever keeps the rate cards",
  PROJECT_UNKNOWN = "whoever keeps the contracts",
  MISSING_BUYER_REFERENCE = "account manager",
  MISSING_VAT_ID = "account manager",
  VAT_ID_INVALID = "account manager",
  VAT_CHECK_PENDING = "whoever checks VAT numbers",
  PLACE_OF_SUPPLY = "whoever keeps the contracts",
  SUPPLY_NOT_PROVEN = "whoever checks VAT numbers",
  MISSING_PURCHASE_ORDER = "account manager",
  PO_EXPIRED = "account manager",
  PO_EXCEEDED = "account manager",
  CEILING_STOP = "account manager",
  TERM_LOCKED = "whoever keeps the contracts",
}
local OWNER_DEFAULT = "finance"

local function owner_of(code, rules)
  if #rules.exceptions_owner > 0 then
    return table.concat(rules.exceptions_owner, ", ")
  end
  return OWNERS[code] or OWNER_DEFAULT
end

--- One blocker for each code and level, most first.
local function blockers_of(exceptions, rules)
  local list, by_code = json.array({}), {}
  for _, found in ipairs(exceptions) do
    local key = found.level .. "\0" .. found.code
    if not IS_NO_BLOCK[found.code] then
      local blocker = by_code[key]
      if not blocker then
        blocker = {
          code = found.code,
          level = found.level,
          count = 0,
          owner = owner_of(found.code, rules),
          message = found.message,
        }
        by_code[key] = blocker
        list[#list + 1] = blocker
      end
      blocker.count = blocker.count + 1
    end
  end
  table.sort(list, function(a, b)
    if a.count ~= b.count then
      return a.count > b.count
    end
    return a.code < b.code
  end)
  return list
end

--- What a payer's master data lacks for an invoice (V6).
---@param ctx billing.Context
---@param contract table
---@return {code: string, message: string}[]
function readiness.missing(ctx, contract)
  local list = {}
  local function add(code, text, ...)
    list[#list + 1] = { code = code, level = "customer", message = text:format(...) }
  end
  for _, payer in ipairs(split.payers(ctx, contract)) do
    local customer = payer.customer
    local code = tax.find(ctx.firm, payer.tax_code or contract.tax_code or customer.tax_code)
    local reference = contract.buyer_reference or customer.buyer_reference
    if customer.buyer_reference_required and not reference then
      add("MISSING_BUYER_REFERENCE", "%s requires a buyer reference: ask for it", customer.id)
    end
    if code and REVERSE[code.category_code] and not customer.vat_id then
      local text = "%s has no VAT number, category %s needs it"
      add("MISSING_VAT_ID", text, customer.id, code.category_code)
    end
    for _, field in ipairs({ "street_name", "city_name", "postal_zone" }) do
      if not customer.address[field] then
        add("MISSING_ADDRESS", "the address of %s has no %s", customer.id, field)
      end
    end
    if customer.electronic_address and not customer.electronic_address.value then
      add("MISSING_E_ADDRESS", "%s has an electronic address without a value", customer.id)
    end
  end
  local order = contract.purchase_order
  if order and not order.number then
    add("MISSING_PURCHASE_ORDER", "the purchase order of %s has no number", contract.id)
  end
  return list
end

--- Holds of the payers and of the contract's projects, how old they are, and when they were to be
--- looked at again (V5).
---@param ctx billing.Context
---@param contract table
---@param today string
---@return table[]
function readiness.holds(ctx, contract, today)
  local list = json.array({})
  local function add(of, hold)
    if hold and hold.start_date <= today and not (hold.end_date and hold.end_date < today) then
      list[#list + 1] = {
        of = of,
        reason = hold.reason or json.null,
        owner = hold.owner or OWNER_DEFAULT,
        since = hold.start_date,
        days = date.days_between(hold.start_date, today),
        review_date = hold.review_date or json.null,
        is_overdue = hold.review_date ~= nil and hold.review_date < today,
      }
    end
  end
  for _, payer in ipairs(split.payers(ctx, contract)) do
    add("customer " .. payer.customer.id, payer.customer.hold)
  end
  for _, project in ipairs(contract.projects) do
    add("project " .. (project.code or project.name), project.hold)
  end
  return list
end

--- The share of what was claimed that may be billed, in percent; capped by what stops the whole.
---@param counts {entries: integer, exceptions: integer}
---@param status string
---@return integer
function readiness.score(counts, status)
  if status == "on_hold" then
    return 0
  end
  local share = counts.entries == 0 and 100
    or 100 * (counts.entries - math.min(counts.exceptions, counts.entries)) // counts.entries
  return status == "blocked" and math.min(share, BLOCKED_MAX) or share
end

local function count_entries(claimed, contract_id)
  local usage = claimed.usage and claimed.usage.by_contract[contract_id]
  return #claimed.time + #claimed.expenses + #claimed.milestones + (usage and usage.counted or 0)
end

--- One contract.
---@param contract_id string
---@param period string
---@return billow.billing.Readiness
function readiness.contract(contract_id, period)
  local contract, bill, claimed = preview.bill(contract_id, period)
  local ctx = contract.ctx
  local rules = ctx.decide("validation", agreed.subject(ctx, contract.contract))
  local exceptions, entry_level = {}, 0
  for _, found in ipairs(bill.exceptions) do
    exceptions[#exceptions + 1] = found
    entry_level = entry_level + (found.level == "entry" and 1 or 0)
  end
  for _, missing in ipairs(readiness.missing(ctx, contract.contract)) do
    exceptions[#exceptions + 1] = missing
  end
  local counts = { entries = count_entries(claimed, contract_id), exceptions = entry_level }
  return {
    contract = contract_id,
    customer = contract.contract.customer_id,
    status = bill.status,
    entries = counts.entries,
    score = readiness.score(counts, bill.status),
    blockers = blockers_of(exceptions, rules),
    holds = readiness.holds(ctx, contract.contract, billow.today(ctx.firm.time_zone)),
  }
end

--- Every contract, each in a run of its own; the least ready first.
---@param period string
---@return billow.billing.Readiness[]
function readiness.all(period)
  local strands = {}
  for i, contract in ipairs(close.contracts()) do
    strands[i] = function()
      local input = { period = period, contract = contract.id }
      local is_done, result = pcall(workflow.call, "readiness", input)
      if is_done then
        return result.contracts[1]
      end
      return {
        contract = contract.id,
        customer = contract.customer_id,
        status = "failed: " .. err.of(result).text,
        entries = 0,
        score = 0,
        blockers = json.array({}),
        holds = json.array({}),
      }
    end
  end
  local list = billow.all(strands)
  table.sort(list, function(a, b)
    if a.score ~= b.score then
      return a.score < b.score
    end
    return a.contract < b.contract
  end)
  return json.array(list)
end

--- What has to be done about entries of the period that no contract takes; no bill would show them.
---@param period string
---@return table[]   as readiness.todo lists them, of contract and customer "-"
function readiness.unassigned(period)
  local list = json.array({})
  local rules = { exceptions_owner = {} } -- a setting of a contract, and they have none
  for i, blocker in ipairs(blockers_of(close.look_unassigned(period).exceptions, rules)) do
    list[i] = {
      contract = "-",
      customer = "-",
      code = blocker.code,
      count = blocker.count,
      owner = blocker.owner,
      message = blocker.message,
    }
  end
  return list
end

--- One list of all that has to be done, by who has to act, most first.
---@param contracts billow.billing.Readiness[]
---@param unassigned? table[]   of readiness.unassigned
---@return table[]
function readiness.todo(contracts, unassigned)
  local list = json.array({ table.unpack(unassigned or {}) })
  for _, contract in ipairs(contracts) do
    for _, blocker in ipairs(contract.blockers) do
      list[#list + 1] = {
        contract = contract.contract,
        customer = contract.customer,
        code = blocker.code,
        count = blocker.count,
        owner = blocker.owner,
        message = blocker.message,
      }
    end
  end
  table.sort(list, function(a, b)
    if a.owner ~= b.owner then
      return a.owner < b.owner
    elseif a.count ~= b.count then
      return a.count > b.count
    end
    return a.contract .. a.code < b.contract .. b.code
  end)
  return list
end

return readiness
