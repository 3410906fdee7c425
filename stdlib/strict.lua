--- Misspelt names become errors: for Lua that runs outside the sandbox (which always behaves so),
--- in specs and tools.
---@class billow.strict
local strict = {}

--- Reading or assigning an undeclared global raises from now on. Names in `allowed` may still be
--- assigned.
---@param environment? table   _G when absent
---@param allowed? string[]
---@return table environment
function strict.on(environment, allowed)
  environment = environment or _G
  local may_set = {}
  for _, name in ipairs(allowed or {}) do
    may_set[name] = true
  end
  return setmetatable(environment, {
    __index = function(_, name)
      if may_set[name] then
        return nil
      end
      local text = "the name '%s' is not defined: is it misspelt, or is a 'local' missing?"
      error(string.format(text, tostring(name)), 2)
    end,
    __newindex = function(self, name, value)
      if not may_set[name] then
        local word = tostring(name)
        error(string.format("cannot set the global '%s': write local %s = ...", word, word), 2)
      end
      rawset(self, name, value)
    end,
  })
end

return strict
