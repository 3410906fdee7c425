--- The annex of an invoice page: the statement of hours (billow.billing.annex), on a page of its
--- own.
local html_annex = {}

local json = require("billow.json")
local labels = require("billow.billing.labels")
local text = require("billow.text")

html_annex.STYLE = ".annex{break-before:page;margin-top:3em}\n"

local function element(name, content, class)
  local attribute = class and ' class="' .. class .. '"' or ""
  return "<" .. name .. attribute .. ">" .. content .. "</" .. name .. ">"
end

local function cells(kind, list)
  local made = {}
  for i, cell in ipairs(list) do
    made[i] = element(kind, text.html(cell[1]), cell[2])
  end
  return element("tr", table.concat(made)) .. "\n"
end

local function value_text(label, word, value)
  return word == "date" and labels.day(label, value) or tostring(value)
end

--- What the table shows beside the words of `by`.
local function shown_of(annex)
  local first = annex.rows[1]
  return { notes = first.notes ~= nil, amounts = false }
end

local function head(label, annex, shown)
  local list = { { label.words.item } }
  for _, word in ipairs(annex.by) do
    list[#list + 1] = { label.words.by[word] }
  end
  if shown.notes then
    list[#list + 1] = { label.words.notes }
  end
  list[#list + 1] = { label.words.hours, "n" }
  if shown.amounts then
    list[#list + 1] = { label.words.amount, "n" }
  end
  return element("thead", cells("th", list))
end

local function row_text(label, annex, row, shown)
  local list = { { row.line ~= json.null and row.line or label.words.drawn } }
  for _, word in ipairs(annex.by) do
    list[#list + 1] = { value_text(label, word, row[word]) }
  end
  if shown.notes then
    list[#list + 1] = { table.concat(row.notes, "; ") }
  end
  list[#list + 1] = { labels.number(label, row.hours), "n" }
  if shown.amounts then
    list[#list + 1] = { row.amount and labels.number(label, row.amount) or "", "n" }
  end
  return cells("td", list)
end

--- The annex of an invoice, or nothing.
---@param label table      of labels.of
---@param invoice table    canonical form
---@return string
function html_annex.render(label, invoice)
  local annex = invoice.annex
  if not annex then
    return ""
  end
  local shown, rows = shown_of(annex), {}
  for _, row in ipairs(annex.rows) do
    shown.amounts = shown.amounts or row.amount ~= nil
  end
  for i, row in ipairs(annex.rows) do
    rows[i] = row_text(label, annex, row, shown)
  end
  local total = label.words.hours_total .. ": " .. labels.number(label, annex.hours)
  return table.concat({
    '<section class="annex">\n',
    element("h2", text.html(label.words.annex)),
    element("table", head(label, annex, shown) .. "\n" .. table.concat(rows)),
    "\n",
    element("p", text.html(total)),
    "\n</section>\n",
  })
end

return html_annex
