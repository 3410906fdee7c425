--- A statement of account to read: what moved the account, what is open and how old it is. Pure.
local statement_of_account_text = {}

local json = require("billow.json")

local KINDS = {
  invoice = "invoice",
  interest = "interest",
  credit_note = "credit note",
  payment = "payment",
  refund = "refund",
  write_off = "write-off",
}

local function given(value)
  return value ~= json.null and value or nil
end

local function padded(cells, widths)
  local parts = {}
  for i, cell in ipairs(cells) do
    local blanks = (" "):rep(math.max(widths[i] - #cell, 0))
    local is_right = cell:match("^%-?[%d.]+$") ~= nil
    parts[i] = is_right and blanks .. cell or cell .. blanks
  end
  return (table.concat(parts, "  "):gsub("%s+$", ""))
end

--- Rows of texts, each column as wide as its widest cell.
local function table_of(rows)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do
      widths[i] = math.max(widths[i] or 0, #cell)
    end
  end
  for i, row in ipairs(rows) do
    lines[i] = "  " .. padded(row, widths)
  end
  return table.concat(lines, "\n")
end

local function movement_rows(made)
  local rows = { { "date", "what", "number", "for", "amount", "balance" } }
  rows[2] = { made.period.start_date, "balance", "", "", "", made.opening_balance }
  for _, row in ipairs(made.movements) do
    rows[#rows + 1] = {
      row.date,
      KINDS[row.kind],
      row.number,
      given(row.refers_to) or "",
      row.amount,
      row.balance,
    }
  end
  return rows
end

local function open_rows(made)
  local rows = { { "open", "due", "days", "amount", "disputed" } }
  for _, item in ipairs(made.open_items) do
    rows[#rows + 1] = {
      item.number,
      item.due_date,
      tostring(item.days_overdue),
      item.open_amount,
      item.disputed_amount,
    }
  end
  return rows
end

local AGES = {
  { "not_due", "not due" },
  { "days_1_30", "1-30 days" },
  { "days_31_60", "31-60 days" },
  { "days_61_90", "61-90 days" },
  { "days_over_90", "over 90 days" },
}

local function of_currency(made, who)
  local texts = {
    string.format(
      "Statement of account, %s (%s), %s, %s to %s",
      who.name,
      made.customer_id,
      made.currency,
      made.period.start_date,
      made.period.end_date
    ),
    table_of(movement_rows(made)),
  }
  if #made.open_items > 0 then
    texts[#texts + 1] = table_of(open_rows(made))
  end
  local ages = {}
  for i, age in ipairs(AGES) do
    ages[i] = age[2] .. " " .. made.aging[age[1]]
  end
  texts[#texts + 1] = "  " .. table.concat(ages, ", ")
  texts[#texts + 1] = string.format(
    "  open %s, interest %s, cash not applied %s, disputed %s: balance %s %s",
    made.open_amount,
    made.open_interest,
    made.unapplied_amount,
    made.disputed_amount,
    made.closing_balance,
    made.currency
  )
  return table.concat(texts, "\n")
end

--- All of a customer's statements, one after the other.
---@param statements table[]   of statement_of_account.all
---@param who {name: string}
---@return string
function statement_of_account_text.render(statements, who)
  local texts = {}
  for i, made in ipairs(statements) do
    texts[i] = of_currency(made, who)
  end
  return #texts > 0 and table.concat(texts, "\n\n") or who.name .. ": nothing was ever invoiced"
end

return statement_of_account_text
