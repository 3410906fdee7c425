--- Where a script stands: the nearest line that is not of the standard library.
---@class billow.place
local place = {}

-- A stack is at most this deep; beyond it nobody is asked.
local LEVELS_MAX = 200

--- "workflows/tm.lua:19", or nil when only the standard library is at work.
---@return string?
function place.of_script()
  for level = 2, LEVELS_MAX do
    local _, text = pcall(error, "", level)
    local found = type(text) == "string" and text:match("^(.-:%d+):")
    if found and found:sub(1, 7) ~= "stdlib/" then
      return found
    end
  end
  return nil
end

return place
