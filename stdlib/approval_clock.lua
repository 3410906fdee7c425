--- When somebody is reminded of an approval, and when it goes to others: in business hours of the
--- firm, by its calendar and time zone.
---@class billow.approval_clock
local clock = {}

local calendar = require("billow.billing.calendar")
local event = require("billow.event")
local timer = require("billow.timer")

---@class billow.approval_clock.Times
---@field remind_us? integer
---@field escalate_us? integer

--- The instants, or nil when the policy wants neither.
---@param decision {remind_hours: integer, escalate_hours: integer, office: table}
---@param firm {holidays: string[], time_zone: string}
---@param now_us integer
---@return billow.approval_clock.Times?
function clock.times(decision, firm, now_us)
  local function after(hours)
    return hours > 0 and calendar.business_instant(now_us, hours, decision.office, firm) or nil
  end
  local times =
    { remind_us = after(decision.remind_hours), escalate_us = after(decision.escalate_hours) }
  return (times.remind_us or times.escalate_us) and times or nil
end

--- Reminds at its time, and returns when it is time to escalate; never, when it is not to.
---@param times billow.approval_clock.Times
---@param remind fun()
function clock.run(times, remind)
  local is_in_time = not times.escalate_us
    or times.remind_us and times.remind_us < times.escalate_us
  if times.remind_us and is_in_time then
    timer.sleep_until(times.remind_us)
    remind()
  end
  if not times.escalate_us then
    timer.sleep("36500d")
  end
  timer.sleep_until(times.escalate_us)
end

--- Tells whoever sends reminders (a connector, a mail workflow) that an approval waits.
---@param contract billow.billing.Contract
---@param bill {digest: string}
---@param asked {title: string, assignees: string[]}
function clock.remind(contract, bill, asked)
  event.send("approval.reminder", {
    contract = contract.id,
    period = contract.period,
    title = asked.title,
    assignees = asked.assignees,
  }, {
    key = contract.id,
    id = "approval.reminder/" .. bill.digest,
    expires = "30d",
  })
end

return clock
