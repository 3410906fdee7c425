--- Who may approve: one human counts once, under all their names, and whether they act for
--- themselves or for somebody who delegated to them. Pure.
---@class billow.approval_people
local people = {}

--- One name for one human.
---@param decision table   of the approval policy
---@param name string
---@return string
function people.human(decision, name)
  local plain = name:lower():gsub("^%s+", ""):gsub("%s+$", "")
  for alias, person in pairs(decision.people or {}) do
    if alias:lower() == plain then
      return (person:lower())
    end
  end
  return plain
end

local function is_same(decision, a, b)
  return people.human(decision, a) == people.human(decision, b)
end

local function find(decision, list, name)
  for _, member in ipairs(list) do
    if is_same(decision, member, name) then
      return member
    end
  end
  return nil
end

local function names_for(stage, decision, state)
  local names = { table.unpack(stage.approvers) }
  if state.is_escalated then
    table.move(decision.escalate_to, 1, #decision.escalate_to, #names + 1, names)
  end
  return names
end

--- The approvers of a stage and who acts for them.
local function candidates(decision, stage, state)
  local list = names_for(stage, decision, state)
  for _, name in ipairs({ table.unpack(list) }) do
    for _, delegation in ipairs(decision.delegations) do
      if is_same(decision, delegation.from, name) and not find(decision, list, delegation.to) then
        list[#list + 1] = delegation.to
      end
    end
  end
  return list
end

--- For whom a person may act in a stage: themselves ("" then), or who delegated to them; nil:
--- nobody.
local function acts_for(decision, stage, state, name)
  local allowed = names_for(stage, decision, state)
  if #stage.approvers == 0 or find(decision, allowed, name) then
    return ""
  end
  for _, delegation in ipairs(decision.delegations) do
    if is_same(decision, delegation.to, name) and find(decision, allowed, delegation.from) then
      return delegation.from
    end
  end
  return nil
end

local function has_given(decision, given, name)
  for _, one in ipairs(given) do
    if is_same(decision, one.by, name) then
      return one
    elseif one.acts_for and is_same(decision, one.acts_for, name) then
      return one
    end
  end
  return nil
end

--- Why this person's approval does not count; nil, and for whom they act, when it does.
---@param decision table     of the approval policy
---@param stage {approvers: string[]}
---@param given {by: string, acts_for?: string}[]   who approved already
---@param name string
---@param state {is_escalated: boolean}
---@return string? objection
---@return string? acts_for
function people.objection(decision, stage, given, name, state)
  if has_given(decision, given, name) then
    return name .. " has approved already: another person is needed"
  end
  local counts_self = decision.self_approval
  if not counts_self and decision.prepared_by and is_same(decision, decision.prepared_by, name) then
    return name .. " prepared this bill and cannot approve it"
  elseif not counts_self and find(decision, decision.involved, name) then
    return name .. " had a part in this bill and cannot approve it"
  end
  local principal = acts_for(decision, stage, state, name)
  if not principal then
    return name
      .. " is not among the approvers: "
      .. table.concat(candidates(decision, stage, state), ", ")
  elseif principal == "" then
    return nil
  elseif not counts_self and find(decision, decision.involved, principal) then
    return name .. " acts for " .. principal .. ", who had a part in this bill"
  elseif has_given(decision, given, principal) then
    return name .. " acts for " .. principal .. ", who has approved already"
  end
  return nil, principal
end

--- Why this person's answer, other than a yes, does not count: who was asked may say no, ask
--- another or edit, and so may who had a part in the bill. Nil when it counts.
---@param decision table
---@param stage {approvers: string[]}
---@param name string
---@param state {only?: string, is_escalated: boolean}
---@return string? objection
function people.stranger(decision, stage, name, state)
  local is_asked = acts_for(decision, stage, state, name) ~= nil
    or state.only ~= nil and is_same(decision, state.only, name)
  local is_involved = find(decision, decision.involved, name) ~= nil
    or decision.prepared_by ~= nil and is_same(decision, decision.prepared_by, name)
  if is_asked or is_involved then
    return nil
  end
  return name .. " was not asked: " .. table.concat(candidates(decision, stage, state), ", ")
end

--- Whom a task is shown to: who may still say yes in this stage; empty: anybody. When none of them
--- may, all are named, and the task says to each why.
---@param decision table
---@param stage {approvers: string[]}
---@param given {by: string, acts_for?: string}[]   who approved already
---@param state {only?: string, is_escalated: boolean}
---@return string[]
function people.assignees(decision, stage, given, state)
  if state.only then
    return { state.only }
  elseif #stage.approvers == 0 then
    return {}
  end
  local asked, able = candidates(decision, stage, state), {}
  for _, name in ipairs(asked) do
    if not people.objection(decision, stage, given, name, state) then
      able[#able + 1] = name
    end
  end
  return #able > 0 and able or asked
end

return people
