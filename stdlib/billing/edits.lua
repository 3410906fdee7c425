--- Edits of a bill before it is issued (V8): another wording of a line, an amount written down or
--- up, each with a reason. What the bill was before stays on record: lines and their amounts are
--- not touched, a wording stands beside the key, an amount beside the lines.
---
---   { kind = "narrative", line = "time:Development", text = "...", reason = "..." }
---   { kind = "write_down", amount = "50.00", reason_code = "goodwill", reason = "..." }
---   { kind = "write_up", amount = "50.00", reason = "..." }
---
--- Who edits a bill cannot approve it. What is written down must be allowed by the write-off
--- policy; how many more people it takes is a matter of the approval policy (write_down_above).
---@class billow.billing.edits
local edits = {}

local decimal = require("billow.decimal")
local draft = require("billow.billing.draft")
local figures = require("billow.billing.figures")

local TEXT_MAX = 1000

---@class billow.billing.Edit
---@field kind "narrative"|"write_down"|"write_up"
---@field line? string         narrative: description key of the lines
---@field text? string         narrative
---@field amount? string       write_down, write_up: positive, in the contract's currency
---@field reason string
---@field reason_code? string  write_down: of the write-off policy
---@field by string

local function is_text(value)
  return type(value) == "string" and value:find("%S") ~= nil and #value <= TEXT_MAX
end

local function amount_problem(edit, d)
  local amount = type(edit.amount) == "string" and decimal.parse(edit.amount)
  if not amount or amount:sign() <= 0 then
    return "amount is a positive decimal as text, such as \"50.00\""
  elseif amount:round(d) ~= amount then
    return string.format("amount %s has more than %d decimals", edit.amount, d)
  end
  return nil
end

--- The net of the bill's lines, before edits, and their keys.
local function lines_of(bill)
  local net, keys = decimal(0), {}
  for _, object in ipairs(bill.canonical) do
    net = net + decimal(object.totals.tax_exclusive_amount)
    for _, line in ipairs(object.lines) do
      keys[line.description_key] = true
    end
  end
  return net, keys
end

--- What is wrong with an edit; nil when it can be made.
---@param bill billow.billing.Bill
---@param edit any
---@param d integer   decimals of the contract's currency
---@return string?
function edits.problem(bill, edit, d)
  if type(edit) ~= "table" then
    return "an edit is an object: {\"kind\": \"write_down\", \"amount\": \"50.00\", ...}"
  elseif not is_text(edit.reason) then
    return "reason is missing: every edit says why"
  end
  local net, keys = lines_of(bill)
  if edit.kind == "narrative" then
    if not keys[edit.line] then
      return "no line has the key " .. tostring(edit.line) .. ": take one of the bill's lines"
    end
    return not is_text(edit.text) and "text is missing: what the line is to say" or nil
  elseif edit.kind ~= "write_down" and edit.kind ~= "write_up" then
    return tostring(edit.kind) .. " is no kind of edit: narrative, write_down, write_up"
  end
  local problem = amount_problem(edit, d)
  if not problem and edit.kind == "write_down" and decimal(edit.amount) > net then
    return string.format("%s is more than the bill's net of %s", edit.amount, figures.plain(net))
  end
  return problem
end

--- Applies edits to a draft, before taxes and totals.
---@param made billing.Draft
---@param list? billow.billing.Edit[]
---@param d integer
function edits.apply(made, list, d)
  for i, edit in ipairs(list or {}) do
    if edit.kind == "narrative" then
      for _, line in ipairs(made.lines) do
        if line.description_key == edit.line then
          line.narrative = edit.text
        end
      end
    elseif edit.kind == "write_down" then
      table.insert(made.allowances, {
        component = "write_down",
        amount = decimal(edit.amount),
        reason = edit.reason,
        reason_code = "95",
      })
    else
      table.insert(made.lines, draft.line(d, {
        component = "overage",
        description_key = string.format("write_up:%d", i),
        unit_price = decimal(edit.amount),
        explain = { "written up by " .. edit.by .. ": " .. edit.reason },
      }))
    end
  end
end

--- How much of what would have been billed is written down, in percent with one decimal; nil
--- without any.
---@param bill billow.billing.Bill
---@param list billow.billing.Edit[]
---@return string?
function edits.write_down_percent(bill, list)
  local down = decimal(0)
  for _, edit in ipairs(list) do
    if edit.kind == "write_down" then
      down = down + decimal(edit.amount)
    end
  end
  local before = lines_of(bill) + down
  if down:is_zero() or before:sign() <= 0 then
    return nil
  end
  return tostring((down * decimal(100) / before):round(1))
end

--- In words, for the record of the invoice.
---@param list billow.billing.Edit[]
---@return string[]
function edits.texts(list)
  local texts = {}
  for i, edit in ipairs(list) do
    local what = edit.kind == "narrative" and edit.line .. " says: " .. edit.text
      or edit.kind:gsub("_", " ") .. " of " .. edit.amount
    texts[i] = string.format("edited by %s: %s (%s)", edit.by, what, edit.reason)
  end
  return texts
end

return edits
