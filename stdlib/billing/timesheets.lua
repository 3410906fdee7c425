--- Missing timesheets (S10): days on which somebody has reported less than their capacity, before
--- the work of those days is billed.
---
--- The firm says who works when (firm.capacity): hours a day, weekdays, from when to when, and who
--- is away. Holidays are nobody's working days. The validation policy says how much of a day is
--- enough, and whether somebody is asked.
---@class billing.timesheets
local timesheets = {}

local calendar = require("billow.billing.calendar")
local date = require("billow.date")
local db = require("billow.db")
local decimal = require("billow.decimal")
local draft = require("billow.billing.draft")
local figures = require("billow.billing.figures")
local json = require("billow.json")
local overtime = require("billow.billing.overtime")
local statements = require("billow.billing.statements")

local SECONDS_PER_HOUR, PERCENT = decimal(3600), decimal(100)
local HOURS_DECIMALS = 2
-- Days that a message names; all are in the details.
local DAYS_SHOWN = 5

---@class billing.Capacity
---@field person string
---@field hours_per_day Decimal
---@field weekdays string[]
---@field start_date? string
---@field end_date? string
---@field absences {start_date: string, end_date: string}[]

local function is_away(capacity, day)
  if capacity.start_date and day < capacity.start_date then
    return true
  elseif capacity.end_date and day > capacity.end_date then
    return true
  end
  for _, absence in ipairs(capacity.absences) do
    if absence.start_date <= day and day <= absence.end_date then
      return true
    end
  end
  return false
end

local function set_of(list)
  local set = {}
  for _, member in ipairs(list or {}) do
    set[member] = true
  end
  return set
end

--- Is the day one on which the person is to work?
local function is_working_day(capacity, day, is_holiday)
  local weekday = overtime.WEEKDAYS[date.weekday(day)]
  return set_of(capacity.weekdays)[weekday] == true
    and not is_holiday[day]
    and not is_away(capacity, day)
end

---@class billing.MissingTime
---@field person string
---@field days string[]
---@field hours Decimal   that are missing to the whole capacity of those days

--- The days of each person with too little reported; nobody without any.
---@param firm table                 capacity, holidays
---@param worked table<string, integer>   person .. "\0" .. day -> seconds
---@param first string
---@param last string
---@param percent string             of a day's capacity that is enough
---@param wanted? table<string, boolean>   only these persons
---@return billing.MissingTime[]
function timesheets.missing(firm, worked, first, last, percent, wanted)
  local list, is_holiday = {}, set_of(firm.holidays)
  for _, capacity in ipairs(firm.capacity or {}) do
    local found, seconds = { person = capacity.person, days = {} }, decimal(0)
    local whole = capacity.hours_per_day * SECONDS_PER_HOUR
    local enough = whole * decimal(percent) / PERCENT
    local is_wanted = not wanted or wanted[capacity.person]
    local day = first
    while is_wanted and day <= last do
      local reported = decimal(worked[capacity.person .. "\0" .. day] or 0)
      local is_little = reported < enough or reported:is_zero()
      if is_little and is_working_day(capacity, day, is_holiday) then
        table.insert(found.days, day)
        seconds = seconds + whole - reported
      end
      day = date.add_days(day, 1)
    end
    found.hours = (seconds / SECONDS_PER_HOUR):round(HOURS_DECIMALS)
    if #found.days > 0 then
      list[#list + 1] = found
    end
  end
  return list
end

--- In words.
---@param found billing.MissingTime
---@return string
function timesheets.text(found)
  local days = table.concat(found.days, ", ", 1, math.min(#found.days, DAYS_SHOWN))
  if #found.days > DAYS_SHOWN then
    days = days .. string.format(" and %d days more", #found.days - DAYS_SHOWN)
  end
  return string.format(
    "%s has reported too little on %s, %s hours are missing: have the time reported, "
      .. "or enter the absence",
    found.person,
    days,
    figures.plain(found.hours)
  )
end

--- What was reported by these persons, over all contracts.
local function worked_by(persons, first, last)
  local worked = {}
  for _, row in ipairs(db.query(statements.worked_days, { persons, first, last })) do
    worked[row.person .. "\0" .. row.date] = decimal(row.seconds):to_integer()
  end
  return worked
end

--- The last day that can be judged: days that are not over yet miss nothing.
local function last_day(period, today)
  local yesterday = date.add_days(today, -1)
  return yesterday < period.end_date and yesterday or period.end_date
end

--- Persons with a capacity whose days of a period miss time, over all contracts.
---@param firm table
---@param period billing.Period
---@param today string
---@param percent string
---@param wanted? table<string, boolean>
---@return billing.MissingTime[]
function timesheets.find(firm, period, today, percent, wanted)
  local persons, last = json.array({}), last_day(period, today)
  for _, capacity in ipairs(firm.capacity or {}) do
    if not wanted or wanted[capacity.person] then
      persons[#persons + 1] = capacity.person
    end
  end
  if #persons == 0 or last < period.start_date then
    return {}
  end
  local worked = worked_by(persons, period.start_date, last)
  return timesheets.missing(firm, worked, period.start_date, last, percent, wanted)
end

--- Exceptions for everybody who works for a contract and whose days miss time.
---@param ctx billing.Context
---@param contract table
---@param claimed billow.billing.Claimed
---@return billing.Exception[]
function timesheets.exceptions(ctx, contract, claimed)
  local rules = (contract.checks or {}).timesheets
  if not rules or rules.action == "ignore" or #(ctx.firm.capacity or {}) == 0 then
    return {}
  end
  local wanted = {}
  for _, entry in ipairs(claimed.time) do
    wanted[entry.person] = true
  end
  local period = calendar.period(ctx.period.id)
  local found, list = timesheets.find(ctx.firm, period, ctx.issue_date, rules.percent, wanted), {}
  for i, one in ipairs(found) do
    local ref = contract.id .. "/" .. one.person
    list[i] = draft.exception(
      "TIMESHEET_MISSING",
      ref,
      "contract",
      timesheets.text(one),
      contract.id,
      { person = one.person, days = one.days, hours = one.hours }
    )
  end
  return list
end

return timesheets
