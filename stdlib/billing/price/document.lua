--- The input of `billow price` as text: one JSON object or a list of them; and its output as text.
---
--- A list is also read when some of its items are not JSON: what is wrong with one item never keeps
--- another from being priced.
---@class billing.price.document
local document = {}

local json = require("billow.json")
local price = require("billow.billing.price")

local REMEDY = "write one JSON object, or a list of objects: billow price --schema prints the form"

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
      found = text:find('"', found + 1, true)
      while found and #text:sub(start, found - 1):match("\\*$") % 2 == 1 do
        found = text:find('"', found + 1, true)
      end
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
  return {
    error = {
      pointer = "",
      field = "item",
      value = "no JSON",
      remedy = REMEDY,
      message = "this is not JSON (" .. problem .. "): " .. REMEDY,
    },
  }
end

---@param text string
---@return billing.PriceResult
local function priced(text)
  local source, problem = json.decode(text)
  if problem then
    return unreadable(problem)
  end
  return price.item(source)
end

--- Why an item is not priced, for the terminal.
---@param at integer|nil   its place in the list
---@param result billing.PriceResult
---@return string
local function complaint(at, result)
  local name = result.id ~= nil and string.format(" (%s)", tostring(result.id)) or ""
  local place = at and string.format("item %d%s: ", at, name) or ""
  return place .. result.error.message
end

--- Prices what the text holds.
---@param text string
---@return string output          JSON, as the input: one result, or a list with one a line
---@return string[] complaints    one for each item that has an error
function document.run(text)
  local items, problem = split(text)
  if not items then
    local result = priced(text)
    local complaints = json.array({ result.error and complaint(nil, result) })
    return json.encode(result) .. "\n", complaints
  end
  if items[1] == "" and not items[2] then
    items[1] = nil
  end
  local written, complaints = {}, json.array({})
  local function add(result)
    local at = #written + 1
    written[at] = json.encode(result)
    complaints[#complaints + 1] = result.error and complaint(at, result)
  end
  for _, item in ipairs(items) do
    add(priced(item))
  end
  if problem then
    add(unreadable(problem))
  end
  return "[" .. table.concat(written, ",\n ") .. "]\n", complaints
end

return document
