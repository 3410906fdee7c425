--- What every workflow may use without asking for more: time, ids, several things at once,
--- checkpoints, undoing.
---@class billow
local billow = {}

local date = require("billow.date")
local effect = require("billow.effect")
local err = require("billow.err")
local strands = require("billow.strands")
local timer = require("billow.timer")

local core = effect.core

billow.all = strands.all
billow.race = strands.race
billow.first = strands.first
billow.sleep = timer.sleep
billow.sleep_until = timer.sleep_until

--- The time of this turn as RFC 3339 in UTC. It does not move while the script computes.
---@return string
function billow.now()
  return date.format_instant(effect.now())
end

--- The same in microseconds since 1970.
---@return integer
function billow.now_us()
  return effect.now()
end

--- Today's date in a time zone.
---@param zone? string   IANA name such as "Europe/Berlin"; "UTC" when absent
---@return string        "2026-10-31"
function billow.today(zone)
  return date.of_instant(effect.now(), zone or "UTC")
end

--- This run: id, tenant, workflow, started_by.
---@return billow.Run
function billow.run()
  return effect.run()
end

--- A random UUID (version 4), the same in every replay.
---@return string
function billow.uuid()
  local high, low = effect.random_u64(), effect.random_u64()
  high = (high & ~0xf000) | 0x4000
  low = (low & 0x3fffffffffffffff) | (-0x7fffffffffffffff - 1)
  local text = string.format("%016x%016x", high, low)
  return table.concat({
    text:sub(1, 8), text:sub(9, 12), text:sub(13, 16), text:sub(17, 20), text:sub(21),
  }, "-")
end

--- A random integer from `low` to `high` (or 1 to `low`), the same in every replay.
---@param low integer
---@param high? integer
---@return integer
function billow.random(low, high)
  if math.type(low) ~= "integer" or (high ~= nil and math.type(high) ~= "integer") then
    error("billow.random: whole numbers are expected, as in billow.random(1, 6)", 2)
  elseif high == nil then
    low, high = 1, low
  end
  if low > high then
    error("billow.random: the interval is empty", 2)
  end
  local range = high - low + 1
  if range <= 0 then
    error("billow.random: the interval is too wide", 2)
  end
  -- Numbers in the last, incomplete round of `range` would favour the low results.
  local limit = math.maxinteger - math.maxinteger % range
  local value
  repeat
    value = effect.random_u64() & math.maxinteger
  until value < limit
  return low + value % range
end

--- End this turn and begin the workflow again from the top with this state: what happened before is
--- kept for audit but never replayed. For runs that live for years. Does not return.
---@param state any   given to run(input, state)
function billow.checkpoint(state)
  local runtime = require("billow.runtime")
  if runtime.compensation_count() > 0 then
    error("billow.checkpoint: compensations are functions and cannot be kept; drop them, or roll "
      .. "back, before", 2)
  end
  core.checkpoint(state)
end

--- Register how to undo what was just done. When the run is cancelled, everything registered is
--- undone, the latest first. Returns a function that takes it back (when there is nothing to undo
--- any more).
---@param action fun()   may call effects
---@param label? string  for messages
---@return fun() drop
function billow.compensate(action, label)
  if type(action) ~= "function" then
    error("billow.compensate: a function is expected", 2)
  end
  return require("billow.runtime").compensate(action, label or "compensation")
end

--- Undo everything registered so far, the latest first. Raises COMPENSATION_FAILED when something
--- could not be undone.
function billow.roll_back()
  local problems = require("billow.runtime").roll_back()
  if #problems > 0 then
    error(err.new({ code = "COMPENSATION_FAILED", text = table.concat(problems, "\n") }), 0)
  end
end

return billow
