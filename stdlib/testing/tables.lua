--- Tables of a fake database with transactions: what a transaction changed can be taken back.
---
--- Used by stand-ins of db.statement (billow.testing.billing_db). A plain Lua table holds the rows;
--- every change goes
--- through `set`, which remembers the old value while a transaction is open.
---@class billow.testing.tables
local tables = {}

local json = require("billow.json")

---@class billow.testing.Tables
---@field undo table[]?
local Tables = {}
Tables.__index = Tables

---@return billow.testing.Tables
function tables.new()
  return setmetatable({}, Tables)
end

--- Change one field of a row, or one row of a table.
---@param target table
---@param key any
---@param value any
function Tables:set(target, key, value)
  if self.undo then
    self.undo[#self.undo + 1] = { target, key, target[key] }
  end
  target[key] = value
end

---@param list table
---@param value any
function Tables:append(list, value)
  self:set(list, #list + 1, value)
end

function Tables:begin()
  self.undo = {}
end

function Tables:commit()
  self.undo = nil
end

--- Take back everything since begin.
function Tables:roll_back()
  local undo = self.undo or {}
  self.undo = nil
  for i = #undo, 1, -1 do
    local target, key, value = undo[i][1], undo[i][2], undo[i][3]
    target[key] = value
  end
end

--- Raise what PostgreSQL would: the world turns it into the error that the script sees.
---@param sqlstate string     "23505" unique, "23514" check, "23503" foreign key
---@param constraint string
---@param text string
function tables.fail(sqlstate, constraint, text, ...)
  error({ sqlstate = sqlstate, constraint = constraint, text = string.format(text, ...) }, 0)
end

--- A parameter as PostgreSQL gets it: text, or nil for null.
---@param value any
---@return string?
function tables.text(value)
  if value == nil or value == json.null then
    return nil
  elseif type(value) == "table" then
    return json.encode(value, { numbers = true })
  end
  return tostring(value)
end

--- A parameter after $1::jsonb. Null members of objects are absent, as ->> sees them.
---@param value any
---@return any
function tables.jsonb(value)
  local text = tables.text(value)
  if text == nil then
    return nil
  end
  local decoded, problem = json.decode(text)
  if decoded == nil then
    tables.fail("22P02", "", "invalid input syntax for type json: %s", problem)
  end
  return decoded
end

--- The value of a member, nil when it is absent or null.
---@param value any
---@return any
function tables.given(value)
  if value == json.null then
    return nil
  end
  return value
end

--- A set of the members of a list.
---@param list any[]?
---@return table<any, boolean>
function tables.set_of(list)
  local set = {}
  for _, member in ipairs(list or {}) do
    set[member] = true
  end
  return set
end

--- An exact number as a row has it: whole numbers are integers, others decimals.
---@param value Decimal
---@return integer|Decimal
function tables.number(value)
  return value:scale() <= 0 and value:to_integer() or value
end

--- A copy for another world: rows are copied, what rows hold is shared (it never changes).
---@param value any
---@param depth integer   levels of tables to copy
---@return any
function tables.copy(value, depth)
  if type(value) ~= "table" or depth == 0 or json.is_array(value) then
    return value
  end
  local copy = {}
  for key, member in next, value do -- the order makes no difference, and sorting costs
    copy[key] = tables.copy(member, depth - 1)
  end
  return copy
end

return tables
