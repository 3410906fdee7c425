--- A canonical invoice object as a readable, printable page: self-contained, everything escaped.
---
--- Pages of blocked invoices and of drafts without a number say in large letters that they are no
--- invoices.
local html = {}

local discount = require("billow.billing.discount")
local html_annex = require("billow.billing.html_annex")
local json = require("billow.json")
local labels = require("billow.billing.labels")
local number_series = require("billow.billing.number")
local text = require("billow.text")

-- Stands where the database puts Portugal's code of the document, which needs the number.
html.ATCUD_MARK = "{{billow:atcud}}"

local STYLE = [[
body{font:14px/1.45 "Helvetica Neue",Arial,sans-serif;color:#1c2430;
max-width:52em;margin:2em auto;padding:0 1.5em}
h1{font-size:1.7em;margin:0 0 .2em}h2{font-size:1em;margin:1.6em 0 .4em}
.parties,.facts{display:flex;gap:3em;margin:1.2em 0}.parties>div{flex:1}.muted{color:#667}
table{border-collapse:collapse;width:100%;margin-top:1.2em}
th,td{padding:.32em .5em;text-align:left;vertical-align:top}
th{border-bottom:2px solid #1c2430;font-weight:600}td,tbody th{border-bottom:1px solid #dde}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.totals{width:24em;margin-left:auto;margin-top:1.2em}
.totals .due td{border-top:2px solid #1c2430;font-weight:700}
.mark{border:3px solid #b3261e;color:#b3261e;
font-size:1.3em;font-weight:700;padding:.5em .8em;margin:1em 0}
@media print{body{margin:0;max-width:none}thead{display:table-header-group}tr{break-inside:avoid}}
]]

local function given(value)
  return value ~= nil and value ~= json.null and value or nil
end

local function escape(value)
  return text.html(tostring(value))
end

local function element(name, content, class)
  local attribute = class and ' class="' .. class .. '"' or ""
  return "<" .. name .. attribute .. ">" .. content .. "</" .. name .. ">"
end

local function row(cells)
  return element("tr", table.concat(cells)) .. "\n"
end

local function cell(value, class)
  return element("td", escape(value), class)
end

local function heading(value, class)
  return element("th", escape(value), class)
end

local function party(label, title, who)
  local address = who.address
  local lines = {
    element("strong", escape(who.name)),
    escape(given(address.street_name) or ""),
    escape(table.concat({ given(address.postal_zone) or "", given(address.city_name) or "" }, " ")),
    escape(given(address.country_subentity) or ""),
    escape(address.country_code),
  }
  if given(who.vat_id) then
    lines[#lines + 1] = escape(label.words.vat_id .. " " .. who.vat_id)
  end
  local shown = {}
  for _, line in ipairs(lines) do
    if line ~= "" and line ~= " " then
      shown[#shown + 1] = line
    end
  end
  return element("div", element("div", escape(title), "muted") .. table.concat(shown, "<br>"))
end

--- "time:Development/Analyst" -> "Services: Development/Analyst".
local function description(label, line)
  local values = line.description_key:match("^[^:]*:(.*)$")
  local name = label.components[line.component] or line.component
  local shown = given(line.narrative) or values and name .. ": " .. values or name
  local split_of = given(line.split_of)
  if split_of then
    local percent = labels.number(label, split_of.percent)
    shown = shown .. " (" .. string.format(label.words.share, percent) .. ")"
  end
  return shown
end

local function tax_text(label, item)
  local percent = given(item.tax_percent)
  return item.tax_category .. (percent and " " .. labels.number(label, percent) .. " %" or "")
end

--- A discount with a name says it.
local function allowance_text(label, allowance)
  local name = label.components[allowance.component]
  if name and allowance.component == "discount" and allowance.reason ~= discount.REASON then
    return name .. ": " .. allowance.reason
  end
  return name or allowance.reason
end

--- The name of one of a consolidated invoice's contracts.
local function name_of(invoice, contract_id)
  for _, part in ipairs(invoice.contracts or {}) do
    if part.id == contract_id then
      return part.name
    end
  end
  return contract_id
end

local function names_of(invoice, contract)
  local names = {}
  for i, part in ipairs(invoice.contracts or {}) do
    names[i] = part.name
  end
  return #names > 0 and table.concat(names, ", ") or contract and contract.name
end

local function line_rows(label, invoice)
  local words, rows = label.words, {}
  rows[1] = element(
    "thead",
    row({
      heading(words.item),
      heading(words.description),
      heading(words.quantity, "n"),
      heading(words.price, "n"),
      heading(words.tax),
      heading(words.amount, "n"),
    })
  )
  local contract_id
  for _, line in ipairs(invoice.lines) do
    if line.contract_id ~= contract_id then -- only on consolidated invoices
      contract_id = line.contract_id
      local name = escape(name_of(invoice, contract_id))
      rows[#rows + 1] = row({ '<th colspan="6">' .. name .. "</th>" })
    end
    local unit = label.units[line.unit_code] or line.unit_code
    local quantity = labels.number(label, line.quantity) .. (unit ~= "" and " " .. unit or "")
    rows[#rows + 1] = row({
      cell(line.id),
      cell(description(label, line)),
      cell(quantity, "n"),
      cell(labels.number(label, line.unit_price), "n"),
      cell(tax_text(label, line)),
      cell(labels.number(label, line.net_amount), "n"),
    })
  end
  for _, allowance in ipairs(invoice.allowances) do
    rows[#rows + 1] = row({
      cell(""),
      cell(allowance_text(label, allowance)),
      cell("", "n"),
      cell("", "n"),
      cell(tax_text(label, allowance)),
      cell(labels.number(label, "-" .. allowance.amount), "n"),
    })
  end
  return element("table", table.concat(rows))
end

local function tax_rows(label, invoice)
  local words = label.words
  local rows = {
    row({
      heading(words.category),
      heading(words.percent, "n"),
      heading(words.taxable, "n"),
      heading(words.tax_total, "n"),
      heading(""),
    }),
  }
  for _, group in ipairs(invoice.tax_breakdown) do
    local percent = given(group.percent)
    rows[#rows + 1] = row({
      cell(group.category_code),
      cell(percent and labels.number(label, percent) .. " %" or "", "n"),
      cell(labels.number(label, group.taxable_amount), "n"),
      cell(labels.number(label, group.tax_amount), "n"),
      cell(given(group.exemption_reason) or ""),
    })
    for _, part in ipairs(given(group.parts) or {}) do
      rows[#rows + 1] = row({
        cell(part.name),
        cell(labels.number(label, part.percent) .. " %", "n"),
        cell("", "n"),
        cell(labels.number(label, part.tax_amount), "n"),
        cell(""),
      })
    end
  end
  return element("table", table.concat(rows))
end

local function total_row(label, name, amount, currency, class)
  local cells = cell(name) .. cell(labels.number(label, amount) .. " " .. currency, "n")
  return element("tr", cells, class) .. "\n"
end

local function is_zero(amount)
  return not amount:find("[1-9]")
end

local function total_rows(label, invoice, firm)
  local sums, words, currency = invoice.totals, label.words, invoice.currency
  local rows = { total_row(label, words.net_lines, sums.line_extension_amount, currency) }
  if not is_zero(sums.allowance_total_amount) then
    rows[#rows + 1] =
      total_row(label, words.allowances, "-" .. sums.allowance_total_amount, currency)
  end
  rows[#rows + 1] = total_row(label, words.net, sums.tax_exclusive_amount, currency)
  rows[#rows + 1] = total_row(label, words.tax_total, sums.tax_amount, currency)
  if given(sums.tax_amount_accounting) then
    local name = string.format(words.tax_accounting, firm.currency)
    rows[#rows + 1] = total_row(label, name, sums.tax_amount_accounting, firm.currency)
  end
  rows[#rows + 1] = total_row(label, words.gross, sums.tax_inclusive_amount, currency)
  for _, tax in ipairs(given(invoice.withholding_taxes) or {}) do
    local name = string.format(words.withheld, tax.name, labels.number(label, tax.percent))
    rows[#rows + 1] = total_row(label, name, "-" .. tax.tax_amount, currency)
  end
  if not is_zero(sums.payable_rounding_amount) then
    rows[#rows + 1] = total_row(label, words.rounding, sums.payable_rounding_amount, currency)
  end
  rows[#rows + 1] = total_row(label, words.payable, sums.payable_amount, currency, "due")
  return element("table", table.concat(rows), "totals")
end

local function facts(label, invoice, contract, number, has_code)
  local words = label.words
  local list = {
    { words.number, number },
    { words.issue_date, labels.day(label, invoice.issue_date) },
    {
      words.period,
      labels.day(label, invoice.period.start_date)
        .. " - "
        .. labels.day(label, invoice.period.end_date),
    },
    { words.due_date, labels.day(label, invoice.due_date) },
    { words.contract, names_of(invoice, contract) },
    { words.buyer_reference, given(invoice.buyer_reference) },
    { words.order, given(invoice.purchase_order_reference) },
    { "ATCUD", given(invoice.atcud) or has_code and number and html.ATCUD_MARK or nil },
  }
  local rows = {}
  for i = 1, 8 do
    if list[i][2] then
      rows[#rows + 1] = row({ heading(list[i][1]), cell(list[i][2]) })
    end
  end
  return element("table", table.concat(rows))
end

local function preceding(label, invoice)
  local rows = {}
  for i, known in ipairs(invoice.preceding_invoices) do
    rows[i] = escape(known.number .. ", " .. labels.day(label, known.issue_date))
  end
  if #rows == 0 then
    return ""
  end
  return element("h2", escape(label.words.preceding)) .. element("p", table.concat(rows, "<br>"))
end

local function mark_of(label, invoice, number)
  if invoice.status ~= "ready" then
    return element("div", escape(label.words.blocked), "mark")
  elseif not number then
    return element("div", escape(label.words.draft), "mark")
  end
  return ""
end

--- The page of an invoice.
---@param ctx billing.Context
---@param invoice table               canonical form (canonical.invoice)
---@param options? {number?: string}  shown in place of the invoice's own number: a placeholder
---                                   to be filled when the number is given
---@return string
function html.render(ctx, invoice, options)
  local customer = ctx.customers[invoice.customer_id]
  local label = labels.of(customer.language)
  local number = options and options.number or given(invoice.number)
  local title = label.titles[invoice.type_code] or label.titles["380"]
  local series = number_series.series(ctx.firm, invoice.type_code)
  local has_code = series ~= nil and series.validation_code ~= nil
  local terms = string.format(
    label.words.terms,
    labels.number(label, invoice.totals.payable_amount),
    invoice.currency,
    labels.day(label, invoice.due_date)
  )
  return table.concat({
    '<!DOCTYPE html>\n<html lang="',
    label.language,
    '">\n<head>\n<meta charset="utf-8">\n',
    element("title", escape(title .. " " .. (number or invoice.id))),
    "\n",
    element("style", STYLE .. (invoice.annex and html_annex.STYLE or "")),
    "\n</head>\n<body>\n",
    mark_of(label, invoice, number),
    element("h1", escape(title .. (number and " " .. number or ""))),
    "\n",
    element(
      "div",
      party(label, label.words.seller, ctx.firm) .. party(label, label.words.buyer, customer),
      "parties"
    ),
    "\n",
    facts(label, invoice, ctx.contracts[invoice.contract_id], number, has_code),
    "\n",
    line_rows(label, invoice),
    "\n",
    total_rows(label, invoice, ctx.firm),
    "\n",
    element("h2", escape(label.words.tax_total)),
    tax_rows(label, invoice),
    "\n",
    preceding(label, invoice),
    element("p", escape(terms)),
    "\n",
    html_annex.render(label, invoice),
    "</body>\n</html>\n",
  })
end

return html
