--- The close of a period: one billing run per contract, and what is left over.
---@class billow.billing.close
local close = {}

local billow = require("billow")
local calendar = require("billow.billing.calendar")
local canonical = require("billow.billing.canonical")
local consolidation = require("billow.billing.consolidation")
local db = require("billow.db")
local draft = require("billow.billing.draft")
local given = require("billow.billing.reading").given
local json = require("billow.json")
local ledger = require("billow.billing.ledger")
local statements = require("billow.billing.statements")
local store = require("billow.billing.store")
local workflow = require("billow.workflow")

-- The workflow that bills a model. A model without one is listed, not billed.
local WORKFLOWS = {
  ["tm"] = "tm",
  ["fixed-fee"] = "fixed-fee",
  ["retainer"] = "retainer",
  ["usage"] = "usage",
}

--- All contracts, or the one that is asked for, in order of id.
---@param only? string
---@return {id: string, model: string}[]
function close.contracts(only)
  local list = {}
  for _, row in ipairs(db.query(statements.contracts, {})) do
    if not only or row.id == only then
      list[#list + 1] = {
        id = row.id,
        model = row.model,
        customer_id = row.customer_id,
        overflow_contract_id = given(row.overflow_contract_id),
        invoice_group = given(row.invoice_group),
      }
    end
  end
  if only and #list == 0 then
    error("there is no contract " .. only .. ": import contracts.json, or correct the id", 0)
  end
  return list
end

local function bill(contract, period, is_closed)
  if is_closed then
    return { contract = contract.id, model = contract.model, status = "closed before" }
  end
  local name = WORKFLOWS[contract.model]
  if not name then
    return {
      contract = contract.id,
      model = contract.model,
      status = "no workflow bills this model yet",
    }
  end
  local is_done, result = pcall(workflow.call, name, {
    contract = contract.id,
    period = period,
    prepared_by = billow.run().started_by, -- whoever starts a month cannot approve it
  })
  if is_done then
    return result
  end
  return { contract = contract.id, model = contract.model, status = "failed: " .. tostring(result) }
end

--- Contracts that wait for one another: where a ceiling moves work to, after all from which it
--- comes. The others are alone in their group. Each member is a place in the list.
---@param contracts {id: string, overflow_contract_id?: string}[]
---@return integer[][]
function close.in_turn(contracts)
  local feeds, is_placed, groups = {}, {}, {}
  for i, contract in ipairs(contracts) do
    local to = contract.overflow_contract_id
    if to then
      feeds[to] = feeds[to] or {}
      table.insert(feeds[to], i)
    end
  end
  local function place(group, i)
    if not is_placed[i] then
      is_placed[i], group[#group + 1] = true, i
    end
  end
  for i, contract in ipairs(contracts) do
    local group = {}
    for _, source in ipairs(feeds[contract.id] or {}) do
      place(group, source)
    end
    if #group > 0 then
      place(group, i)
      groups[#groups + 1] = group
    end
  end
  for i in ipairs(contracts) do
    local group = {}
    place(group, i)
    groups[#groups + 1] = #group > 0 and group or nil
  end
  return groups
end

--- Bills the contracts of a group on one invoice; a result for each of its contracts, by id.
local function bill_group(group, period, is_closed)
  local is_open, results = false, {}
  for _, contract in ipairs(group.contracts) do
    is_open = is_open or not is_closed[contract.id]
    results[contract.id] =
      { contract = contract.id, model = contract.model, status = "closed before" }
  end
  if not is_open then
    return results
  end
  local is_done, result = pcall(workflow.call, "consolidated", {
    group = group.name,
    period = period,
    prepared_by = billow.run().started_by,
  })
  for _, one in pairs(is_done and {} or results) do
    one.status = "failed: " .. tostring(result)
  end
  for _, one in ipairs(is_done and result.contracts or {}) do
    results[one.contract] = one
  end
  return results
end

--- The contracts that have an invoice of their own, and at which place of the list they are.
local function alone(contracts)
  local list, places = {}, {}
  for i, contract in ipairs(contracts) do
    if not contract.invoice_group then
      list[#list + 1], places[#places + 1] = contract, i
    end
  end
  return list, places
end

--- Bills the contracts side by side, those of an invoice group together; each result says what
--- became of it.
---@param contracts {id: string, model: string, overflow_contract_id?: string,
---       invoice_group?: string}[]
---@param period string
---@return table[]
function close.bill_all(contracts, period)
  local strands, results, is_closed = {}, json.array({}), store.closed(period)
  local list, places = alone(contracts)
  for n, group in ipairs(close.in_turn(list)) do
    strands[n] = function()
      for _, i in ipairs(group) do
        results[places[i]] = bill(list[i], period, is_closed[list[i].id])
      end
    end
  end
  for _, group in ipairs(consolidation.groups(contracts)) do
    strands[#strands + 1] = function()
      local of_group = bill_group(group, period, is_closed)
      for i, contract in ipairs(contracts) do
        results[i] = of_group[contract.id] or results[i]
      end
    end
  end
  billow.all(strands)
  return results
end

--- What contracts are known by: codes and names of their projects, usage subjects, ids.
local function all_known()
  local known = {
    codes = json.array({}),
    names = json.array({}),
    subjects = json.array({}),
    contracts = json.array({}),
  }
  for _, row in ipairs(db.query(statements.contracts, {})) do
    table.insert(known.contracts, row.id)
    for _, project in ipairs(given(row.projects) or {}) do
      table.insert(known.codes, given(project.code))
      table.insert(known.names, given(project.name))
    end
    for _, subject in ipairs(given(row.usage_subjects) or {}) do
      table.insert(known.subjects, subject)
    end
  end
  return known
end

local function exception_of(row)
  if given(row.invalid) then
    return draft.exception(row.invalid, row.body.id, "entry", row.body.message)
  elseif row.kind == "milestone" then
    local text = "there is no contract " .. tostring(row.body.event.contract_id)
    return draft.exception("MILESTONE_UNKNOWN", row.body.id, "entry", text)
  elseif row.kind == "usage" then
    local text =
      "no usage contract has the subject of this event: correct the event or the contract"
    return draft.exception("UNKNOWN_SUBJECT", row.body.id, "entry", text)
  end
  return ledger.unknown_project(row)
end

--- The exceptions of entries that no contract takes, as they would be recorded, and how much was
--- passed over in silence. Writes nothing.
---@param period string
---@return {exceptions: table[], seconds: table<string, integer>}
function close.look_unassigned(period)
  local exceptions, seconds = {}, {}
  local last_day = calendar.period(period).end_date
  for _, row in ipairs(db.query(statements.unassigned, { last_day, all_known(), period })) do
    local exception, disposition = exception_of(row)
    exceptions[#exceptions + 1] = exception
    if row.kind == "time" and disposition then
      seconds[disposition] = (seconds[disposition] or 0) + row.body.duration_seconds
    end
  end
  return { exceptions = canonical.exceptions(exceptions), seconds = seconds }
end

--- Records the exceptions of entries that no contract takes.
---@param period string
---@return {exceptions: table[], seconds: table<string, integer>}
function close.unassigned(period)
  local found = close.look_unassigned(period)
  db.transaction(function(tx)
    tx:exec(statements.put_exceptions, { found.exceptions, period, billow.run().id }, "any")
  end)
  return found
end

return close
