--- A firm's folder in a world: its documents and sources, imported by the workflows that import
--- them
--- in earnest, into the billing database in memory. Once read, it is copied from world to world.
---@class billow.testing.fixtures
local fixtures = {}

local billing_db = require("billow.testing.billing_db")
local csv = require("billow.billing.sources.csv")
local engine = require("billow.testing.engine")
local json = require("billow.json")
local receivables_db = require("billow.testing.receivables_db")
local release = require("billow.testing.release")

local FOLDERS = { "", "fixtures/", "spec/fixtures/", "tests/fixtures/", "examples/" }
local DOCUMENTS = {
  firm = "firm.json",
  customers = "customers.json",
  contracts = "contracts.json",
  rate_cards = "rate-cards.json",
  opening = "opening.json",
}
local SOURCES = {
  "harvest-time.csv",
  "toggl-time.csv",
  "clockify-time.csv",
  "expenses.csv",
  "milestones.json",
  "usage.jsonl",
}
local CHUNK_RECORDS = 250
local ONE_FIELD = { "event" }

local known = {} -- by folder and period

local function folder_of(name, project)
  local places = {}
  for _, base in ipairs({ "", project .. "/" }) do
    for _, folder in ipairs(FOLDERS) do
      local path = base .. folder .. name
      if release.read(path .. "/firm.json") then
        return path
      end
      places[#places + 1] = path
    end
  end
  engine.fail("there are no fixtures %q: no firm.json in %s", name, table.concat(places, ", "))
end

local function documents_of(folder)
  local documents = {}
  for field, file in pairs(DOCUMENTS) do
    local content = release.read(folder .. "/" .. file)
    if not content then
      engine.fail("the fixtures in %s have no %s", folder, file)
    end
    local value, problem = json.decode(content)
    if value == nil then
      engine.fail("%s/%s: %s", folder, file, problem)
    end
    documents[field] = value
  end
  return documents
end

local function finished(run, what)
  if run.status ~= "done" then
    engine.fail("%s: the run is %s: %s", what, run.status, (run.error or {}).text or run.wake)
  end
  return run.result
end

local function set_up(world, documents, period)
  local result = finished(
    world:start("setup", { documents = documents, period = period }),
    "setting the fixtures up"
  )
  if result.problems then
    engine.fail("the fixtures do not fit together:\n%s", table.concat(result.problems, "\n"))
  end
end

--- Header and records of a file: CSV, a JSON list of events, or an event per line.
local function records_of(file, content)
  if file:find("%.jsonl$") then
    local records = {}
    for line in content:gmatch("[^\n]+") do
      records[#records + 1] = { line }
    end
    return ONE_FIELD, records
  elseif file:find("%.json$") then
    local records, problem = json.decode(content)
    for i, event in ipairs(records or {}) do
      records[i] = { json.encode(event, { numbers = true }) }
    end
    return records and ONE_FIELD, records or problem
  end
  return csv.parse(content)
end

--- Feed one source file to the import workflow, as `billow import` does.
---@param world billow.testing.World
---@param file string      "harvest-time.csv"
---@param content string
---@param set string       the period
---@return billow.testing.Run
function fixtures.import(world, file, content, set)
  local header, records = records_of(file, content)
  if not header then
    engine.fail("%s: %s", file, tostring(records))
  end
  local id = set .. "/" .. file
  local chunks = (#records + CHUNK_RECORDS - 1) // CHUNK_RECORDS
  local run = world:start("import", {
    id = id,
    file = file,
    set = set,
    header = json.array(header),
    chunks = chunks,
    records = #records,
  })
  for n = 1, chunks do
    local first = (n - 1) * CHUNK_RECORDS + 1
    local some = table.move(records, first, math.min(n * CHUNK_RECORDS, #records), 1, {})
    local body = { first = first, records = json.array(some) }
    world:send("import.chunk", id .. "/" .. n, body, { id = id .. "/" .. n })
  end
  return run
end

local function read(folder, options, new_world)
  local documents = documents_of(folder)
  local period = options.period or documents.opening.period
  local source = new_world({
    is_template = true,
    now = options.now,
    project = options.project,
    files = options.files,
    time_zones = options.time_zones,
  })
  local db = billing_db.new()
  source:use(db)
  set_up(source, documents, period)
  for _, file in ipairs(SOURCES) do
    local content = release.read(folder .. "/" .. file)
    if content then
      finished(fixtures.import(source, file, content, period), "importing " .. file)
    end
  end
  source.engine:close()
  return db
end

--- Give a world the firm of its options.
---@param world billow.testing.World
---@param options billow.testing.Options
---@param new_world fun(options: billow.testing.Options): billow.testing.World
function fixtures.load(world, options, new_world)
  local folder = folder_of(options.fixtures, options.project or engine.ask("settings").project)
  local key = folder .. "\0" .. (options.period or "")
  if options.files or not known[key] then
    known[key] = read(folder, options, new_world)
  end
  world.billing = known[key]:copy()
  world:use(world.billing)
  world.receivables = receivables_db.new(world.billing)
  world:use(world.receivables)
  world.database:make_series(world.engine)
end

return fixtures
