--- Time and materials: rounded, rated entries become lines, as far as the ceiling allows (model 3.4
--- to 3.6).
---@class billing.TimeAndMaterials
local tm = {}

local ceiling = require("billow.billing.ceiling")
local draft = require("billow.billing.draft")
local figures = require("billow.billing.figures")
local lines = require("billow.billing.lines")
local rounding = require("billow.billing.rounding")

local OVERFLOW_DEFAULT = "hold"

-- Disposition of worked time that the ceiling keeps off the time lines.
local DISPOSITIONS = {
  hold = "held",
  stop = "held",
  write_off = "written_off",
  overage_rate = "billed",
  next_contract = "moved",
}

local function decide(ctx, policy, contract)
  return ctx.decide and ctx.decide(policy, { contract = contract, period = ctx.period }) or {}
end

--- Rounding terms in force: the contract's, else the rounding policy's default, else none.
---@param ctx billing.Context
---@param contract table
---@return table?
function tm.rounding_terms(ctx, contract)
  return contract.terms.rounding or decide(ctx, "rounding", contract).rounding
end

--- What happens beyond the ceiling: the contract's word, else the ceiling policy's default.
---@param ctx billing.Context
---@param contract table
---@return string
function tm.overflow_policy(ctx, contract)
  return contract.terms.ceiling.overflow
    or decide(ctx, "ceiling", contract).overflow
    or OVERFLOW_DEFAULT
end

local function add_seconds(dispositions, id, disposition, seconds)
  local of_entry = dispositions[id] or {}
  dispositions[id] = of_entry
  of_entry[disposition] = (of_entry[disposition] or 0) + seconds
end

--- Worked seconds: min(worked, billed part) is billed, the rest goes the way of the overflow.
local function dispose(works, cut, overflow_disposition)
  local billed_part, dispositions = {}, {}
  local is_overflow = {}
  for _, work in ipairs(cut.billed) do
    billed_part[work.id] = work.billed_seconds
  end
  for _, work in ipairs(cut.overflow) do
    is_overflow[work.id] = true
  end
  for _, work in ipairs(works) do
    local worked = work.worked_seconds
    local billed = worked
    if is_overflow[work.id] then
      billed = math.min(worked, billed_part[work.id] or 0)
    end
    if billed > 0 then
      add_seconds(dispositions, work.id, "billed", billed)
    end
    if worked > billed then
      add_seconds(dispositions, work.id, overflow_disposition, worked - billed)
    end
  end
  return dispositions
end

local function overage_lines(contract, overflow, d)
  local rate = lines.flat_rate(
    contract.terms.ceiling.overage_rate,
    contract.currency,
    "terms.ceiling.overage_rate"
  )
  local works = {}
  for i, work in ipairs(overflow) do
    local copy = {}
    for name, value in pairs(work) do
      copy[name] = value
    end
    copy.rate = rate
    works[i] = copy
  end
  return lines.of_time("overage", works, contract.terms, d)
end

--- Overflow parts as entries of the next contract: rounding and rate are to be done there anew.
local function moved_parts(overflow)
  local parts = {}
  for i, work in ipairs(overflow) do
    parts[i] = {
      id = work.id .. "#2",
      sequence = work.sequence,
      person = work.person,
      role = work.role,
      task = work.task,
      project = work.project,
      work_date = work.work_date,
      worked_seconds = work.billed_seconds,
      is_moved = true,
      entry = work.entry,
    }
  end
  return parts
end

local function ceiling_reached(contract, overflow, policy)
  local parts, seconds = {}, 0
  for i, work in ipairs(overflow) do
    parts[i] = { id = work.id, seconds = work.billed_seconds }
    seconds = seconds + work.billed_seconds
  end
  local message = string.format(
    "%s hours are beyond the ceiling; by the contract they are dealt with as %s",
    figures.plain(figures.hours(seconds):round(2)),
    policy
  )
  return draft.exception(
    "CEILING_REACHED",
    contract.id,
    "contract",
    message,
    contract.id,
    { overflow = parts, policy = policy }
  )
end

local function apply_overflow(made, contract, overflow, policy, d)
  if #overflow == 0 then
    return
  end
  table.insert(made.exceptions, ceiling_reached(contract, overflow, policy))
  if policy == "overage_rate" then
    for _, line in ipairs(overage_lines(contract, overflow, d)) do
      table.insert(made.lines, line)
    end
  elseif policy == "next_contract" then
    made.moved[contract.terms.ceiling.overflow_contract_id] = moved_parts(overflow)
  elseif policy == "stop" then
    table.insert(made.blocks, {
      code = "CEILING_STOP",
      message = "the ceiling is reached and the contract says stop: agree on the overflow first",
    })
  end
end

--- The draft of one contract's month.
---@param ctx billing.Context
---@param contract table
---@param items billing.Items
---@return billing.Draft
function tm.bill(ctx, contract, items)
  local terms, d = contract.terms, ctx.decimals(contract.currency)
  local rules = tm.rounding_terms(ctx, contract)
  local works, away = rounding.apply(items.time, rules, lines.key_of(terms.grouping))
  local used = ctx.opening.ceiling_used[contract.id]
  local policy = terms.ceiling and tm.overflow_policy(ctx, contract)
  local cut = terms.ceiling and ceiling.cut(works, contract, used, d)
    or { billed = works, overflow = {} }
  local made = draft.new({
    lines = lines.of_time("time", cut.billed, terms, d),
    dispositions = dispose(works, cut, DISPOSITIONS[policy]),
    trace = { rounding = rules, overflow = policy, ceiling_available = cut.available },
  })
  for _, work in ipairs(away) do
    made.dispositions[work.id] = { rounded_away = work.worked_seconds }
  end
  if terms.ceiling then
    made.closing.ceiling_used = ceiling.used_after(contract, used, made.lines, cut.billed, d)
    apply_overflow(made, contract, cut.overflow, policy, d)
  end
  return made
end

return tm
