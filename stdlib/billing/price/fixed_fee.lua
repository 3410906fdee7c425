--- Prices a position of a fixed fee: milestones or progress, retainage, release, advances.
local fixed_fee_item = {}

local context = require("billow.billing.price.context")
local decimal = require("billow.decimal")
local explanation = require("billow.billing.explanation")
local fixed_fee = require("billow.billing.fixed_fee")
local json = require("billow.json")
local milestone_source = require("billow.billing.sources.milestones")
local reading = require("billow.billing.reading")
local time_item = require("billow.billing.price.time")

local ZERO = decimal(0)

--- Milestone events of the item; what an example may leave out is filled in.
---@param reader billing.Reader
---@param period billing.Period
---@return table[]
local function events_of(reader, period)
  local events = {}
  for index, event in ipairs(reader:objects("events")) do
    local kind = event:choice("type", { "milestone", "progress" },
      event:has("percent_complete") and "progress" or "milestone")
    events[index] = {
      id = event:text("id", "event-" .. index),
      contract_id = "item",
      type = kind,
      milestone_id = kind == "milestone" and event:text("milestone_id") or nil,
      status = event:choice("status", { "accepted", "submitted", "rejected" }, "accepted"),
      accepted_on = event:date("accepted_on", true) or period.end_date,
      accepted_by = event:has("accepted_by") and event:raw("accepted_by")
        or not event.source.accepted_by and "customer" or nil,
      percent_complete = kind == "progress"
        and event:decimal("percent_complete", { min = 0, max = 100 }) or nil,
      as_of = event:date("as_of", true) or period.end_date,
    }
  end
  return events
end

--- Advances issued before; what is left defaults to all of it.
---@param reader billing.Reader
---@return table[]
local function advances_of(reader)
  local advances = {}
  for index, advance in ipairs(reader:objects("advances")) do
    local net = advance:decimal("net_amount", { min = 0 })
    advances[index] = {
      contract_id = "item",
      number = advance:text("number", "advance-" .. index),
      issue_date = advance:date("issue_date", true) or "1970-01-01",
      net_amount = tostring(net),
      tax_amount = tostring(advance:decimal("tax_amount", { default = 0 })),
      remaining_net = tostring(advance:decimal("remaining_net", { default = net, min = 0 })),
    }
  end
  return advances
end

-- By component of a line: what it was computed from.
local WORDS = {}

function WORDS.milestone(line, facts)
  local before = ZERO
  for _, own in ipairs(facts.terms.milestones) do
    if "milestone:" .. own.id == line.description_key then
      return own.amount and "as agreed" or tostring(before + own.percent) .. " % less "
        .. tostring(before) .. " % of " .. facts.fee .. ", each rounded"
    end
    before = before + (own.percent or ZERO)
  end
  return ""
end

function WORDS.progress(line, facts)
  for _, event in ipairs(facts.events) do
    if event.id == line.references[1].id then
      return tostring(event.percent_complete) .. " % of " .. facts.fee .. " less "
        .. tostring(facts.opening.billed_net or ZERO) .. " billed before"
    end
  end
  return ""
end

function WORDS.retainage(_, facts)
  local terms = facts.terms.retainage
  local cap = terms.cap_amount and tostring(terms.cap_amount)
    or terms.cap_percent and tostring(terms.cap_percent) .. " % of the fee"
  return (terms.percent and tostring(terms.percent) .. " %" or "by bands") .. " of "
    .. facts.billed .. " billed so far" .. (cap and ", at most " .. cap .. "," or "") .. " less "
    .. tostring(facts.opening.withheld_net or ZERO) .. " withheld before"
end

function WORDS.retainage_release()
  return "all that is withheld and not released"
end

function WORDS.advance_deduction(_, facts)
  local how = facts.terms.advance and facts.terms.advance.deduction or "proportional"
  return how:gsub("_", " ") .. " to " .. facts.billed .. " billed of " .. facts.fee
end

--- How every line comes about.
---@param contract table
---@param opening table
---@param events table[]
---@param made billing.Draft
---@param steps billing.Step[]
local function explain(contract, opening, events, made, steps)
  local position = made.closing.fixed_fee
  local facts = {
    terms = contract.terms,
    fee = tostring(contract.terms.fee_amount),
    opening = opening,
    events = events,
    billed = tostring(position and position.billed_net or ZERO),
  }
  for _, line in ipairs(made.lines) do
    local words = WORDS[line.component]
    explanation.add(steps, line.component, line.description_key
      .. (words and ": " .. words(line, facts) or ""), line.net_amount)
  end
  explanation.add_lines(steps, made.advance_lines)
end

--- The closing position, its lists marked as lists even when they are empty.
---@param closing table
---@return table
local function closing_of(closing)
  local shown = {}
  for name, value in pairs(closing.fixed_fee or {}) do
    shown[name] = value
  end
  shown.milestones_billed = json.array(shown.milestones_billed or {})
  local remaining = {}
  for number, amount in pairs(closing.advances_remaining or {}) do
    remaining[#remaining + 1] = { number = number, remaining_net = amount }
  end
  return { fixed_fee = shown, advances = json.array(remaining) }
end

---@param reader billing.Reader
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
function fixed_fee_item.price(reader, money, steps)
  local opening = reader:object("opening", true)
  local ctx, contract = context.of(reader, {
    kind = "fixed_fee",
    model = "fixed-fee",
    terms = reader:object("fixed_fee").source,
    opening = {
      fixed_fee = opening and { item = opening.source },
      advances = json.array(advances_of(reader)),
    },
  }, money)
  local assigned = milestone_source.assign(ctx, events_of(reader, ctx.period))
  if assigned.exceptions[1] then
    local first = assigned.exceptions[1]
    reading.refuse("events", first.ref, first.message)
  end
  local events = assigned.by_contract.item or {}
  local made = fixed_fee.bill(ctx, contract, { time = {}, expenses = {}, milestones = events })
  local lines, net = time_item.shown(made.lines)
  local advance_lines, advance_net = time_item.shown(made.advance_lines)
  explain(contract, opening and ctx.opening.fixed_fee.item or {}, events, made, steps)
  local position = made.closing.fixed_fee
  local zero = decimal(0):round(money.d)
  return {
    currency = money.currency,
    lines = lines,
    net_amount = zero + net,
    advance_lines = advance_lines,
    advance_net_amount = zero + advance_net,
    exceptions = json.array(made.exceptions),
    closing = closing_of(made.closing),
    retained_amount = position and position.withheld_net - position.released_net,
    remaining_amount = position and contract.terms.fee_amount - position.billed_net,
  }
end

return fixed_fee_item
