--- Changes a stored document of one world: its fixtures are shared with other worlds, so the change
--- is made on a copy.
local json = require("billow.json")

---@param world billow.testing.World
---@param kind "firm"|"contract"|"customer"
---@param id string
---@param change fun(body: table)
return function(world, kind, id, change)
  local versions = world.billing.documents[kind .. "\0" .. id]
  local newest = versions[#versions]
  local copy = {}
  for name, value in pairs(newest) do
    copy[name] = value
  end
  copy.body = assert(json.decode(json.encode(newest.body)))
  change(copy.body)
  versions[#versions] = copy
end
