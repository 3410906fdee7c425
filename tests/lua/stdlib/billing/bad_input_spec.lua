--- Malformed and contradictory input: each gets a message that names field, value and remedy, and
--- nothing is billed of it.

local build = require("support.billing")
local json = require("billow.json")
local model = require("billow.billing.model")
local price = require("billow.billing.price")

--- The problem at a field, as one line.
local function problem_at(files, field)
  local ctx, problems = model.read(build.files(files))
  assert.is_nil(ctx, "accepted")
  local others = {}
  for i, problem in ipairs(problems) do
    if problem.field == field then
      return problem
    end
    others[i] = problem.text
  end
  error("nothing is said of " .. field .. " but:\n" .. table.concat(others, "\n"))
end

local function contract(changes, terms)
  local made = build.contract(changes)
  made.terms = terms or {}
  return { contracts = { made } }
end

local function retainer(changes)
  local terms = { unit = "hours", quantity = "10", price = "1000", overage = { rate = "150" } }
  for name, value in pairs(changes) do
    terms[name] = value
  end
  return contract({ model = "retainer" }, terms)
end

local function usage(meter)
  local made = { id = "m", event_type = "e", aggregation = "count",
    price = { model = "per_unit", unit_price = "1" } }
  for name, value in pairs(meter) do
    made[name] = value
  end
  return contract({ model = "usage" }, { meters = { made } })
end

local function tiers(list)
  return usage({ price = { model = "graduated", tiers = list } })
end

local function card(row, version)
  local made = build.card("RC", { row })
  for name, value in pairs(version or {}) do
    made.versions[1][name] = value
  end
  return { rate_cards = { made } }
end

local function firm(changes)
  return { firm = build.firm(changes) }
end

-- Name, files, field, value as found, what to write instead.
local CASES = {
  -- Contracts.
  { "a model that there is not", contract({ model = "barter" }), "model", '"barter"',
    "fixed-fee, retainer, tm, usage" },
  { "an end before the start", contract({ end_date = "2025-12-31" }), "end_date", "2025-12-31",
    "write a later day" },
  { "a day that does not exist", contract({ start_date = "2026-02-30" }), "start_date",
    "2026-02-30", "YYYY-MM-DD" },
  { "a currency that there is not", contract({ currency = "EURO" }), "currency", "EURO",
    "ISO 4217" },
  { "a customer that nobody knows", contract({ customer_id = "CU-9" }), "customer_id", "CU-9",
    "one of: CU" },
  { "a contract without a name", contract({ name = json.null }), "name", "nothing", "add name" },
  { "shares that do not sum to 100", contract({ payers = {
    { customer_id = "CU", percent = "90" } } }), "payers", "90", "sum to 100" },
  { "payers who all have caps", contract({ payers = {
    { customer_id = "CU", percent = "100", cap_amount = "5" } } }), "payers", "nothing",
    "without cap_amount" },
  { "a discount in percent and amount", contract({ discount = { percent = "1", amount = "1",
    components = { "time" } } }), "discount", "nothing", "exactly one of percent and amount" },
  { "a discount on something that is no line", contract({ discount = { percent = "1",
    components = { "coffee" } } }), "discount.components[1]", "coffee", "write one of: advance" },
  { "a decimal with an exponent", contract({ payable_rounding_increment = "5e-2" }),
    "payable_rounding_increment", "5e-2", "plain digits in quotes" },
  { "a decimal with a comma", contract({ purchase_order = { amount = "1.000,00" } }),
    "purchase_order.amount", "1.000,00", "plain digits in quotes" },
  { "a negative amount", contract({ purchase_order = { amount = "-1" } }),
    "purchase_order.amount", "-1", "write 0 or more" },
  { "a binary fraction", contract({ payable_rounding_increment = 0.05 }),
    "payable_rounding_increment", "0.05", "plain digits in quotes" },
  { "taxes of a rate that are not all of it", firm({ tax_codes = {
    { id = "S", category_code = "S", rates = { { valid_from = "2021-01-01", percent = "18" } },
      parts = { { name = "CGST", share = "0.5" }, { name = "SGST", share = "0.4" } } } } }),
    "tax_codes[1].parts", "0.9", "such as \"0.5\" and \"0.5\"" },
  { "IGIC without a rate", firm({ tax_codes = { { id = "S", category_code = "L" } } }),
    "tax_codes[1].rates", "nothing", "add a row" },
  { "a rounding of tax that nobody knows", firm({ tax_rounding = "global" }),
    "tax_rounding", "global", "group" },
  { "two caps of a retainage", contract({ model = "fixed-fee" }, { fee_amount = "100",
    billing = "percent_complete",
    retainage = { percent = "5", cap_percent = "5", cap_amount = "5" } }),
    "terms.retainage.cap_amount", "5", "give one of them" },
  { "a contribution of nothing", contract({ contributions = {
    { name = "Cassa", percent = "0" } } }), "contributions[1].percent", "0", "leave it out" },
  { "a tax withheld at nothing", contract({ withholding_taxes = {
    { name = "IRPF", percent = "0" } } }), "withholding_taxes[1].percent", "0",
    "leave the tax out" },
  { "a tax withheld twice", contract({ withholding_taxes = {
    { name = "IRPF", percent = "15" }, { name = "IRPF", percent = "7" } } }),
    "withholding_taxes[2].name", "IRPF", "add the percents" },
  { "taxes withheld that leave nothing", contract({ withholding_taxes = {
    { name = "A", percent = "60" }, { name = "B", percent = "40" } } }),
    "withholding_taxes", "100", "the percentage that the buyer keeps back" },
  { "a tax withheld without a name", contract({ withholding_taxes = { { percent = "15" } } }),
    "withholding_taxes[1].name", "nothing", "" },
  { "a coin of zero", contract({ payable_rounding_increment = "0" }),
    "payable_rounding_increment", "0", "smallest coin" },
  { "an index of zero", contract({ indexation = { base_value = "0" } }),
    "indexation.base_value", "0", "the index of the agreed prices" },
  { "an index cap below its floor", contract({ indexation = { base_value = "1",
    floor_percent = "3", cap_percent = "2" } }), "indexation.cap_percent", "2",
    "write at least 3" },
  { "a markup that is a word", contract({ expenses = { markup_percent = "ten" } }),
    "expenses.markup_percent", "ten", "plain digits in quotes" },
  { "a category taxed by a code that there is not", contract({ expenses = {
    category_tax_code = { Travel = "X" } } }), "expenses.category_tax_code.Travel", "X",
    "one of: S, R, AE, O" },
  { "payment terms of a kind that there is not", contract({ payment_terms = {
    type = "whenever" } }), "payment_terms.type", "whenever", "end_of_month" },
  { "payment after half a day", contract({ payment_terms = { type = "net", days = 0.5 } }),
    "payment_terms.days", "0.5", "whole number" },
  { "an annex by mood", contract({ annex = { by = { "mood" } } }), "annex.by[1]", "mood",
    "project, task" },
  { "an annex by nothing", contract({ annex = { by = json.array({}) } }), "annex.by",
    "a list or object", "at least one" },
  { "a supply of a kind that there is not", contract({ supply = { service = "magic" } }),
    "supply.service", "magic", "general, digital" },
  { "land without a place", contract({ supply = { service = "land" } }),
    "supply.location_country_code", "nothing", "where it is carried out" },
  { "a supply in a country that is none", contract({ supply = { service = "land",
    location_country_code = "Austria" } }), "supply.location_country_code", "Austria",
    "ISO 3166" },
  -- Time and materials.
  { "rounding to nothing", contract({}, { rounding = { increment_minutes = 0, mode = "up",
    scope = "entry" } }), "terms.rounding.increment_minutes", "0", "whole number" },
  { "rounding sideways", contract({}, { rounding = { increment_minutes = 15, mode = "sideways",
    scope = "entry" } }), "terms.rounding.mode", "sideways", "up, nearest, down" },
  { "a grouping by mood", contract({}, { grouping = { "mood" } }), "terms.grouping[1]", "mood",
    "project, task" },
  { "a ceiling of hours and money", contract({}, { ceiling = { hours = "1", amount = "1" } }),
    "terms.ceiling", "nothing", "exactly one of amount and hours" },
  { "an overage without its rate", contract({}, { ceiling = { hours = "1",
    overflow = "overage_rate" } }), "terms.ceiling.overage_rate", "nothing", "price per hour" },
  { "an overflow into nowhere", contract({}, { ceiling = { hours = "1",
    overflow = "next_contract", overflow_contract_id = "C-9" } }),
    "terms.ceiling.overflow_contract_id", "C-9", "name the tm contract" },
  { "a cap without a size", contract({}, { caps = { { per = { "day" } } } }), "terms.caps[1]",
    "nothing", "exactly one of hours and amount" },
  { "a cap per nothing", contract({}, { caps = { { per = {}, hours = "1" } } }),
    "terms.caps[1].per", "a list", "at least one item" },
  { "overtime that never holds", contract({}, { overtime = { rules = { { factor = "2" } } } }),
    "terms.overtime.rules[1]", "nothing", "after_hours_per_day" },
  { "a weekday that there is not", contract({}, { overtime = { rules = { { factor = "2",
    weekdays = { "someday" } } } } }), "terms.overtime.rules[1].weekdays[1]", "someday",
    "monday" },
  { "half a day as long as a day", contract({}, { day_rate = { half_day_up_to_hours = "8" } }),
    "terms.day_rate.half_day_up_to_hours", "8", "less than hours_per_day" },
  { "a most below the least", contract({}, { min_hours_per_entry = "2",
    max_hours_per_entry = "1" }), "terms.max_hours_per_entry", "1", "at least 2" },
  { "a day of no hours", contract({}, { hours_per_day = "0" }), "terms.hours_per_day", "0",
    "hours of a day" },
  -- Fixed fees and retainers.
  { "a milestone in percent and amount", contract({ model = "fixed-fee" }, { fee_amount = "1",
    milestones = { { id = "M", percent = "1", amount = "1" } } }), "terms.milestones[1]",
    "nothing", "exactly one of percent and amount" },
  { "a milestone after one that there is not", contract({ model = "fixed-fee" },
    { fee_amount = "1", milestones = { { id = "M", percent = "1", depends_on = { "N" } } } }),
    "terms.milestones[1].depends_on", "N", "name one of terms.milestones" },
  { "two milestones of one name", contract({ model = "fixed-fee" }, { fee_amount = "1",
    milestones = { { id = "M", percent = "60" }, { id = "M", percent = "40" } } }),
    "terms.milestones[2].id", "M", "its own id" },
  { "milestones that wait for each other", contract({ model = "fixed-fee" }, { fee_amount = "1",
    milestones = { { id = "M", percent = "60", depends_on = { "N" } },
      { id = "N", percent = "40", depends_on = { "M" } } } }),
    "terms.milestones[1].depends_on", "M", "closes the circle" },
  { "bands of retainage that fall", contract({ model = "fixed-fee" }, { fee_amount = "1",
    retainage = { bands = { { up_to_percent = "60", percent = "10" },
      { up_to_percent = "50", percent = "5" } } } }),
    "terms.retainage.bands[2].up_to_percent", "50", "more than 60" },
  { "a band of retainage after the rest", contract({ model = "fixed-fee" }, { fee_amount = "1",
    retainage = { bands = { { percent = "10" }, { up_to_percent = "50", percent = "5" } } } }),
    "terms.retainage.bands[2]", "nothing", "the last band only" },
  { "more withheld than billed", contract({ model = "fixed-fee" }, { fee_amount = "1",
    retainage = { percent = "110" } }), "terms.retainage.percent", "110", "at most 100" },
  { "a fixed fee without a fee", contract({ model = "fixed-fee" }, {}), "terms.fee_amount",
    "nothing", "add fee_amount" },
  { "a rollover without its terms", retainer({ unused = "rollover" }), "terms.rollover",
    "nothing", "expires_after_periods" },
  { "a rollover of less than its least", retainer({ unused = "rollover",
    rollover = { min_quantity = "5", max_quantity = "4" } }), "terms.rollover.max_quantity", "4",
    "at least 5" },
  { "a credit of money", retainer({ unit = "money", unused = "credit", credit_rate = "1" }),
    "terms.unused", "credit", "choose expire or rollover" },
  { "an overage twice", retainer({ overage = { rate = "1", source = "card" } }),
    "terms.overage", "nothing", "exactly one of rate and source" },
  { "a top-up of nothing", retainer({ replenish = { below = "1", quantity = "0",
    price = "1" } }), "terms.replenish.quantity", "0", "what a top-up buys" },
  -- Tiers and meters.
  { "tiers that fall", tiers({ { up_to = "10", unit_price = "1" }, { up_to = "5",
    unit_price = "1" }, { unit_price = "1" } }), "terms.meters[1].price.tiers[2].up_to", "5",
    "greater than 10" },
  { "an open tier before the last", tiers({ { unit_price = "1" }, { unit_price = "2" } }),
    "terms.meters[1].price.tiers[1].up_to", "nothing", "only the last tier may be open" },
  { "a tier without a price", tiers({ { up_to = "10" }, { unit_price = "1" } }),
    "terms.meters[1].price.tiers[1].unit_price", "nothing", "add unit_price" },
  { "a percentage in a tariff of units", tiers({ { unit_price = "1", percent = "3" } }),
    "terms.meters[1].price.tiers[1].percent", "3", "write unit_price" },
  { "no tiers", tiers({}), "terms.meters[1].price.tiers", "a list", "at least one" },
  { "a tariff that there is not", usage({ price = { model = "lottery" } }),
    "terms.meters[1].price.model", "lottery", "per_unit, graduated" },
  { "an aggregation that there is not", usage({ aggregation = "median" }),
    "terms.meters[1].aggregation", "median", "sum, count" },
  { "a division by zero", usage({ conversion = { divide_by = "0" } }),
    "terms.meters[1].conversion.divide_by", "0", "greater than 0" },
  -- Cards.
  { "a rate for a role without the role", card({ selector = "role", rate = "1" }),
    "versions[1].rates[1].value", "nothing", "write the role" },
  { "a selector that there is not", card({ selector = "planet", value = "Mars", rate = "1" }),
    "versions[1].rates[1].selector", "planet", "task, role, person, project, default" },
  { "a version that ends before it begins", card({ selector = "default", rate = "1" },
    { valid_to = "2025-01-01" }), "versions[1].valid_to", "2025-01-01", "write a later day" },
  { "a price per week", card({ selector = "default", rate = "1", unit_code = "WEE" }),
    "versions[1].rates[1].unit_code", "WEE", "HUR, DAY, LS" },
  -- The firm: taxes and numbers.
  { "a standard rate without a rate", firm({ tax_codes = { { id = "S", category_code = "S" } } }),
    "tax_codes[1].rates", "nothing", "valid_from and percent" },
  { "a tax category that there is not", firm({ tax_codes = { { id = "S",
    category_code = "Q" } } }), "tax_codes[1].category_code", "Q", "S, Z, E, AE, K, G, O" },
  { "a tax code twice", firm({ tax_codes = { { id = "S", category_code = "Z" },
    { id = "S", category_code = "Z" } } }), "tax_codes[2].id", "S", "its own id" },
  { "numbers that do not count", firm({ number_series = { { id = "I", type_codes = { "380" },
    format = "INV", reset = "year" } } }), "number_series[1].format", "INV", "{SEQ:5}" },
  { "a number with a word that means nothing", firm({ number_series = { { id = "I",
    type_codes = { "380" }, format = "{YEAR}-{SEQ:5}", reset = "year" } } }),
    "number_series[1].format", "{YEAR}-{SEQ:5}", "{YEAR}, which means nothing" },
  { "no numbers for invoices", firm({ number_series = { { id = "I", type_codes = { "381" },
    format = "C{SEQ:5}", reset = "year" } } }), "number_series", "nothing", '["380"]' },
}

describe("documents of a firm", function()
  for _, case in ipairs(CASES) do
    local name, files, field, value, remedy = table.unpack(case)
    it("with " .. name .. " say where, what and what instead", function()
      local problem = problem_at(files, field)
      assert.is_truthy(problem.value:find(value, 1, true), "value: " .. problem.value)
      local advice = problem.problem .. ": " .. problem.remedy
      assert.is_truthy(advice:find(remedy, 1, true), "remedy: " .. advice)
      assert.is_truthy(problem.text:find(problem.file, 1, true))
    end)
  end
end)

-- Item, pointer, value, remedy.
local ITEMS = {
  { [[{"meter": {"price": {"model": "per_unit", "unit_price": "1,5"}}, "quantity": "1"}]],
    "/meter/price/unit_price", '"1,5"', "plain digits" },
  { [[{"meter": {"price": {"model": "per_unit", "unit_price": "1"}}, "quantity": "-1"}]],
    "/quantity", '"-1"', "at least 0" },
  { [[{"meter": {"aggregation": "weighted_sum", "price": {"model": "per_unit",
    "unit_price": "1"}}, "events": ["1"]}]], "/window", "nothing", "{start, end}" },
  { [[{"meter": {"price": {"model": "per_unit", "unit_price": "1"}}, "quantity": "1",
    "split": {"weights": ["1"]}}]], nil, nil, "an item is of one kind" },
  { [[{"split": {"percents": ["50", "40"]}, "amount": "1"}]], "/split/percents", nil,
    "sum to 100" },
  { [[{"split": {"weights": ["1", "1"]}, "amount": "1.005"}]], "/amount", '"1.005"',
    "at most 2 decimals" },
  { [[{"instalments": {"first_date": "2026-02-30", "count": 2}, "amount": "1"}]],
    "/instalments/first_date", '"2026-02-30"', "a date that exists" },
  { [[{"lines": []}]], "/lines", nil, "at least one element" },
  { [[{"lines": [{"unit_price": "1", "taxes": [{"percent": "1", "fixed_amount": "1"}]}]}]],
    "/lines/0/taxes/0/fixed_amount", nil, "one of both" },
  { [[{"lines": [{"unit_price": "1", "tax_code": "X"}]}]], "/lines/0/tax_code", '"X"',
    "name one of the item's tax_codes" },
  { [[{"currency": "XYZ", "amount": "1", "split": {"weights": ["1"]}}]], "/currency", '"XYZ"',
    "ISO 4217" },
  { [[{"interest": {"table": "fr"}, "amount": "1"}]], "/interest/table", '"fr"', "de, eu, ie, uk" },
  { [[{"payment": {"amount": "1", "allocations": [{"invoice_id": "B", "amount": "1"}]},
    "invoices": [{"id": "A", "open_amount": "1"}]}]], "/payment/allocations/0/invoice_id", '"B"',
    "name one of the invoices given" },
  { [[{"time_entries": [{"id": "a", "hours": "1", "hourly_rate": "1"},
    {"id": "a", "hours": "1", "hourly_rate": "1"}]}]], "/time_entries/1/id", '"a"', "once" },
  { [[{"time_entries": [{"hours": "1"}]}]], "/time_entries/0", '"entry-1"',
    "add a row to a rate_card" },
  { [[{"tax_number": 5}]], "/tax_number", "5", "write a text" },
  { [[{"indexation": {"base_value": "100", "adjustments": []}}]], "/indexation/adjustments", nil,
    "at least one element" },
  { [[{"amount": "1", "proration": {"days": 1, "of_days": 0}}]], "/proration/of_days", "0",
    "greater than 0" },
  { [[{"time_entries": [{"hours": "1", "hourly_rate": "1"}], "terms": {"quantity_decimals": 99}}]],
    "/terms/quantity_decimals", "99", "from 0 to 12" },
  -- Two ways of saying one thing.
  { [[{"time_entries": [{"hours": "1", "duration_seconds": 60, "hourly_rate": "1"}]}]],
    "/time_entries/0/hours", nil, "leave out duration_seconds or hours" },
  { [[{"meter": {"price": {"model": "per_unit", "unit_price": "1"}}, "quantity": "1",
    "events": ["2"]}]], "/quantity", nil, "leave out events or quantity" },
  { [[{"lines": [{"unit_price": "1", "net_amount": "2"}]}]], "/lines/0/net_amount", nil,
    "leave out unit_price or net_amount" },
  { [[{"lines": [{"unit_price": "1", "tax_percent": "19", "taxes": []}], "charges": [
    {"percent": "1", "amount": "1"}]}]], "/lines/0/tax_percent", nil, "leave out taxes" },
  { [[{"lines": [{"unit_price": "1"}], "charges": [{"percent": "1", "amount": "1"}]}]],
    "/charges/0/amount", nil, "leave out percent or amount" },
  { [[{"amount": "9", "discounts": [{"percent": "1", "amount": "1"}]}]],
    "/discounts/0/amount", nil,
    "leave out percent or amount" },
  { [[{"amount": "9", "split": {"percents": ["100"], "weights": ["1"]}}]], "/split/weights", nil,
    "leave out percents or weights" },
  { [[{"amount": "9", "instalments": {"first_date": "2026-01-01", "count": 2, "terms": [
    {"percent": "100"}]}}]], "/instalments/terms", nil, "leave out count or terms" },
  { [[{"amount": "9", "interest": {"percent": "1", "reference_rate": "2"}, "overdue_days": 1}]],
    "/interest/reference_rate", nil, "leave out percent or reference_rate" },
  { [[{"amount": "9", "interest": {"percent": "1"}, "overdue_days": 1, "due_date":
    "2026-01-01"}]], "/due_date", nil, "leave out overdue_days or due_date" },
  { [[{"retainer": {"quantity": "1"}, "draws": [{"quantity": "1"}], "time_entries": [
    {"hours": "1"}]}]], "/time_entries", nil, "leave out draws or time_entries" },
  { [[{"meter": {"price": {"model": "per_unit", "unit_price": "1"}}, "quantity": "1",
    "minimum_commit": {"amount": "9"}, "maximum_spend": {"amount": "5"}}]], "/maximum_spend/amount",
    nil,
    "not below the minimum, 9" },
  { [[{"meter": {"price": {"model": "per_unit", "unit_price": "1"}}, "quantities": {"a": "1"}}]],
    "/quantities", nil, "only a capacity has several units" },
  -- What says nothing, or of something that is not there.
  { [[{"interest": {}, "amount": "100", "overdue_days": 5}]], "/interest/percent", "nothing",
    "what is claimed" },
  { [[{"interest": {"percent": "5"}, "overdue_days": 5}]], "/amount", "nothing", "a decimal" },
  { [[{"interest": {"percent": "5"}, "amount": "100"}]], "/overdue_days", "nothing",
    "due_date and until_date" },
  { [[{"usage": {"meters": [{"id": "a", "price": {"model": "per_unit", "unit_price": "1"}}]},
    "quantities": {"b": "1"}}]], "/quantities/b", '"1"', "name one of the meters: a" },
  { [[{"number": {"format": "INV", "issue_date": "2026-11-02"}}]], "/number/format", '"INV"',
    "all are alike" },
  { [[{"number": {"format": "{NR}-{SEQ:3}", "issue_date": "2026-11-02"}}]], "/number/format", nil,
    "{NR} means nothing" },
  { [[{"number": {"format": "{CUSTOMER}-{SEQ:3}", "issue_date": "2026-11-02"}}]],
    "/number/customer_id", "nothing", "write a text" },
  { [[{"retainer": {"quantity": "10"}, "period": "2026-01", "draws": [{"quantity": "2",
    "date": "2026-02-01"}]}]], "/draws/0/date", '"2026-02-01"', "not after the month" },
  { [[{"fixed_fee": {"fee_amount": "1", "billing": "percent_complete"},
    "events": [{"percent_complete": "120"}]}]], "/events/0/percent_complete", '"120"',
    "at most 100" },
  -- More than there is.
  { [[{"meter": {"price": {"model": "per_unit", "unit_price": "1"}}, "quantity": "1",
    "proration": {"days": 32, "of_days": 31}}]], "/proration/days", "32", "at most 31" },
  { [[{"amount": "9", "proration": {"days": 32, "of_days": 31}}]], "/proration/days", "32",
    "at most 31" },
  { [[{"credit": {"net_amount": "9", "days": 32, "of_days": 31}}]], "/credit/days", "32",
    "at most 31" },
  { [[{"lines": [{"unit_price": "1", "discounts": [{"percent": "120"}]}]}]],
    "/lines/0/discounts/0/percent", '"120"', "at most 100" },
  { [[{"meter": {"price": {"model": "per_unit", "unit_price": "1"}},
    "quantity": "99999999999999999999999999999999999999"}]], "/quantity", nil,
    "at most 18 digits" },
  -- A part that has no whole.
  { [[{"amount": "9", "proration": {"method": "working_days", "start_date": "2026-10-31",
    "end_date": "2026-10-31", "period_start_date": "2026-10-31", "period_end_date":
    "2026-10-31"}}]], "/proration/period_end_date", nil, "at least one day that counts" },
  { [[{"amount": "9", "proration": {}}]], "/proration/days", nil, "days and of_days, or" },
  { [[{"payment_terms": {"type": "net", "days": 1}, "issue_date": "2026-02-28", "holidays":
    ["2026-02-29"]}]], "/holidays/0", '"2026-02-29"', "a date that exists" },
}

describe("an item of billow price", function()
  for place, case in ipairs(ITEMS) do
    local content, pointer, value, remedy = table.unpack(case, 1, 4)
    it(place .. " that is wrong says where, what and what instead", function()
      local found = price.item(assert(json.decode(content))).error
      assert.is_truthy(found, "accepted")
      assert.equal(pointer or found.pointer, found.pointer)
      assert.equal(value or found.value, found.value)
      assert.is_truthy(found.remedy:find(remedy, 1, true), found.message)
    end)
  end
end)
