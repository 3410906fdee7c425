--- A small firm's receivables in memory, for specs: entries that are billed, credited, billed again
--- and voided through the real rules, beside a model so simple that it can be trusted.
---
---   local firm = receivables.new(seed)
---   firm:bill({ "e1", "e2" }); firm:credit(invoice, { all = true })
---   firm:check()          -- nothing twice, nothing forgotten
---
--- With `log` set, every change is also told there: (kind, data); the database test writes SQL
--- of it.
local receivables = {}

local canonical = require("billow.billing.canonical")
local credit_left = require("billow.billing.credit_left")
local credit_note = require("billow.billing.credit_note")
local decimal = require("billow.decimal")
local json = require("billow.json")
local split = require("billow.billing.split")
local tax = require("billow.billing.tax")
local totals = require("billow.billing.totals")

local D = 2
local FIRM = {
  currency = "EUR",
  tax_codes = {
    { id = "S", category_code = "S", rates = { { valid_from = "2021-01-01", percent = "19" } } },
    { id = "R", category_code = "S", rates = { { valid_from = "2021-01-01", percent = "7" } } },
    { id = "O", category_code = "O", exemption_reason = "Out of scope" },
  },
}
local PERCENTS = { S = decimal(19), R = decimal(7) }
local CTX = {
  firm = FIRM,
  opening = { exchange_rates = {} },
  decimals = function()
    return D
  end,
}

receivables.CTX = CTX

--- A line with the fields that invoice.assemble gives.
function receivables.line(id, quantity, price, code, references)
  local net = (decimal(quantity) * decimal(price)):round(D)
  return {
    id = id,
    component = "time",
    description_key = "time:" .. id,
    quantity = decimal(quantity),
    unit_code = "HUR",
    unit_price = decimal(price),
    net_amount = net,
    tax_code = code,
    tax_category = code == "O" and "O" or "S",
    tax_percent = PERCENTS[code],
    references = references or {},
  }
end

function receivables.allowance(amount, code)
  return {
    component = "discount",
    amount = decimal(amount):round(D),
    reason = "Discount",
    reason_code = "95",
    tax_code = code,
    tax_category = code == "O" and "O" or "S",
    tax_percent = PERCENTS[code],
  }
end

--- The canonical invoice of these lines and allowances.
function receivables.invoice(id, number, lines, allowances, changes)
  allowances = allowances or {}
  local breakdown = tax.breakdown(FIRM, lines, allowances, D)
  local made = canonical.invoice(CTX, {
    id = id,
    number = number,
    type_code = "380",
    status = "ready",
    contract_id = "C",
    customer_id = "CU",
    currency = "EUR",
    issue_date = "2026-11-02",
    tax_point_date = "2026-10-31",
    due_date = "2026-12-02",
    period = { start_date = "2026-10-01", end_date = "2026-10-31" },
    preceding_invoices = {},
    lines = lines,
    allowances = allowances,
    tax_breakdown = breakdown,
    totals = totals.of(lines, allowances, breakdown, nil, D),
  })
  for name, value in pairs(changes or {}) do
    made[name] = value
  end
  return made
end

---@class receivables.Firm
---@field entries table[]                      id, seconds, rate, code; open: the model's count
---@field invoices billing.CreditBasis[]
local Firm = {}
Firm.__index = Firm

--- Pseudo-random numbers that are the same everywhere.
local function generator(seed)
  local state = seed
  return function(low, high)
    state = (state * 1103515245 + 12345) % 2147483648
    return low + (state // 65536) % (high - low + 1)
  end
end

function receivables.new(seed, entry_count, log)
  local firm = setmetatable({ entries = {}, invoices = {}, documents = 0, log = log }, Firm)
  firm.random = generator(seed)
  for i = 1, entry_count do
    local entry = {
      id = "2026-10/harvest-time:" .. i,
      ref = "harvest-time:" .. i,
      seconds = firm.random(1, 600) * 60,
      rate = ({ "100", "87.50", "133.33", "0" })[firm.random(1, 4)],
      code = ({ "S", "R", "O" })[firm.random(1, 3)],
    }
    entry.open = entry.seconds
    firm.entries[i], firm.entries[entry.id] = entry, entry
  end
  firm:tell("entries", firm.entries)
  return firm
end

function Firm:tell(kind, data)
  if self.log then
    self.log(kind, data)
  end
end

--- Bill this much of these entries: {{entry, seconds}}. One line per rate and tax code.
function Firm:bill(parts, discount)
  self.documents = self.documents + 1
  local groups, order = {}, {}
  for _, part in ipairs(parts) do
    local key = part[1].rate .. "/" .. part[1].code
    if not groups[key] then
      groups[key], order[#order + 1] = {}, key
    end
    table.insert(groups[key], part)
  end
  local id, lines, billed = "C/CU/2026-10/380/" .. self.documents, {}, {}
  for i, key in ipairs(order) do
    local seconds, references, weights = 0, {}, {}
    for n, part in ipairs(groups[key]) do
      seconds = seconds + part[2]
      references[n] = { type = "time_entry", id = part[1].ref, seconds = part[2] }
      weights[n] = decimal(part[2])
    end
    local entry = groups[key][1][1]
    local hours = (decimal(seconds) / decimal(3600)):round(2)
    lines[i] = receivables.line(tostring(i), hours, entry.rate, entry.code, references)
    for n, share in ipairs(split.largest_remainder(lines[i].net_amount, weights, D)) do
      local part = groups[key][n]
      part[1].open = part[1].open - part[2]
      billed[#billed + 1] = {
        entry_id = part[1].id,
        line_id = lines[i].id,
        quantity = part[2],
        amount = tostring(share),
        kind = "time",
        ref = part[1].ref,
      }
    end
  end
  local allowances = {}
  local base = lines[1].net_amount
  if discount and base:sign() > 0 then
    allowances[1] =
      receivables.allowance((base * decimal(discount) / decimal(100)):round(D), lines[1].tax_code)
  end
  local invoice = receivables.invoice(id, "INV-" .. self.documents, lines, allowances)
  local basis = { invoice = invoice, credits = {}, billed = billed, credited = {} }
  self.invoices[#self.invoices + 1] = basis
  self:tell("bill", basis)
  return basis
end

--- Credit by the real rules, then count in the model what the request says.
function Firm:credit(basis, request)
  local id = credit_note.next_id(basis.invoice.id, "381", self.documents)
  local made, refusal = credit_note.try(basis, request, { id = id, issue_date = "2026-11-20" })
  if not made then
    return nil, refusal
  end
  self.documents = self.documents + 1
  made.object.number = "CN-" .. self.documents
  self:expect(basis, request, made)
  for _, movement in ipairs(made.movements) do
    local line = made.object.lines[tonumber(movement.line_id)]
    table.insert(basis.credited, {
      entry_id = movement.entry_id,
      line_id = line.credits.line_id,
      quantity = movement.quantity,
      amount = movement.amount,
    })
  end
  table.insert(basis.credits, made.object)
  self:tell("credit", { basis = basis, made = made })
  return made
end

--- What is billed of an entry by an invoice (or one line of it) and not credited: plain counting.
local function still_billed(basis, entry_id, line_id)
  local seconds = 0
  for sign, rows in pairs({ [1] = basis.billed, [-1] = basis.credited }) do
    for _, row in ipairs(rows) do
      if row.entry_id == entry_id and (not line_id or row.line_id == line_id) then
        seconds = seconds + sign * tonumber(row.quantity)
      end
    end
  end
  return seconds
end

receivables.still_billed = still_billed

--- The model: which seconds become open again by this request.
function Firm:expect(basis, request, made)
  local opened = {}
  local function open(entry_id, seconds)
    if seconds > 0 then
      opened[entry_id] = (opened[entry_id] or 0) + seconds
    end
  end
  local function open_line(line_id)
    for _, row in ipairs(basis.billed) do
      if not line_id or row.line_id == line_id then
        open(row.entry_id, still_billed(basis, row.entry_id, row.line_id))
      end
    end
  end
  local is_all_by_amount = request.amount and credit_left.of(basis).net == decimal(request.amount)
  if request.all or is_all_by_amount then
    open_line(nil)
  end
  for _, item in ipairs(request.lines or {}) do
    if not item.amount and not item.quantity then
      open_line(item.line_id)
    end
  end
  for _, item in ipairs(request.entries or {}) do
    open(item.entry_id, item.quantity or still_billed(basis, item.entry_id))
  end
  local moved = {}
  for _, movement in ipairs(made.movements) do
    moved[movement.entry_id] = (moved[movement.entry_id] or 0) + tonumber(movement.quantity)
  end
  assert(json.encode(moved) == json.encode(opened), "the note opens other work than the model")
  for entry_id, seconds in pairs(opened) do
    self.entries[entry_id].open = self.entries[entry_id].open + seconds
  end
end

local function sum_of(documents, field)
  local total = decimal(0)
  for _, document in ipairs(documents) do
    total = total + decimal(document.totals[field])
  end
  return total
end

--- Every second is open or billed once; credits stay within the invoice, in every line, group and
--- total.
function Firm:check()
  for _, entry in ipairs(self.entries) do
    local billed = 0
    for _, basis in ipairs(self.invoices) do
      billed = billed + still_billed(basis, entry.id)
    end
    assert(entry.open >= 0 and billed >= 0)
    assert(entry.open + billed == entry.seconds, entry.id .. " is twice somewhere, or nowhere")
  end
  for _, basis in ipairs(self.invoices) do
    local left = credit_left.of(basis)
    for _, rest in ipairs(left.lines) do
      local net = decimal(rest.line.net_amount)
      assert(rest.net:sign() >= 0 and rest.net <= net, "line " .. rest.line.id)
    end
    for _, rest in ipairs(left.groups) do
      assert(rest.net:sign() >= 0 and rest.tax:sign() >= 0, "tax group")
    end
    for _, rest in ipairs(left.allowances) do
      assert(rest:sign() >= 0, "allowance")
    end
    assert(
      left.payable
        == decimal(basis.invoice.totals.payable_amount) - sum_of(basis.credits, "payable_amount")
    )
    assert(left.payable:sign() >= 0, "more is credited than was invoiced")
  end
end

--- A random request that may or may not be possible.
function Firm:request(basis)
  local random, lines = self.random, basis.invoice.lines
  local line = lines[random(1, #lines)]
  local entry = basis.billed[random(1, #basis.billed)]
  local way = random(1, 7)
  if way == 1 then
    return { all = true }
  elseif way == 2 then
    return { lines = { { line_id = line.id } } }
  elseif way == 3 then
    return { lines = { { line_id = line.id, amount = tostring(random(1, 5000)) .. ".37" } } }
  elseif way == 4 then
    return { lines = { { line_id = line.id, quantity = "0.25" } } }
  elseif way == 5 then
    return { amount = random(1, 400) .. "." .. random(10, 99) }
  elseif way == 6 then
    return { entries = { { entry_id = entry.entry_id } } }
  end
  return { entries = { { entry_id = entry.entry_id, quantity = random(1, 30) * 60 } } }
end

--- One random step: bill some of what is open, or credit something.
function Firm:step()
  local random, parts = self.random, {}
  if #self.invoices > 0 and random(1, 3) > 1 then
    local basis = self.invoices[random(1, #self.invoices)]
    return self:credit(basis, self:request(basis))
  end
  for _, entry in ipairs(self.entries) do
    if entry.open > 0 and random(1, 3) > 1 then
      local is_part = entry.open > 120 and random(1, 4) == 1
      parts[#parts + 1] = { entry, is_part and entry.open // 120 * 60 or entry.open }
    end
  end
  if #parts > 0 then
    return self:bill(parts, random(1, 3) == 1 and random(1, 30) or nil)
  end
  return nil
end

--- Void every invoice: then everything is open, and nothing is left to credit anywhere.
function Firm:void_all()
  for _, basis in ipairs(self.invoices) do
    self:credit(basis, { all = true })
  end
end

return receivables
