--- Validation of time entries and expenses (model 3.2): exactly one disposition each, the first
--- rule that applies.
---
--- Some rules look beyond one entry: duplicates and the person's day over 24 hours.
--- `validation.marks` gathers what they need over all entries of all sources once; the checks
--- themselves look at one entry.
local validation = {}

local draft = require("billow.billing.draft")
local figures = require("billow.billing.figures")
local rates = require("billow.billing.rates")
local starts = require("billow.billing.starts")
local text = require("billow.text")

local DAY_SECONDS_MAX = 24 * 3600

---@class billing.Marks
---@field duplicate_of table<string, string>   entry id -> id of the first entry with the same key
---@field day_seconds table<string, integer>   person and day -> seconds, key duplicates left out
---@field same_start? table<string, string>    entry id -> id of the first that began then (starts)
---@field overlaps? table<string, string>      entry id -> id of the earlier one that it overlaps

---@class billing.Verdict
---@field disposition string  valid, exception, zero, already_invoiced, non_billable, open, included
---@field exception? billing.Exception
---@field work? billing.Work   of a valid time entry

--- What one check sees.
---@class billing.Subject
---@field ctx billing.Context
---@field marks billing.Marks
---@field contract? table
---@field project? table   of time: the contract's project
---@field entry table
---@field day string       work_date or date
---@field is_time boolean
---@field work? billing.Work
---@field book? billing.RateBook

--- Under which key marks.day_seconds knows a person's day.
---@param person string
---@param day string
---@return string
function validation.day_key(person, day)
  return person .. "\0" .. day
end

local function time_key(entry, notes)
  return table.concat({
    entry.person,
    entry.work_date,
    entry.project_code,
    entry.project_name,
    entry.task,
    tostring(entry.duration_seconds),
    notes,
  }, "\0")
end

local function expense_key(expense, notes)
  return table.concat({
    expense.person,
    expense.date,
    expense.project_code,
    expense.project_name,
    expense.category,
    figures.plain(expense.amount),
    expense.currency,
    notes,
  }, "\0")
end

--- Under which key an entry counts as reported twice, as a digest; nil when it never does (no
--- notes).
---@param entry table
---@return string?
function validation.key(entry)
  local notes = text.collapse(entry.notes or "")
  if notes == "" then
    return nil
  end
  local key_of = entry.work_date and time_key or expense_key
  return text.sha256_hex(key_of(entry, notes))
end

--- Note every entry whose key an earlier one has; entries without notes never count.
local function mark_duplicates(entries, key_of, duplicate_of)
  local first = {}
  for _, entry in ipairs(entries) do
    local notes = text.collapse(entry.notes)
    if notes ~= "" then
      local key = key_of(entry, notes)
      if first[key] then
        duplicate_of[entry.id] = first[key]
      else
        first[key] = entry.id
      end
    end
  end
end

local function starts_of(time_entries)
  local list = {}
  for _, entry in ipairs(time_entries) do
    if entry.started_at then
      list[#list + 1] = {
        id = entry.id,
        person = entry.person,
        project_code = entry.project_code,
        project_name = entry.project_name,
        started_at = entry.started_at,
        quantity = entry.duration_seconds,
        source_rank = 0, -- sequences grow over all files
        sequence = entry.sequence,
      }
    end
  end
  return list
end

--- Marks over all entries of the month, in source order, INVALID_ROW left out.
---@param time_entries table[]
---@param expenses table[]
---@return billing.Marks
function validation.marks(time_entries, expenses)
  local duplicate_of, day_seconds = {}, {}
  mark_duplicates(time_entries, time_key, duplicate_of)
  mark_duplicates(expenses, expense_key, duplicate_of)
  for _, entry in ipairs(time_entries) do
    if not duplicate_of[entry.id] then
      local key = validation.day_key(entry.person, entry.work_date)
      day_seconds[key] = (day_seconds[key] or 0) + entry.duration_seconds
    end
  end
  local same_start, overlaps = starts.judge(starts_of(time_entries))
  return {
    duplicate_of = duplicate_of,
    day_seconds = day_seconds,
    same_start = same_start,
    overlaps = overlaps,
  }
end

local function held(subject, code, message, details)
  local contract_id = subject.contract and subject.contract.id or nil
  return {
    disposition = "exception",
    exception = draft.exception(code, subject.entry.id, "entry", message, contract_id, details),
  }
end

local function silent(disposition)
  return { disposition = disposition }
end

--- What the policies say about the contract's entries (agreed.lua).
local function rules_of(subject)
  return subject.contract and subject.contract.checks or {}
end

-- The checks, in the order of the rule. Each returns a verdict or nil.
local checks = {}

function checks.zero(subject)
  if subject.is_time and subject.entry.duration_seconds == 0 then
    return silent("zero")
  end
end

function checks.invoiced(subject)
  if subject.entry.invoiced then
    return silent("already_invoiced")
  end
end

function checks.billable(subject)
  if not subject.entry.billable then
    return silent("non_billable")
  end
end

function checks.later_period(subject)
  if subject.day > subject.ctx.period.end_date then
    return silent("open")
  end
end

function checks.project(subject)
  if not subject.contract then
    local entry = subject.entry
    local named = entry.project_code ~= "" and "code " .. entry.project_code
      or "name " .. entry.project_name
    return held(
      subject,
      "PROJECT_UNKNOWN",
      string.format("no contract has a project with the %s: add the project to its contract", named)
    )
  end
end

local function is_one_of(list, value)
  for _, item in ipairs(list or {}) do
    if item == value then
      return true
    end
  end
  return false
end

--- Work that has no price of its own: in a fee, by model or by task, or given away.
function checks.included(subject)
  local contract = subject.contract
  if not subject.is_time then
    return nil
  end
  local task = subject.entry.task
  local is_in_fee = contract.model == "fixed-fee" or contract.model == "usage"
  if is_in_fee or is_one_of(contract.terms.included_tasks, task) then
    return silent("included")
  elseif is_one_of(contract.terms.pro_bono_tasks, task) then
    return silent("pro_bono")
  end
end

function checks.contract_dates(subject)
  local contract, day = subject.contract, subject.day
  if day < contract.start_date then
    return held(
      subject,
      "CONTRACT_NOT_STARTED",
      string.format("%s is before the contract's start on %s", day, contract.start_date)
    )
  elseif contract.end_date and day > contract.end_date then
    return held(
      subject,
      "CONTRACT_ENDED",
      string.format(
        "%s is after the contract's end on %s: extend the contract or move the entry",
        day,
        contract.end_date
      )
    )
  end
end

function checks.project_end(subject)
  local last = subject.project and subject.project.end_date
  if last and subject.day > last then
    return held(
      subject,
      "PROJECT_ENDED",
      string.format(
        "%s is after the end of project %s on %s: extend the project or move the entry",
        subject.day,
        subject.project.code or subject.project.name,
        last
      )
    )
  end
end

function checks.project_hold(subject)
  local hold = subject.project and subject.project.hold
  local day = subject.ctx.issue_date
  if hold and hold.start_date <= day and not (hold.end_date and hold.end_date < day) then
    return held(
      subject,
      "PROJECT_ON_HOLD",
      string.format(
        "project %s is on hold since %s (%s): %s decides, %s",
        subject.project.code or subject.project.name,
        hold.start_date,
        hold.reason or "no reason given",
        hold.owner or "finance",
        hold.review_date and "to be looked at on " .. hold.review_date or "no review is planned"
      )
    )
  end
end

function checks.approval(subject)
  local status = subject.entry.approval_status
  if subject.contract.approval_required and status ~= "approved" then
    return held(
      subject,
      "NOT_APPROVED",
      string.format(
        "approval status is %s: have it approved in the source and import again",
        status
      )
    )
  end
end

function checks.duplicate(subject)
  local first = subject.marks.duplicate_of[subject.entry.id]
  if first and not rules_of(subject).is_repetition_allowed then
    return held(
      subject,
      "DUPLICATE_ENTRY",
      "same person, day, project and notes as " .. first .. ", which is the one that counts",
      { duplicate_of = first }
    )
  end
  local other = (subject.marks.same_start or {})[subject.entry.id]
  if other and not rules_of(subject).is_repetition_allowed then
    return held(
      subject,
      "DUPLICATE_ENTRY",
      string.format(
        "same person, project and start (%s) as %s, which is the one that counts",
        subject.entry.started_at,
        other
      ),
      { duplicate_of = other, by = "start" }
    )
  end
end

function checks.overlap(subject)
  local other = (subject.marks.overlaps or {})[subject.entry.id]
  if other and rules_of(subject).is_overlap_asked then
    return held(
      subject,
      "OVERLAPS",
      string.format(
        "%s began at %s, while %s was still going on: correct one of them",
        subject.entry.person,
        subject.entry.started_at,
        other
      ),
      { overlaps = other }
    )
  end
end

function checks.day_over_24h(subject)
  local entry = subject.entry
  local seconds = subject.is_time
      and subject.marks.day_seconds[validation.day_key(entry.person, entry.work_date)]
    or 0
  if seconds > (rules_of(subject).day_seconds_max or DAY_SECONDS_MAX) then
    return held(
      subject,
      "DAY_OVER_24H",
      string.format(
        "%s has %s hours on %s: correct the entries of that day",
        entry.person,
        figures.plain(figures.hours(seconds):round(2)),
        entry.work_date
      ),
      { seconds = seconds }
    )
  end
end

function checks.entry_length(subject)
  local entry, limit = subject.entry, rules_of(subject).entry_seconds_max
  if subject.is_time and limit and entry.duration_seconds > limit then
    return held(
      subject,
      "ENTRY_TOO_LONG",
      string.format(
        "%s hours in one entry, at most %s are allowed: split or correct it",
        figures.plain(figures.hours(entry.duration_seconds):round(2)),
        figures.plain(figures.hours(limit):round(2))
      ),
      { seconds = entry.duration_seconds }
    )
  end
end

function checks.late(subject)
  local oldest = rules_of(subject).oldest
  if oldest and subject.day < oldest then
    return held(
      subject,
      "LATE_ENTRY",
      string.format("%s is before %s, the oldest day that is billed unasked", subject.day, oldest)
    )
  elseif
    subject.day < subject.ctx.period.start_date and subject.contract.late_entries == "exception"
  then
    return held(
      subject,
      "LATE_ENTRY",
      string.format(
        "%s is before the period: the contract bills late entries only by decision",
        subject.day
      )
    )
  end
end

function checks.expense(subject)
  if subject.is_time then
    return nil
  end
  local contract, entry = subject.contract, subject.entry
  local rules = contract.expenses
  if not rules then
    return held(subject, "EXPENSE_NOT_ALLOWED", "the contract does not bill expenses")
  end
  local limit = rules.receipt_required_above
  if limit and entry.amount > limit and not entry.receipt_url then
    return held(
      subject,
      "RECEIPT_MISSING",
      string.format(
        "a receipt is required above %s: add the receipt's address",
        figures.plain(limit)
      )
    )
  end
  if entry.currency ~= contract.currency then
    return held(
      subject,
      "CURRENCY_MISMATCH",
      string.format("the expense is in %s, the contract in %s", entry.currency, contract.currency)
    )
  end
end

function checks.rate(subject)
  if not subject.is_time or not rates.is_needed(subject.contract) then
    return nil
  end
  local work, contract = subject.work, subject.contract
  local rate, searched = rates.find(subject.book, work)
  if not rate then
    return held(
      subject,
      "NO_RATE",
      string.format(
        "no rate for %s as %s on task %s: add a row to one of the cards searched",
        work.person,
        work.role ~= "" and work.role or "(no role)",
        work.task ~= "" and work.task or "(no task)"
      ),
      { searched = searched }
    )
  end
  if rate.currency ~= contract.currency then
    return held(
      subject,
      "CURRENCY_MISMATCH",
      string.format(
        "the rate (%s) is in %s, the contract in %s",
        rate.source,
        tostring(rate.currency),
        contract.currency
      )
    )
  end
  work.rate = rate
end

local ORDER = {
  checks.zero,
  checks.invoiced,
  checks.billable,
  checks.later_period,
  checks.project,
  checks.included,
  checks.contract_dates,
  checks.project_end,
  checks.project_hold,
  checks.approval,
  checks.duplicate,
  checks.overlap,
  checks.day_over_24h,
  checks.entry_length,
  checks.late,
  checks.expense,
  checks.rate,
}

local function work_of(entry, project)
  return {
    id = entry.id,
    sequence = entry.sequence,
    person = entry.person,
    role = entry.role,
    task = entry.task,
    project = project and (project.code or project.name) or "",
    work_date = entry.work_date,
    worked_seconds = entry.duration_seconds,
    is_moved = false,
    entry = entry,
  }
end

local function judge(subject)
  for _, check in ipairs(ORDER) do
    local verdict = check(subject)
    if verdict then
      return verdict
    end
  end
  return { disposition = "valid", work = subject.work }
end

--- Judge one readable time entry.
---@param ctx billing.Context
---@param entry table
---@param contract? table   nil: the project is unknown
---@param project? table    the contract's project
---@param marks billing.Marks
---@param book? billing.RateBook   of the contract, when rates are needed
---@return billing.Verdict
function validation.time(ctx, entry, contract, project, marks, book)
  return judge({
    ctx = ctx,
    entry = entry,
    contract = contract,
    marks = marks,
    book = book,
    project = project,
    is_time = true,
    day = entry.work_date,
    work = work_of(entry, project),
  })
end

--- Judge one readable expense.
---@param ctx billing.Context
---@param expense table
---@param contract? table
---@param marks billing.Marks
---@return billing.Verdict
function validation.expense(ctx, expense, contract, marks)
  return judge({
    ctx = ctx,
    entry = expense,
    contract = contract,
    marks = marks,
    is_time = false,
    day = expense.date,
  })
end

--- A part that a ceiling moved here: only the rate is checked (model 3.6).
---@param ctx billing.Context
---@param work billing.Work
---@param contract table
---@param book billing.RateBook
---@return billing.Verdict
function validation.moved(ctx, work, contract, book)
  local copy = {}
  for name, value in pairs(work) do
    copy[name] = value
  end
  local subject = {
    ctx = ctx,
    entry = { id = work.id },
    contract = contract,
    book = book,
    is_time = true,
    day = work.work_date,
    work = copy,
  }
  return checks.rate(subject) or { disposition = "valid", work = copy }
end

return validation
