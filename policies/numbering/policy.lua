--- numbering: which series a document takes its number from, and whether the number may look so.
---
--- Subject: { type_code, country, series = { {id, type_codes, reset} }, numbers = {series id -> the
--- longest number its format gives} }. A problem stops the document before it has a number.

-- What countries demand of numbers. India: Rule 46 CGST. Spain: Real Decreto 1619/2012, art. 6.1,
-- and the characters of its register of invoices. Portugal: the form of InvoiceNo in SAF-T.
local LIMITS = {
  IN = {
    length = 16,
    pattern = "^[A-Za-z0-9/-]+$",
    characters = "letters, digits, - and /",
    is_by_year = true,
  },
  ES = {
    length = 60,
    pattern = "^[^\"'<>=]+$",
    characters = "no quotes, no < > =",
    has_own_corrections = true,
  },
  PT = {
    length = 60,
    pattern = "^[^ ]+ [^/^ ]+/[0-9]+$",
    characters = "the document's type, a space, the series, / and the sequence, as in "
      .. "FT A26/{SEQ:6}",
    has_own_types = true,
    has_codes = true,
  },
}

-- Credit notes and corrected invoices.
local CORRECTIONS = { ["381"] = true, ["384"] = true }

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

local function others_of(series, type_code)
  local others = {}
  for _, other in ipairs(series.type_codes) do
    others[#others + 1] = other ~= type_code and other or nil
  end
  return others
end

--- What the law asks of a series, beside the form of its numbers.
local function series_problem(series, type_code, limits)
  local others = others_of(series, type_code)
  if limits.is_by_year and series.reset == "never" then
    return "the law asks for a series for each financial year: set reset of series "
      .. series.id
      .. " to year"
  elseif limits.has_own_types and #others > 0 then
    return string.format(
      "the law asks for a series for each type of document: give type %s one of its own, "
        .. "%s numbers %s too",
      type_code,
      series.id,
      table.concat(others, ", ")
    )
  end
  if limits.has_codes and not series.has_validation_code then
    return string.format(
      "series %s has no validation_code: register the series with the tax authority and write the "
        .. "code that it gives to number_series in firm.json",
      series.id
    )
  end
  for _, other in ipairs(limits.has_own_corrections and others or {}) do
    if CORRECTIONS[type_code] ~= CORRECTIONS[other] then
      return string.format(
        "the law asks for a series of their own for corrective documents: series %s numbers %s "
          .. "and %s",
        series.id,
        type_code,
        other
      )
    end
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
  if not problem and limits then
    problem = series_problem(series, subject.type_code, limits)
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
