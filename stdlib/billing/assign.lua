--- Which contract an entry belongs to (model 3.1): by project code, or by project name when the
--- code is empty.
local assign = {}

---@class billing.ProjectIndex
---@field by_code table<string, {contract: table, project: table}>
---@field by_name table<string, {contract: table, project: table}>

---@param ctx billing.Context
---@return billing.ProjectIndex
function assign.index(ctx)
  local index = { by_code = {}, by_name = {} }
  for _, contract in ipairs(ctx.contract_list) do
    for _, project in ipairs(contract.projects) do
      local place = { contract = contract, project = project }
      if project.code and not index.by_code[project.code] then
        index.by_code[project.code] = place
      end
      if project.name and not index.by_name[project.name] then
        index.by_name[project.name] = place
      end
    end
  end
  return index
end

--- The contract and project of an entry or expense; nil when no contract knows the project.
---@param index billing.ProjectIndex
---@param entry table   project_code, project_name
---@return table? contract
---@return table? project
function assign.find(index, entry)
  local place
  if entry.project_code ~= "" then
    place = index.by_code[entry.project_code]
  else
    place = index.by_name[entry.project_name]
  end
  if place then
    return place.contract, place.project
  end
  return nil
end

return assign
