--- The input of `billow price` as text: one JSON object or a list of them; and its output as text.
---
--- A list is also read when some of its items are not JSON: what is wrong with one item never keeps
--- another from being priced.
---@class billing.price.document
local document = {}

local json = require("billow.json")
local names = require("billow.billing.price.names")
local price = require("billow.billing.price")
local reading = require("billow.billing.reading")

local BACKSLASH = string.byte("\\")
local BYTE_ORDER_MARK = "\xEF\xBB\xBF"
local REMEDY = "write one JSON object, or a list of objects: billow price --schema prints the form"

--- The quote that ends the text which begins at `quote`; nil when there is none. A quote behind an
--- odd number of backslashes is part of the text.
---@param text string
---@param quote integer
---@return integer|nil
local function end_of_text(text, quote)
  local found = quote
  repeat
    found = text:find('"', found + 1, true)
    local before = (found or 0) - 1
    while found and text:byte(before) == BACKSLASH do
      before = before - 1
    end
  until not found or (found - before) % 2 == 1
  return found
end

--- Where the text of the value that begins at `start` ends: at the comma or bracket behind it.
---@param text string
---@param start integer
---@return integer stop       position of that byte; one past the text when there is none
---@return string|nil byte
local function end_of_item(text, start)
  local depth, at = 0, start
  while true do
    local found = text:find('[%[%]{},"]', at)
    if not found then
      return #text + 1, nil
    end
    local byte = text:sub(found, found)
    if byte == '"' then
      found = end_of_text(text, found)
      if not found then
        return #text + 1, nil
      end
    elseif byte == "{" or byte == "[" then
      depth = depth + 1
    elseif depth == 0 then
      return found, byte
    elseif byte ~= "," then
      depth = depth - 1
    end
    at = found + 1
  end
end

--- Each item of a list as text; nil when the text is no list.
---@param text string
---@return string[]|nil items
---@return string|nil problem   what is wrong with how the list ends
local function split(text)
  local at = text:match("^%s*%[()")
  if not at then
    return nil
  end
  local items = {}
  local stop, byte
  repeat
    stop, byte = end_of_item(text, at)
    items[#items + 1] = text:sub(at, stop - 1):match("^%s*(.-)%s*$")
    at = stop + 1
  until byte ~= ","
  if byte ~= "]" then
    return items, "the list has no end"
  elseif text:find("%S", at) then
    return items, "something stands behind the list"
  end
  return items
end

---@param problem string
---@return billing.PriceResult
local function unreadable(problem)
  local is_several = problem:find("bytes behind the value", 1, true)
  local remedy = is_several and "put several items into one list, [..., ...]" or REMEDY
  return {
    error = {
      pointer = "",
      field = "item",
      value = "no JSON",
      remedy = remedy,
      message = "this is not JSON (" .. problem .. "): " .. remedy,
    },
  }
end

---@param text string
---@param fields billing.PriceNames|nil
---@return billing.PriceResult
local function priced(text, fields)
  if not text:find("%S") then
    return unreadable("nothing is here")
  end
  local source, problem = json.decode(text)
  if problem then
    return unreadable(problem)
  end
  return price.item(source, fields)
end

--- What there is to say of a result on the terminal: why an item is not priced, what was ignored.
---@param at integer|nil   its place in the list
---@param result billing.PriceResult
---@param said {complaints: string[], remarks: string[]}
local function say(at, result, said)
  local name = result.id ~= nil and string.format(" (%s)", tostring(result.id)) or ""
  local place = at and string.format("item %d%s: ", at, name) or ""
  if result.error then
    said.complaints[#said.complaints + 1] = reading.printable(place .. result.error.message)
  elseif result.ignored then
    said.remarks[#said.remarks + 1] = reading.printable(place .. "no such field, ignored: "
      .. table.concat(result.ignored, ", "))
  end
end

--- Prices what the text holds.
---@param text string
---@param schema? string          the text of price_schema.json, to look for misspelt fields
---@return string output          JSON, as the input: one result, or a list with one a line
---@return string[] complaints    one for each item that has an error
---@return string[] remarks       one for each item with fields that were ignored
function document.run(text, schema)
  if text:sub(1, #BYTE_ORDER_MARK) == BYTE_ORDER_MARK then
    text = text:sub(#BYTE_ORDER_MARK + 1)
  end
  local fields = schema and names.of(assert(json.decode(schema)))
  local said = { complaints = json.array({}), remarks = json.array({}) }
  local items, problem = split(text)
  if not items then
    local result = priced(text, fields)
    say(nil, result, said)
    return json.encode(result) .. "\n", said.complaints, said.remarks
  end
  if items[1] == "" and not items[2] then
    items[1] = nil
  end
  local written = {}
  local function add(result)
    local at = #written + 1
    written[at] = json.encode(result)
    say(at, result, said)
  end
  for _, item in ipairs(items) do
    add(priced(item, fields))
  end
  if problem then
    add(unreadable(problem))
  end
  return "[" .. table.concat(written, ",\n ") .. "]\n", said.complaints, said.remarks
end

return document
