--- retention: until when something is kept, and whether it may be deleted on a day.
---
--- Subject: { kind = "document"|"entry"|"preview", date, on, legal_hold? }. Years count from the
--- end of the year of the date.
---
--- Or { kind = "runs", on }: which finished runs may be dropped on that day. The engine asks this
--- once a day for each tenant, by the workflow `retention`, and drops what finished before the days
--- that come back (`billow retention status`). A run that wrote to the database is the record of
--- documents and entries, and is kept as long as the longer of both.

local date = require("billow.date")

local YEARS, PREVIEW_DAYS, RUNS_DAYS = 10, 400, 400

---@class policy.retention.Decision
---@field keep_until string   the last day on which it is kept
---@field may_delete boolean
---@field reasons string[]

---@class policy.retention.Rule
---@field workflow? string      of runs of this workflow; nil: of all others
---@field before? string        runs that wrote nothing may go when they finished before this day
---@field books_before? string  and those that wrote, before this one; nil: none

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

local function decide_runs(subject, settings)
  if settings.legal_hold == true then
    return { rules = { {} }, reasons = { "a legal hold keeps everything" } }
  end
  local days = settings.runs_days or RUNS_DAYS
  local years = math.max(settings.documents_years or YEARS, settings.entries_years or YEARS)
  local books_before = string.format("%04d-01-01", tonumber(subject.on:sub(1, 4)) - years)
  local rules = { { before = date.add_days(subject.on, -days), books_before = books_before } }
  local reasons = {
    string.format("a run that wrote nothing is kept for %d days", days),
    string.format("one that wrote is kept for %d years after the year in which it ended", years),
  }
  for name, own_days in pairs(settings.workflows_days or {}) do
    table.insert(rules, {
      workflow = name,
      before = date.add_days(subject.on, -own_days),
      books_before = books_before,
    })
    table.insert(reasons, string.format("one of %s that wrote nothing: %d days", name, own_days))
  end
  return { rules = rules, reasons = reasons }
end

---@param subject table
---@param settings table
---@return policy.retention.Decision|{ rules: policy.retention.Rule[], reasons: string[] }
local function decide(subject, settings)
  if subject.kind == "runs" then
    return decide_runs(subject, settings)
  end
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

return { name = "retention", version = "1.1.0", decide = decide }
