--- Layers of settings, resolved as the store resolves them (engine/store/settings.c): for seeing
--- what a change would do before it is made. Pure.
---@class billow.policy_layers
local policy_layers = {}

local json = require("billow.json")

local RANK = { firm = 1, pack = 2, tenant = 3, customer = 4, contract = 5 }

--- The layers as they would be with a change: it takes the place of what its scope has.
---@param layers table[]   of the store's outcome
---@param change {name: string, value: any, scope_type: string, scope_id?: string, locked?: boolean}
---@return table[]
function policy_layers.with(layers, change)
  local result = {}
  for _, layer in ipairs(layers) do
    local is_replaced = layer.name == change.name and layer.scope_type == change.scope_type
    result[#result + 1] = not is_replaced and layer or nil
  end
  if change.value ~= nil and change.value ~= json.null then
    result[#result + 1] = {
      name = change.name,
      value = change.value,
      scope_type = change.scope_type,
      scope_id = change.scope_id or "",
      is_locked = change.locked == true,
    }
  end
  return result
end

--- The layer that counts for each setting: the widest locked one, else the narrowest.
---@param layers table[]
---@return table<string, table>
function policy_layers.used(layers)
  local used = {}
  for _, layer in ipairs(layers) do
    local before = used[layer.name]
    local is_narrower = before and RANK[layer.scope_type] > RANK[before.scope_type]
    local is_better = not before
      or (before.is_locked and layer.is_locked and not is_narrower)
      or (not before.is_locked and (layer.is_locked or is_narrower))
    if is_better then
      used[layer.name] = layer
    end
  end
  return used
end

--- Where a value comes from, in words.
---@param layer? table
---@return string
function policy_layers.origin(layer)
  if not layer then
    return "default"
  end
  local scope = layer.scope_id ~= "" and layer.scope_type .. " " .. layer.scope_id
    or layer.scope_type
  return scope .. (layer.is_locked and ", locked" or "")
end

return policy_layers
