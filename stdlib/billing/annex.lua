--- The annex of an invoice (capability A8): a statement of the hours behind it, by person, task and
--- day, or however the contract asks.
---
--- Each row belongs to one line of the invoice, or to no line when the hours were drawn from a
--- retainer. The hours of a line's rows add up to the quantity that is printed on the line, and
--- their amounts to its net: what rounding leaves goes to the largest remainders, so that nobody
--- who adds up the annex finds another figure than on the invoice.
---
--- Pure. It is a part of the document: an approval is bound to it, and it is kept with the invoice.
---@class billing.annex
local annex = {}

local decimal = require("billow.decimal")
local figures = require("billow.billing.figures")
local lines = require("billow.billing.lines")
local rates = require("billow.billing.rates")
local split = require("billow.billing.split")

local HOURS_DECIMALS = 2

---@class billing.AnnexRow
---@field line? string              id of the line; nil: drawn from the retainer
---@field values table<string, string>   by the words of `by`
---@field seconds integer
---@field hours Decimal
---@field amount? Decimal           its part of the line's net, when the contract shows amounts
---@field notes? string[]           of its entries, when the contract shows notes

---@class billing.Annex
---@field by string[]
---@field rows billing.AnnexRow[]
---@field hours Decimal

local function add_note(row, note)
  if type(note) ~= "string" or not note:find("%S") then
    return
  end
  for _, known in ipairs(row.notes) do
    if known == note then
      return
    end
  end
  row.notes[#row.notes + 1] = note
end

local function is_before(by)
  return function(a, b)
    for _, word in ipairs(by) do
      if a.values[word] ~= b.values[word] then
        return a.values[word] < b.values[word]
      end
    end
    return false
  end
end

--- The rows of some works, in the order of what they are listed by.
local function rows_of(works, terms)
  local of_key, rows = {}, {}
  for _, work in ipairs(works) do
    local values, key = {}, {}
    for i, word in ipairs(terms.by) do
      values[word] = lines.value(work, word)
      key[i] = values[word]
    end
    local id = table.concat(key, "\0")
    local row = of_key[id]
    if not row then
      row = { values = values, seconds = 0, entries = 0, notes = terms.notes and {} or nil }
      of_key[id], rows[#rows + 1] = row, row
    end
    row.seconds = row.seconds + work.billed_seconds
    row.entries = row.entries + 1
    if row.notes then
      add_note(row, work.entry.notes)
    end
  end
  table.sort(rows, is_before(terms.by))
  return rows
end

local function column(rows, name)
  local values = {}
  for i, row in ipairs(rows) do
    values[i] = decimal(row[name])
  end
  return values
end

--- By what a line is divided over its rows: by time, fixed sums by their number.
local function weights_of(line, rows)
  local whole = line and (line.split_of or line)
  local seconds = column(rows, "seconds")
  if whole and whole.unit_code == rates.FIXED or decimal.sum(seconds):is_zero() then
    return column(rows, "entries")
  end
  return seconds
end

--- Hours as printed: those of a line by the hour are its quantity.
local function hours_of(line, rows)
  local whole = line and (line.split_of or line)
  if whole and whole.unit_code == "HUR" then
    return whole.quantity
  end
  return figures.hours(decimal.sum(column(rows, "seconds")):to_integer()):round(HOURS_DECIMALS)
end

--- Gives every row its hours, and its part of the line's net.
local function measure(rows, line, terms, d)
  local weights, hours = weights_of(line, rows), hours_of(line, rows)
  local decimals = math.max(figures.trim(hours):scale(), HOURS_DECIMALS)
  for i, share in ipairs(split.largest_remainder(hours, weights, decimals)) do
    rows[i].hours = share
  end
  if terms.amounts and line then
    for i, share in ipairs(split.largest_remainder(line.net_amount, weights, d)) do
      rows[i].amount = share
    end
  end
  return hours
end

--- The annex of a document; nil when the contract asks for none, or no hours are behind it.
---@param terms? table               of the contract: by, notes, amounts
---@param of_document billing.Line[]   with their ids and works
---@param drawn? billing.Work[]      works that a retainer paid for
---@param d integer
---@return billing.Annex?
function annex.of(terms, of_document, drawn, d)
  if not terms then
    return nil
  end
  local made = { by = terms.by, rows = {}, hours = decimal(0) }
  local function add(works, line)
    local rows = rows_of(works, terms)
    if #rows > 0 then
      made.hours = made.hours + measure(rows, line, terms, d)
    end
    for _, row in ipairs(rows) do
      row.line = line and line.id
      made.rows[#made.rows + 1] = row
    end
  end
  for _, line in ipairs(of_document) do
    add(line.works or {}, line)
  end
  add(drawn or {}, nil)
  return #made.rows > 0 and made or nil
end

--- Said when an invoice explains itself.
---@param made billing.Annex
---@return string
function annex.text(made)
  return string.format(
    "annex: %s hours in %d rows by %s, as the contract asks",
    figures.plain(made.hours),
    #made.rows,
    table.concat(made.by, ", ")
  )
end

return annex
