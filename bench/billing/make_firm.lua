--- make_firm: a firm of any size, for measuring: documents, a month of time entries, usage events.
---
---   billow-lua -d . bench/billing/make_firm.lua DIR ENTRIES CONTRACTS [EVENTS]
---
--- Every contract is time and materials with its own project and customer; entries go round over
--- contracts, people, tasks and days, so that nothing is held and every run of the program makes
--- the same bytes. With EVENTS there is one usage contract more, which they belong to; one event in
--- a hundred is reported twice.
local DIR, ENTRIES, CONTRACTS = arg[1], tonumber(arg[2]), tonumber(arg[3])
local EVENTS = tonumber(arg[4] or 0)
if not (DIR and ENTRIES and CONTRACTS and EVENTS) then
  io.stderr:write("usage: make_firm.lua DIR ENTRIES CONTRACTS [EVENTS]\n")
  os.exit(64)
end

local json = require("billow.json")

local PEOPLE, DAYS = 400, 31
local TASKS = { "Design", "Development", "Review", "Workshop" }
local HOURS = { "0.25", "0.50", "1.00", "1.25", "1.75" }

local function write(name, content)
  local file = assert(io.open(DIR .. "/" .. name, "w"))
  file:write(content)
  file:close()
end

local function address(n)
  return { street_name = "Road " .. n, city_name = "Berlin", postal_zone = "10115",
    country_code = "DE" }
end

local function customer(n)
  return { id = string.format("CU-%05d", n), name = "Customer " .. n, address = address(n),
    currency = "EUR", tax_code = "DE-S", payment_terms = { type = "net", days = 30 } }
end

local function contract(n)
  return {
    id = string.format("C-%05d", n),
    customer_id = string.format("CU-%05d", n),
    name = "Contract " .. n,
    model = "tm",
    currency = "EUR",
    start_date = "2025-01-01",
    projects = json.array({ { code = string.format("P-%05d", n), name = "Project " .. n } }),
    terms = { grouping = json.array({ "task" }),
      rounding = { increment_minutes = 15, mode = "up", scope = "entry" } },
  }
end

local function usage_contract(n)
  local meters = {
    { id = "calls", event_type = "api.call", aggregation = "sum", field = "calls",
      price = { model = "graduated", tiers = json.array({
        { up_to = "1000000", unit_price = "0.002" },
        { up_to = json.null, unit_price = "0.001" } }) } },
    { id = "regions", event_type = "api.call", aggregation = "unique", field = "region",
      price = { model = "per_unit", unit_price = "25" } },
  }
  return { id = string.format("C-%05d", n), customer_id = "CU-00001", name = "Metered",
    model = "usage", currency = "EUR", start_date = "2025-01-01",
    usage_subjects = json.array({ "metered" }), terms = { meters = json.array(meters) } }
end

local function documents()
  local customers, contracts = json.array({}), json.array({})
  for n = 1, CONTRACTS do
    customers[n], contracts[n] = customer(n), contract(n)
  end
  if EVENTS > 0 then
    customers[1] = customers[1] or customer(1)
    contracts[#contracts + 1] = usage_contract(CONTRACTS + 1)
  end
  write("firm.json", json.encode({
    id = "bench", name = "Bench Consulting", address = address(0), vat_id = "DE136695976",
    currency = "EUR", country_code = "DE", time_zone = "Europe/Berlin", rate_card_id = "RC",
    number_series = json.array({
      { id = "INV", type_codes = json.array({ "380" }), format = "INV-{YYYY}-{SEQ:6}",
        reset = "year" },
      { id = "CRN", type_codes = json.array({ "381" }), format = "CN-{YYYY}-{SEQ:4}",
        reset = "year" } }),
    tax_codes = json.array({ { id = "DE-S", category_code = "S",
      rates = json.array({ { valid_from = "2021-01-01", percent = "19" } }) } }),
  }))
  write("customers.json", json.encode(customers))
  write("contracts.json", json.encode(contracts))
  write("rate-cards.json", json.encode(json.array({ { id = "RC", currency = "EUR",
    order = json.array({ "task", "default" }),
    versions = json.array({ { valid_from = "2025-01-01", rates = json.array({
      { selector = "task", value = "Workshop", rate = "180" },
      { selector = "default", rate = "120.50" } }) } }) } })))
  write("opening.json", json.encode({ period = "2026-10", issue_date = "2026-11-02",
    number_series = { INV = { next_sequence = 1 } } }))
end

local function entries()
  local file = assert(io.open(DIR .. "/harvest-time.csv", "w"))
  file:write("Date,Client,Project,Project Code,Task,Notes,Hours,Hours Rounded,Billable?,Invoiced?,",
    "Approved?,First Name,Last Name,Roles,Billable Rate,Currency\n")
  for n = 0, ENTRIES - 1 do
    local owner = n % CONTRACTS + 1
    local hours = HOURS[n % #HOURS + 1]
    file:write(string.format("2026-10-%02d,Customer %d,Project %d,P-%05d,%s,Note %d,%s,%s,"
      .. "Yes,No,Yes,P,%d,Consultant,,Euro - EUR\n", n // PEOPLE % DAYS + 1, owner, owner, owner,
      TASKS[n % #TASKS + 1], n, hours, hours, n % PEOPLE))
  end
  file:close()
end

local function events()
  local file = assert(io.open(DIR .. "/usage.jsonl", "w"))
  for n = 0, EVENTS - 1 do
    local id = n % 100 == 99 and n - 1 or n
    file:write(string.format('{"specversion":"1.0","id":"e-%07d","source":"/gateway",'
      .. '"type":"api.call","time":"2026-10-%02dT%02d:%02d:%02dZ","subject":"metered",'
      .. '"data":{"calls":%d,"region":"r%d"}}\n', id, id % 30 + 1, id // 3600 % 24,
      id // 60 % 60, id % 60, id % 17 + 1, id % 12))
  end
  file:close()
end

documents()
entries()
if EVENTS > 0 then
  events()
end
