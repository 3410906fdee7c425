--- Disputes (X1, X2): what part of an invoice somebody contests, until when they get an answer, and
--- what the answer does.
---
--- A dispute is about a line, an entry on it, or an amount of the invoice; what is disputed is with
--- tax, since it is that much less that is dunned. Its states follow one another in a fixed order,
--- which the database keeps too. Pure.
---@class billing.dispute
local dispute = {}

local calendar = require("billow.billing.calendar")
local credit_left = require("billow.billing.credit_left")
local currency = require("billow.billing.currency")
local date = require("billow.date")
local decimal = require("billow.decimal")
local figures = require("billow.billing.figures")
local reading = require("billow.billing.reading")

local given = reading.given
local HUNDRED = decimal(100)

--- Why somebody contests: causes that the firm can mend are told from those of the customer.
dispute.REASONS = {
  hours = "the hours were not worked, or not so many",
  rate = "another price was agreed",
  scope = "the work was not ordered",
  quality = "the work has defects",
  duplicate = "it was billed before",
  tax = "the tax is wrong",
  order = "the order number or the addressee is wrong",
  delivery = "the invoice did not arrive",
  other = "see the note",
}

--- What may follow a state.
dispute.FOLLOWING = {
  raised = { "acknowledged", "withdrawn" },
  acknowledged = { "investigating", "withdrawn" },
  investigating = { "accepted", "partly", "rejected", "withdrawn" },
  accepted = { "closed" },
  partly = { "closed" },
  rejected = {},
  withdrawn = {},
  closed = {},
}

--- Is the disputed part still kept out of dunning?
---@param state string
---@return boolean
function dispute.is_open(state)
  return state ~= "rejected" and state ~= "withdrawn" and state ~= "closed"
end

--- May `state` follow `before`?
---@param before string?
---@param state string
---@return boolean
function dispute.may_follow(before, state)
  if not before then
    return state == "raised"
  end
  for _, following in ipairs(dispute.FOLLOWING[before] or {}) do
    if following == state then
      return true
    end
  end
  return false
end

--- The last day of `count` business days after a day.
---@param day string
---@param count integer
---@param holidays string[]
---@return string
function dispute.answer_by(day, count, holidays)
  for _ = 1, count do
    day = calendar.next_business_day(date.add_days(day, 1), holidays)
  end
  return day
end

--- Business days from one day to another: how long an answer took.
---@param from string
---@param to string
---@param holidays string[]
---@return integer
function dispute.business_days(from, to, holidays)
  local is_holiday, count = {}, 0
  for _, holiday in ipairs(holidays) do
    is_holiday[holiday] = true
  end
  for i = 1, date.days_between(from, to) do
    if calendar.is_business_day(date.add_days(from, i), is_holiday) then
      count = count + 1
    end
  end
  return count
end

local function with_tax(net, line, d)
  local percent = decimal(given(line.tax_percent) or 0)
  return net + (net * percent / HUNDRED):round(d)
end

local function line_left(left, id)
  for _, rest in ipairs(left.lines) do
    if rest.line.id == id then
      return rest
    end
  end
  reading.refuse("line_id", id, "name a line of the invoice")
end

local function entry_left(left, id)
  for _, rest in ipairs(left.entries) do
    if (rest.entry_id == id or rest.ref == id) and rest.quantity:sign() > 0 then
      return rest
    end
  end
  reading.refuse("entry_id", id, "name an entry that the invoice bills")
end

--- What a request is about: the line and entry it means, and what they come to with tax.
local function place_of(basis, request, d)
  local left = credit_left.of(basis)
  if given(request.entry_id) then
    local entry = entry_left(left, request.entry_id)
    local line = line_left(left, entry.line_id).line
    return entry.line_id, entry.entry_id, with_tax(entry.amount, line, d)
  elseif given(request.line_id) then
    local rest = line_left(left, request.line_id)
    return request.line_id, nil, with_tax(rest.net, rest.line, d)
  end
  return nil, nil, left.payable
end

---@class billing.DisputeRequest
---@field line_id? string
---@field entry_id? string
---@field amount? any          with tax; absent: all of the line, entry or invoice
---@field reason_code string   a key of dispute.REASONS
---@field note? string

---@class billing.Disputed
---@field line_id? string
---@field entry_id? string
---@field amount string        with tax
---@field currency string
---@field reason_code string
---@field note? string

--- What is disputed; raises a billing.Refusal when the request does not fit the invoice.
---@param basis billing.CreditBasis
---@param request billing.DisputeRequest
---@return billing.Disputed
function dispute.open(basis, request)
  if not dispute.REASONS[request.reason_code] then
    local known = {}
    for reason in pairs(dispute.REASONS) do
      known[#known + 1] = reason
    end
    reading.refuse("reason_code", request.reason_code, "write one of " .. table.concat(known, ", "))
  end
  local d = currency.decimals(basis.invoice.currency)
  local line_id, entry_id, most = place_of(basis, request, d)
  -- Where an advance or a retainage is taken off, a line may come to more than its invoice.
  most = decimal.min(most, credit_left.of(basis).payable)
  local amount = most
  if given(request.amount) then
    amount = reading.number(request.amount)
    if not amount or amount:sign() <= 0 or amount:round(d) ~= amount or amount > most then
      reading.refuse(
        "amount",
        request.amount,
        "write a positive amount, with tax, of at most " .. figures.amount(most, d)
      )
    end
  elseif most:sign() <= 0 then
    reading.refuse("amount", "nothing", "nothing of it is left to dispute")
  end
  return {
    line_id = line_id,
    entry_id = entry_id,
    amount = figures.amount(amount, d),
    currency = basis.invoice.currency,
    reason_code = request.reason_code,
    note = given(request.note),
  }
end

--- The net amount whose tax brings it to `gross`.
local function without_tax(gross, line, d)
  local percent = decimal(given(line.tax_percent) or 0)
  return (gross * HUNDRED / (HUNDRED + percent)):round(d)
end

--- The credit that an accepted dispute asks for. Accepted in full, a line or entry is credited
--- whole, so that its work is open again; less is an amount of the line, or of the invoice.
---@param basis billing.CreditBasis
---@param disputed billing.Disputed
---@param accepted any   with tax
---@return billing.CreditRequest
function dispute.credit_request(basis, disputed, accepted)
  local d, left = currency.decimals(basis.invoice.currency), credit_left.of(basis)
  local amount, most = reading.number(accepted), decimal(disputed.amount)
  if not amount or amount:sign() <= 0 or amount:round(d) ~= amount or amount > most then
    reading.refuse(
      "accepted_amount",
      accepted,
      "write a positive amount, with tax, of at most " .. disputed.amount
    )
  end
  local line_id, entry_id, whole = place_of(basis, disputed, d)
  if entry_id and amount == whole then
    return { entries = { { entry_id = entry_id } } }
  elseif line_id and amount == whole then
    return { lines = { { line_id = line_id } } }
  elseif line_id then
    local line = line_left(left, line_id).line
    local net = figures.amount(without_tax(amount, line, d), d)
    return { lines = { { line_id = line_id, amount = net } } }
  elseif amount == left.payable then
    return { all = true }
  end
  return { amount = figures.amount((amount * left.net / left.payable):round(d), d) }
end

return dispute
