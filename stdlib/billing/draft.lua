--- The draft of a contract's bill: the contract between the billing models and everything around
--- them.
---
--- A period is billed contract by contract:
---
---   ctx   = model.read(files)                   -- typed firm, customers, contracts, cards, ...
---   items = period.collect(ctx, sources)[id]    -- valid entries, expenses, events of a contract
---   draft = draft.build(ctx, contract, items)   -- Model.bill, then the expense lines (this file)
---   invoices, exceptions, hold = period.assemble(ctx, contract, draft)   -- split, tax, totals
---   object = canonical.invoice(ctx, invoice)    -- the written form, amounts as text
---
--- A model is a module `billow.billing.<tm|fixed_fee|retainer|usage>` with one function
---   Model.bill(ctx, contract, items) -> billing.Draft
--- It makes the lines of its own components and nothing else. NOT its work: expenses (draft.build
--- adds them), the contract's discount, the payers' split, tax percents, totals, numbers, line ids,
--- line order by component (invoice.assemble), customers on hold (period.bill).
---
--- Everything is pure: no effects, no clock, no mutation of arguments. Typed values inside:
--- decimals (billow.decimal) for every amount, price, percent and quantity of model and opening;
--- integers for counts, days and seconds; ISO dates as text; absent optional fields are nil (never
--- json.null); every default of the model is already filled in by model.read (so `terms.prorate` is
--- true when the contract is silent), save those that a policy may decide: terms.rounding,
--- rate_source, rate_date and ceiling.overflow. Net amounts in a draft are rounded to the contract
--- currency's decimals by the model that makes the line.
local draft = {}

local decimal = require("billow.decimal")

---@class billing.Period
---@field id string           "2026-10"
---@field start_date string
---@field end_date string

---@class billing.Context
---@field firm table                          entities as in the data model, typed (see above)
---@field customers table<string, table>      by id
---@field contracts table<string, table>      by id
---@field contract_list table[]               the same, in the order of the file
---@field rate_cards table<string, table>     by id
---@field opening table             number_series, ceiling_used, fixed_fee, advances, retainer,
---                                 purchase_order_used, exchange_rates: tables, perhaps empty
---@field period billing.Period
---@field issue_date string
---@field decimals fun(currency: string): integer   d of an amount: min(ISO minor units, 2)
---@field decide? fun(policy: string, subject: table): table?   the policy decision in force (rates,
---                                 rounding, ceiling, tax); nil or absent = the model's defaults

--- A valid time entry on its way to a line. Models get `rate` only where one is needed and
--- `billed_seconds` only after rounding.apply; they never write to a work, they take what the
--- core's functions return.
---@class billing.Work
---@field id string                 the entry's id; a part moved by a ceiling ends in "#2"
---@field sequence integer          source order
---@field person string
---@field role string               "" when unknown
---@field task string               "" when unknown
---@field project string            code of the contract's project (a moved part: its original code)
---@field work_date string
---@field worked_seconds integer    the duration before rounding
---@field billed_seconds? integer   after rounding
---@field rate? billing.Rate
---@field rounding? table           trace of rounding.apply
---@field is_moved boolean          a part that came from another contract's ceiling
---@field entry table               the normalised time entry itself

---@class billing.Rate
---@field price Decimal
---@field unit_code "HUR"|"DAY"|"LS"   LS: a fixed sum for the entry
---@field currency string
---@field is_no_charge boolean
---@field source string             where it came from, such as "RC@2026-01-01: role=Analyst"
---@field searched string[]         the path, as far as it was walked
---@field steps string[]            forms applied to the base, in order
---@field limits? table             min_hours, max_hours, min_amount of the card's row

--- What Model.bill gets. Lists are in source (file) order, only valid things in them.
---@class billing.Items
---@field time billing.Work[]       valid entries; none for fixed-fee and usage ("included")
---@field expenses table[]          valid expenses (typed: amount is a decimal)
---@field milestones table[]        events of the contract whose milestone is known, file order
---@field usage? any                what sources/usage.collect keeps for the contract (see below)

---@class billing.Reference
---@field type "time_entry"|"expense"|"milestone"|"meter"
---@field id string
---@field seconds? integer          time_entry
---@field amount? Decimal           expense: the billed amount
---@field quantity? Decimal         meter

---@class billing.Line
---@field component string          one of draft.COMPONENTS
---@field description_key string
---@field quantity Decimal
---@field unit_code string
---@field unit_price Decimal
---@field net_amount Decimal        rounded to d
---@field tax_code? string          the line's own override (expenses, meters), or nil
---@field references billing.Reference[]
---@field works? billing.Work[]     for explain.lua: the works behind the line
---@field explain? string[]         for explain.lua: how a line without works came about, in words

---@class billing.Allowance
---@field component string          "discount", "maximum_spend"
---@field amount Decimal            positive, rounded to d
---@field reason string
---@field reason_code string        UNTDID 5189: "95" discount
---@field tax_code? string          as in a line

---@class billing.Exception
---@field code string
---@field ref string                an id, usage:<id>, milestone:<id>, contract/customer or contract
---@field contract_id? string
---@field level "entry"|"invoice"|"contract"
---@field message string            one sentence: what, and what to do
---@field details? table

---@class billing.Draft
---@field lines billing.Line[]               of the 380
---@field allowances billing.Allowance[]     of the 380, the model's own (usage)
---@field advance_lines billing.Line[]       of the 386; empty = none
---@field preceding_invoices {number: string, issue_date: string}[]   of the 380
---@field exceptions billing.Exception[]     entry and contract level
---@field blocks {code: string, message: string}[]   what blocks every 380 (CEILING_STOP)
---@field is_void boolean   no invoice, entries stay open, closing {} (MILESTONES_EXCEED_FEE)
---@field closing table     the contract's part of `closing`: fixed_fee, retainer, ...; amounts are
---                         decimals already rounded for writing (canonical.closing makes them text)
---@field dispositions table<string, table<string, integer>>   entry id -> disposition -> worked
---                         seconds; every work of items.time has one; sum = worked_seconds
---@field expense_cuts table<string, table<string, Decimal>>   expense id -> disposition -> amount
---                         that caps of expenses keep off (expense_caps.lua)
---@field moved table<string, billing.Work[]>   overflow contract id -> parts (tm), else {}
---@field drawn? billing.Work[]               works that a retainer paid for, for the annex
---@field trace table                        whatever explain.lua may show; plain data

-- What period.compute expects of the two foreign sources:
--   sources/milestones.assign(ctx, events) -> {by_contract = {id -> events}, exceptions}
--   sources/usage.collect(ctx, lines)      -> {by_contract = {id -> items.usage}, exceptions}
-- exceptions carry contract_id, or nil when no contract is known. Contracts absent from by_contract
-- get items.usage = nil; a usage model must bill its base fee and minimum all the same.

--- Line order of an invoice (model 3.12).
draft.COMPONENTS = {
  "advance",
  "milestone",
  "progress",
  "retainage",
  "retainage_release",
  "advance_deduction",
  "retainer",
  "retainer_unused",
  "time",
  "overage",
  "base_fee",
  "usage",
  "minimum_commit",
  "expense",
  "contribution",
}

local MODELS = {
  ["tm"] = "billow.billing.tm",
  ["fixed-fee"] = "billow.billing.fixed_fee",
  ["retainer"] = "billow.billing.retainer",
  ["usage"] = "billow.billing.usage",
}

--- An empty draft; `fields` override.
---@param fields? table
---@return billing.Draft
function draft.new(fields)
  local made = {
    lines = {},
    allowances = {},
    advance_lines = {},
    preceding_invoices = {},
    exceptions = {},
    blocks = {},
    is_void = false,
    closing = {},
    dispositions = {},
    expense_cuts = {},
    moved = {},
    trace = {},
  }
  for name, value in pairs(fields or {}) do
    made[name] = value
  end
  return made
end

--- A line; net_amount = round(quantity x unit_price, d) unless given. quantity defaults to 1,
--- unit_code to C62.
---@param d integer       decimals of the contract's currency
---@param fields table    of billing.Line
---@return billing.Line
function draft.line(d, fields)
  local quantity = fields.quantity or decimal(1)
  return {
    component = fields.component,
    description_key = fields.description_key,
    quantity = quantity,
    unit_code = fields.unit_code or "C62",
    unit_price = fields.unit_price,
    net_amount = fields.net_amount or (quantity * fields.unit_price):round(d),
    tax_code = fields.tax_code,
    references = fields.references or {},
    works = fields.works,
    explain = fields.explain,
  }
end

---@param code string
---@param ref string
---@param level "entry"|"invoice"|"contract"
---@param message string
---@param contract_id? string
---@param details? table
---@return billing.Exception
function draft.exception(code, ref, level, message, contract_id, details)
  return {
    code = code,
    ref = ref,
    level = level,
    message = message,
    contract_id = contract_id,
    details = details,
  }
end

--- The expense lines, and what caps keep off them.
local function add_expenses(made, ctx, contract, list)
  local expense_caps = require("billow.billing.expense_caps")
  local expenses = require("billow.billing.expenses")
  local used = (ctx.opening.expense_cap_used or {})[contract.id]
  local capped = expense_caps.apply(contract, list, used, ctx.decimals(contract.currency))
  for _, line in ipairs(expenses.lines(ctx, contract, capped.billed)) do
    made.lines[#made.lines + 1] = line
  end
  for _, exception in ipairs(capped.exceptions) do
    made.exceptions[#made.exceptions + 1] = exception
  end
  made.expense_cuts, made.closing.expense_cap_used = capped.cuts, capped.used
end

--- The model's draft with the expense lines, which every model bills alike.
---@param ctx billing.Context
---@param contract table
---@param items billing.Items
---@return billing.Draft
function draft.build(ctx, contract, items)
  local made = require(MODELS[contract.model]).bill(ctx, contract, items)
  add_expenses(made, ctx, contract, items.expenses)
  require("billow.billing.discounts").apply(ctx, contract, made)
  require("billow.billing.edits").apply(made, contract.edits, ctx.decimals(contract.currency))
  for _, block in ipairs(contract.forbidden or {}) do -- terms against a lock (agreed.lua)
    made.blocks[#made.blocks + 1] = block
  end
  return made
end

return draft
