--- Several contracts of a customer on one invoice (capability A19): what may stand together, and
--- how their bills become one document.
---
--- Each contract is billed by its own rules first. Their lines and allowances then stand on one
--- document, each saying which contract it is of; taxes are rounded once for the whole. What each
--- contract has of it is its part: its lines under their new numbers, from which its ledger rows,
--- its closing and its approval are made.
---
--- Pure.
---@class billing.consolidation
local consolidation = {}

local blocks = require("billow.billing.blocks")
local canonical = require("billow.billing.canonical")
local copy = require("billow.billing.copy")
local decimal = require("billow.decimal")
local invoice = require("billow.billing.invoice")
local json = require("billow.json")

consolidation.NAME = "group:"

-- What has to be the same for contracts to stand on one invoice, and how a message calls it.
local SAME = {
  { "customer", function(contract) return contract.customer_id end },
  { "currency", function(contract) return contract.currency end },
  { "purchase order", function(contract)
    return contract.purchase_order and contract.purchase_order.number
  end },
  { "buyer reference", function(contract) return contract.buyer_reference end },
  { "payment terms", function(contract)
    return contract.payment_terms and json.encode(canonical.value(contract.payment_terms))
  end },
  { "withheld tax", function(contract)
    return contract.withholding_taxes and json.encode(canonical.value(contract.withholding_taxes))
  end },
  { "payable_rounding_increment", function(contract)
    return contract.payable_rounding_increment and tostring(contract.payable_rounding_increment)
  end },
}

--- Why contracts cannot stand on one invoice: of which, what, what to do. Nil when they can.
---@param contracts table[]   of one group
---@return {contract: table, field: string, problem: string, remedy: string}?
function consolidation.problem(contracts)
  local first, usage = contracts[1], nil
  for _, contract in ipairs(contracts) do
    local function found(problem, remedy)
      return { contract = contract, field = "invoice_group", problem = problem, remedy = remedy }
    end
    for _, same in ipairs(SAME) do
      if same[2](contract) ~= same[2](first) then
        return found(
          string.format("has another %s than contract %s of its group", same[1], first.id),
          "make them the same, or give it a group of its own"
        )
      end
    end
    if contract.payers and #contract.payers > 0 then
      return found("has payers", "bill a contract with several payers by itself")
    elseif contract.model == "usage" and usage then
      return found(
        "holds two usage contracts, the other is " .. usage.id,
        "let one of them have a group of its own"
      )
    end
    usage = usage or contract.model == "usage" and contract or nil
  end
  return nil
end

--- The groups of some contracts, by name in order of the first contract.
---@param contracts {id: string, invoice_group?: string}[]
---@return {name: string, contracts: table[]}[]
function consolidation.groups(contracts)
  local of_name, list = {}, {}
  for _, contract in ipairs(contracts) do
    local name = contract.invoice_group
    if name then
      local group = of_name[name]
      if not group then
        group = { name = name, contracts = {} }
        of_name[name], list[#list + 1] = group, group
      end
      table.insert(group.contracts, contract)
    end
  end
  return list
end

---@class billing.ConsolidatedPart
---@field contract billow.billing.Contract
---@field bill billow.billing.Bill
---@field made table          its commercial invoice, as assembled by itself
---@field lines? table[]      its lines on the document, under their new ids
---@field allowances? table[]

local function moved_annex(parts)
  local merged
  for _, part in ipairs(parts) do
    local annex = part.made.annex
    if annex then
      merged = merged or { by = annex.by, rows = {}, hours = decimal(0) }
      merged.hours = merged.hours + annex.hours
      for _, row in ipairs(annex.rows) do
        local id = row.line and part.lines[tonumber(row.line)].id
        table.insert(merged.rows, copy.with(row, { line = id }))
      end
    end
  end
  return merged
end

local function net_of(part)
  return part.made.totals.tax_exclusive_amount
end

--- The document of some bills; each part gets its lines under their new ids.
---@param group string
---@param parts billing.ConsolidatedPart[]
---@return table document            as assembled
---@return billing.Exception[] blocking   what stands in the way of the document as a whole
function consolidation.merge(group, parts)
  local lead, lines, allowances = parts[1].contract, {}, {}
  for _, part in ipairs(parts) do
    part.lines, part.allowances = {}, {}
    for i, line in ipairs(part.made.lines) do
      part.lines[i] = copy.with(line, { contract_id = part.contract.id })
      lines[#lines + 1] = part.lines[i]
    end
    for i, allowance in ipairs(part.made.allowances) do
      part.allowances[i] = copy.with(allowance, { contract_id = part.contract.id })
      allowances[#allowances + 1] = part.allowances[i]
    end
  end
  local payer = { customer = lead.ctx.customers[lead.contract.customer_id] }
  local document =
    invoice.document(lead.ctx, lead.contract, payer, invoice.COMMERCIAL, lines, allowances)
  document.supply, document.preceding_invoices, document.contracts = nil, {}, {}
  document.id = table.concat({
    consolidation.NAME .. group,
    payer.customer.id,
    lead.ctx.period.id,
    invoice.COMMERCIAL,
  }, "/")
  for i, part in ipairs(parts) do
    document.contracts[i] =
      { id = part.contract.id, name = part.contract.contract.name, net_amount = net_of(part) }
    for _, known in ipairs(part.made.preceding_invoices) do
      table.insert(document.preceding_invoices, known)
    end
  end
  document.annex = moved_annex(parts)
  return document, blocks.of_document(lead.ctx, document)
end

--- A contract's part of the document, as its ledger rows and its closing are made of it: the
--- document's name, its own lines and totals. Documents of its own stay as they are.
---@param part billing.ConsolidatedPart
---@param document table   canonical
---@return billow.billing.Bill
function consolidation.bill_of(part, document)
  local own, objects = copy.with(part.bill, {}), {}
  for i, object in ipairs(part.bill.canonical) do
    objects[i] = object
    if object.type_code == invoice.COMMERCIAL then
      local lines = {}
      for _, line in ipairs(document.lines) do
        lines[#lines + 1] = line.contract_id == part.contract.id and line or nil
      end
      objects[i] = copy.with(object, { id = document.id, lines = json.array(lines) })
    end
  end
  own.canonical = json.array(objects)
  return own
end

--- What an approver of one contract says yes to: its own documents, and the invoice on which they
--- stand with others, to the last member.
---@param part billing.ConsolidatedPart
---@param document table   canonical
---@param digest string    of the document
---@param digest_of fun(bill: table): string
---@return billow.billing.Bill
function consolidation.to_approve(part, document, digest, digest_of)
  local asked, objects = copy.with(part.bill, {}), {}
  for i, object in ipairs(part.bill.canonical) do
    objects[i] = object
    if object.type_code == invoice.COMMERCIAL then
      objects[i] = copy.with(object, {
        consolidated = {
          id = document.id,
          digest = digest,
          contracts = document.contracts,
          payable_amount = document.totals.payable_amount,
        },
      })
    end
  end
  asked.canonical = json.array(objects)
  asked.digest = digest_of(asked)
  return asked
end

return consolidation
