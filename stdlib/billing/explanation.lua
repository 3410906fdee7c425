--- The chain of steps behind a figure, in the order they were taken.
---
--- Computing functions take an optional explanation last and add to it; without one they stay
--- silent, so that the same code serves a period's run and `billow price`.
---@class billing.explanation
local explanation = {}

local figures = require("billow.billing.figures")

---@class billing.Step
---@field step string        the rule, one word: "aggregate", "convert", "tier", "round" ...
---@field text string        what was done, for a person
---@field value string|nil   the figure the step ended with, as text

---@return billing.Step[]
function explanation.new()
  return {}
end

--- Add a step; nothing happens without an explanation.
---@param steps billing.Step[]|nil
---@param step string
---@param text string
---@param value any
function explanation.add(steps, step, text, value)
  if steps then
    local shown = value ~= nil and tostring(value) or nil
    steps[#steps + 1] = { step = step, text = text, value = shown }
  end
end

--- Add how lines come to their net amounts.
---@param steps billing.Step[]|nil
---@param lines billing.Line[]
function explanation.add_lines(steps, lines)
  for _, line in ipairs(lines) do
    explanation.add(steps, "line", line.description_key .. ": " .. figures.plain(line.quantity)
      .. " " .. line.unit_code .. " x " .. figures.plain(line.unit_price), line.net_amount)
  end
end

return explanation
