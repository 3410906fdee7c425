--- retention: until when something is kept, and whether it may be deleted on a day.
---
--- Subject: { kind = "document"|"entry"|"preview", date, on, legal_hold? }. Years count from the
--- end of the year of the date.

local date = require("billow.date")

local YEARS, PREVIEW_DAYS = 10, 400

---@class policy.retention.Decision
---@field keep_until string   the last day on which it is kept
---@field may_delete boolean
---@field reasons string[]

local function years_on(day, years)
  return string.format("%04d-12-31", tonumber(day:sub(1, 4)) + years)
end

local function keep_until(subject, settings)
  if subject.kind == "preview" then
    return date.add_days(subject.date, settings.previews_days or PREVIEW_DAYS)
  elseif subject.kind == "entry" then
    return years_on(subject.date, settings.entries_years or YEARS)
  end
  return years_on(subject.date, settings.documents_years or YEARS)
end

---@param subject table
---@param settings table
---@return policy.retention.Decision
local function decide(subject, settings)
  local last = keep_until(subject, settings)
  local is_held = settings.legal_hold == true or subject.legal_hold == true
  return {
    keep_until = last,
    may_delete = not is_held and subject.on > last,
    reasons = {
      string.format("a %s of %s is kept until %s", subject.kind, subject.date, last),
      is_held and "a legal hold keeps everything" or nil,
    },
  }
end

return { name = "retention", version = "1.0.0", decide = decide }
