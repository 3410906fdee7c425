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

--- The stretch in which the sequence counts on: "2026", "2026-11" or "" (never restarts).
---@param series table
---@param issue_date string
---@return string
function number.stretch(series, issue_date)
  if series.reset == "year" then
    return issue_date:sub(1, 4)
  elseif series.reset == "month" then
    return issue_date:sub(1, 7)
  end
  return ""
end

--- The number as text. Placeholders: {YYYY} {YY} {MM} of the issue date, {CUSTOMER}, {SEQ:n}.
---@param format string
---@param sequence integer
---@param issue_date string
---@param customer_id string
---@return string
function number.format(format, sequence, issue_date, customer_id)
  local values = {
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
    return number.format(series.format, sequence, issue_date, customer_id), sequence
  end
end

return number
