--- The effects as the standard library's modules call them: commands to the engine, outcomes back,
--- error outcomes raised. Not for scripts: they use billow.http, billow.event, billow.timer and so
--- on.
---@class billow.effect
local effect = {}

local err = require("billow.err")

local has_core, core = pcall(require, "billow.effect.core")

if not has_core then
  -- Outside a run (in billow-lua, or at load time of a spec): modules load, calls say what is
  -- missing.
  core = setmetatable({}, {
    __index = function(_, name)
      return function(kind)
        local what = type(kind) == "string" and kind or name
        error(what .. ": effects need a run; start one with billow.testing, or billow run start", 0)
      end
    end,
  })
end

local function unwrap(is_fine, value)
  if is_fine then
    return value
  end
  error(err.of(value), 0)
end

--- Ask for something and wait for its outcome; an error outcome is raised as a billow.Error.
---@param kind string
---@param args table
---@return any outcome
function effect.call(kind, args)
  return unwrap(core.call(kind, args))
end

--- Ask for something that has no outcome.
---@param kind string
---@param args table
---@return integer seq
function effect.post(kind, args)
  return core.post(kind, args)
end

--- Ask for something now and take its outcome later, with effect.await.
---@param kind string
---@param args table
---@return integer seq
function effect.start(kind, args)
  return core.start(kind, args)
end

---@param seq integer   of effect.start; each can be awaited once
---@return any outcome
function effect.await(seq)
  return unwrap(core.await(seq))
end

--- Give up what effect.start asked for.
---@param seq integer
function effect.cancel(seq)
  core.cancel(seq)
end

--- Time of this turn in microseconds since 1970: the same in every replay.
---@return integer
function effect.now()
  return core.now()
end

---@return integer  64 random bits, the same in every replay
function effect.random_u64()
  return core.random_u64()
end

---@class billow.Run
---@field id string
---@field tenant string
---@field workflow string
---@field started_by? string   user, token or "run:<parent id>"

---@return billow.Run
function effect.run()
  return core.run()
end

--- The id of the n-th command's task or child run, the same in every replay.
---@param n integer
---@return string
function effect.derive_id(n)
  return core.derive_id(n)
end

--- Functions of the core that are passed on as they are (see stdlib/meta/effect_core.lua).
effect.core = core

return effect
