--- A credit in words, before it is made and after: what people see of `billow credit`. Pure.
local credit_text = {}

local decimal = require("billow.decimal")
local figures = require("billow.billing.figures")
local reading = require("billow.billing.reading")

local given = reading.given

local function reference_text(reference)
  local size = given(reference.seconds)
      and figures.plain(figures.hours(reference.seconds):round(2)) .. " h"
    or given(reference.amount)
    or ""
  return size ~= "" and reference.id .. " " .. size or reference.id
end

local function line_text(line)
  local parts = {}
  for i, reference in ipairs(line.references) do
    parts[i] = reference_text(reference)
  end
  local work = #parts > 0 and "; gives back " .. table.concat(parts, ", ") or ""
  return string.format(
    "  line %s, %s: %s%s",
    line.credits.line_id,
    line.description_key,
    line.net_amount,
    work
  )
end

--- What a note credits, line by line, and what is left to credit after it.
---@param note table      canonical, of type 381
---@param left billing.CreditLeft   before it
---@param number string   of the invoice
---@return string
function credit_text.note(note, left, number)
  local totals, texts = note.totals, {}
  texts[1] = string.format("credit of %s, customer %s", number, note.customer_id)
  for _, line in ipairs(note.lines) do
    texts[#texts + 1] = line_text(line)
  end
  for _, allowance in ipairs(note.allowances) do
    texts[#texts + 1] = "  " .. allowance.reason .. " taken back: -" .. allowance.amount
  end
  texts[#texts + 1] = string.format(
    "  net %s, tax %s, in all %s %s",
    totals.tax_exclusive_amount,
    totals.tax_amount,
    totals.payable_amount,
    note.currency
  )
  texts[#texts + 1] = string.format(
    "  left to credit after it: %s net, %s with tax",
    tostring(left.net - decimal(totals.tax_exclusive_amount)),
    tostring(left.payable - decimal(totals.payable_amount))
  )
  return table.concat(texts, "\n")
end

return credit_text
