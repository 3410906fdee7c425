--- Dunning (U1, U2, U4): which reminder of an invoice is due next, and when.
---
--- Levels go by days overdue, one after the other, with a gap between them: nobody gets a second
--- reminder without a first, and after a pause it goes on at the level after the last one sent.
--- A promise to pay, a flag or a legal hold keeps reminders back; what is disputed is not dunned,
--- the rest is; cash that has come in and is not matched yet is waited for. Reminders go out on
--- business days in office hours of the firm's time zone.
---
--- Pure: the terms are a decision of the policy dunning, the state comes from the database.
---@class billing.dunning
local dunning = {}

local calendar = require("billow.billing.calendar")
local date = require("billow.date")
local decimal = require("billow.decimal")

local ZERO = decimal(0)

---@class billing.DunningTerms
---@field levels {after_days: integer, fee?: string, channel?: string, template?: string}[]
---@field minimum_amount string     in the invoice's currency: less is not dunned
---@field minimum_gap_days integer  between two reminders
---@field hand_over_days integer    after the last reminder: then people decide
---@field max_attempts integer      to deliver one reminder
---@field is_paused_by_dispute boolean   the whole invoice, not only its disputed part
---@field send_from string          "09:00", in the firm's time zone
---@field send_until string

---@class billing.DunningHold
---@field kind "promise"|"flag"|"legal"
---@field from_date string
---@field until_date? string   included; nil: until lifted
---@field lifted_on? string

---@class billing.DunningState
---@field today string
---@field due_date string
---@field open Decimal
---@field due? Decimal      of it, when it is due in instalments; absent: all
---@field disputed Decimal
---@field sent {level: integer, sent_on: string}[]
---@field holds billing.DunningHold[]
---@field is_cash_unmatched? boolean
---@field holidays string[]

---@class billing.DunningNext
---@field action "settled"|"wait"|"send"|"hand_over"
---@field level? integer
---@field on? string        wait: look again on this day, nil: when something happens; send: on it
---@field amount? Decimal   send: what is asked for
---@field reason string

local HOLD_REASONS = {
  promise = "payment is promised",
  flag = "reminders are switched off",
  legal = "there is a legal hold",
}

--- Does the hold count on this day?
---@param hold billing.DunningHold
---@param day string
---@return boolean
function dunning.is_held(hold, day)
  return hold.from_date <= day
    and (not hold.until_date or day <= hold.until_date)
    and (not hold.lifted_on or day < hold.lifted_on)
end

--- The hold that ends last; one without an end before all.
local function hold_on(holds, day)
  local found
  for _, hold in ipairs(holds) do
    if dunning.is_held(hold, day) then
      local is_later = not found
        or found.until_date and (not hold.until_date or hold.until_date > found.until_date)
      found = is_later and hold or found
    end
  end
  return found
end

local function latest(a, b)
  return a > b and a or b
end

local function last_sent(sent)
  local found
  for _, step in ipairs(sent) do
    if not found or step.level > found.level then
      found = step
    end
  end
  return found
end

local function wait(reason, on)
  return { action = "wait", reason = reason, on = on }
end

--- Why nothing may go out now; nil when it may.
local function pause_of(terms, state)
  local hold = hold_on(state.holds, state.today)
  if hold then
    local reason = HOLD_REASONS[hold.kind]
    if not hold.until_date then
      return wait(reason)
    end
    return wait(reason .. " until " .. hold.until_date, date.add_days(hold.until_date, 1))
  end
  if state.disputed:sign() > 0 and terms.is_paused_by_dispute then
    return wait("there is a dispute")
  end
  local asked = decimal.min(state.due or state.open, state.open - state.disputed)
  if asked:sign() <= 0 then
    return wait("all of it is disputed")
  elseif asked < decimal(terms.minimum_amount) then
    return wait(tostring(asked) .. " is below the minimum of " .. terms.minimum_amount)
  elseif state.is_cash_unmatched then
    return wait(
      "cash has come in that is not matched yet",
      calendar.next_business_day(date.add_days(state.today, 1), state.holidays)
    )
  end
  return nil
end

--- What is to be done next about an invoice.
---@param terms billing.DunningTerms
---@param state billing.DunningState
---@return billing.DunningNext
function dunning.next(terms, state)
  if state.open <= ZERO then
    return { action = "settled", reason = "nothing is open" }
  end
  local paused = pause_of(terms, state)
  if paused then
    return paused
  end
  local last = last_sent(state.sent)
  local number = last and last.level + 1 or 1
  local level = terms.levels[number]
  local on
  if level then
    on = date.add_days(state.due_date, level.after_days)
    on = last and latest(on, date.add_days(last.sent_on, terms.minimum_gap_days)) or on
  else
    on = date.add_days(last and last.sent_on or state.due_date, terms.hand_over_days)
  end
  on = calendar.next_business_day(on, state.holidays)
  local what = level and "reminder " .. number or "hand-over"
  if state.today < on then
    return wait(what .. " is due on " .. on, on)
  elseif not level then
    return { action = "hand_over", on = on, reason = "the last reminder has brought nothing" }
  end
  return {
    action = "send",
    level = number,
    on = calendar.next_business_day(state.today, state.holidays),
    amount = decimal.min(state.due or state.open, state.open - state.disputed),
    reason = what .. ": " .. date.days_between(state.due_date, state.today) .. " days overdue",
  }
end

--- The instant at which something may go out on or after a day: in office hours of business days.
---@param on string
---@param now string      RFC 3339, UTC
---@param terms {send_from: string, send_until: string}
---@param zone string
---@param holidays string[]
---@return string  RFC 3339, UTC; `now` when it may go at once
function dunning.instant(on, now, terms, zone, holidays)
  local day = calendar.next_business_day(latest(on, date.of_instant(now, zone)), holidays)
  local now_us = date.parse_instant(now)
  if now_us > date.parse_instant(date.at(day, terms.send_until, zone)) then
    day = calendar.next_business_day(date.add_days(day, 1), holidays)
  end
  local opens = date.at(day, terms.send_from, zone)
  if now_us >= date.parse_instant(opens) then
    return now
  end
  return opens
end

--- The fee of a level.
---@param terms billing.DunningTerms
---@param level integer
---@return Decimal
function dunning.fee(terms, level)
  local fee = terms.levels[level].fee
  return fee and decimal(fee) or ZERO
end

--- What becomes of a delivery that failed: tried again, or a person's business.
---@param terms billing.DunningTerms
---@param attempts integer   made so far
---@return "again"|"ask"
function dunning.after_failure(terms, attempts)
  return attempts < terms.max_attempts and "again" or "ask"
end

return dunning
