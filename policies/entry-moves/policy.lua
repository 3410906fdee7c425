--- entry-moves: who has to agree when a person keeps work out of billing (hold), lets it go again
--- (release), or moves it to another contract (transfer).
---
--- Subject: { kind = "hold"|"release"|"transfer", amount, currency, is_other_customer?,
--- prepared_by? }; amount is what the work is worth at its rates. The first threshold that the
--- amount is within decides; every role it names must say yes, each by another person, never by
--- whoever asked.

local decimal = require("billow.decimal")

local REVIEW_DAYS = 30
local THRESHOLDS = {
  hold = { { roles = {} } },
  release = { { roles = {} } },
  within_customer = { { up_to = "1000.00", roles = {} }, { roles = { "controller" } } },
  to_other_customer = { { roles = { "controller" } } },
}

---@class policy.entry_moves.Decision
---@field is_allowed boolean
---@field is_automatic boolean         nobody is asked
---@field approvals {role: string, people: string[]}[]   one yes each, by different people
---@field excluded string[]            who does not count
---@field review_days integer          after which a hold is looked at again
---@field reasons string[]

local function table_for(settings, subject)
  local name = subject.kind
  if name == "transfer" then
    name = subject.is_other_customer and "to_other_customer" or "within_customer"
  end
  local rows = settings[name]
  return rows and #rows > 0 and rows or THRESHOLDS[name] or THRESHOLDS.to_other_customer
end

local function threshold_for(rows, amount)
  for _, row in ipairs(rows) do
    if not row.up_to or amount <= decimal(row.up_to) then
      return row
    end
  end
  return nil
end

---@param subject table
---@param settings table
---@return policy.entry_moves.Decision
local function decide(subject, settings)
  local amount = decimal(subject.amount or "0")
  local decision = {
    is_allowed = true,
    is_automatic = true,
    approvals = {},
    excluded = { subject.prepared_by },
    review_days = settings.review_days or REVIEW_DAYS,
    reasons = {},
  }
  local row = threshold_for(table_for(settings, subject), amount)
  if not row then
    decision.is_allowed, decision.is_automatic = false, false
    decision.reasons[1] = tostring(subject.amount) .. " is above every threshold: nobody may do it"
    return decision
  end
  local people = settings.people or {}
  for i, role in ipairs(row.roles) do
    decision.approvals[i] = { role = role, people = people[role] or {} }
  end
  decision.is_automatic = #row.roles == 0
  decision.reasons[1] = string.format(
    "%s of %s %s %s",
    subject.kind or "transfer",
    tostring(subject.amount or "0"),
    subject.currency or "",
    #row.roles == 0 and "needs nobody" or "needs " .. table.concat(row.roles, " and ")
  )
  return decision
end

return { name = "entry-moves", version = "1.0.0", decide = decide }
