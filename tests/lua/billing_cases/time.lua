--- Cases of time: rates, durations, amounts.
local rules = {}

local decimal = require("billow.decimal")
local json = require("billow.json")
local translate = require("billing_cases.translate")

local priced = translate.priced
local given = translate.given

local PERIOD = "2026-10"
local DAY = "2026-10-01"
local MINUTE_MODES = { floor = "down", ceil = "up", closest = "nearest" }

local function card(rows)
  return { versions = { { valid_from = "2026-01-01", rates = rows } } }
end

local function time_item(fields)
  local entry = { work_date = DAY, duration_seconds = fields.seconds }
  for name, value in pairs(fields.entry or {}) do
    entry[name] = value
  end
  return {
    amount_decimals = fields.amount_decimals,
    time_entries = { entry },
    rate_cards = fields.cards or { card({ { selector = "default", rate = fields.hourly } }) },
    clock_rounding = fields.clock_rounding,
    terms = {
      quantity_decimals = fields.quantity_decimals,
      rounding = fields.rounding,
      rate_source = "source",
    },
  }
end

local SECONDS_SCHOOL_DECIMALS = 12

rules["time/amount_4dp"] = function(facts)
  local result = priced(time_item({
    seconds = facts.duration_seconds,
    hourly = facts.hourly,
    amount_decimals = 4,
    quantity_decimals = SECONDS_SCHOOL_DECIMALS,
  }))
  return { amount = result.net_amount }
end

rules["time/amount_decimal_hours"] = function(facts)
  local result = priced(time_item({ seconds = facts.duration_seconds, hourly = facts.hourly }))
  return { amount = result.net_amount }
end

rules["time/round_to_decimal_hours"] = function(facts)
  local result = priced(time_item({ seconds = facts.duration_seconds, hourly = "1" }))
  return { duration_seconds = (decimal(result.lines[1].quantity) * 3600):to_integer() }
end

rules["time/entry_rounding"] = function(facts)
  local mode = MINUTE_MODES[facts.mode]
  local function side(minutes)
    return minutes > 0 and { increment_minutes = minutes, mode = mode } or nil
  end
  local duration = side(facts.round_duration_min)
  if duration then
    duration.scope = "entry"
  end
  local result = priced(time_item({
    hourly = "1",
    entry = { begin = facts.begin, ["end"] = facts["end"] },
    clock_rounding = {
      begin = side(facts.round_begin_min),
      ["end"] = side(facts.round_end_min),
    },
    rounding = duration,
  }))
  local clock = result.clock[1]
  return {
    begin = clock.begin,
    ["end"] = clock["end"],
    duration_seconds = result.billed_seconds,
  }
end

rules["time/overtime_factor"] = function(facts)
  local result = priced({
    amount_decimals = facts.scale,
    time_entries = { {
      work_date = DAY,
      duration_seconds = facts.duration_seconds,
      hourly_rate = facts.hourly,
    } },
    terms = {
      quantity_decimals = SECONDS_SCHOOL_DECIMALS,
      overtime = { rules = { { weekdays = { "thursday" }, factor = facts.factor } } },
    },
  })
  return { rate = result.net_amount }
end

local WORK_TYPE_FORMS = { adjust = "add", multiply = "multiply", replace = "replace" }

rules["time/work_type_rate"] = function(facts)
  local result = priced(time_item({
    seconds = 3600,
    entry = { task = "Work type" },
    cards = { card({
      {
        selector = "task", value = "Work type", rate = facts.value,
        form = WORK_TYPE_FORMS[facts.type],
      },
      { selector = "default", rate = facts.standard_rate },
    }) },
  }))
  return { rate = result.lines[1].unit_price }
end

rules["time/block_hour_overage"] = function(facts)
  local result = priced({
    period = PERIOD,
    retainer = {
      overage = {
        rate = facts.overage_rate,
        multiplier = facts.apply_multiplier_to_overage and facts.block_multiplier or nil,
      },
    },
    time_entries = { { work_date = DAY, hours = facts.hours } },
  })
  return { amount = result.net_amount }
end

rules["time/project_timesheet"] = function(facts)
  local function amount(rate)
    return rate and priced(time_item({
      seconds = (decimal(facts.hours) * 3600):to_integer(),
      hourly = rate,
    })).net_amount
  end
  local billing = amount(facts.billing_rate)
  local base = facts.exchange_rate and priced({
    meter = { price = { model = "cost_plus", multiplier = facts.exchange_rate } },
    quantity = billing,
  }).amount
  return {
    billing_amount = billing,
    costing_amount = amount(facts.costing_rate),
    base_billing_amount = base,
  }
end

--- A row for a level's rate, its fixed sum or its internal rate; nil when the level has none.
local function row_of(selector, value, facts, level)
  local rate = given(facts[level])
  return rate and {
    selector = selector,
    value = value,
    rate = rate,
    unit_code = facts[level .. "_fixed"] and "LS" or "HUR",
    cost_rate = given(facts[level .. "_internal"]),
  }
end

--- Rates by level as cards: activity and project on the contract's card, then customer's, then the
--- person's own on the firm's. Who has no internal rate costs the hourly rate.
rules["time/rate_precedence"] = function(facts)
  local rows = json.array({})
  rows[#rows + 1] = row_of("task", "Activity", facts, "activity")
  rows[#rows + 1] = row_of("project", "PRO", facts, "project")
  local user = given(facts.user_hourly) or "0"
  local result = priced({
    amount_decimals = 4,
    time_entries = { {
      work_date = DAY,
      duration_seconds = facts.duration_seconds,
      task = "Activity",
      project_code = "PRO",
      person = "User",
      fixed_rate = given(facts.entry_fixed),
      hourly_rate = given(facts.entry_hourly),
    } },
    rate_cards = {
      card(rows),
      card(json.array({ row_of("default", nil, facts, "customer") })),
      card({
        {
          selector = "person",
          value = "User",
          rate = user,
          cost_rate = given(facts.user_internal) or user,
        },
      }),
    },
  })
  return { rate = result.net_amount, internal_rate = result.cost_amount }
end

return rules
