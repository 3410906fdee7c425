--- Why a line, a tax rate or an exception came out as it did, in words a bookkeeper can check.
---
--- Works on assembled invoices (period.bill), which still know the works behind each line.
local explain = {}

local explain_terms = require("billow.billing.explain_terms")
local figures = require("billow.billing.figures")
local rates = require("billow.billing.rates")
local tax = require("billow.billing.tax")

---@class billing.EntryExplanation
---@field id string
---@field person string
---@field work_date string
---@field worked_seconds integer
---@field billed_seconds integer
---@field rounding string       the pool's rounding in words, "" without rounding
---@field rate string           where the price came from
---@field searched string[]     the path up to the row that matched
---@field steps string[]        forms applied to the base price

---@class billing.LineExplanation
---@field line string           "time:Development: 12.25 HUR x 150.00 = 1837.50 EUR"
---@field entries billing.EntryExplanation[]
---@field notes string[]        how a line without entries came about
---@field split? string         a payer's share
---@field tax string            "DE-S: S 19 % on 2026-10-31; tax code of customer CU-01"

local function rounding_text(rounding)
  if not rounding then
    return ""
  end
  return string.format(
    "%s to %d minutes by %s: %d entries, %d s -> %d s",
    rounding.mode,
    rounding.increment_minutes,
    rounding.scope,
    rounding.pool_entries,
    rounding.pool_seconds,
    rounding.pool_rounded_seconds
  )
end

---@param work billing.Work
---@return billing.EntryExplanation
function explain.entry(work)
  local rate, searched = work.rate, {}
  for i, place in ipairs(rate and rate.searched or {}) do
    searched[i] = rates.place_shown(place)
  end
  return {
    id = work.id,
    person = work.person,
    work_date = work.work_date,
    worked_seconds = work.worked_seconds,
    billed_seconds = work.billed_seconds,
    rounding = rounding_text(work.rounding),
    rate = rate and rates.place_shown(rate.source) or "",
    searched = searched,
    steps = rate and rate.steps or {},
  }
end

local function tax_text(ctx, line)
  local code = tax.find(ctx.firm, line.tax_code)
  local percent = line.tax_percent and " " .. figures.plain(line.tax_percent) .. " %" or ""
  local row = tax.HAS_RATE[code.category_code] and tax.rate_on(code, ctx.period.end_date)
  local since = row and " (since " .. row.valid_from .. ")" or ""
  return string.format(
    "%s: %s%s%s on %s; %s",
    line.tax_code,
    line.tax_category,
    percent,
    since,
    ctx.period.end_date,
    line.tax_reason
  )
end

local function product(line, d, currency)
  return string.format(
    "%s %s x %s = %s %s",
    figures.plain(line.quantity),
    line.unit_code,
    figures.price(line.unit_price, d),
    figures.amount(line.net_amount, d),
    currency
  )
end

--- A payer's share is explained by the line that is shared.
local function whole_of(line)
  local whole = line.split_of
  return whole
      and {
        component = line.component,
        description_key = line.description_key,
        net_amount = whole.net_amount,
        references = line.references,
      }
    or line
end

--- Everything behind one line of an assembled invoice.
---@param ctx billing.Context
---@param made table     an invoice of invoice.assemble
---@param line_id string
---@return billing.LineExplanation?
function explain.line(ctx, made, line_id)
  local d = ctx.decimals(made.currency)
  for _, line in ipairs(made.lines) do
    if line.id == line_id then
      local entries = {}
      for i, work in ipairs(line.works or {}) do
        entries[i] = explain.entry(work)
      end
      local whole = line.split_of
      return {
        line = line.description_key .. ": " .. product(line, d, made.currency),
        entries = entries,
        notes = line.explain
          or explain_terms.of(ctx, ctx.contracts[made.contract_id], whole_of(line)),
        split = whole
            and figures.plain(whole.percent) .. " % of " .. product(whole, d, made.currency)
          or nil,
        tax = tax_text(ctx, line),
      }
    end
  end
  return nil
end

--- An explanation as text lines.
---@param explanation billing.LineExplanation
---@return string[]
function explain.text(explanation)
  local out = { explanation.line }
  if explanation.split then
    out[#out + 1] = "  share: " .. explanation.split
  end
  for _, note in ipairs(explanation.notes) do
    out[#out + 1] = "  " .. note
  end
  for _, entry in ipairs(explanation.entries) do
    out[#out + 1] = string.format(
      "  %s %s %s: worked %d s, billed %d s",
      entry.id,
      entry.work_date,
      entry.person,
      entry.worked_seconds,
      entry.billed_seconds
    )
    if entry.rounding ~= "" then
      out[#out + 1] = "    rounding: " .. entry.rounding
    end
    out[#out + 1] = "    rate: "
      .. entry.rate
      .. (#entry.steps > 1 and "; " .. table.concat(entry.steps, "; ") or "")
    for _, place in ipairs(entry.searched) do
      out[#out + 1] = "      searched " .. place
    end
  end
  out[#out + 1] = "  tax: " .. explanation.tax
  return out
end

return explain
