--- The gate of the data model: a firm's files become one typed billing.Context, or a list of
--- precise problems.
---
--- Decimals are parsed, nulls dropped, the model's defaults filled in (terms that a policy may
--- decide stay nil: rounding, rate_source, rate_date, ceiling.overflow). What refers to something
--- else is checked in consistency.lua.
local model = {}

local agreed = require("billow.billing.agreed")
local aggregation = require("billow.billing.aggregation")
local buckets = require("billow.billing.buckets")
local calendar = require("billow.billing.calendar")
local caps = require("billow.billing.caps")
local consistency = require("billow.billing.consistency")
local currency = require("billow.billing.currency")
local expense_caps = require("billow.billing.expense_caps")
local overtime = require("billow.billing.overtime")
local place_of_supply = require("billow.billing.place_of_supply")
local reductions = require("billow.billing.reductions")
local shape = require("billow.billing.shape")
local supply = require("billow.billing.supply")
local tax = require("billow.billing.tax")

local required, optional = shape.required, shape.optional
local text, day, amount, decimals = shape.text, shape.date, shape.amount, shape.decimal
local list, map, record, enum = shape.list, shape.map, shape.record, shape.enum
local count, at_least_1 = shape.integer(0), shape.integer(1)
-- Hours of 12 decimals are exact to a millionth of a second.
local DECIMALS_MAX = 12

local function period(value, place, report)
  if not calendar.is_period(value) then
    report(shape.problem(place, value, "not a period", 'write a month as "YYYY-MM"'))
    return nil
  end
  return value
end

local SELECTORS = { "task", "role", "person", "project", "default" }
local ANNEX_BY = { "person", "task", "date" }
local GROUPINGS = { "project", "task", "role", "person", "date", "week", "entry" }

local SHIFT = optional(enum({ "none", "next_business_day" }), "none")
-- Of every kind of terms: less is paid when it is paid early.
local EARLY = optional(record({
  percent = required(amount),
  days = required(count),
  mode = optional(enum({ "included", "excluded" }), "included"),
}))
local INSTALMENT = record({
  percent = optional(amount),
  amount = optional(amount),
  days = optional(count),
  months = optional(count),
})
local PAYMENT_TERMS = shape.by_word("type", {
  net = record({
    days = required(count),
    months = optional(count),
    shift = SHIFT,
    early_payment_discount = EARLY,
  }),
  end_of_month = record({
    days = required(count),
    months = optional(count),
    shift = SHIFT,
    early_payment_discount = EARLY,
  }),
  days_after_end_of_month = record({
    days = required(count),
    months = optional(count),
    shift = SHIFT,
    early_payment_discount = EARLY,
  }),
  day_of_next_month = record({
    day = required(at_least_1),
    days = optional(count),
    months = optional(count),
    shift = SHIFT,
    early_payment_discount = EARLY,
  }),
  instalments = record({
    parts = required(list(INSTALMENT, { is_filled = true })),
    remainder = optional(enum({ "largest", "last" }), "last"),
    shift = SHIFT,
  }),
})

local ADDRESS = record({
  street_name = optional(text),
  city_name = optional(text),
  postal_zone = optional(text),
  country_subentity = optional(text),
  country_code = required(text),
})

-- "year:04" is a financial year from April.
local RESETS = { "year", "month", "never" }
for month = 2, 12 do
  RESETS[#RESETS + 1] = string.format("year:%02d", month)
end

local FIRM = record({
  id = required(text),
  name = required(text),
  address = required(ADDRESS),
  vat_id = optional(text),
  currency = required(shape.currency),
  country_code = required(text),
  time_zone = required(text),
  holidays = optional(list(day), {}),
  capacity = optional(
    list(record({
      person = required(text),
      hours_per_day = required(amount),
      weekdays = optional(
        list(enum(overtime.WEEKDAYS), { is_filled = true }),
        { "monday", "tuesday", "wednesday", "thursday", "friday" }
      ),
      start_date = optional(day),
      end_date = optional(day),
      absences = optional(
        list(record({
          start_date = required(day),
          end_date = required(day),
          reason = optional(text),
        })),
        {}
      ),
    })),
    {}
  ),
  tax_registrations = optional(list(text), {}), -- other countries where it declares tax
  has_one_stop_shop = optional(shape.boolean, false),
  rate_card_id = optional(text),
  cost_rates = optional(map(amount)), -- of an hour, by person: only for margins
  number_series = required(list(
    record({
      id = required(text),
      type_codes = required(list(text)), -- none: only the numbering policy leads to it
      format = required(text),
      reset = required(enum(RESETS)),
      validation_code = optional(text), -- Portugal: of the tax authority, for ATCUD
    }),
    { is_filled = true }
  )),
  tax_codes = required(list(
    record({
      id = required(text),
      category_code = required(enum({ "S", "Z", "E", "AE", "K", "G", "O", "L", "M" })),
      rates = optional(
        list(record({ valid_from = required(day), percent = required(amount) })),
        {}
      ),
      exemption_reason = optional(text),
      exemption_reason_code = optional(text),
      country_code = optional(text), -- absent: the firm's
      -- A rate that is several taxes, such as India's CGST and SGST: the share of each.
      parts = optional(
        list(record({ name = required(text), share = required(amount) }), { is_filled = true })
      ),
    }),
    { is_filled = true }
  )),
  tax_rounding = optional(enum(tax.ROUNDINGS), "group"),
  imports = optional(
    map(record({ date_format = optional(enum({ "YYYY-MM-DD", "DD/MM/YYYY", "MM/DD/YYYY" })) })),
    {}
  ),
})

local HOLD = record({
  reason = optional(text),
  owner = optional(text),
  start_date = required(day),
  end_date = optional(day),
  review_date = optional(day),
})

local CUSTOMER = record({
  id = required(text),
  name = required(text),
  address = required(ADDRESS),
  vat_id = optional(text),
  vat_check = optional(record({
    status = required(enum({ "valid", "invalid", "unavailable" })),
    requested_on = required(day),
    request_id = optional(text),
    name = optional(text),
    address = optional(text),
  })),
  is_business = optional(shape.boolean),
  currency = required(shape.currency),
  language = optional(text),
  tax_code = required(text),
  rate_card_id = optional(text),
  buyer_reference = optional(text),
  buyer_reference_required = optional(shape.boolean, false),
  electronic_address = optional(record({ scheme_id = required(text), value = required(text) })),
  payment_terms = optional(PAYMENT_TERMS),
  risk = optional(enum({ "low", "medium", "high" })), -- the approval policy may ask for more people
  hold = optional(HOLD),
})

local function rounding(scopes)
  return record({
    increment_minutes = required(at_least_1),
    mode = required(enum({ "up", "nearest", "down" })),
    scope = required(enum(scopes)),
  })
end

local OVERTIME = record({
  combination = optional(enum(overtime.COMBINATIONS), "add"),
  rules = required(list(
    record({
      factor = required(amount),
      weekdays = optional(list(enum(overtime.WEEKDAYS), { is_filled = true })),
      holidays = optional(shape.boolean, false),
      after_hours_per_day = optional(amount),
      after_hours_per_week = optional(amount),
    }),
    { is_filled = true }
  )),
})

-- What tm and retainer share.
local function time_terms(default_grouping, rounding_scopes)
  return {
    grouping = optional(list(enum(GROUPINGS)), default_grouping),
    rounding = optional(rounding(rounding_scopes)),
    quantity_decimals = optional(shape.integer(0, DECIMALS_MAX), 2),
    quantity_basis = optional(enum({ "line", "entry" }), "line"),
    hours_per_day = optional(amount),
    rate_source = optional(enum({ "card", "source" })),
    rate_date = optional(enum({ "work_date", "issue_date" })),
    included_tasks = optional(list(text), {}),
    pro_bono_tasks = optional(list(text), {}),
    min_hours_per_entry = optional(amount),
    max_hours_per_entry = optional(amount),
    min_amount_per_entry = optional(amount),
    overtime = optional(OVERTIME),
    day_rate = optional(record({
      half_day_up_to_hours = required(amount),
      beyond_a_day = optional(enum({ "included", "by_hour" }), "included"),
    })),
  }
end

local function with(fields, more)
  for name, field in pairs(more) do
    fields[name] = field
  end
  return record(fields)
end

local TM = with(time_terms({ "task" }, { "entry", "person_day", "task_day", "line" }), {
  no_charge_tasks = optional(list(text), {}),
  caps = optional(
    list(record({
      per = required(list(enum(caps.PER), { is_filled = true })),
      hours = optional(amount),
      amount = optional(amount),
      scope = optional(enum(caps.SCOPES), "period"),
      overflow = optional(enum(caps.OVERFLOWS), "hold"),
    })),
    {}
  ),
  ceiling = optional(record({
    amount = optional(amount),
    hours = optional(amount),
    scope = optional(enum({ "contract", "period" }), "contract"),
    overflow = optional(enum({ "hold", "write_off", "overage_rate", "next_contract", "stop" })),
    overage_rate = optional(amount),
    overflow_contract_id = optional(text),
  })),
})

local FIXED_FEE = record({
  fee_amount = required(amount),
  billing = optional(enum({ "milestones", "percent_complete" }), "milestones"),
  milestones = optional(
    list(record({
      id = required(text),
      description = optional(text),
      percent = optional(amount),
      amount = optional(amount),
      depends_on = optional(list(text), {}),
    })),
    {}
  ),
  retainage = optional(record({
    percent = optional(amount),
    bands = optional(
      list(record({ up_to_percent = optional(amount), percent = required(amount) }))
    ),
    cap_percent = optional(amount),
    cap_amount = optional(amount),
    release = optional(record({ milestone_id = optional(text), date = optional(day) })),
  })),
  advance = optional(record({
    percent = optional(amount),
    amount = optional(amount),
    deduction = optional(enum({ "proportional", "as_soon_as_possible", "final" }), "proportional"),
  })),
})

local RETAINER = with(time_terms({}, { "entry", "person_day", "task_day" }), {
  unit = required(enum({ "hours", "money" })),
  quantity = required(amount),
  price = required(amount),
  billed = optional(enum({ "arrears", "advance" }), "arrears"),
  draw_order = optional(enum(buckets.DRAW_ORDERS), "oldest_first"),
  unused = optional(enum({ "expire", "rollover", "credit" }), "expire"),
  rollover = optional(
    record({
      min_quantity = optional(amount),
      max_quantity = optional(amount),
      expires_after_periods = optional(at_least_1), -- absent: never
    })
  ),
  low_balance = optional(record({ below = required(amount) })),
  replenish = optional(record({
    below = required(amount),
    quantity = required(amount),
    price = required(amount),
    max_per_period = optional(at_least_1, 1),
    expires_after_periods = optional(at_least_1), -- absent: never
  })),
  credit_rate = optional(amount),
  prorate = optional(shape.boolean, true),
  overage = required(record({
    rate = optional(amount),
    source = optional(enum({ "card" })),
    multiplier = optional(amount),
  })),
})

local FLAT_AT_ZERO = optional(shape.boolean, false)
local UNIT_TIERS = required(list(
  record({
    up_to = optional(amount),
    unit_price = required(amount),
    flat_amount = optional(amount),
  }),
  { is_filled = true }
))
local PRICES = {
  per_unit = record({ unit_price = required(amount) }),
  graduated = record({ tiers = UNIT_TIERS, flat_at_zero = FLAT_AT_ZERO }),
  volume = record({ tiers = UNIT_TIERS, flat_at_zero = FLAT_AT_ZERO }),
  package = record({ size = required(amount), package_price = required(amount) }),
  percentage = record({
    percent = required(amount),
    fixed_per_event = optional(amount),
    min_per_event = optional(amount),
    max_per_event = optional(amount),
  }),
  graduated_percentage = record({
    tiers = required(list(
      record({
        up_to = optional(amount),
        percent = required(amount),
        flat_amount = optional(amount),
      }),
      { is_filled = true }
    )),
    flat_at_zero = FLAT_AT_ZERO,
  }),
}

--- Prices beyond the data model's pass as they are; meter.lua reads those it knows and refuses the
--- rest.
local function price_kind(value, place, report)
  local kind = type(value) == "table" and PRICES[value.model]
  if kind then
    return kind(value, place, report)
  end
  return value
end

local USAGE = record({
  meters = required(list(record({
    id = required(text),
    event_type = required(text),
    aggregation = required(enum(aggregation.NAMES)),
    weighting = optional(record({
      values = optional(enum(aggregation.WEIGHTING_VALUES), "change"),
      unit = optional(enum(aggregation.WEIGHTING_UNITS), "period"),
      initial_value = optional(amount),
    })),
    field = optional(text),
    unit_code = optional(text, "C62"),
    free_quantity = optional(amount),
    price = required(price_kind),
    tax_code = optional(text),
    conversion = optional(record({
      divide_by = optional(amount),
      multiply_by = optional(amount),
      rounding = optional(enum({ "ceiling", "floor", "half_up", "none" }), "none"),
      decimals = optional(count, 0),
    })),
    discount_percent = optional(amount),
    minimum_commit = optional(record({ amount = required(amount) })),
    maximum_spend = optional(record({ amount = required(amount) })),
    term = optional(enum(calendar.TERMS), "month"),
  }))),
  base_fee = optional(amount),
  minimum_commit = optional(record({ amount = required(amount) })),
  maximum_spend = optional(record({ amount = required(amount) })),
  discount_percent = optional(amount),
  prorate = optional(shape.boolean, true),
  late_events = optional(enum({ "include", "exception" }), "include"),
})

local DISCOUNT = record({
  kind = required(enum(reductions.KINDS)),
  name = required(text),
  percent = optional(amount),
  amount = optional(amount),
  tiers = optional(
    list(record({ up_to = optional(amount), percent = required(amount) }), { is_filled = true })
  ),
  mode = optional(enum(reductions.VOLUME_MODES), "whole"),
  term = optional(enum({ "calendar_year", "contract_year", "contract" }), "calendar_year"),
  components = required(list(text, { is_filled = true })),
})

local CONTRACT_FIELDS = {
  id = required(text),
  customer_id = required(text),
  name = required(text),
  currency = required(shape.currency),
  start_date = required(day),
  end_date = optional(day),
  projects = optional(
    list(record({
      code = optional(text),
      name = optional(text),
      end_date = optional(day),
      hold = optional(HOLD),
    })),
    {}
  ),
  usage_subjects = optional(list(text), {}),
  rate_card_id = optional(text),
  engagement_partner = optional(text),
  approval_required = optional(shape.boolean, true),
  late_entries = optional(enum({ "include", "exception" }), "include"),
  tax_code = optional(text),
  payment_terms = optional(PAYMENT_TERMS),
  buyer_reference = optional(text),
  purchase_order = optional(
    record({ number = optional(text), amount = optional(amount), end_date = optional(day) })
  ),
  payers = optional(list(record({
    customer_id = required(text),
    percent = required(amount),
    tax_code = optional(text),
    cap_amount = optional(amount),
  }))),
  indexation = optional(record({
    base_value = required(amount),
    floor_percent = optional(decimals),
    cap_percent = optional(decimals),
    threshold_percent = optional(amount),
    share_percent = optional(amount),
    notice_days = optional(count),
    price_decimals = optional(count, 2),
    adjustments = optional(
      list(record({
        valid_from = required(day),
        value = required(amount),
        notice_date = optional(day),
      })),
      {}
    ),
  })),
  discount = optional(record({
    percent = optional(amount),
    amount = optional(amount),
    components = required(list(text, { is_filled = true })),
  })),
  discounts = optional(list(DISCOUNT, { is_filled = true })),
  expenses = optional(record({
    markup_percent = optional(decimals),
    category_markup_percent = optional(map(decimals)),
    input_tax_percent = optional(amount),
    category_input_tax_percent = optional(map(amount)),
    grouping = optional(enum({ "category", "entry" }), "category"),
    tax_code = optional(text),
    category_tax_code = optional(map(text)),
    receipt_required_above = optional(amount),
    caps = optional(
      list(record({
        category = optional(text),
        amount = required(amount),
        scope = optional(enum(expense_caps.SCOPES), "period"),
        overflow = optional(enum(expense_caps.OVERFLOWS), "hold"),
      })),
      {}
    ),
  })),
  payable_rounding_increment = optional(amount),
  withholding_taxes = optional(
    list(record({
      name = required(text),
      percent = required(amount),
      includes_contributions = optional(shape.boolean, false),
    }), { is_filled = true })
  ),
  contributions = optional(
    list(record({ name = required(text), percent = required(amount) }), { is_filled = true })
  ),
  invoice_group = optional(text),
  supply = optional(record({
    service = optional(enum(place_of_supply.SERVICES), "general"),
    location_country_code = optional(text),
    mode = optional(enum(supply.MODES), "check"),
    proof = optional(list(text), {}),
  })),
  annex = optional(record({
    by = optional(list(enum(GROUPINGS), { is_filled = true }), ANNEX_BY),
    notes = optional(shape.boolean, false),
    amounts = optional(shape.boolean, false),
  })),
}

local function contract_of(terms)
  local fields = { model = required(text), terms = required(terms) }
  for name, field in pairs(CONTRACT_FIELDS) do
    fields[name] = field
  end
  return record(fields)
end

local CONTRACT = shape.by_word("model", {
  ["tm"] = contract_of(TM),
  ["fixed-fee"] = contract_of(FIXED_FEE),
  ["retainer"] = contract_of(RETAINER),
  ["usage"] = contract_of(USAGE),
})

local RATE_CARD = record({
  id = required(text),
  currency = required(shape.currency),
  order = optional(list(enum(SELECTORS)), SELECTORS),
  versions = required(list(record({
    valid_from = optional(day),
    valid_to = optional(day),
    rates = required(list(record({
      selector = required(enum(SELECTORS)),
      value = optional(text),
      rate = required(decimals),
      form = optional(enum({ "replace", "add", "multiply" }), "replace"),
      unit_code = optional(enum({ "HUR", "DAY", "LS" }), "HUR"),
      cost_rate = optional(amount),
      min_hours = optional(amount),
      max_hours = optional(amount),
      min_amount = optional(amount),
    }))),
  }))),
})

local OPENING = record({
  period = required(period),
  issue_date = required(day),
  number_series = optional(map(record({ next_sequence = required(at_least_1) })), {}),
  ceiling_used = optional(map(decimals), {}),
  usage_counted = optional(
    map(list(record({
      meter = required(text),
      since = required(period),
      period = required(period),
      aggregate = required(decimals),
      count = required(count),
    }))),
    {}
  ),
  discount_used = optional(
    map(list(record({
      name = required(text),
      since = required(period),
      net = required(decimals),
      granted = required(decimals),
    }))),
    {}
  ),
  cap_used = optional(
    map(list(record({
      per = required(list(enum(caps.PER), { is_filled = true })),
      unit = required(enum({ "seconds", "amount" })),
      key = required(list(text)),
      used = required(decimals),
    }))),
    {}
  ),
  expense_cap_used = optional(
    map(list(record({ category = optional(text), used = required(decimals) }))),
    {}
  ),
  fixed_fee = optional(
    map(record({
      milestones_billed = optional(list(text), {}),
      billed_net = optional(decimals),
      withheld_net = optional(decimals),
      released_net = optional(decimals),
    })),
    {}
  ),
  advances = optional(
    list(record({
      contract_id = required(text),
      number = required(text),
      issue_date = required(day),
      net_amount = required(decimals),
      tax_amount = optional(decimals),
      remaining_net = required(decimals),
    })),
    {}
  ),
  retainer = optional(
    map(record({
      invoiced_periods = optional(list(period), {}),
      buckets = optional(
        list(record({
          period = required(period),
          quantity = required(amount),
          expires_on = required(day),
          valid_from = optional(day),
          priority = optional(count),
        })),
        {}
      ),
    })),
    {}
  ),
  purchase_order_used = optional(map(decimals), {}),
  payer_used = optional(map(map(decimals)), {}),
  exchange_rates = optional(
    list(record({
      currency = required(shape.currency),
      rate = required(amount),
      date = required(day),
      source = optional(text),
    })),
    {}
  ),
})

local FILES = {
  firm = "firm.json",
  customers = "customers.json",
  contracts = "contracts.json",
  rate_cards = "rate-cards.json",
  opening = "opening.json",
}

local function read_one(kind, value, file, noun, report)
  local id = type(value) == "table" and type(value.id) == "string" and noun .. " " .. value.id
    or noun
  return kind(value, { file = file, id = id, field = "" }, report)
end

--- Read a list of records with unique ids; returns them in file order and by id.
local function read_list(kind, values, file, noun, report)
  local in_order, by_id = {}, {}
  if type(values) ~= "table" or values[1] == nil and next(values) ~= nil then
    report(
      shape.problem(
        { file = file, id = "", field = "" },
        values,
        "not a list",
        "write a list in [ ]"
      )
    )
    return in_order, by_id
  end
  for i, value in ipairs(values) do
    local typed = read_one(kind, value, file, noun, report)
    if typed and typed.id then
      if by_id[typed.id] then
        local place = { file = file, id = noun .. " " .. typed.id, field = "id" }
        report(
          shape.problem(
            place,
            typed.id,
            "used twice (again as item " .. i .. ")",
            "give each its own id"
          )
        )
      end
      by_id[typed.id] = typed
      in_order[#in_order + 1] = typed
    end
  end
  return in_order, by_id
end

--- Notes on each contract what its document is silent about: there the policies decide.
local function note_silence(ctx, documents)
  for _, document in ipairs(documents) do
    local contract = ctx.contracts[document.id]
    if contract then
      contract.silent = agreed.silence(document)
    end
  end
end

local function default_hours_per_day(contracts)
  local eight = require("billow.decimal")(8)
  for _, contract in ipairs(contracts) do
    local terms = contract.terms
    if terms and (contract.model == "tm" or contract.model == "retainer") then
      terms.hours_per_day = terms.hours_per_day or eight
    end
  end
end

local function read_files(files, report)
  local ctx = { decimals = currency.decimals }
  ctx.firm = read_one(FIRM, files.firm, FILES.firm, "firm", report)
  ctx.customer_list, ctx.customers =
    read_list(CUSTOMER, files.customers, FILES.customers, "customer", report)
  ctx.contract_list, ctx.contracts =
    read_list(CONTRACT, files.contracts, FILES.contracts, "contract", report)
  ctx.rate_card_list, ctx.rate_cards =
    read_list(RATE_CARD, files.rate_cards, FILES.rate_cards, "rate card", report)
  ctx.opening = read_one(OPENING, files.opening, FILES.opening, "opening", report)
  default_hours_per_day(ctx.contract_list)
  return ctx
end

--- Read a month's folder.
---@param files table   decoded JSON: firm, customers, contracts, rate_cards, opening
---@param period_id? string   the month to bill; the opening must be the state before it
---@return billing.Context?
---@return billing.Problem[] problems   errors when there is no context, else warnings
function model.read(files, period_id)
  local errors, warnings = {}, {}
  local function report(problem)
    errors[#errors + 1] = problem
  end
  local ctx = read_files(files, report)
  if #errors > 0 then
    return nil, errors
  end
  consistency.check(ctx, period_id, report, function(problem)
    warnings[#warnings + 1] = problem
  end)
  if #errors > 0 then
    return nil, errors
  end
  ctx.period = calendar.period(ctx.opening.period)
  ctx.issue_date = ctx.opening.issue_date
  note_silence(ctx, files.contracts)
  return ctx, warnings
end

return model
