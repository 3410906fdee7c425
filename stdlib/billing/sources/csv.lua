--- CSV by RFC 4180 (model 3.1): UTF-8, a byte order mark is skipped, CRLF or LF, quoted fields may
--- hold commas, doubled quotes and line breaks. Blank lines are not records.
local csv = {}

local BYTE_ORDER_MARK = "\u{FEFF}"

--- One quoted field that starts at `at` (the quote); returns its text and the position behind it.
local function quoted(text, at)
  local parts, from = {}, at + 1
  while true do
    local quote = text:find('"', from, true)
    if not quote then
      return nil, at
    end
    parts[#parts + 1] = text:sub(from, quote - 1)
    if text:sub(quote + 1, quote + 1) ~= '"' then
      return table.concat(parts), quote + 1
    end
    parts[#parts + 1] = '"'
    from = quote + 2
  end
end

local function bare(text, at, separator)
  local stop = text:find("[" .. separator .. "\n]", at) or #text + 1
  local field = text:sub(at, stop - 1)
  if text:sub(stop, stop) ~= separator and field:sub(-1) == "\r" then
    field = field:sub(1, -2)
  end
  return field, stop
end

--- Text after a closing quote belongs to the field as it stands, up to the next comma or line end.
local function field_at(text, at, separator)
  if text:sub(at, at) ~= '"' then
    return bare(text, at, separator)
  end
  local field, behind = quoted(text, at)
  if not field then
    return nil, at
  end
  local rest, stop = bare(text, behind, separator)
  return field .. rest, stop
end

--- Split a file into its header and records.
---@param text string
---@param separator? ","|";"|"\t"   a comma when absent
---@return string[]? header
---@return string[][]|string records   or the error
function csv.parse(text, separator)
  separator = separator or ","
  if text:sub(1, #BYTE_ORDER_MARK) == BYTE_ORDER_MARK then
    text = text:sub(#BYTE_ORDER_MARK + 1)
  end
  local records, record, at, is_quoted_once = {}, {}, 1, false
  while at <= #text do
    is_quoted_once = is_quoted_once or text:sub(at, at) == '"'
    local field, stop = field_at(text, at, separator)
    if not field then
      return nil, "a quote opened in record " .. #records .. " is never closed"
    end
    record[#record + 1] = field
    local is_separated = text:sub(stop, stop) == separator
    if is_separated and stop == #text then
      record[#record + 1] = ""
    end
    if not is_separated or stop == #text then
      local is_blank = #record == 1 and record[1] == "" and not is_quoted_once
      if not is_blank then
        records[#records + 1] = record
      end
      record, is_quoted_once = {}, false
    end
    at = stop + 1
  end
  if #records == 0 then
    return nil, "the file has no header"
  end
  return table.remove(records, 1), records
end

return csv
