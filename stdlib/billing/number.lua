--- Invoice numbers: series, format and restart (model 3.12).
---
--- A number is given once, when an invoice is finalised, in the transaction that finalises it; that
--- is the engine's number.next. This module says which series and counter an invoice uses and how
--- the number is written. The allocator at the end is the pure counterpart for computing a whole
--- month at once.
local number = {}

--- The firm's series for a document type.
---@param firm table
---@param type_code string
---@return table?
function number.series(firm, type_code)
  for _, series in ipairs(firm.number_series) do
    for _, code in ipairs(series.type_codes) do
      if code == type_code then
        return series
      end
    end
  end
  return nil
end

--- The calendar year in which the financial year of a date begins, and the month it begins with.
local function financial_year(reset, day)
  local first = tonumber(reset:match("^year:(%d%d)$")) or 1
  local year = tonumber(day:sub(1, 4))
  return tonumber(day:sub(6, 7)) < first and year - 1 or year, first
end

--- The stretch in which the sequence counts on: "2026", "2026-11" or "" (never restarts).
---@param series table
---@param issue_date string
---@return string
function number.stretch(series, issue_date)
  if series.reset:sub(1, 4) == "year" then
    return string.format("%04d", (financial_year(series.reset, issue_date)))
  elseif series.reset == "month" then
    return issue_date:sub(1, 7)
  end
  return ""
end

local function financial_year_text(reset, day)
  local year, first = financial_year(reset, day)
  local text = string.format("%02d", year % 100)
  return first > 1 and text .. string.format("-%02d", (year + 1) % 100) or text
end

number.PLACEHOLDERS = "{YYYY}, {YY}, {MM}, {FY}, {CUSTOMER} and {SEQ:n}"

local IS_PLACEHOLDER = { FY = true, YYYY = true, YY = true, MM = true, CUSTOMER = true, SEQ = true }

--- The first thing in braces that no number has; it would be printed as it stands.
---@param format string
---@return string|nil
function number.unknown_placeholder(format)
  for whole, inside in format:gmatch("({([^{}]*)})") do
    local name, width = inside:match("^(%u+):?(%d*)$")
    if not IS_PLACEHOLDER[name] or (width ~= "" and name ~= "SEQ") then
      return whole
    end
  end
  return nil
end

--- The number as text. Placeholders: {YYYY} {YY} {MM} of the issue date, {FY} the financial year
--- ("26-27", of calendar years "26"), {CUSTOMER}, {SEQ:n}.
---@param format string
---@param sequence integer
---@param issue_date string
---@param customer_id string
---@param reset? string   of the series: when its year begins
---@return string
function number.format(format, sequence, issue_date, customer_id, reset)
  local values = {
    FY = financial_year_text(reset or "year", issue_date),
    YYYY = issue_date:sub(1, 4),
    YY = issue_date:sub(3, 4),
    MM = issue_date:sub(6, 7),
    CUSTOMER = customer_id,
    SEQ = tostring(sequence),
  }
  return (
    format:gsub("{(%u+):?(%d*)}", function(name, width)
      if name == "SEQ" and width ~= "" then
        local digits = tostring(sequence)
        return ("0"):rep(tonumber(width) - #digits) .. digits
      end
      return values[name]
    end)
  )
end

--- The longest number that a series gives before its digits overflow.
---@param series table
---@param issue_date string
---@param customer_id string
---@return string
function number.longest(series, issue_date, customer_id)
  local digits = tonumber(series.format:match("{SEQ:(%d+)}")) or 1
  local last = math.tointeger(10 ^ math.min(digits, 18)) - 1
  return number.format(series.format, last, issue_date, customer_id, series.reset)
end

--- What the numbering policy is asked with.
---@param firm table
---@param object {type_code: string, issue_date: string, customer_id: string}
---@return table
function number.subject(firm, object)
  local list, longest = {}, {}
  for i, series in ipairs(firm.number_series) do
    list[i] = {
      id = series.id,
      type_codes = series.type_codes,
      reset = series.reset,
      has_validation_code = series.validation_code ~= nil,
    }
    longest[series.id] = number.longest(series, object.issue_date, object.customer_id)
  end
  return {
    type_code = object.type_code,
    country = firm.country_code,
    series = list,
    numbers = longest,
  }
end

--- A counter per series. opening's next_sequence is the one to use at the opening's issue date; in
--- a later stretch the sequence restarts at 1.
---@param firm table
---@param opening table   issue_date, number_series
---@return fun(type_code: string, issue_date: string, customer_id: string): string?, integer?
function number.allocator(firm, opening)
  local counters = {}
  return function(type_code, issue_date, customer_id)
    local series = number.series(firm, type_code)
    if not series then
      return nil
    end
    local key = series.id .. "\0" .. number.stretch(series, issue_date)
    local is_first_stretch = number.stretch(series, issue_date)
      == number.stretch(series, opening.issue_date)
    local stored = is_first_stretch and opening.number_series[series.id] or nil
    local sequence = counters[key] or stored and stored.next_sequence or 1
    counters[key] = sequence + 1
    local text = number.format(series.format, sequence, issue_date, customer_id, series.reset)
    return text, sequence
  end
end

return number
