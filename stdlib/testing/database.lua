--- The other side of db.query and db.transaction: stand-ins for statements, in Lua, by name.
---@class billow.testing.database
local database = {}

local engine = require("billow.testing.engine")
local err = require("billow.err")
local json = require("billow.json")

-- SQLSTATEs by which PostgreSQL's errors get their code.
local CODES = {
  BW404 = "NOT_FOUND",
  BW409 = "CONFLICT",
  BW413 = "LIMIT",
  ["23505"] = "CONFLICT",
  ["23P01"] = "CONFLICT",
  ["42501"] = "FORBIDDEN",
}

---@alias billow.testing.Fake fun(params: any[]): table[]?, integer?

---@class billow.testing.Database
---@field fakes table<string, billow.testing.Fake>
---@field parts table[]   databases with begin, commit, settle, roll_back, series
---@field made table<string, boolean>   number series that the store has
local Database = {}
Database.__index = Database

---@return billow.testing.Database
function database.new()
  return setmetatable({ fakes = {}, parts = {}, made = {} }, Database)
end

--- The stand-in of one statement. It gets the parameters and returns rows, and how many rows it
--- touched when that differs from the number of rows.
---@param name string|billow.db.Statement
---@param fake billow.testing.Fake
function Database:add(name, fake)
  local text = type(name) == "table" and name.name or name
  if type(text) ~= "string" or type(fake) ~= "function" then
    engine.fail(
      "world:db: a statement's name and a function are expected, as in "
        .. "world:db(\"acme.open\", function(params) return { { id = 1 } } end)"
    )
  end
  self.fakes[text] = fake
end

--- A database with its own tables, such as billow.testing.billing_db.
function Database:use(part)
  self.parts[#self.parts + 1] = part
  for name, fake in pairs(part.fakes) do
    self.fakes[name] = fake
  end
end

--- SQL's null is nil here; params.n tells how many there are.
local function read_params(params)
  local list = { n = #params }
  for i = 1, #params do
    if params[i] ~= json.null then
      list[i] = params[i]
    end
  end
  return list
end

local function fail_unknown(item)
  engine.fail(
    "no stand-in for the statement %s, called with %s\n"
      .. "  add to the spec: world:db(%q, function(params) return { { ... } } end)",
    item.name,
    json.encode(item.params),
    item.name
  )
end

local function check_rows(item, rows)
  if type(rows) ~= "table" or (next(rows) ~= nil and #rows == 0) then
    engine.fail("the stand-in of %s has to return a list of rows, as in { { id = 1 } }", item.name)
  end
end

local function execute(self, item)
  local fake = self.fakes[item.name]
  if not fake then
    fail_unknown(item)
  end
  local rows, affected = fake(read_params(item.params))
  rows = rows == nil and {} or rows
  check_rows(item, rows)
  return json.array(rows), affected or #rows
end

--- Refuses like the engine when a statement touched more or fewer rows than it was to.
local function check_expected(item, affected)
  local expect = item.expect or "any"
  local is_good = expect == "any"
    or (expect == "some" and affected >= 1)
    or (expect == "one" and affected == 1)
    or expect == affected
  if not is_good then
    local words = { some = "at least one was", one = "one was" }
    error({
      sqlstate = "BW409",
      text = string.format(
        "%d rows where %s expected",
        affected,
        words[expect] or expect .. " were"
      ),
    }, 0)
  end
end

--- What a stand-in raised, as the error that the script gets. Other errors are the spec's own.
local function error_map(item, problem)
  if type(problem) == "table" and problem.sqlstate then
    local constraint = problem.constraint ~= "" and problem.constraint or nil
    return {
      code = CODES[problem.sqlstate] or "INVALID",
      text = (item and item.name .. ": " or "") .. problem.text,
      is_retryable = false,
      detail = {
        sqlstate = problem.sqlstate,
        constraint = constraint,
        statement = item and item.name,
      },
    }
  elseif err.is(problem) then
    return {
      code = problem.code,
      text = problem.text,
      is_retryable = problem.is_retryable,
      detail = problem.detail,
    }
  end
  return nil
end

function Database:each(method)
  for _, part in ipairs(self.parts) do
    if part[method] then
      part[method](part)
    end
  end
end

local function run_statements(self, statements, place)
  local results = {}
  for i, item in ipairs(statements) do
    place.item = not item.number and item or nil
    if item.number then
      results[i] = {} -- the store puts the number there
    else
      local rows, affected = execute(self, item)
      check_expected(item, affected)
      results[i] = rows
    end
  end
  place.item = nil
  self:each("settle")
  return json.array(results)
end

--- Number series that statements made are given to the store, which counts.
---@param world_engine billow.testing.Engine
function Database:make_series(world_engine)
  for _, part in ipairs(self.parts) do
    for name, series in pairs(part.series or {}) do
      if not self.made[name] then
        self.made[name] = true
        world_engine:ask("number_series", {
          series = series.series,
          format = series.format,
          reset = series.reset,
          next = series.next,
        })
      end
    end
  end
end

local function answer_transaction(self, world_engine, request)
  local place = {}
  self:each("begin")
  local is_done, outcome = pcall(run_statements, self, request.statements, place)
  if is_done then
    self:each("commit")
    self:make_series(world_engine)
    world_engine:ask("db_answer", { id = request.id, value = outcome })
    return
  end
  self:each("roll_back")
  local problem = error_map(place.item, outcome)
  if not problem then
    error(outcome, 0)
  end
  world_engine:ask("db_answer", { id = request.id, error = problem })
end

local function answer_query(self, world_engine, request)
  local is_done, outcome = pcall(execute, self, request)
  local problem = not is_done and error_map(request, outcome) or nil
  if not is_done and not problem then
    error(outcome, 0)
  end
  world_engine:ask("db_answer", {
    id = request.id,
    value = is_done and outcome or nil,
    error = problem,
  })
end

--- Answer one request that waits. False when none does.
---@param world_engine billow.testing.Engine
---@return boolean
function Database:work(world_engine)
  local request = world_engine:ask("db_pending")[1]
  if not request then
    return false
  elseif request.kind == "query" then
    answer_query(self, world_engine, request)
  else
    answer_transaction(self, world_engine, request)
  end
  return true
end

return database
