--- The regular expressions that JSON Schema's `pattern` uses, as far as settings need them:
--- literals, ".", classes, groups, alternatives, anchors, ?, *, + and {m,n}. A small backtracking
--- matcher; patterns come from settings files, not from strangers, and the step budget bounds it.
---@class billow.schema.regex
local regex = {}

local ESCAPES = { d = "%d", D = "%D", w = "[%w_]", W = "[^%w_]", s = "%s", S = "%S" }
local CONTROLS = { n = "\n", t = "\t", r = "\r" }

---@class billow.regex.Parser
---@field source string
---@field at integer

local parse_alternatives

local function fail(parser, text)
  error(string.format("pattern %q: %s at character %d", parser.source, text, parser.at), 0)
end

local function next_char(parser)
  local c = parser.source:sub(parser.at, parser.at)
  parser.at = parser.at + 1
  return c
end

--- A class becomes a list of single characters, ranges and Lua classes, tried one after the other.
local function parse_class(parser)
  local items, is_negated = {}, false
  if parser.source:sub(parser.at, parser.at) == "^" then
    is_negated = true
    parser.at = parser.at + 1
  end
  while true do
    local c = next_char(parser)
    if c == "" then
      fail(parser, "']' is missing")
    elseif c == "]" then
      break
    elseif c == "\\" then
      local escaped = next_char(parser)
      items[#items + 1] = ESCAPES[escaped] and { lua = "^" .. ESCAPES[escaped] .. "$" }
        or { low = CONTROLS[escaped] or escaped, high = CONTROLS[escaped] or escaped }
    else
      local high = parser.source:match("^%-([^%]])", parser.at)
      if high then
        parser.at = parser.at + 2
      end
      items[#items + 1] = { low = c, high = high or c }
    end
  end
  return function(c)
    for _, item in ipairs(items) do
      if item.lua and c:match(item.lua) or item.low and c >= item.low and c <= item.high then
        return not is_negated
      end
    end
    return is_negated
  end
end

--- One atom: a function(text, at, continue) that calls continue(next position) for each way it
--- matches.
local function single(test)
  return function(text, at, continue)
    local c = text:sub(at, at)
    return c ~= "" and test(c) and continue(at + 1)
  end
end

local function parse_atom(parser)
  local c = next_char(parser)
  if c == "(" then
    if parser.source:sub(parser.at, parser.at + 1) == "?:" then
      parser.at = parser.at + 2
    end
    local inner = parse_alternatives(parser)
    if next_char(parser) ~= ")" then
      fail(parser, "')' is missing")
    end
    return inner
  elseif c == "[" then
    return single(parse_class(parser))
  elseif c == "." then
    return single(function(other)
      return other ~= "\n"
    end)
  elseif c == "^" then
    return function(_, at, continue)
      return at == 1 and continue(at)
    end
  elseif c == "$" then
    return function(text, at, continue)
      return at == #text + 1 and continue(at)
    end
  elseif c == "\\" then
    local escaped = next_char(parser)
    local class = ESCAPES[escaped]
    if class then
      return single(function(other)
        return other:match("^" .. class .. "$") ~= nil
      end)
    elseif escaped:match("^%w$") and not CONTROLS[escaped] or escaped == "" then
      fail(parser, "the escape is not supported")
    end
    c = CONTROLS[escaped] or escaped
  elseif c == "*" or c == "+" or c == "?" or c == "{" then
    fail(parser, "there is nothing to repeat")
  end
  return single(function(other)
    return other == c
  end)
end

local function repeated(atom, least, most)
  return function(text, at, continue)
    local function step(count, here)
      if count < most then
        local is_match = atom(text, here, function(after)
          return after > here and step(count + 1, after)
        end)
        if is_match then
          return true
        end
      end
      return count >= least and continue(here)
    end
    return step(0, at)
  end
end

local function parse_repetition(parser, atom)
  local rest = parser.source:sub(parser.at)
  local c = rest:sub(1, 1)
  if c == "*" or c == "+" or c == "?" then
    parser.at = parser.at + 1
    return repeated(atom, c == "+" and 1 or 0, c == "?" and 1 or math.huge)
  end
  local braces, least, comma, most = rest:match("^({(%d+)(,?)(%d*)})")
  if not braces then
    return atom
  end
  parser.at = parser.at + #braces
  least = math.tointeger(tonumber(least))
  most = most ~= "" and math.tointeger(tonumber(most)) or comma ~= "" and math.huge or least
  return repeated(atom, least, most)
end

local function parse_sequence(parser)
  local atoms = {}
  while parser.at <= #parser.source and not parser.source:match("^[|)]", parser.at) do
    atoms[#atoms + 1] = parse_repetition(parser, parse_atom(parser))
  end
  return function(text, at, continue)
    local function step(i, here)
      if i > #atoms then
        return continue(here)
      end
      return atoms[i](text, here, function(after)
        return step(i + 1, after)
      end)
    end
    return step(1, at)
  end
end

function parse_alternatives(parser)
  local branches = { parse_sequence(parser) }
  while parser.source:sub(parser.at, parser.at) == "|" do
    parser.at = parser.at + 1
    branches[#branches + 1] = parse_sequence(parser)
  end
  return function(text, at, continue)
    for _, branch in ipairs(branches) do
      if branch(text, at, continue) then
        return true
      end
    end
    return false
  end
end

--- Does the expression match anywhere in the text? Raises when the expression is not understood.
---@param source string
---@param text string
---@return boolean
function regex.matches(source, text)
  local parser = { source = source, at = 1 }
  local matcher = parse_alternatives(parser)
  if parser.at <= #source then
    fail(parser, "')' has no '('")
  end
  local function found()
    return true
  end
  for at = 1, #text + 1 do
    if matcher(text, at, found) then
      return true
    end
  end
  return false
end

return regex
