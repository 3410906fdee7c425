--- Rounding begin and end of an entry by themselves, before its duration (capability A5).
---@class billing.clock
local clock = {}

local rounding = require("billow.billing.rounding")

local SECONDS_PER_MINUTE = 60
local SECONDS_PER_HOUR = 3600
local MODES = { "up", "nearest", "down" }

---@class billing.ClockTerms
---@field begin {increment_minutes: integer, mode: string}|nil
---@field stop {increment_minutes: integer, mode: string}|nil

---@param reader billing.Reader|nil
---@return {increment_minutes: integer, mode: string}|nil
local function read_side(reader)
  return reader and {
    increment_minutes = reader:integer("increment_minutes", { min = 1 }),
    mode = reader:choice("mode", MODES),
  }
end

--- Read `{begin: {increment_minutes, mode}, end: {...}}`; each side is optional.
---@param reader billing.Reader|nil
---@return billing.ClockTerms
function clock.read(reader)
  return {
    begin = reader and read_side(reader:object("begin", true)),
    stop = reader and read_side(reader:object("end", true)),
  }
end

--- Seconds since midnight of `HH:MM:SS`.
---@param text string
---@return integer|nil
function clock.seconds(text)
  local hours, minutes, seconds = text:match("^(%d%d):(%d%d):(%d%d)$")
  if not hours then
    return nil
  end
  hours, minutes, seconds = math.tointeger(hours), math.tointeger(minutes), math.tointeger(seconds)
  if hours > 24 or minutes > 59 or seconds > 59 then
    return nil
  end
  return hours * SECONDS_PER_HOUR + minutes * SECONDS_PER_MINUTE + seconds
end

--- Seconds since midnight as `HH:MM:SS`.
---@param seconds integer
---@return string
function clock.text(seconds)
  return string.format("%02d:%02d:%02d", seconds // SECONDS_PER_HOUR,
    seconds // SECONDS_PER_MINUTE % 60, seconds % SECONDS_PER_MINUTE)
end

--- Round a time of day.
---@param seconds integer
---@param terms {increment_minutes: integer, mode: string}|nil
---@return integer
function clock.round(seconds, terms)
  if not terms then
    return seconds
  end
  return rounding.round(seconds, terms.increment_minutes * SECONDS_PER_MINUTE, terms.mode)
end

--- Begin and end, each rounded by itself, and the seconds between them.
---@param begin string
---@param stop string
---@param terms billing.ClockTerms
---@return {seconds: integer, begin: string, end: string}|nil span
---@return string|nil field  "begin" or "end" when it is not a time, or the end is before the begin
function clock.span(begin, stop, terms)
  local from, to = clock.seconds(begin), clock.seconds(stop)
  if not from then
    return nil, "begin"
  elseif not to or to < from then
    return nil, "end"
  end
  from, to = clock.round(from, terms.begin), clock.round(to, terms.stop)
  return {
    seconds = math.max(0, to - from),
    begin = clock.text(from),
    ["end"] = clock.text(to),
  }
end

return clock
