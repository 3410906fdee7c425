--- What a credit request means (K1): which part of which lines, and of which entries on them.
---
--- A request says it in one way: all that is left, lines (whole, by amount or by quantity), entries
--- (whole or part of one), or an amount spread over the lines. Whole lines and entries give their
--- references back; an amount is a concession: the work stays billed. Pure.
local credit_pick = {}

local credit_left = require("billow.billing.credit_left")
local currency = require("billow.billing.currency")
local decimal = require("billow.decimal")
local figures = require("billow.billing.figures")
local reading = require("billow.billing.reading")
local split = require("billow.billing.split")

local given = reading.given
local ZERO = decimal(0)

---@class billing.CreditRequest
---@field all? boolean
---@field lines? {line_id: string, amount?: any, quantity?: any}[]
---@field entries? {entry_id: string, quantity?: any}[]   the entry's id here or in its source
---@field amount? any       without tax
---@field outcome? string   of credited work: open (default), written_off, excluded

--- What is to be credited, by line: how much of its net, and which entries with how much of each.
---@class billing.CreditPick
---@field left billing.CreditLineLeft
---@field net Decimal
---@field quantity? Decimal   nil: the line's whole quantity, or 1 of the amount
---@field entries {left: billing.CreditEntryLeft, quantity: Decimal, amount: Decimal}[]

---@class billing.CreditPicking
---@field d integer
---@field left billing.CreditLeft
---@field picks table<string, billing.CreditPick>   by line id
local Picking = {}
Picking.__index = Picking

function Picking:line(id, field)
  for _, rest in ipairs(self.left.lines) do
    if rest.line.id == id then
      return rest
    end
  end
  reading.refuse(field, id, "name a line of the invoice")
end

function Picking:entries_of(line_id)
  local found = {}
  for _, rest in ipairs(self.left.entries) do
    if rest.line_id == line_id and rest.quantity:sign() > 0 then
      found[#found + 1] = rest
    end
  end
  return found
end

--- What entries get of the net that is credited of their line: what they were billed for, less when
--- an earlier concession has taken some of it.
local function shares_of(wanted, net, d)
  local total, shares = figures.sum(wanted), {}
  if total == net or total:is_zero() then
    return wanted
  elseif net:sign() > 0 then
    return split.largest_remainder(decimal.min(net, total), wanted, d)
  end
  for i in ipairs(wanted) do
    shares[i] = ZERO
  end
  return shares
end

local function give_shares(parts, net, d)
  local wanted = {}
  for i, part in ipairs(parts) do
    wanted[i] = part.amount
  end
  for i, share in ipairs(shares_of(wanted, net, d)) do
    parts[i].amount = share
  end
end

--- The whole rest of a line, with everything it stands for.
function Picking:whole(rest)
  local picked = {}
  for i, entry in ipairs(self:entries_of(rest.line.id)) do
    picked[i] = { left = entry, quantity = entry.quantity, amount = entry.amount }
  end
  give_shares(picked, rest.net, self.d)
  self.picks[rest.line.id] = { left = rest, net = rest.net, entries = picked }
end

--- Part of a line's money: a concession.
function Picking:part(rest, net, quantity)
  self.picks[rest.line.id] = { left = rest, net = net, quantity = quantity, entries = {} }
end

local function amount_of(field, value, d)
  local amount = reading.number(value)
  if not amount or amount:sign() <= 0 or amount:round(d) ~= amount then
    reading.refuse(field, value, "write a positive amount with at most " .. d .. " decimals")
  end
  return amount
end

local function too_much(field, value, what, left)
  reading.refuse(field, value, string.format("at most %s can be credited of %s", left, what))
end

local function check_line_request(picking, item, field)
  local rest = picking:line(item.line_id, field .. ".line_id")
  if picking.picks[item.line_id] then
    reading.refuse(field .. ".line_id", item.line_id, "name each line once")
  elseif rest.net:is_zero() and #picking:entries_of(item.line_id) == 0 then
    reading.refuse(field .. ".line_id", item.line_id, "nothing of this line is left to credit")
  elseif given(item.amount) and given(item.quantity) then
    reading.refuse(field, item, "give amount or quantity, not both")
  end
  return rest
end

--- The net of a request for some of a line.
local function net_of_part(picking, rest, item, field)
  local d, line = picking.d, rest.line
  if given(item.amount) then
    return amount_of(field .. ".amount", item.amount, d) * decimal(rest.net:sign()), nil
  end
  local quantity = reading.number(item.quantity)
  if not quantity or quantity:sign() <= 0 or quantity > decimal(line.quantity):abs() then
    reading.refuse(
      field .. ".quantity",
      item.quantity,
      "write a positive quantity of at most " .. line.quantity
    )
  end
  local signed = quantity * decimal(decimal(line.quantity):sign())
  return (signed * decimal(line.unit_price)):round(d), signed
end

local function pick_lines(picking, items)
  for i, item in ipairs(items) do
    local field = "lines[" .. i .. "]"
    local rest = check_line_request(picking, item, field)
    if given(item.amount) == nil and given(item.quantity) == nil then
      picking:whole(rest)
    else
      local net, quantity = net_of_part(picking, rest, item, field)
      if net:abs() > rest.net:abs() then
        too_much(
          field .. (quantity and ".quantity" or ".amount"),
          figures.amount(net, picking.d),
          "line " .. rest.line.id,
          figures.amount(rest.net, picking.d)
        )
      end
      picking:part(rest, net, quantity)
    end
  end
end

--- How much of an entry a request means, on each line where it stands: in order of the lines.
local function parts_of_entry(picking, item, field)
  local places, total = {}, ZERO
  for _, rest in ipairs(picking.left.entries) do
    if rest.entry_id == item.entry_id or rest.ref == item.entry_id then
      places[#places + 1], total = rest, total + rest.quantity
    end
  end
  if #places == 0 then
    reading.refuse(field .. ".entry_id", item.entry_id, "name an entry that the invoice bills")
  end
  local wanted = given(item.quantity) and reading.number(item.quantity) or total
  if not wanted or wanted:sign() <= 0 or wanted > total then
    reading.refuse(
      field .. ".quantity",
      given(item.quantity) or total,
      "at most " .. tostring(total) .. " of entry " .. item.entry_id .. " is left to credit"
    )
  end
  local parts = {}
  for _, rest in ipairs(places) do
    local quantity = decimal.min(wanted, rest.quantity)
    if quantity:sign() > 0 then
      parts[#parts + 1], wanted = { left = rest, quantity = quantity }, wanted - quantity
    end
  end
  return parts
end

--- The money of part of an entry: its share of what is left, the last part takes the rest.
local function entry_amount(part, d)
  local rest = part.left
  if part.quantity == rest.quantity then
    return rest.amount
  end
  return (rest.amount * part.quantity / rest.quantity):round(d)
end

local function pick_entries(picking, items)
  local seen, by_line, order = {}, {}, {}
  for i, item in ipairs(items) do
    local field = "entries[" .. i .. "]"
    for _, part in ipairs(parts_of_entry(picking, item, field)) do
      local line_id = part.left.line_id
      local key = part.left.entry_id .. "\0" .. line_id
      if seen[key] then
        reading.refuse(field .. ".entry_id", item.entry_id, "name each entry once")
      end
      seen[key] = true
      if not by_line[line_id] then
        by_line[line_id], order[#order + 1] = {}, line_id
      end
      part.amount = entry_amount(part, picking.d)
      table.insert(by_line[line_id], part)
    end
  end
  for _, line_id in ipairs(order) do
    picking:entries(line_id, by_line[line_id])
  end
end

--- Entries of one line. When they are the last of it, they take what is left of the line.
function Picking:entries(line_id, parts)
  local rest, net, is_last = self:line(line_id, "entries"), ZERO, true
  local taken = {}
  for _, part in ipairs(parts) do
    net = net + part.amount
    taken[part.left] = part.quantity
  end
  for _, entry in ipairs(self:entries_of(line_id)) do
    is_last = is_last and taken[entry] == entry.quantity
  end
  if is_last then
    net = rest.net
  elseif rest.net:sign() >= 0 then
    net = decimal.min(net, rest.net)
  end
  give_shares(parts, net, self.d)
  self.picks[line_id] = { left = rest, net = net, entries = parts }
end

--- An amount without tax, over the tax groups and then the lines by what is left of them.
local function pick_amount(picking, value)
  local left, d = picking.left, picking.d
  local amount = amount_of("amount", value, d)
  if amount > left.net then
    too_much(
      "amount",
      figures.amount(amount, d),
      "the invoice without tax",
      figures.amount(left.net, d)
    )
  elseif amount == left.net then
    for _, rest in ipairs(left.lines) do
      picking:whole(rest)
    end
    return
  end
  local weights = {}
  for i, group in ipairs(left.groups) do
    weights[i] = group.net:sign() > 0 and group.net or ZERO
  end
  for i, share in ipairs(split.largest_remainder(amount, weights, d)) do
    local lines, nets = {}, {}
    for _, rest in ipairs(left.lines) do
      if
        credit_left.key_of_line(rest.line) == credit_left.key_of_group(left.groups[i].group)
        and rest.net:sign() > 0
      then
        lines[#lines + 1], nets[#nets + 1] = rest, rest.net
      end
    end
    for n, net in ipairs(share:is_zero() and {} or split.largest_remainder(share, nets, d)) do
      if not net:is_zero() then
        picking:part(lines[n], net)
      end
    end
  end
end

local WAYS = { "all", "lines", "entries", "amount" }

--- The one way in which a request says what to credit.
local function way_of(request)
  local found
  for _, way in ipairs(WAYS) do
    if given(request[way]) then
      if found then
        reading.refuse(way, request[way], "say it in one way: " .. found .. " is given too")
      end
      found = way
    end
  end
  if not found then
    reading.refuse("request", request, "say what to credit: all, lines, entries or amount")
  end
  return found
end

--- What a request means, in terms of what is left; raises a billing.Refusal when it asks for what
--- is not there.
---@param basis billing.CreditBasis
---@param request billing.CreditRequest
---@return billing.CreditPicking
function credit_pick.of(basis, request)
  local picking = setmetatable({
    d = currency.decimals(basis.invoice.currency),
    left = credit_left.of(basis),
    picks = {},
  }, Picking)
  local way = way_of(request)
  if way == "all" then
    for _, rest in ipairs(picking.left.lines) do
      if not rest.net:is_zero() or #picking:entries_of(rest.line.id) > 0 then
        picking:whole(rest)
      end
    end
  elseif way == "lines" then
    pick_lines(picking, request.lines)
  elseif way == "entries" then
    pick_entries(picking, request.entries)
  else
    pick_amount(picking, request.amount)
  end
  if next(picking.picks) == nil then
    reading.refuse(
      way,
      "nothing",
      "nothing of invoice " .. basis.invoice.number .. " is left to credit"
    )
  end
  return picking
end

return credit_pick
