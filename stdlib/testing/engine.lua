--- The door to the engine under test: one C function, and the words by which a spec fails.
---@class billow.testing.engine
local engine = {}

local json = require("billow.json")

-- Worlds that are open at a time; beyond that the collector is asked for those nobody holds.
local OPEN_MAX = 8

local HERE = debug.getinfo(1, "S").source:gsub("engine%.lua$", "")
local FACADE = HERE:gsub("/$", "") .. ".lua"

local function is_ours(source)
  return source:sub(1, #HERE) == HERE or source == FACADE
end

--- Fail the spec with a text, at the line of the spec that asked.
---@param format string
function engine.fail(format, ...)
  local text = select("#", ...) > 0 and string.format(format, ...) or format
  local level = 2
  while true do
    local info = debug.getinfo(level, "Sl")
    if not info then
      error(text, 0)
    elseif info.currentline > 0 and not is_ours(info.source) then
      error(string.format("%s:%d: %s", info.short_src, info.currentline, text), 0)
    end
    level = level + 1
  end
end

local function native(op, value)
  local is_there, call = pcall(require, "billow.testing.native")
  if not is_there then
    engine.fail("billow.testing drives a real engine: run this spec with 'billow test'")
  end
  return call(op, value)
end

--- Ask what is not about one world: "settings", "files".
---@param op string
---@param args? table
---@return any
function engine.ask(op, args)
  local is_done, answer, problem = native(op, args or {})
  if not is_done then
    engine.fail("%s", problem)
  end
  return answer
end

---@class billow.testing.Engine
---@field handle integer
local Engine = {}
Engine.__index = Engine

local open_count = 0

function Engine:close()
  if self.handle then
    native("close", json.array({ self.handle, {} }))
    self.handle = nil
    open_count = open_count - 1
  end
end

Engine.__gc = Engine.close

--- Ask this world. An error fails the spec.
---@param op string
---@param args? table
---@return any
function Engine:ask(op, args)
  if not self.handle then
    engine.fail("%s: this world is closed; make one in each spec", op)
  end
  local is_done, answer, problem = native(op, json.array({ self.handle, args or {} }))
  if not is_done then
    engine.fail("%s", problem)
  end
  return answer
end

--- Ask this world; nil, code and text when the engine refuses.
---@param op string
---@param args table
---@return any answer
---@return string? code
---@return string? problem
function Engine:try(op, args)
  local is_done, answer, problem = native(op, json.array({ self.handle, args }))
  if is_done then
    return answer == nil and true or answer
  end
  return nil, answer, problem
end

--- A new engine over an empty store.
---@param options {now_us: integer, seed: integer}
---@return billow.testing.Engine
function engine.open(options)
  if open_count >= OPEN_MAX then
    collectgarbage()
  end
  local made = setmetatable({ handle = engine.ask("open", options) }, Engine)
  open_count = open_count + 1
  return made
end

return engine
