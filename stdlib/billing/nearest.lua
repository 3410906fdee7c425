--- The name that somebody probably meant: for the "did you mean" of a refusal.
---@class billing.nearest
local nearest = {}

--- Names worth comparing are short; longer text is no slip of the finger.
local LENGTH_MAX = 40

--- A name without case, separators and plural: `unitPrices` and `unit-price` are `unit_price`.
---@param name string
---@return string
local function plain(name)
  return (name:lower():gsub("[%s_%-%.]", ""):gsub("s$", ""))
end

--- How many letters are wrong, missing, superfluous or swapped; beyond `limit` just that it is
--- more.
---@param a string
---@param b string
---@param limit integer
---@return integer
local function distance(a, b, limit)
  if math.abs(#a - #b) > limit then
    return limit + 1
  end
  local before, row = {}, {}
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    local next_row, byte = { [0] = i }, a:byte(i)
    for j = 1, #b do
      local cost = byte == b:byte(j) and 0 or 1
      local best = math.min(row[j] + 1, next_row[j - 1] + 1, row[j - 1] + cost)
      if i > 1 and j > 1 and byte == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        best = math.min(best, before[j - 2] + 1)
      end
      next_row[j] = best
    end
    before, row = row, next_row
  end
  return row[#b]
end

--- The candidate that looks like the name; nil when none does, or the name is one of them.
---@param name string
---@param candidates string[]
---@return string|nil
function nearest.of(name, candidates)
  if #name > LENGTH_MAX then
    return nil
  end
  local wanted = plain(name)
  local limit = #wanted < 3 and 0 or #wanted < 6 and 1 or 2
  local found, found_distance = nil, limit + 1
  for _, candidate in ipairs(candidates) do
    if candidate == name then
      return nil
    end
    local own = distance(wanted, plain(candidate), limit)
    if own < found_distance then
      found, found_distance = candidate, own
    end
  end
  return found
end

return nearest
