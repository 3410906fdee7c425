--- Copies of records: rules never write to what they were given.
local copy = {}

--- A shallow copy with some fields changed.
---@generic T: table
---@param fields T
---@param changes table
---@return T
function copy.with(fields, changes)
  local made = {}
  for name, value in pairs(fields) do
    made[name] = value
  end
  for name, value in pairs(changes) do
    made[name] = value
  end
  return made
end

return copy
