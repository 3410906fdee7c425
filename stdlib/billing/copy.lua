--- Copies of records and lists: rules never write to what they were given.
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

--- A list of the same elements, or of the first so many: to sort, or to add to. Lists of any
--- length: what is unpacked ends at some thousands.
---@generic T
---@param list T[]
---@param count? integer
---@return T[]
function copy.list(list, count)
  return table.move(list, 1, count or #list, 1, {})
end

return copy
