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
  entry:only_one({ "duration_seconds", "hours", "begin" })
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
---@param default_currency string
---@param steps billing.Step[]
---@return billing.Work
local function work_of(entry, index, clock_terms, default_currency, steps)
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
      task = entry:text("task", ""),
      source = entry:text("source", "item"),
      source_rate = entry:decimal("source_rate", { is_optional = true }),
      fixed_rate = entry:decimal("fixed_rate", { is_optional = true }),
      hourly_rate = entry:decimal("hourly_rate", { is_optional = true }),
      cost_rate = entry:decimal("cost_rate", { is_optional = true }),
      billable = entry:boolean("billable", true),
      currency = entry:text("currency", default_currency),
    },
  }
end

--- What a work costs the firm, rounded per entry; nil when nobody says.
---@param book billing.RateBook
---@param work billing.Work
---@param terms table
---@param d integer
---@return Decimal|nil
local function cost_of(book, work, terms, d)
  local cost = rates.cost(book, work)
  if not cost then
    return nil
  elseif cost.unit_code == rates.FIXED then
    return cost.price:round(d)
  end
  local per_day = cost.unit_code == "DAY" and terms.hours_per_day or nil
  return (figures.hours(work.worked_seconds, per_day) * cost.price):round(d)
end

---@param work billing.Work
---@param rate billing.Rate
---@param steps billing.Step[]
local function explain_rate(work, rate, steps)
  local text = work.id .. ": " .. rates.place_shown(rate.source)
  explanation.add(steps, "rate", text, figures.plain(rate.price) .. " " .. rate.unit_code)
  for number, step in ipairs(rate.steps) do
    if number > 1 then
      explanation.add(steps, "rate", work.id .. ": " .. step)
    end
  end
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
  local works, d, is_known = {}, ctx.decimals(contract.currency), {}
  for index, entry in ipairs(reader:objects("time_entries", true)) do
    local work = work_of(entry, index, clock_terms, contract.currency, steps)
    if is_known[work.id] then
      entry:refuse("id", "write each entry once")
    end
    is_known[work.id] = true
    if rates.is_needed(contract) then
      local rate, searched = rates.find(book, work)
      if not rate then
        local where = searched and searched[1] and table.concat(searched, "; ") or "no card"
        reading.refuse(entry.path, work.id, "no rate found, searched " .. where
          .. ": add a row to a rate_card, or give the entry its hourly_rate")
      end
      work.rate = rate
      explain_rate(work, rate, steps)
    end
    work.cost = cost_of(book, work, contract.terms, d)
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

--- What has no price of its own: not billable, in a fee, given away. The others are billed.
---@param works billing.Work[]
---@param terms table
---@return billing.Work[] billed
---@return table<string, table<string, integer>> dispositions
local function sorted_out(works, terms)
  local way_of_task, billed, dispositions = {}, {}, {}
  for _, task in ipairs(terms.pro_bono_tasks) do
    way_of_task[task] = "pro_bono"
  end
  for _, task in ipairs(terms.included_tasks) do
    way_of_task[task] = "included"
  end
  for _, work in ipairs(works) do
    local way = not work.entry.billable and "non_billable" or way_of_task[work.task]
    if way then
      dispositions[work.id] = { [way] = work.worked_seconds }
    else
      billed[#billed + 1] = work
    end
  end
  return billed, dispositions
end

--- The sum of what the works cost; nil when none has a cost.
---@param works billing.Work[]
---@return Decimal|nil
local function cost_sum(works)
  local sum
  for _, work in ipairs(works) do
    sum = work.cost and (sum or decimal(0)) + work.cost or sum
  end
  return sum
end

--- How much of each work is on a line, where that is not what was worked; and what factors did to
--- its price.
---@param works billing.Work[]
---@param made billing.Draft
---@param steps billing.Step[]
local function explain_works(works, made, steps)
  local work_of_id = {}
  for _, work in ipairs(works) do
    work_of_id[work.id] = work
  end
  for _, line in ipairs(made.lines) do
    for _, reference in ipairs(line.references) do
      local work = work_of_id[reference.id]
      if work and reference.seconds and reference.seconds ~= work.worked_seconds then
        explanation.add(steps, "billed_seconds", work.id .. ": worked " .. work.worked_seconds
          .. " s", reference.seconds .. " s")
      end
      local price = work and work.rate and work.rate.price
      if price and line.component == "time" and price ~= line.unit_price then
        explanation.add(steps, "factor", work.id .. ": "
          .. figures.plain(price) .. " x " .. figures.plain(line.unit_price / price),
          figures.plain(line.unit_price))
      end
    end
  end
end

---@param made billing.Draft
---@param steps billing.Step[]
---@return integer billed_seconds
local function explain_lines(made, steps)
  local billed_seconds = 0
  for _, line in ipairs(made.lines) do
    for _, reference in ipairs(line.references) do
      billed_seconds = billed_seconds + (reference.seconds or 0)
    end
  end
  explanation.add_lines(steps, made.lines)
  return billed_seconds
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
  local billed, dispositions = sorted_out(works, contract.terms)
  local made = tm.bill(ctx, contract, { time = billed, expenses = {}, milestones = {} })
  for id, disposition in pairs(made.dispositions) do
    dispositions[id] = disposition
  end
  local lines, net = time_item.shown(made.lines)
  explain_works(works, made, steps)
  return {
    currency = money.currency,
    lines = lines,
    billed_seconds = explain_lines(made, steps),
    clock = json.array(clock_of(works)),
    dispositions = dispositions,
    exceptions = json.array(made.exceptions),
    net_amount = decimal(0):round(money.d) + net,
    cost_amount = cost_sum(works),
    closing = { ceiling_used = made.closing.ceiling_used },
  }
end

return time_item
