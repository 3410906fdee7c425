--- The database, under a role that sees this tenant's rows only. A transaction is committed
--- together with the step of the run that asked for it: exactly once, whatever crashes.
---@class billow.db
local db = {}

local date = require("billow.date")
local effect = require("billow.effect")
local json = require("billow.json")

---@class billow.db.Statement
---@field name string   unique; `billow test` runs the stand-in registered under it
---@field sql string    PostgreSQL; $1, $2, ... arrive as text (lists and maps as JSON): cast them
local Statement = {}
Statement.__index = Statement
Statement.__name = "db.statement"

local EXPECTATIONS = { one = true, any = true, some = true }

--- Declare a statement.
---@param fields {name: string, sql: string}
---@return billow.db.Statement
function db.statement(fields)
  if type(fields) ~= "table" or type(fields.name) ~= "string" or type(fields.sql) ~= "string" then
    error("db.statement: name and sql are expected, as in { name = \"x.open\", sql = ... }", 2)
  end
  return setmetatable({ name = fields.name, sql = fields.sql }, Statement)
end

local function check(what, statement, params, level)
  if type(statement) ~= "table" or type(rawget(statement, "sql")) ~= "string" then
    error(what .. ": a statement of db.statement is expected", level)
  elseif params ~= nil and type(params) ~= "table" then
    error(what .. ": the parameters are a list, as in { id, amount }", level)
  end
end

--- The parameters as a list without holes: as many as the statement names, nil as null.
local function listed(statement, params)
  local count = 0
  for digits in statement.sql:gmatch("%$(%d+)") do
    count = math.max(count, math.tointeger(tonumber(digits)))
  end
  local list = {}
  for i = 1, math.max(count, params and #params or 0) do
    local value = params and params[i]
    list[i] = value == nil and json.null or value
  end
  return json.array(list)
end

--- Read rows, each a map of its columns.
---@param statement billow.db.Statement
---@param params? any[]
---@return table[] rows
function db.query(statement, params)
  check("db.query", statement, params, 3)
  return effect.call("db.query", {
    name = statement.name,
    sql = statement.sql,
    params = listed(statement, params),
  })
end

--- Read one row; nil when there is none, an error when there are several.
---@param statement billow.db.Statement
---@param params? any[]
---@return table?
function db.one(statement, params)
  check("db.one", statement, params, 3)
  local rows = db.query(statement, params)
  if #rows > 1 then
    error(string.format("db.one: %s gave %d rows", statement.name, #rows), 2)
  end
  return rows[1]
end

--- What is collected for one transaction. Nothing happens before the function given to
--- db.transaction returns.
---@class billow.db.Transaction
---@field statements table[]
---@field numbers integer
local Transaction = {}
Transaction.__index = Transaction

--- Add a statement.
---@param statement billow.db.Statement
---@param params? any[]   may hold what tx:number returned: the number taken stands there
---@param expect? "one"|"some"|"any"|integer   rows it must touch or return, else all is undone
function Transaction:exec(statement, params, expect)
  check("tx:exec", statement, params, 3)
  if expect ~= nil and not EXPECTATIONS[expect] and math.type(expect) ~= "integer" then
    error("tx:exec: expect is \"one\", \"some\", \"any\" or a number of rows", 2)
  end
  self.statements[#self.statements + 1] = {
    name = statement.name,
    sql = statement.sql,
    params = listed(statement, params),
    expect = expect,
  }
end

--- Take the next number of a series in this transaction: no gap when it is undone. Returns a
--- reference for parameters of later statements; the number itself is in the results of
--- db.transaction, at this statement's place.
---@param request {series: string, date: string, customer?: string}
---@return table reference
function Transaction:number(request)
  local is_fine = type(request) == "table" and type(request.series) == "string"
  if not is_fine or not date.is_valid(request.date) then
    error("tx:number: { series = ..., date = \"YYYY-MM-DD\" } is expected", 2)
  end
  self.numbers = self.numbers + 1
  local name = "n" .. self.numbers
  self.statements[#self.statements + 1] = {
    number = request.series,
    date = request.date,
    customer = request.customer,
    as = name,
  }
  return { ["$ref"] = name }
end

--- Collect statements in `build` and execute them as one, in the commit of this step of the run.
--- Returns one result per statement: rows, or { number, sequence }. A database error undoes all of
--- them and is raised.
---@param build fun(tx: billow.db.Transaction)
---@return table[] results
function db.transaction(build)
  if type(build) ~= "function" then
    error("db.transaction: a function is expected, as in function(tx) tx:exec(...) end", 2)
  end
  local tx = setmetatable({ statements = {}, numbers = 0 }, Transaction)
  build(tx)
  if #tx.statements == 0 then
    return {}
  end
  return effect.call("db.transaction", { statements = json.array(tx.statements) })
end

return db
