--- What must fit together across the files of a month: every reference names something,
--- alternatives are not both given, sums are right. Works on the typed context of model.read;
--- reports billing.Problem values.
local consistency = {}

local caps = require("billow.billing.caps")
local consolidation = require("billow.billing.consolidation")
local cumulative = require("billow.billing.cumulative")
local date = require("billow.date")
local decimal = require("billow.decimal")
local draft = require("billow.billing.draft")
local expense_caps = require("billow.billing.expense_caps")
local figures = require("billow.billing.figures")
local meter = require("billow.billing.meter")
local number = require("billow.billing.number")
local reading = require("billow.billing.reading")
local shape = require("billow.billing.shape")
local tax = require("billow.billing.tax")
local tiers = require("billow.billing.tiers")

local HUNDRED = decimal(100)
-- Ids that a message lists.
local IDS_SHOWN = 50

---@class billing.Checker
---@field ctx table
---@field error fun(field: string, value: any, problem: string, remedy: string)
---@field tax_codes table<string, boolean>

--- The ids of a list as a set; made once for each list, however many records refer to it.
local function ids_of(ctx, list)
  local set = ctx.known_ids[list]
  if not set then
    set = {}
    for _, item in ipairs(list) do
      set[item.id] = true
    end
    ctx.known_ids[list] = set
  end
  return set
end

local function all_ids(list)
  local ids = {}
  for i = 1, math.min(#list, IDS_SHOWN) do
    ids[i] = list[i].id
  end
  if #list > IDS_SHOWN then
    ids[#ids + 1] = string.format("... (%d in all)", #list)
  end
  return #ids > 0 and table.concat(ids, ", ") or "(none)"
end

local function checker(ctx, file, id, report)
  return {
    ctx = ctx,
    error = function(field, value, problem, remedy)
      report(shape.problem({ file = file, id = id, field = field }, value, problem, remedy))
    end,
  }
end

local function known(check, field, value, list, noun)
  if value and not ids_of(check.ctx, list)[value] then
    check.error(field, value, "no such " .. noun, "write one of: " .. all_ids(list))
  end
end

local function one_of(check, field, record, first, second)
  if (record[first] == nil) == (record[second] == nil) then
    local both = record[first] ~= nil
    check.error(
      field,
      nil,
      both and "both " .. first .. " and " .. second .. " are given"
        or "neither " .. first .. " nor " .. second .. " is given",
      "give exactly one of " .. first .. " and " .. second
    )
  end
end

local function in_sequence(check, field, first, last)
  if first and last and last < first then
    check.error(field, last, "is before " .. first, "write a later day")
  end
end

--- Taxes that a rate is made of: each once, all of it.
local function check_parts(check, field, code)
  local total, seen = decimal(0), {}
  for i, part in ipairs(code.parts or {}) do
    if seen[part.name] then
      check.error(field .. "[" .. i .. "].name", part.name, "stands there twice", "add the shares")
    end
    seen[part.name] = true
    total = total + part.share
  end
  if code.parts and not tax.HAS_RATE[code.category_code] then
    check.error(field, code.category_code, "is of a category without a rate", "leave parts out")
  elseif code.parts and total ~= decimal(1) then
    check.error(field, figures.plain(total), "do not sum to 1",
      'write the share of each, such as "0.5" and "0.5"')
  end
end

--- Who works when: each person once, with hours, and absences that end after they begin.
local function check_capacity(check, capacity)
  local seen = {}
  for i, one in ipairs(capacity) do
    local field = string.format("capacity[%d]", i)
    if seen[one.person] then
      check.error(field .. ".person", one.person, "is there twice", "write each person once")
    end
    seen[one.person] = true
    if one.hours_per_day:is_zero() then
      check.error(field .. ".hours_per_day", "0", "is zero", "leave the person out")
    end
    in_sequence(check, field .. ".end_date", one.start_date, one.end_date)
    for n, absence in ipairs(one.absences) do
      local place = string.format("%s.absences[%d].end_date", field, n)
      in_sequence(check, place, absence.start_date, absence.end_date)
    end
  end
end

local function check_firm(check, firm)
  known(check, "rate_card_id", firm.rate_card_id, check.ctx.rate_card_list, "rate card")
  local series_of = {}
  for i, series in ipairs(firm.number_series) do
    local field = string.format("number_series[%d]", i)
    if not series.format:find("{SEQ", 1, true) then
      check.error(
        field .. ".format",
        series.format,
        "has no sequence",
        "put {SEQ:5} where the number counts"
      )
    end
    local unknown = number.unknown_placeholder(series.format)
    if unknown then
      check.error(field .. ".format", series.format, "has " .. unknown .. ", which means nothing",
        "use " .. number.PLACEHOLDERS)
    end
    for _, type_code in ipairs(series.type_codes) do
      if series_of[type_code] then
        check.error(
          field .. ".type_codes",
          type_code,
          "already belongs to series " .. series_of[type_code],
          "let one series number each document type"
        )
      end
      series_of[type_code] = series.id
    end
  end
  if not series_of["380"] then
    check.error(
      "number_series",
      nil,
      "no series numbers invoices",
      'add a series with type_codes ["380"]'
    )
  end
  check_capacity(check, firm.capacity)
  local seen = {}
  for i, code in ipairs(firm.tax_codes) do
    local field = string.format("tax_codes[%d]", i)
    if seen[code.id] then
      check.error(field .. ".id", code.id, "used twice", "give each tax code its own id")
    end
    seen[code.id] = true
    if tax.HAS_RATE[code.category_code] and #code.rates == 0 then
      check.error(
        field .. ".rates",
        nil,
        "category " .. code.category_code .. " without a rate",
        "add a row with valid_from and percent"
      )
    end
    check_parts(check, field .. ".parts", code)
  end
end

--- Instalments: each a percent or an amount, percents of 100 in all.
local function check_instalments(check, terms)
  local total, has_percent = decimal(0), false
  for i, part in ipairs(terms.parts or {}) do
    one_of(check, string.format("payment_terms.parts[%d]", i), part, "percent", "amount")
    has_percent = has_percent or part.percent ~= nil
    total = total + (part.percent or decimal(0))
  end
  if has_percent and total ~= HUNDRED then
    check.error(
      "payment_terms.parts",
      figures.plain(total),
      "percents do not sum to 100",
      "change the percents to sum to 100"
    )
  elseif terms.parts and not has_percent then
    check.error(
      "payment_terms.parts",
      nil,
      "no part takes what is left",
      "give one part a percent of 100: it is of what the fixed amounts leave"
    )
  end
end

local function check_customer(check, customer)
  known(check, "tax_code", customer.tax_code, check.ctx.firm.tax_codes, "tax code")
  known(check, "rate_card_id", customer.rate_card_id, check.ctx.rate_card_list, "rate card")
  check_instalments(check, customer.payment_terms or {})
  if customer.hold then
    in_sequence(check, "hold.end_date", customer.hold.start_date, customer.hold.end_date)
  end
end

local function check_rate_card(check, card)
  for v, version in ipairs(card.versions) do
    local field = string.format("versions[%d]", v)
    in_sequence(check, field .. ".valid_to", version.valid_from, version.valid_to)
    for r, row in ipairs(version.rates) do
      if row.selector ~= "default" and not row.value then
        check.error(
          string.format("%s.rates[%d].value", field, r),
          nil,
          "is missing",
          "write the " .. row.selector .. " that the rate is for"
        )
      end
    end
  end
end

local function check_contributions(check, list)
  local seen = {}
  for i, one in ipairs(list) do
    local field = string.format("contributions[%d]", i)
    if seen[one.name] then
      check.error(field .. ".name", one.name, "stands there twice", "add the percents into one")
    elseif one.percent:is_zero() then
      check.error(field .. ".percent", "0", "contributes nothing", "leave it out")
    end
    seen[one.name] = true
  end
end

local function check_withholding(check, taxes)
  local total, seen = decimal(0), {}
  for i, one in ipairs(taxes) do
    local field = string.format("withholding_taxes[%d]", i)
    if seen[one.name] then
      check.error(field .. ".name", one.name, "stands there twice", "add the percents into one")
    elseif one.percent:is_zero() then
      check.error(field .. ".percent", "0", "withholds nothing", "leave the tax out")
    end
    seen[one.name] = true
    total = total + one.percent
  end
  if total >= HUNDRED then
    check.error(
      "withholding_taxes",
      figures.plain(total),
      "is all of the amount or more",
      'write the percentage that the buyer keeps back, such as "15"'
    )
  end
end

local function check_payers(check, contract)
  local total, seen = decimal(0), {}
  for i, payer in ipairs(contract.payers) do
    local field = string.format("payers[%d]", i)
    known(check, field .. ".customer_id", payer.customer_id, check.ctx.customer_list, "customer")
    known(check, field .. ".tax_code", payer.tax_code, check.ctx.firm.tax_codes, "tax code")
    if seen[payer.customer_id] then
      check.error(
        field .. ".customer_id",
        payer.customer_id,
        "pays twice",
        "add the percents into one payer"
      )
    end
    seen[payer.customer_id] = true
    total = total + payer.percent
  end
  local has_open = false
  for _, payer in ipairs(contract.payers) do
    has_open = has_open or not payer.cap_amount and payer.percent:sign() > 0
  end
  if #contract.payers > 0 and not has_open then
    check.error("payers", nil, "every payer has a cap",
      "leave one payer without cap_amount: it takes what is beyond the caps")
  end
  if #contract.payers > 0 and total ~= HUNDRED then
    check.error(
      "payers",
      figures.plain(total),
      "percents do not sum to 100",
      "change the percents to sum to 100"
    )
  end
end

local function check_components(check, field, discount)
  local is_component = {}
  for _, component in ipairs(draft.COMPONENTS) do
    is_component[component] = true
  end
  for i, component in ipairs(discount.components) do
    if not is_component[component] then
      check.error(
        string.format("%s.components[%d]", field, i),
        component,
        "no such component",
        "write one of: " .. table.concat(draft.COMPONENTS, ", ")
      )
    end
  end
end

local function check_discount(check, discount)
  one_of(check, "discount", discount, "percent", "amount")
  check_components(check, "discount", discount)
end

-- What each kind of discount needs.
local DISCOUNT_NEEDS =
  { percent = "percent", amount = "amount", credit = "amount", volume = "tiers" }

local function check_discounts(check, contract)
  if contract.discount then
    check.error("discounts", nil, "discount is given too",
      "write all of them in discounts: discount is for a single one")
  end
  local seen = {}
  for i, own in ipairs(contract.discounts) do
    local field = string.format("discounts[%d]", i)
    local needed = DISCOUNT_NEEDS[own.kind]
    if own[needed] == nil then
      check.error(field .. "." .. needed, nil, "is missing",
        "write " .. needed .. ": a discount of kind " .. own.kind .. " needs it")
    end
    if own.percent and own.percent > HUNDRED then
      check.error(field .. ".percent", figures.plain(own.percent), "is more than all",
        "write at most 100")
    end
    if seen[own.name] then
      check.error(field .. ".name", own.name, "used twice", "give each discount its own name")
    end
    seen[own.name] = true
    check_components(check, field, own)
    if own.tiers then
      local _, refusal = reading.try(tiers.read, reading.open(own, field), "percent")
      if refusal then
        check.error(refusal.field, refusal.value ~= "nothing" and refusal.value or nil,
          "does not make tiers", refusal.remedy)
      elseif own.tiers[#own.tiers].up_to then
        check.error(string.format("%s.tiers[%d].up_to", field, #own.tiers),
          figures.plain(own.tiers[#own.tiers].up_to), "ends the tiers",
          "leave the last tier open: a year may come to more")
      end
    end
  end
end

local function check_hours_per_day(check, terms)
  if terms.hours_per_day:is_zero() then
    check.error("terms.hours_per_day", "0", "is zero", 'write the hours of a day, such as "8"')
  end
end

local terms_checks = {}

--- Limits of entries, overtime and day rates: what tm and retainer share.
local function check_time_terms(check, terms)
  check_hours_per_day(check, terms)
  local least, most = terms.min_hours_per_entry, terms.max_hours_per_entry
  if least and most and most < least then
    check.error("terms.max_hours_per_entry", figures.plain(most),
      "is less than min_hours_per_entry", "write at least " .. figures.plain(least))
  end
  for i, rule in ipairs(terms.overtime and terms.overtime.rules or {}) do
    local names_none = not (rule.weekdays or rule.holidays or rule.after_hours_per_day
      or rule.after_hours_per_week)
    if names_none then
      check.error(string.format("terms.overtime.rules[%d]", i), nil, "does not say when it holds",
        "add weekdays, holidays, after_hours_per_day or after_hours_per_week")
    end
  end
  local day = terms.day_rate
  if day and day.half_day_up_to_hours >= terms.hours_per_day then
    check.error("terms.day_rate.half_day_up_to_hours", figures.plain(day.half_day_up_to_hours),
      "is not less than a day", "write less than hours_per_day, "
        .. figures.plain(terms.hours_per_day))
  end
end

local function check_caps(check, terms)
  local seen = {}
  for i, cap in ipairs(terms.caps) do
    local field = string.format("terms.caps[%d]", i)
    one_of(check, field, cap, "hours", "amount")
    local name = caps.name(cap)
    if cap.scope == "contract" and seen[name] then
      check.error(field .. ".scope", cap.scope, "is that of terms.caps[" .. seen[name]
        .. "] too, which counts the same", "keep one of them, or change per")
    end
    seen[name] = cap.scope == "contract" and i or seen[name]
  end
end

terms_checks["tm"] = function(check, contract)
  check_time_terms(check, contract.terms)
  check_caps(check, contract.terms)
  local ceiling = contract.terms.ceiling
  if not ceiling then
    return
  end
  one_of(check, "terms.ceiling", ceiling, "amount", "hours")
  if ceiling.overflow == "overage_rate" and not ceiling.overage_rate then
    check.error(
      "terms.ceiling.overage_rate",
      nil,
      "is missing",
      "write the price per hour beyond the ceiling"
    )
  elseif ceiling.overflow == "next_contract" then
    local field = "terms.ceiling.overflow_contract_id"
    local target = check.ctx.contracts[ceiling.overflow_contract_id]
    local target_ceiling = target and target.terms.ceiling
    if not target then
      check.error(
        field,
        ceiling.overflow_contract_id,
        "no such contract",
        "name the tm contract that takes the rest"
      )
    elseif target.model ~= "tm" or target.id == contract.id then
      check.error(
        field,
        target.id,
        "is not another tm contract",
        "name a tm contract that takes the rest"
      )
    elseif target_ceiling and target_ceiling.overflow == "next_contract" then
      check.error(
        field,
        target.id,
        "passes its own overflow on",
        "name a contract whose ceiling ends the chain"
      )
    end
  end
end

--- Bands of the fee: each ends above the one before, none withholds more than all.
local function check_bands(check, bands)
  local bound = decimal(0)
  for i, band in ipairs(bands) do
    local field = string.format("terms.retainage.bands[%d]", i)
    if not bound then
      check.error(field, nil, "comes after a band that takes the rest",
        "leave up_to_percent out of the last band only")
      return
    elseif band.up_to_percent and band.up_to_percent <= bound then
      check.error(field .. ".up_to_percent", figures.plain(band.up_to_percent),
        "is not above the band before", "write more than " .. figures.plain(bound))
    end
    if band.percent > HUNDRED then
      check.error(field .. ".percent", figures.plain(band.percent), "is more than all",
        "write at most 100")
    end
    bound = band.up_to_percent
  end
end

local function check_retainage(check, retainage, is_milestone)
  one_of(check, "terms.retainage", retainage, "percent", "bands")
  if retainage.cap_percent and retainage.cap_amount then
    check.error("terms.retainage.cap_amount", figures.plain(retainage.cap_amount),
      "stands beside cap_percent", "give one of them")
  end
  check_bands(check, retainage.bands or {})
  if retainage.percent and retainage.percent > HUNDRED then
    check.error("terms.retainage.percent", figures.plain(retainage.percent), "is more than all",
      "write at most 100")
  end
  local release = retainage.release
  if release then
    one_of(check, "terms.retainage.release", release, "milestone_id", "date")
    if release.milestone_id and not is_milestone[release.milestone_id] then
      check.error(
        "terms.retainage.release.milestone_id",
        release.milestone_id,
        "no such milestone",
        "name one of terms.milestones"
      )
    end
  end
end

--- Whether a milestone waits, over however many others, for itself.
local function waits_for_itself(own, milestones)
  local by_id, seen, open = {}, {}, { own }
  for _, milestone in ipairs(milestones) do
    by_id[milestone.id] = milestone
  end
  while #open > 0 do
    for _, id in ipairs(table.remove(open).depends_on) do
      if id == own.id then
        return true
      elseif by_id[id] and not seen[id] then
        seen[id], open[#open + 1] = true, by_id[id]
      end
    end
  end
  return false
end

local function check_milestones(check, milestones)
  local is_milestone, seen = ids_of(check.ctx, milestones), {}
  for i, milestone in ipairs(milestones) do
    local field = string.format("terms.milestones[%d]", i)
    one_of(check, field, milestone, "percent", "amount")
    if seen[milestone.id] then
      check.error(field .. ".id", milestone.id, "used twice: one acceptance would bill both",
        "give each milestone its own id")
    end
    seen[milestone.id] = true
    for _, id in ipairs(milestone.depends_on) do
      if not is_milestone[id] then
        check.error(field .. ".depends_on", id, "no such milestone", "name one of terms.milestones")
      end
    end
    if waits_for_itself(milestone, milestones) then
      check.error(field .. ".depends_on", milestone.id, "waits for itself",
        "leave out the milestone that closes the circle")
    end
  end
  return is_milestone
end

terms_checks["fixed-fee"] = function(check, contract)
  local terms = contract.terms
  local is_milestone = check_milestones(check, terms.milestones)
  if terms.retainage then
    check_retainage(check, terms.retainage, is_milestone)
  end
  if terms.advance then
    one_of(check, "terms.advance", terms.advance, "percent", "amount")
    if not number.series(check.ctx.firm, "386") then
      check.error(
        "terms.advance",
        nil,
        "no number series takes prepayment invoices",
        'add "386" to the type_codes of one of the firm\'s number_series'
      )
    end
  end
end

terms_checks["retainer"] = function(check, contract)
  local terms = contract.terms
  check_time_terms(check, terms)
  one_of(check, "terms.overage", terms.overage, "rate", "source")
  if terms.unused == "credit" and (terms.unit ~= "hours" or not terms.credit_rate) then
    check.error(
      "terms.unused",
      terms.unused,
      "needs unit hours and a credit_rate",
      "add credit_rate, or choose expire or rollover"
    )
  elseif terms.unused == "rollover" and not terms.rollover then
    check.error("terms.rollover", nil, "is missing", "write max_quantity and expires_after_periods")
  end
  local rollover = terms.rollover or {}
  if rollover.min_quantity and rollover.max_quantity
    and rollover.max_quantity < rollover.min_quantity then
    check.error("terms.rollover.max_quantity", figures.plain(rollover.max_quantity),
      "is less than min_quantity", "write at least " .. figures.plain(rollover.min_quantity))
  end
  if terms.replenish and terms.replenish.quantity:is_zero() then
    check.error("terms.replenish.quantity", "0", "is zero", "write what a top-up buys")
  end
end

terms_checks["usage"] = function(check, contract)
  for i, terms in ipairs(contract.terms.meters) do
    local field = string.format("terms.meters[%d]", i)
    local read, refusal = reading.try(meter.read, reading.open(terms, field))
    local of_term = read and terms.term ~= "month" and cumulative.problem(read)
    if of_term then
      check.error(field .. ".term", terms.term, "does not fit the meter: " .. of_term,
        "leave it out: the meter is of a month")
    end
    if refusal then
      -- The refusal shows its value already as text: nothing, or in quotes.
      local value = refusal.value ~= "nothing" and refusal.value:gsub('^"(.*)"$', "%1") or nil
      check.error(refusal.field, value, "does not make a meter", refusal.remedy)
    end
    known(check, field .. ".tax_code", terms.tax_code, check.ctx.firm.tax_codes, "tax code")
  end
  local is_zone_known, err =
    pcall(date.of_instant, "2026-01-01T00:00:00Z", check.ctx.firm.time_zone)
  if not is_zone_known then
    check.error(
      "usage_subjects",
      check.ctx.firm.time_zone,
      "events need the firm's time zone",
      "write an IANA zone in firm.json: " .. tostring(err)
    )
  end
end

-- Services that are taxed where they are carried out, or where the land lies.
local NEEDS_LOCATION = { land = true, passenger_transport = true, restaurant = true }

local function check_supply(check, terms)
  local country = terms.location_country_code
  if country and not country:find("^%u%u$") then
    check.error("supply.location_country_code", country, "is no country",
      "write an ISO 3166 code, such as DE")
  elseif not country and NEEDS_LOCATION[terms.service] then
    check.error("supply.location_country_code", nil, "is missing",
      "write where it is carried out: " .. terms.service .. " is taxed there")
  end
end

local function check_indexation(check, terms)
  if terms.base_value:is_zero() then
    check.error("indexation.base_value", "0", "is zero", "write the index of the agreed prices")
  end
  if terms.floor_percent and terms.cap_percent and terms.cap_percent < terms.floor_percent then
    check.error("indexation.cap_percent", figures.plain(terms.cap_percent),
      "is less than floor_percent", "write at least " .. figures.plain(terms.floor_percent))
  end
  for i = 2, #terms.adjustments do
    local before = terms.adjustments[i - 1].valid_from
    if terms.adjustments[i].valid_from <= before then
      check.error(string.format("indexation.adjustments[%d].valid_from", i),
        terms.adjustments[i].valid_from, "does not come after " .. before,
        "write the adjustments in order of time")
    end
  end
end

local function check_contract(check, contract)
  local ctx = check.ctx
  known(check, "customer_id", contract.customer_id, ctx.customer_list, "customer")
  known(check, "rate_card_id", contract.rate_card_id, ctx.rate_card_list, "rate card")
  known(check, "tax_code", contract.tax_code, ctx.firm.tax_codes, "tax code")
  known(
    check,
    "expenses.tax_code",
    contract.expenses and contract.expenses.tax_code,
    ctx.firm.tax_codes,
    "tax code"
  )
  for category, code in pairs(contract.expenses and contract.expenses.category_tax_code or {}) do
    known(check, "expenses.category_tax_code." .. category, code, ctx.firm.tax_codes, "tax code")
  end
  if contract.expenses then
    expense_caps.check(check, contract.expenses)
  end
  in_sequence(check, "end_date", contract.start_date, contract.end_date)
  check_payers(check, { payers = contract.payers or {} })
  check_instalments(check, contract.payment_terms or {})
  if contract.discount then
    check_discount(check, contract.discount)
  end
  if contract.supply then
    check_supply(check, contract.supply)
  end
  if contract.discounts then
    check_discounts(check, contract)
  end
  if contract.indexation then
    check_indexation(check, contract.indexation)
  end
  check_contributions(check, contract.contributions or {})
  check_withholding(check, contract.withholding_taxes or {})
  if contract.payable_rounding_increment and contract.payable_rounding_increment:is_zero() then
    check.error(
      "payable_rounding_increment",
      "0",
      "is zero",
      'write the smallest coin, such as "0.05"'
    )
  end
  for i, project in ipairs(contract.projects) do
    if not project.code and not project.name then
      check.error(
        string.format("projects[%d]", i),
        nil,
        "has neither code nor name",
        "write at least one of them"
      )
    end
  end
  terms_checks[contract.model](check, contract)
end

--- A project code, a project name and a usage subject belong to at most one contract.
local function check_ownership(ctx, report)
  local owner = { ["project code"] = {}, ["project name"] = {}, ["usage subject"] = {} }
  local function claim(contract, noun, field, value)
    local other = value and owner[noun][value]
    if other and other ~= contract.id then
      checker(ctx, "contracts.json", "contract " .. contract.id, report).error(
        field,
        value,
        "belongs to contract " .. other .. " already",
        "let each " .. noun .. " belong to one contract"
      )
    elseif value then
      owner[noun][value] = contract.id
    end
  end
  for _, contract in ipairs(ctx.contract_list) do
    for i, project in ipairs(contract.projects) do
      claim(contract, "project code", string.format("projects[%d].code", i), project.code)
      claim(contract, "project name", string.format("projects[%d].name", i), project.name)
    end
    for i, subject in ipairs(contract.usage_subjects) do
      claim(contract, "usage subject", string.format("usage_subjects[%d]", i), subject)
    end
  end
end

local OPENING_MAPS = { "ceiling_used", "fixed_fee", "retainer", "purchase_order_used" }

local function check_opening(ctx, period_id, report, warn)
  local opening = ctx.opening
  if period_id and opening.period ~= period_id then
    checker(ctx, "opening.json", "opening", report).error(
      "period",
      opening.period,
      "is not the period to bill, " .. period_id,
      "bill " .. opening.period .. ", or take the opening state of " .. period_id
    )
  end
  local check = checker(ctx, "opening.json", "opening", warn)
  for _, name in ipairs(OPENING_MAPS) do
    for id in pairs(opening[name]) do
      if not ctx.contracts[id] then
        check.error(
          name .. "." .. id,
          id,
          "no such contract; not used",
          "remove it or correct the id"
        )
      end
    end
  end
  for i, advance in ipairs(opening.advances) do
    if not ctx.contracts[advance.contract_id] then
      check.error(
        string.format("advances[%d].contract_id", i),
        advance.contract_id,
        "no such contract; not used",
        "remove it or correct the id"
      )
    end
  end
end

--- Check a typed context.
---@param ctx table
---@param period_id? string
---@param report fun(problem: billing.Problem)   contradictions
---@param warn fun(problem: billing.Problem)     what is ignored
function consistency.check(ctx, period_id, report, warn)
  ctx.known_ids = {}
  check_firm(checker(ctx, "firm.json", "firm " .. ctx.firm.id, report), ctx.firm)
  for _, customer in ipairs(ctx.customer_list) do
    check_customer(checker(ctx, "customers.json", "customer " .. customer.id, report), customer)
  end
  for _, card in ipairs(ctx.rate_card_list) do
    check_rate_card(checker(ctx, "rate-cards.json", "rate card " .. card.id, report), card)
  end
  for _, contract in ipairs(ctx.contract_list) do
    check_contract(checker(ctx, "contracts.json", "contract " .. contract.id, report), contract)
  end
  for _, group in ipairs(consolidation.groups(ctx.contract_list)) do
    local found = consolidation.problem(group.contracts)
    if found then
      local check = checker(ctx, "contracts.json", "contract " .. found.contract.id, report)
      check.error(found.field, group.name, found.problem, found.remedy)
    end
  end
  check_ownership(ctx, report)
  check_opening(ctx, period_id, report, warn)
  ctx.known_ids = nil
end

return consistency
