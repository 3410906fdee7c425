--- Durable waiting: a sleep survives restarts, and costs nothing but a row while it lasts.
---@class billow.timer
local timer = {}

local date = require("billow.date")
local effect = require("billow.effect")

local UNITS_US = {
  ms = 1000,
  s = 1000000,
  m = 60 * 1000000,
  h = 3600 * 1000000,
  d = 86400 * 1000000,
  w = 7 * 86400 * 1000000,
}
local LONGEST_US = 100 * 366 * 86400 * 1000000

local function refuse(value, level)
  local hint = "as in \"90s\", \"1h30m\" or \"45d\""
  if math.type(value) == "integer" then
    hint = string.format("write \"%ds\" or \"%dd\"", value, value)
  end
  local shown = type(value) == "string" and string.format("%q", value) or tostring(value)
  local text = "%s is not a duration: whole numbers with w, d, h, m, s or ms are expected, %s"
  error(string.format(text, shown, hint), level)
end

--- Microseconds of a duration: "45d", "1h30m", "2w", "500ms". A day is 24 hours; for calendar days
--- use billow.date.
---@param text string
---@return integer
function timer.duration_us(text)
  if type(text) ~= "string" or text == "" then
    refuse(text, 3)
  end
  local total, at = 0, 1
  while at <= #text do
    local digits, unit, behind = text:match("^(%d+)(%l+)()", at)
    local unit_us = unit and UNITS_US[unit]
    if not unit_us or #digits > 12 then
      refuse(text, 3)
    end
    total, at = total + math.tointeger(tonumber(digits)) * unit_us, behind
    if total > LONGEST_US then
      error(string.format("%q is too long: at most a hundred years", text), 3)
    end
  end
  return total
end

--- The instant (microseconds) that a duration from now, an RFC 3339 text, or microseconds mean.
---@param value string|integer
---@return integer
function timer.instant_us(value)
  if math.type(value) == "integer" then
    return value
  end
  local us = type(value) == "string" and date.parse_instant(value)
  if us then
    return us
  end
  return effect.now() + timer.duration_us(value)
end

--- Wait for a duration.
---@param duration string   "90s", "1h30m", "45d"
function timer.sleep(duration)
  effect.call("sleep", { until_us = effect.now() + timer.duration_us(duration) })
end

--- Wait until an instant; one that has passed is no wait.
---@param instant string|integer   RFC 3339 ("2026-11-02T08:00:00+01:00") or microseconds since 1970
function timer.sleep_until(instant)
  local us = instant
  if math.type(us) ~= "integer" then
    us = type(instant) == "string" and date.parse_instant(instant)
  end
  if not us then
    error(string.format("timer.sleep_until: %s is not an instant: RFC 3339 is expected, "
      .. "as in \"2026-11-02T08:00:00Z\" or date.at(day, \"08:00\", zone)", tostring(instant)), 2)
  end
  effect.call("sleep", { until_us = us })
end

return timer
