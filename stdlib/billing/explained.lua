--- What is stored with an issued invoice, so that it explains itself years later: when contracts,
--- cards, policies and scripts have long become others.
---
--- Made at issue time from the assembled invoice, which still knows the works behind each line.
--- Entries of a line share their rate path and their rounding; each is written once.
---@class billing.explained
local explained = {}

local annex = require("billow.billing.annex")
local canonical = require("billow.billing.canonical")
local due = require("billow.billing.due")
local explain = require("billow.billing.explain")
local figures = require("billow.billing.figures")
local json = require("billow.json")
local supply = require("billow.billing.supply")

---@class billing.Explained
---@field lines table[]       {id, line, split?, notes, tax, rates, roundings, entries}
---@field supply? table       where it is taxed, and what proves it (billow.billing.supply)
---@field totals string[]     from the lines to what is to be paid, step by step
---@field effects string[]    what concerns the whole contract: ceilings, caps
---@field policies table[]    {policy, version, on, settings, layers, decision, reasons}
---@field script table        {workflow, place}
---@field approval table      {by, digest}

--- A list in which equal members are kept once; `put` gives the place.
local function distinct()
  local list, places = json.array({}), {}
  return list,
    function(member)
      local key = json.encode(member)
      if not places[key] then
        list[#list + 1] = member
        places[key] = #list
      end
      return places[key]
    end
end

---@param told billing.LineExplanation
---@return table
local function line(id, told)
  local rates, rate_of = distinct()
  local roundings, rounding_of = distinct()
  local entries = json.array({})
  for i, entry in ipairs(told.entries) do
    entries[i] = {
      id = entry.id,
      person = entry.person,
      work_date = entry.work_date,
      worked_seconds = entry.worked_seconds,
      billed_seconds = entry.billed_seconds,
      rate = rate_of({
        source = entry.rate,
        searched = json.array(entry.searched),
        steps = json.array(entry.steps),
      }),
      rounding = entry.rounding ~= "" and rounding_of(entry.rounding) or nil,
    }
  end
  return {
    id = id,
    line = told.line,
    split = told.split,
    notes = json.array({ table.unpack(told.notes) }),
    tax = told.tax,
    rates = rates,
    roundings = roundings,
    entries = entries,
  }
end

local function group_text(group, d, currency)
  local percent = group.percent and figures.plain(group.percent) .. " %" or "no tax"
  local parts = {}
  for i, part in ipairs(group.parts or {}) do
    parts[i] = string.format("%s %s %% %s", part.name, figures.plain(part.percent),
      figures.amount(part.tax_amount, d))
  end
  return string.format(
    "tax %s: %s of %s = %s %s%s",
    group.category_code,
    percent,
    figures.amount(group.taxable_amount, d),
    figures.amount(group.tax_amount, d),
    currency,
    #parts > 0 and " (" .. table.concat(parts, ", ") .. ")" or ""
  )
end

local function due_text(ctx, made)
  local contract = ctx.contracts[made.contract_id]
  local terms, origin = due.terms(contract, ctx.customers[made.customer_id])
  local words = terms.type:gsub("_", " ") .. " " .. tostring(terms.days or terms.day)
  local shift = terms.shift and terms.shift ~= "none" and ", " .. terms.shift:gsub("_", " ") or ""
  return string.format(
    "due %s: %s%s from %s, by the terms of the %s",
    made.due_date,
    words,
    shift,
    made.issue_date,
    origin
  )
end

--- From the lines to what is to be paid.
---@param ctx billing.Context
---@param made table   an invoice of invoice.assemble
---@return string[]
function explained.totals(ctx, made)
  local d, sums, steps = ctx.decimals(made.currency), made.totals, json.array({})
  local function add(name, field)
    steps[#steps + 1] =
      string.format("%s: %s %s", name, figures.amount(sums[field], d), made.currency)
  end
  add(#made.lines .. " lines", "line_extension_amount")
  for _, allowance in ipairs(made.allowances) do
    steps[#steps + 1] = string.format(
      "less %s: %s %s (%s)%s",
      tostring(allowance.reason),
      figures.amount(allowance.amount, d),
      made.currency,
      allowance.tax_code,
      allowance.explain and ": " .. allowance.explain or ""
    )
  end
  add("net", "tax_exclusive_amount")
  for _, group in ipairs(made.tax_breakdown) do
    steps[#steps + 1] = group_text(group, d, made.currency)
  end
  add("with tax", "tax_inclusive_amount")
  for _, tax in ipairs(made.withholding_taxes or {}) do
    steps[#steps + 1] = string.format(
      "less %s, which the buyer withholds: %s %% of %s = %s %s",
      tax.name,
      figures.plain(tax.percent),
      figures.amount(tax.taxable_amount, d),
      figures.amount(tax.tax_amount, d),
      made.currency
    )
  end
  if not sums.payable_rounding_amount:is_zero() then
    add("rounding of what is paid", "payable_rounding_amount")
  end
  add("to pay", "payable_amount")
  for _, text in ipairs(made.supply and supply.texts(made.supply) or {}) do
    steps[#steps + 1] = text
  end
  steps[#steps + 1] = due_text(ctx, made)
  steps[#steps + 1] = made.annex and annex.text(made.annex) or nil
  return steps
end

local function effects_of(exceptions, edits)
  local effects = json.array({ table.unpack(edits or {}) })
  for _, found in ipairs(exceptions) do
    if found.level ~= "entry" then
      effects[#effects + 1] = found.code .. ": " .. tostring(found.message)
    end
  end
  return effects
end

---@class billing.Around   what is behind a whole bill
---@field exceptions billing.Exception[]
---@field edits? string[]   made before it was issued, in words
---@field policies table[]
---@field script table
---@field approval {by: string, digest: string}

--- Everything behind one assembled invoice.
---@param ctx billing.Context
---@param made table
---@param around billing.Around
---@return billing.Explained
function explained.invoice(ctx, made, around)
  local lines = json.array({})
  for i, of_invoice in ipairs(made.lines) do
    lines[i] = line(of_invoice.id, explain.line(ctx, made, of_invoice.id))
  end
  return {
    lines = lines,
    supply = made.supply and canonical.value(made.supply),
    totals = explained.totals(ctx, made),
    effects = effects_of(around.exceptions, around.edits),
    policies = json.array(around.policies),
    script = around.script,
    approval = {
      by = around.approval.by,
      digest = around.approval.digest,
      given = around.approval.given,
    },
  }
end

return explained
