--- What an accepted dispute teaches (X3): a setting of a policy that would have kept the bill from
--- going out so, with a spec that proves the setting does what it says. Only a proposal: people set
--- it, or not. Pure.
local dispute_suggestion = {}

--- By the reason of the dispute: which setting, what it would be, and what the decision says then.
local RULES = {
  hours = {
    policy = "validation",
    setting = "day_hours_max",
    value = '"10"',
    field = "day_seconds_max",
    expected = "36000",
    because = "long days are asked about before they are billed",
  },
  rate = {
    policy = "validation",
    setting = "deviation_percent",
    value = '"10"',
    field = "deviation_percent",
    expected = '"10"',
    because = "a bill that differs from those before is asked about earlier",
  },
  duplicate = {
    policy = "duplicate-guard",
    setting = "order_window_days",
    value = "365",
    field = "order_window_days",
    expected = "365",
    because = "a bill is compared with those of a whole year",
  },
  delivery = {
    policy = "delivery",
    setting = "confirm_days",
    value = "3",
    field = "confirm_days",
    expected = "3",
    because = "the channel has to confirm each invoice",
  },
}
local SECOND_LOOK = {
  policy = "approval",
  setting = "count",
  value = "2",
  field = "count",
  expected = "2",
  because = "two people look at the bill before it goes out",
}
for _, reason in ipairs({ "scope", "quality", "tax", "order" }) do
  RULES[reason] = SECOND_LOOK
end

local SPEC = [[
-- After dispute %s about %s: %s.
describe("%s for customer %s", function()
  it("has %s %s", function()
    local policy = dofile("policies/%s/policy.lua")
    local subject = { customer = %q, invoices = {} }
    local decision = policy.decide(subject, { %s = %s })
    assert.equals(%s, decision.%s)
  end)
end)
]]

---@class billing.DisputeLesson
---@field dispute string
---@field invoice string       number
---@field customer string
---@field reason_code string
---@field reason string        in words

--- The proposal; nil when no setting would have helped.
---@param lesson billing.DisputeLesson
---@return table? {policy, setting, value, scope, because, command, spec, title}
function dispute_suggestion.of(lesson)
  local rule = RULES[lesson.reason_code]
  if not rule then
    return nil
  end
  return {
    policy = rule.policy,
    setting = rule.setting,
    value = rule.value,
    scope = { customer = lesson.customer },
    because = rule.because,
    title = string.format(
      "%s: %s.%s = %s, because %s",
      lesson.customer,
      rule.policy,
      rule.setting,
      rule.value,
      rule.because
    ),
    command = string.format(
      "billow policy set %s %s '%s' --customer %s",
      rule.policy,
      rule.setting,
      rule.value,
      lesson.customer
    ),
    spec = string.format(
      SPEC,
      lesson.dispute,
      lesson.invoice,
      lesson.reason,
      rule.policy,
      lesson.customer,
      rule.setting,
      (rule.value:gsub('"', "")),
      rule.policy,
      lesson.customer,
      rule.setting,
      rule.value,
      rule.expected,
      rule.field
    ),
  }
end

return dispute_suggestion
