--- Prices time entries with rate cards, rounding and ceiling, as time and materials; and gives
--- works to the retainer.
local time_item = {}

local clock = require("billow.billing.clock")
local context = require("billow.billing.price.context")
local decimal = require("billow.decimal")
local explanation = require("billow.billing.explanation")
local figures = require("billow.billing.figures")
local json = require("billow.json")
local rates = require("billow.billing.rates")
local reading = require("billow.billing.reading")
local tm = require("billow.billing.tm")

local SECONDS_PER_HOUR = 3600

--- Seconds of an entry: given as seconds, hours, or begin and end with their own rounding.
---@param entry billing.Reader
---@param clock_terms table
---@param steps billing.Step[]
---@return integer
---@return {begin: string, end: string}|nil rounded
local function seconds_of(entry, clock_terms, steps)
  if entry:has("duration_seconds") then
    return entry:integer("duration_seconds", { min = 0 })
  elseif entry:has("hours") then
    local hours = entry:decimal("hours", { min = 0 })
    return (hours * SECONDS_PER_HOUR):round(0):to_integer()
  elseif not entry:has("begin") then
    entry:refuse("duration_seconds", "write duration_seconds, hours, or begin and end")
  end
  local begin, stop = entry:text("begin"), entry:text("end")
  local span, problem = clock.span(begin, stop, clock_terms)
  if not span then
    entry:refuse(problem, "write a time of day as HH:MM:SS; the end is not before the begin")
  end
  explanation.add(steps, "clock", begin .. " to " .. stop .. " is " .. span.begin .. " to "
    .. span["end"], span.seconds)
  return span.seconds, { begin = span.begin, ["end"] = span["end"] }
end

---@param entry billing.Reader
---@param index integer
---@param clock_terms table
---@param steps billing.Step[]
---@return billing.Work
local function work_of(entry, index, clock_terms, steps)
  local seconds, rounded = seconds_of(entry, clock_terms, steps)
  return {
    id = entry:text("id", "entry-" .. index),
    sequence = index,
    person = entry:text("person", ""),
    role = entry:text("role", ""),
    task = entry:text("task", ""),
    project = entry:text("project_code", ""),
    work_date = entry:date("work_date", true) or "2026-01-15",
    worked_seconds = seconds,
    clock = rounded,
    is_moved = false,
    entry = {
      source = entry:text("source", "item"),
      source_rate = entry:decimal("source_rate", { is_optional = true }),
      currency = entry:text("currency", "EUR"),
    },
  }
end

--- The works of an item's time entries, rated when the contract needs it.
---@param reader billing.Reader
---@param ctx billing.Context
---@param contract table
---@param steps billing.Step[]
---@return billing.Work[]
function time_item.works(reader, ctx, contract, steps)
  local book = rates.book(ctx, contract)
  local clock_terms = clock.read(reader:object("clock_rounding", true))
  local works = {}
  for index, entry in ipairs(reader:objects("time_entries", true)) do
    local work = work_of(entry, index, clock_terms, steps)
    if rates.is_needed(contract) then
      local rate, searched = rates.find(book, work)
      if not rate then
        reading.refuse(entry.path, work.id, "no rate found, searched "
          .. table.concat(searched or {}, "; ") .. ": add a row to a card")
      end
      work.rate = rate
      explanation.add(steps, "rate", work.id .. ": " .. rate.source, figures.plain(rate.price))
    end
    works[index] = work
  end
  return works
end

--- Lines as a result shows them: what explain needs is left out.
---@param lines billing.Line[]
---@return table[]
---@return Decimal net_amount
function time_item.shown(lines)
  local shown, total = {}, decimal(0)
  for index, line in ipairs(lines) do
    shown[index] = {
      component = line.component,
      description_key = line.description_key,
      quantity = line.quantity,
      unit_code = line.unit_code,
      unit_price = line.unit_price,
      net_amount = line.net_amount,
      references = json.array(line.references),
    }
    total = total + line.net_amount
  end
  return json.array(shown), total
end

--- Begin and end as rounded, of the entries that have them.
---@param works billing.Work[]
---@return table[]
local function clock_of(works)
  local shown = {}
  for _, work in ipairs(works) do
    if work.clock then
      shown[#shown + 1] = { id = work.id, begin = work.clock.begin, ["end"] = work.clock["end"] }
    end
  end
  return shown
end

---@param reader billing.Reader
---@param money billing.PriceMoney
---@param steps billing.Step[]
---@return table
function time_item.price(reader, money, steps)
  local ctx, contract = context.of(reader, {
    kind = "terms",
    model = "tm",
    terms = reader:object("terms", true) and reader:raw("terms") or {},
    opening = { ceiling_used = reader:has("ceiling_used")
      and { item = reader:raw("ceiling_used") } or nil },
  }, money)
  local works = time_item.works(reader, ctx, contract, steps)
  local made = tm.bill(ctx, contract, { time = works, expenses = {}, milestones = {} })
  local lines, net = time_item.shown(made.lines)
  local billed_seconds = 0
  for _, line in ipairs(made.lines) do
    for _, reference in ipairs(line.references) do
      billed_seconds = billed_seconds + (reference.seconds or 0)
    end
    explanation.add(steps, "line", line.description_key .. ": "
      .. figures.plain(line.quantity) .. " x " .. figures.plain(line.unit_price),
      line.net_amount)
  end
  return {
    currency = money.currency,
    lines = lines,
    billed_seconds = billed_seconds,
    clock = json.array(clock_of(works)),
    dispositions = made.dispositions,
    exceptions = json.array(made.exceptions),
    net_amount = net,
  }
end

return time_item
