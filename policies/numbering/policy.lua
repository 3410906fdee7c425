--- numbering: which series a document takes its number from, and whether the number may look so.
---
--- Subject: { type_code, country, series = { {id, type_codes, reset} }, numbers = {series id -> the
--- longest number its format gives} }. A problem stops the document before it has a number.

-- What countries demand of numbers.
local LIMITS = {
  IN = { length = 16, pattern = "^[A-Za-z0-9/-]+$", characters = "letters, digits, - and /" },
}

---@class policy.numbering.Decision
---@field series? string    nil: none of the firm's series takes the type
---@field length_max? integer
---@field problem? string   why no number may be given
---@field reasons string[]

local function contains(list, value)
  for _, member in ipairs(list) do
    if member == value then
      return true
    end
  end
  return false
end

local function series_of(subject, settings)
  local wanted = (settings.series or {})[subject.type_code]
  for _, series in ipairs(subject.series) do
    if wanted == series.id or not wanted and contains(series.type_codes, subject.type_code) then
      return series
    end
  end
  return nil, wanted
end

local function form_problem(longest, length_max, limits)
  if length_max and #longest > length_max then
    local text = "numbers such as %s have %d characters, at most %d are allowed: shorten the format"
    return string.format(text, longest, #longest, length_max)
  elseif limits and not longest:find(limits.pattern) then
    return longest .. " has characters that are not allowed: use " .. limits.characters
  end
  return nil
end

local function missing(subject, wanted)
  if wanted then
    return string.format("the firm has no series %s: add it to number_series in firm.json", wanted)
  end
  local text = "no number series of the firm takes type %s: add it to number_series in firm.json"
  return string.format(text, subject.type_code)
end

---@param subject table
---@param settings table
---@return policy.numbering.Decision
local function decide(subject, settings)
  local series, wanted = series_of(subject, settings)
  if not series then
    local problem = missing(subject, wanted)
    return { problem = problem, reasons = { problem } }
  end
  local limits = settings.country_limits ~= false and LIMITS[subject.country] or nil
  local length_max = limits and limits.length or nil
  local own = settings.length_max or 0
  if own > 0 then
    length_max = math.min(own, length_max or own)
  end
  local problem = form_problem(subject.numbers[series.id], length_max, limits)
  if not problem and limits and series.reset == "never" then
    problem = "the law asks for a series for each financial year: set reset of series "
      .. series.id
      .. " to year"
  end
  return {
    series = series.id,
    length_max = length_max,
    problem = problem,
    reasons = {
      string.format("type %s takes its number from series %s", subject.type_code, series.id),
      problem or length_max and string.format("at most %d characters", length_max) or nil,
    },
  }
end

return { name = "numbering", version = "1.0.0", decide = decide }
