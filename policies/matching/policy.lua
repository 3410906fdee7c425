--- matching: whether a payment is booked as proposed, or a person is asked.
---
--- Subject: { amount, currency, is_complete, candidates = { {rule, score, outcome}, ... } }, best
--- first. Booked without asking is only what has exactly one candidate, with a score that reaches
--- the threshold, found by a search that was not cut off.

local decimal = require("billow.decimal")

local THRESHOLD, AMOUNT_MAX = 80, "0"
local ASK = "ask"

---@class policy.matching.Decision
---@field action "book"|"ask"
---@field assignees string[]
---@field reasons string[]

--- Why this must be asked; nil when it may be booked.
local function objection(subject, settings)
  local best = subject.candidates[1]
  local threshold = settings.auto_threshold or THRESHOLD
  local most = decimal(settings.auto_amount_max or AMOUNT_MAX)
  if not best then
    return "no open invoice fits"
  elseif #subject.candidates > 1 then
    return string.format("%d candidates: a person must choose", #subject.candidates)
  elseif not subject.is_complete then
    return "the search was cut off: there may be other candidates"
  elseif best.score < threshold then
    return string.format("score %d is below the threshold of %d", best.score, threshold)
  elseif best.outcome == "withholding" then
    return "tax was withheld: the certificate is needed"
  elseif best.outcome == "dispute" then
    return "what is missing is in dispute"
  elseif best.outcome == "part" and (settings.part_payments or ASK) == ASK then
    return "some stays open: the reason is needed"
  elseif best.outcome == "over" and (settings.over_payments or ASK) == ASK then
    return "more was paid than is open: what becomes of the rest"
  elseif most > decimal(0) and decimal(subject.amount) > most then
    return subject.amount .. " " .. subject.currency .. " is more than is booked without asking"
  end
  return nil
end

---@param subject table
---@param settings table
---@return policy.matching.Decision
local function decide(subject, settings)
  local reason = objection(subject, settings or {})
  local assignees = settings.assignees or {}
  if reason then
    return { action = "ask", assignees = assignees, reasons = { reason } }
  end
  local best = subject.candidates[1]
  local text = string.format(
    "one candidate, by %s, with score %d of at least %d",
    best.rule,
    best.score,
    settings.auto_threshold or THRESHOLD
  )
  return { action = "book", assignees = assignees, reasons = { text } }
end

return { name = "matching", version = "1.0.0", decide = decide }
