--- What becomes of a hold in time: on its day its owner is asked about what is still on it. A hold
--- that nobody looks at is work that nobody bills.
---@class billow.billing.hold_review
local hold_review = {}

local billow = require("billow")
local date = require("billow.date")
local db = require("billow.db")
local event = require("billow.event")
local given = require("billow.billing.reading").given
local json = require("billow.json")
local moves = require("billow.billing.moves")
local sql = require("billow.billing.moves_statements")
local task = require("billow.task")

local CLOCK = "08:00"

--- The owner's answer; nil when the hold changes before.
local function ask(hold)
  local answer = billow.race({
    function()
      return task.open({
        kind = "hold-review",
        title = string.format("%d entries on hold since %s: %s", #hold.entries, hold.since,
          hold.reason),
        assignees = { hold.owner },
        body = {
          hold = hold.id,
          reason = hold.reason,
          placed_by = hold.placed_by,
          entries = hold.entries,
          decisions = json.array({ "release", "keep" }),
        },
      })
    end,
    function()
      event.wait("hold.changed", { key = hold.id })
      return false
    end,
  })
  return answer or nil
end

local function release(hold, by)
  local entries = {}
  for i, entry in ipairs(hold.entries) do
    entries[i] = { entry_id = entry.entry, quantity = entry.quantity }
  end
  return moves.release({
    entries = entries,
    reason = "review of the hold: " .. hold.reason,
    prepared_by = by,
  })
end

--- Looks at a hold on its day, until nothing is on it. "release" lets all of it be billed, "keep"
--- asks again after as many days as the first time.
---@param hold_id string
---@return {status: string, hold: string}
function hold_review.run(hold_id)
  local hold = db.one(sql.hold_state, { hold_id })
  if not hold then
    error("there is no hold " .. hold_id, 0)
  end
  local day, days = hold.review_on, math.max(date.days_between(hold.since, hold.review_on), 1)
  while #hold.entries > 0 do
    local at = date.at(day, CLOCK, given(hold.time_zone) or "UTC")
    local news = event.wait("hold.changed", { key = hold_id, timeout = at })
    hold = db.one(sql.hold_state, { hold_id })
    if not news and #hold.entries > 0 then
      local answer = ask(hold)
      if answer and answer.decision == "release" then
        release(hold, answer.by)
      elseif answer then
        day = date.add_days(billow.today("UTC"), days)
      end
      hold = db.one(sql.hold_state, { hold_id })
    end
  end
  return { status = "over", hold = hold_id }
end

return hold_review
