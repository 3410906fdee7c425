--- Time and materials: rounded, rated entries become lines, as far as the ceiling allows (model 3.4
--- to 3.6).
---@class billing.TimeAndMaterials
local tm = {}

local caps = require("billow.billing.caps")
local ceiling = require("billow.billing.ceiling")
local draft = require("billow.billing.draft")
local figures = require("billow.billing.figures")
local lines = require("billow.billing.lines")
local time_terms = require("billow.billing.time_terms")

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
  if seconds <= 0 then
    return
  end
  local of_entry = dispositions[id] or {}
  dispositions[id] = of_entry
  of_entry[disposition] = (of_entry[disposition] or 0) + seconds
end

local function seconds_by_id(works)
  local by_id = {}
  for _, work in ipairs(works) do
    by_id[work.id] = (by_id[work.id] or 0) + work.billed_seconds
  end
  return by_id
end

--- Worked seconds: min(worked, billed part) is billed, the rest goes the way of what kept it off.
---@param works billing.Work[]     as valid
---@param billed billing.Work[]    what stands on time lines
---@param off {works: billing.Work[], disposition: string}[]
local function dispose(works, billed, off)
  local billed_part, off_part, dispositions = seconds_by_id(billed), {}, {}
  for i, part in ipairs(off) do
    off_part[i] = seconds_by_id(part.works)
  end
  for _, work in ipairs(works) do
    local id, rest, last = work.id, work.worked_seconds, nil
    for _, by_id in ipairs(off_part) do
      last = by_id[id] and by_id or last
    end
    local on_lines = last and math.min(rest, billed_part[id] or 0) or rest
    add_seconds(dispositions, id, "billed", on_lines)
    rest = rest - on_lines
    for i, by_id in ipairs(off_part) do
      local seconds = by_id == last and rest or math.min(rest, by_id[id] or 0)
      add_seconds(dispositions, id, off[i].disposition, seconds)
      rest = rest - seconds
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

--- Overflow parts as entries of the next contract: rounding and rate are to be done there anew. An
--- entry whose overflow is in several parts moves as one.
local function moved_parts(overflow)
  local parts, of_id = {}, {}
  for _, work in ipairs(overflow) do
    local known = of_id[work.id]
    if known then
      known.worked_seconds = known.worked_seconds + work.billed_seconds
    else
      local part = {
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
      of_id[work.id], parts[#parts + 1] = part, part
    end
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

local function cap_reached(contract, reached)
  local groups = {}
  for i, one in ipairs(reached) do
    groups[i] = { per = one.cap.per, key = one.key, seconds = one.seconds }
  end
  local message = caps.text(reached)
  return draft.exception("CAP_REACHED", contract.id, "contract", message, contract.id, {
    groups = groups,
  })
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

--- What caps and ceiling keep off the time lines, by disposition.
local function kept_off(capped, cut, policy)
  local off = {}
  for i, part in ipairs(capped) do
    off[i] = { works = part.works, disposition = DISPOSITIONS[part.overflow] }
  end
  if #cut.overflow > 0 then
    off[#off + 1] = { works = cut.overflow, disposition = DISPOSITIONS[policy] }
  end
  return off
end

--- The draft of one contract's month.
---@param ctx billing.Context
---@param contract table
---@param items billing.Items
---@return billing.Draft
function tm.bill(ctx, contract, items)
  local terms, d = contract.terms, ctx.decimals(contract.currency)
  local rules = tm.rounding_terms(ctx, contract)
  local works, away = time_terms.apply(ctx, contract, items.time, rules)
  local caps_used = (ctx.opening.cap_used or {})[contract.id]
  local capped = caps.apply(works, terms, caps_used, d)
  local used = ctx.opening.ceiling_used[contract.id]
  local policy = terms.ceiling and tm.overflow_policy(ctx, contract)
  local cut = terms.ceiling and ceiling.cut(capped.billed, contract, used, d)
    or { billed = capped.billed, overflow = {} }
  local made = draft.new({
    lines = lines.of_time("time", cut.billed, terms, d),
    dispositions = dispose(items.time, cut.billed, kept_off(capped.off, cut, policy)),
    trace = { rounding = rules, overflow = policy, ceiling_available = cut.available },
  })
  for _, work in ipairs(away) do
    made.dispositions[work.id] = { rounded_away = work.worked_seconds }
  end
  made.closing.cap_used = caps.used_after(cut.billed, terms, caps_used, d)
  if #capped.reached > 0 then
    table.insert(made.exceptions, cap_reached(contract, capped.reached))
  end
  if terms.ceiling then
    made.closing.ceiling_used = ceiling.used_after(contract, used, made.lines, cut.billed, d)
    apply_overflow(made, contract, cut.overflow, policy, d)
  end
  return made
end

return tm
