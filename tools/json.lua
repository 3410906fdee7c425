-- json.lua - reads and writes JSON for the tools that make pages of it; objects remember the order
-- of their keys.
--
--   local json = dofile("tools/json.lua")
--   json.decode(text, path)   the value; path is named in errors
--   json.encode(value)        in one line

local parse_value

local function fail(state, what)
  local _, line = state.text:sub(1, state.at):gsub("\n", "")
  error(("%s:%d: %s"):format(state.path, line + 1, what), 0)
end

local function skip(state)
  state.at = state.text:find("[^ \t\r\n]", state.at) or #state.text + 1
end

local function take(state, wanted)
  skip(state)
  if state.text:sub(state.at, state.at + #wanted - 1) ~= wanted then
    fail(state, wanted .. " is expected")
  end
  state.at = state.at + #wanted
end

local function peek(state)
  skip(state)
  return state.text:sub(state.at, state.at)
end

local ESCAPES = { n = "\n", t = "\t", r = "\r", b = "\b", f = "\f" }

local function parse_string(state)
  take(state, '"')
  local parts = {}
  while true do
    local from, to, plain, stop = state.text:find('^([^"\\]*)(["\\])', state.at)
    if not from then
      fail(state, "the text does not end")
    end
    parts[#parts + 1] = plain
    state.at = to + 1
    if stop == '"' then
      return table.concat(parts)
    end
    local escape = state.text:sub(state.at, state.at)
    state.at = state.at + 1
    if escape == "u" then
      parts[#parts + 1] = utf8.char(tonumber(state.text:sub(state.at, state.at + 3), 16))
      state.at = state.at + 4
    else
      parts[#parts + 1] = ESCAPES[escape] or escape
    end
  end
end

local function parse_members(state, close, add)
  if peek(state) == close then
    take(state, close)
    return
  end
  repeat
    add()
    local is_more = peek(state) == ","
    take(state, is_more and "," or close)
  until not is_more
end

-- Objects remember the order of their keys; arrays are marked.
local function parse_object(state)
  local object, keys = {}, {}
  take(state, "{")
  parse_members(state, "}", function()
    local key = parse_string(state)
    take(state, ":")
    keys[#keys + 1] = key
    object[key] = parse_value(state)
  end)
  return setmetatable(object, { keys = keys })
end

local function parse_array(state)
  local array = {}
  take(state, "[")
  parse_members(state, "]", function()
    array[#array + 1] = parse_value(state)
  end)
  return setmetatable(array, { is_array = true })
end

local null = setmetatable({}, { __tostring = function() return "null" end })
local WORDS = { ["true"] = true, ["false"] = false, ["null"] = null }

function parse_value(state)
  local first = peek(state)
  if first == "{" then
    return parse_object(state)
  elseif first == "[" then
    return parse_array(state)
  elseif first == '"' then
    return parse_string(state)
  end
  local word = state.text:match("^[%w%.%+%-]+", state.at)
  if not word then
    fail(state, "a value is expected")
  end
  state.at = state.at + #word
  if WORDS[word] ~= nil then
    return WORDS[word]
  end
  return math.tointeger(tonumber(word)) or tonumber(word) or fail(state, word .. " is no value")
end

local function decode(text, path)
  return parse_value({ text = text, path = path, at = 1 })
end

local function encode(value)
  local meta = type(value) == "table" and getmetatable(value) or {}
  local parts = {}
  if type(value) == "string" then
    return '"' .. value:gsub('[\\"]', "\\%0") .. '"'
  elseif type(value) ~= "table" or value == null then
    return tostring(value)
  elseif meta.is_array then
    for i, member in ipairs(value) do
      parts[i] = encode(member)
    end
    return "[" .. table.concat(parts, ", ") .. "]"
  end
  for i, key in ipairs(meta.keys) do
    parts[i] = encode(key) .. ": " .. encode(value[key])
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

return { decode = decode, encode = encode, null = null }
