--- The bill of several contracts on one invoice, as a workflow sees it (the rules are in
--- billow.billing.consolidation): each contract claims, judges and bills its own work and is
--- approved by its own matrix; then one transaction gives the number, stores the document, and
--- settles every contract.
---@class billow.billing.consolidated
local consolidated = {}

local approval = require("billow.approval")
local billing = require("billow.billing")
local billow = require("billow")
local canonical = require("billow.billing.canonical")
local consolidation = require("billow.billing.consolidation")
local db = require("billow.db")
local err = require("billow.err")
local explained = require("billow.billing.explained")
local finish = require("billow.billing.finish")
local given = require("billow.billing.reading").given
local json = require("billow.json")
local numbering = require("billow.billing.numbering")
local report = require("billow.billing.report")
local review = require("billow.billing.review")
local statements = require("billow.billing.statements")
local store = require("billow.billing.store")
local supply = require("billow.billing.supply")
local text = require("billow.text")

---@class billow.billing.Group
---@field name string
---@field period string
---@field parts billow.billing.GroupPart[]
---@field closed string[]   contracts that are closed for the period

---@class billow.billing.GroupPart: billing.ConsolidatedPart
---@field judged billow.billing.Judged
---@field approved? billow.approval.Approved

--- Ids of the group's contracts, in order.
local function members_of(name)
  local ids = {}
  for _, row in ipairs(db.query(statements.contracts, {})) do
    if given(row.invoice_group) == name then
      ids[#ids + 1] = row.id
    end
  end
  if #ids == 0 then
    error(
      "no contract has the invoice_group "
        .. name
        .. ": correct the name, or import contracts.json",
      0
    )
  end
  return ids
end

--- The contracts of a group that are still to be billed for a period.
---@param name string
---@param period string
---@param prepared_by? string
---@return billow.billing.Group
function consolidated.contracts(name, period, prepared_by)
  local group = { name = name, period = period, parts = {}, closed = {} }
  local is_closed, contracts = store.closed(period), {}
  for _, id in ipairs(members_of(name)) do
    if is_closed[id] then
      table.insert(group.closed, id)
    else
      local contract = billing.contract(id, period, prepared_by)
      contract.contract.is_grouped = true
      table.insert(group.parts, { contract = contract })
      contracts[#contracts + 1] = contract.contract
    end
  end
  local found = consolidation.problem(contracts)
  if found then
    error(
      string.format("contract %s %s: %s", found.contract.id, found.problem, found.remedy),
      0
    )
  end
  return group
end

local function commercial_of(bill)
  for _, made in ipairs(bill.made) do
    if made.type_code == "380" then
      return made
    end
  end
  return nil
end

--- Claims, judges and bills each contract by its own rules.
---@param group billow.billing.Group
function consolidated.draft(group)
  for _, part in ipairs(group.parts) do
    local contract = part.contract
    part.judged = billing.validate(contract, billing.collect(contract))
    part.bill = billing.draft(contract, part.judged)
    part.made = commercial_of(part.bill)
  end
end

--- Everything goes back: of all contracts, with the exceptions of each on record.
local function set_aside(group, reason)
  for _, part in ipairs(group.parts) do
    store.release(reason, part.contract.contract)
    local exceptions = canonical.exceptions(part.bill.exceptions)
    db.transaction(function(tx)
      local params = { exceptions, group.period, billow.run().id }
      tx:exec(statements.put_exceptions, params, "any")
    end)
  end
end

local function result_of(group, status, contracts, invoices)
  for _, id in ipairs(group.closed) do
    contracts[#contracts + 1] = { contract = id, status = "closed before" }
  end
  return {
    group = group.name,
    period = group.period,
    status = status,
    contracts = json.array(contracts),
    invoices = json.array(invoices or {}),
  }
end

local function not_issued(group, status)
  local contracts = {}
  for i, part in ipairs(group.parts) do
    local own = part.bill.status == "ready" and status or part.bill.status
    contracts[i] = report.not_issued(part.contract, part.judged, part.bill, own)
  end
  return result_of(group, status, contracts)
end

--- The first contract whose bill must not go out as it is.
local function stopped(group)
  for _, part in ipairs(group.parts) do
    if part.bill.status == "blocked" or part.bill.status == "on_hold" then
      return part
    end
  end
  return nil
end

--- Asks about a bill that stands in the way of all. Returns the result, or nil: once more.
local function ask_about(group, part)
  if billing.is_to_be_redone(part.contract, part.bill) then
    for _, other in ipairs(group.parts) do
      store.release("to be made again", other.contract.contract)
    end
    return nil
  end
  set_aside(group, part.bill.status)
  return not_issued(group, part.bill.status)
end

--- Does the bill of a contract look issued already?
local function repeated(group)
  for _, part in ipairs(group.parts) do
    if part.bill.status == "ready" then
      local reviewed = review.bill(part.contract, part.bill)
      part.remarks = reviewed.remarks
      if reviewed.is_repetition then
        return true
      end
    end
  end
  return false
end

--- Has every contract's part approved by its own matrix, side by side. False: somebody says no.
local function approve(parts, document, digest)
  local strands = {}
  for i, part in ipairs(parts) do
    part.asked = consolidation.to_approve(part, document, digest, approval.digest)
    strands[i] = function()
      part.approved = approval.require(part.contract, part.asked, part.remarks, false)
      if not part.approved then
        error(err.new({ code = "REJECTED", text = "somebody rejected a part" }), 0)
      end
      return true
    end
  end
  local is_done, problem = pcall(billow.all, strands)
  if not is_done and not err.is(problem, "REJECTED") then
    error(problem, 0)
  end
  return is_done
end

--- Who approved what, for the document's record.
local function approval_of(parts, digest)
  local by, all = {}, json.array({})
  for i, part in ipairs(parts) do
    by[i] = part.contract.id .. ": " .. part.approved.by
    for _, one in ipairs(part.approved.given or {}) do
      all[#all + 1] = one
    end
  end
  return { by = table.concat(by, "; "), digest = digest, given = all }
end

--- What is behind the document: of each contract what is behind its lines.
local function explanation_of(parts, document, approved)
  local merged
  for _, part in ipairs(parts) do
    local own = { made = {}, exceptions = part.bill.exceptions, place = part.bill.place }
    for key, value in pairs(document) do
      own.made[key] = value
    end
    own.made.lines, own.made.supply = part.lines, part.made.supply
    own.made.contract_id = part.contract.id
    own.made = { own.made }
    local told = billing.explanations_of(part.contract, own, approved)[1]
    if not merged then
      merged = told
      merged.totals = explained.totals(part.contract.ctx, document)
    else
      for _, name in ipairs({ "lines", "effects", "policies" }) do
        for _, member in ipairs(told[name]) do
          table.insert(merged[name], member)
        end
      end
    end
    for _, told_of in ipairs(part.made.supply and supply.texts(part.made.supply) or {}) do
      table.insert(merged.totals, part.contract.id .. ": " .. told_of)
    end
  end
  return merged
end

--- Documents of a contract's own beside the common one: advances.
local function own_documents(part)
  local list = {}
  for i, object in ipairs(part.bill.canonical) do
    if object.type_code ~= "380" then
      list[#list + 1] = { place = i, object = object }
    end
  end
  return list
end

--- Everything in one transaction: numbers, documents, and of every contract ledger, exceptions and
--- closing.
local function issue(group, parts, document, written, digest)
  for _, part in ipairs(parts) do
    approval.check(part.asked, part.approved)
  end
  local lead, approved = parts[1].contract, approval_of(parts, digest)
  local series = numbering.series(lead.ctx, written)
  local explanation = explanation_of(parts, document, approved)
  local issued = { { id = written.id } }
  local results = db.transaction(function(tx)
    billing.add_invoice(tx, lead, written, series, approved, explanation)
    for _, part in ipairs(group.parts) do
      if part.made then
        local explanations = billing.explanations_of(part.contract, part.bill, part.approved)
        for _, own in ipairs(own_documents(part)) do
          local of = numbering.series(part.contract.ctx, own.object)
          local why = explanations[own.place]
          billing.add_invoice(tx, part.contract, own.object, of, part.approved, why)
          issued[#issued + 1] = { id = own.object.id }
        end
      end
    end
    for _, part in ipairs(group.parts) do
      local bill = part.made and consolidation.bill_of(part, written) or part.bill
      local actor = part.approved and part.approved.by or billow.run().workflow
      billing.add_settlement(tx, part.contract, part.judged, bill, actor)
    end
  end)
  for _, part in ipairs(group.parts) do
    billing.settle_rest(part.contract, part.judged)
  end
  for i, one in ipairs(issued) do
    one.number = results[3 * i - 2].number
  end
  return issued
end

local function parts_to_issue(group)
  local parts = {}
  for _, part in ipairs(group.parts) do
    parts[#parts + 1] = part.made and part or nil
  end
  return parts
end

local function close_all(group)
  for _, part in ipairs(group.parts) do
    billing.close(part.contract, part.judged, part.bill)
  end
  return not_issued(group, "nothing")
end

--- Takes the bills of a group to their end. Returns the run's result; nil when they are to be made
--- again.
---@param group billow.billing.Group
---@return table? result
function consolidated.finish(group)
  local in_the_way = stopped(group)
  if in_the_way then
    return ask_about(group, in_the_way)
  end
  local parts = parts_to_issue(group)
  if #parts == 0 then
    return close_all(group)
  elseif repeated(group) then
    set_aside(group, "looks billed already")
    return not_issued(group, "repetition")
  end
  local document, blocking = consolidation.merge(group.name, parts)
  if #blocking > 0 then
    parts[1].bill.status, parts[1].bill.exceptions = "blocked", blocking
    return ask_about(group, parts[1])
  end
  local written = canonical.invoice(parts[1].contract.ctx, document)
  local digest = text.sha256_hex(json.encode(written))
  if not approve(parts, written, digest) then
    set_aside(group, "rejected")
    return not_issued(group, "rejected")
  end
  local issued = issue(group, parts, document, written, digest)
  finish.follow(issued)
  local contracts = {}
  for i, part in ipairs(group.parts) do
    local own = part.made and report.issued or report.not_issued
    contracts[i] = own(part.contract, part.judged, part.bill, part.made and {} or "nothing")
    contracts[i].consolidated_into = part.made and issued[1].number
  end
  contracts[1].invoices = json.array(issued)
  return result_of(group, "issued", contracts, issued)
end

return consolidated
