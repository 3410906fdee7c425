---@meta billow.date

--- Dates as "YYYY-MM-DD", months as "YYYY-MM", instants as RFC 3339 text or microseconds since
--- 1970. Pure: no clock.
---@class date
local date = {}

---@param text any
---@return boolean
function date.is_valid(text) end

---@param day string
---@param count integer   may be negative
---@return string
function date.add_days(day, count) end

--- Days from the first date to the second one.
---@param from string
---@param to string
---@return integer
function date.days_between(from, to) end

---@param day string
---@return integer  1 = Monday ... 7 = Sunday
function date.weekday(day) end

---@param day string
---@return string  "2026-W41"
function date.iso_week(day) end

---@param day string
---@return string  "2026-10"
function date.month(day) end

--- Add months; the day is cut to the length of the month. A month gives a month.
---@param day_or_month string
---@param count integer
---@return string
function date.add_months(day_or_month, count) end

---@param day_or_month string
---@return string
function date.end_of_month(day_or_month) end

---@param day_or_month string
---@return string
function date.first_of_month(day_or_month) end

---@param day_or_month string
---@return integer
function date.days_in_month(day_or_month) end

--- The date that a text in this format means; nil when it means none.
---@param text string
---@param format? "YYYY-MM-DD"|"DD/MM/YYYY"|"MM/DD/YYYY"
---@return string?
function date.parse(text, format) end

--- The local date of an instant in a time zone of the release ("UTC" is always there).
---@param instant string|integer
---@param zone string
---@return string
function date.of_instant(instant, zone) end

--- The instant of a local time of day. A time that comes twice means its first coming.
---@param day string
---@param clock string   "HH:MM"
---@param zone string
---@return string instant
function date.at(day, clock, zone) end

---@param text string
---@return integer? microseconds
function date.parse_instant(text) end

---@param microseconds integer
---@return string  RFC 3339 in UTC
function date.format_instant(microseconds) end

return date
