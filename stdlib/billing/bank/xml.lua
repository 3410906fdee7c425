--- A small strict XML reader for bank files.
---
--- Read: elements, attributes, namespaces, text, CDATA, comments, the five entities and character
--- references, UTF-8. Refused, because a bank file needs none of it and each is a door: document
--- types (and with them entities of one's own and anything fetched from elsewhere), processing
--- instructions, other encodings, files beyond the limits.
---
--- Errors are billing.Refusal values that name line and column, what stands there, and the remedy.
---@class billow.billing.bank.xml
local xml = {}

local reading = require("billow.billing.reading")
local text_of = require("billow.text")

xml.BYTES_MAX = 16 * 1024 * 1024
xml.DEPTH_MAX = 32
xml.ELEMENTS_MAX = 500000

local ATTRIBUTES_MAX = 32
local SHOWN_MAX = 40
local ENTITIES = { lt = "<", gt = ">", amp = "&", quot = '"', apos = "'" }
local NAME = "^([%a_\128-\255][%w_%-%.\128-\255]*:?[%w_%-%.\128-\255]*)()"

---@class billing.bank.Element
---@field name string                     without prefix
---@field namespace string                "" when there is none
---@field attributes table<string, string> by name as written
---@field children billing.bank.Element[]
---@field text string                     its own text, without that of its children
---@field line integer

---@class billing.bank.XmlReader
---@field source string
---@field at integer
---@field line integer       of `line_at`
---@field line_at integer    a position whose line is known
---@field elements integer

--- Line and column of a position, counted on from the last one asked for.
local function place_of(reader, at)
  local line, from = reader.line, reader.line_at
  if at < from then
    line, from = 1, 1
  end
  local start = from
  while true do
    local stop = reader.source:find("\n", start, true)
    if not stop or stop >= at then
      break
    end
    line, start = line + 1, stop + 1
  end
  reader.line, reader.line_at = line, start
  return line, at - start + 1
end

--- Refuses what stands at a position.
local function refuse(reader, at, remedy)
  local line, column = place_of(reader, at)
  local found = reader.source:match("^[^\r\n]*", at)
  if #found > SHOWN_MAX then
    found = found:sub(1, SHOWN_MAX) .. "..."
  end
  local shown = at > #reader.source and "the end of the file" or '"' .. found .. '"'
  error(reading.refusal(string.format("line %d, column %d", line, column), shown, remedy), 0)
end

local function is_character(code)
  return code == 9
    or code == 10
    or code == 13
    or (code >= 0x20 and code <= 0xD7FF)
    or (code >= 0xE000 and code <= 0xFFFD)
    or (code >= 0x10000 and code <= 0x10FFFF)
end

--- One reference, without & and ;.
local function resolve(reader, reference, at)
  if ENTITIES[reference] then
    return ENTITIES[reference]
  end
  local hex, digits = reference:match("^#x(%x+)$"), reference:match("^#(%d+)$")
  local code = hex and #hex <= 6 and tonumber(hex, 16)
    or digits and #digits <= 7 and tonumber(digits)
  if code and is_character(code) then
    return utf8.char(code)
  end
  return refuse(
    reader,
    at,
    "only &lt; &gt; &amp; &quot; &apos; and numbers of characters are known here: "
      .. "write the character itself"
  )
end

--- Text with its references resolved and its line ends made LF. `at` is where it begins.
local function unescaped(reader, raw, at)
  local control = raw:find("[%z\1-\8\11\12\14-\31]")
  if control then
    refuse(reader, at + control - 1, "control characters are not allowed: remove it")
  end
  raw = raw:gsub("\r\n?", "\n")
  if not raw:find("&", 1, true) then
    return raw
  end
  local parts, from = {}, 1
  while true do
    local mark = raw:find("&", from, true)
    if not mark then
      parts[#parts + 1] = raw:sub(from)
      return table.concat(parts)
    end
    local reference = raw:match("^&([^;&<%s]*);", mark)
    if not reference then
      refuse(reader, at + mark - 1, "a bare & is not allowed: write &amp;")
    end
    parts[#parts + 1] = raw:sub(from, mark - 1)
    parts[#parts + 1] = resolve(reader, reference, at + mark - 1)
    from = mark + #reference + 2
  end
end

--- Skips blanks; whether there were any.
local function skip_blanks(reader)
  local stop = reader.source:match("^[ \t\r\n]*()", reader.at)
  local is_moved = stop > reader.at
  reader.at = stop
  return is_moved
end

local function skip_comment(reader)
  local _, stop = reader.source:find("-->", reader.at + 4, true)
  if not stop then
    refuse(reader, reader.at, "the comment does not end: close it with -->")
  end
  reader.at = stop + 1
end

--- The XML declaration; UTF-8 is the only encoding.
local function read_declaration(reader)
  local declaration, stop = reader.source:match("^<%?xml([ \t\r\n][^?]*)%?>()", reader.at)
  if not declaration then
    return
  end
  local encoding = declaration:match("encoding%s*=%s*[\"']([^\"']*)[\"']")
  if encoding and encoding:upper() ~= "UTF-8" and encoding:upper() ~= "US-ASCII" then
    refuse(reader, reader.at, "the encoding " .. encoding .. " is not read: convert it to UTF-8")
  end
  reader.at = stop
end

--- What no bank file holds, with the reason.
local function refuse_markup(reader)
  if reader.source:find("^<!", reader.at) then
    refuse(reader, reader.at, "document types and entities are not read: remove the declaration")
  end
  refuse(reader, reader.at, "processing instructions are not read: remove it")
end

--- Attributes up to the end of a tag.
local function read_attributes(reader)
  local attributes, count = {}, 0
  while true do
    local is_apart = skip_blanks(reader)
    if reader.source:find("^/?>", reader.at) then
      return attributes
    end
    local from = reader.at
    local name, stop = reader.source:match(NAME, from)
    local quote, value_at = reader.source:match("^[ \t\r\n]*=[ \t\r\n]*([\"'])()", stop or from)
    if not name or not quote or not is_apart then
      refuse(reader, from, 'an attribute is expected: write name="value", with a blank before it')
    end
    local close = reader.source:find(quote, value_at, true)
    if not close then
      refuse(reader, from, "the value of " .. name .. " does not end: close the quote")
    end
    local raw = reader.source:sub(value_at, close - 1)
    count = count + 1
    if raw:find("<", 1, true) then
      refuse(reader, from, "the value of " .. name .. " holds <: write &lt;")
    elseif attributes[name] then
      refuse(reader, from, "the attribute " .. name .. " stands twice: write it once")
    elseif count > ATTRIBUTES_MAX then
      refuse(reader, from, "at most " .. ATTRIBUTES_MAX .. " attributes are read on one element")
    end
    attributes[name] = unescaped(reader, raw, value_at)
    reader.at = close + 1
  end
end

--- Prefixes in force inside an element.
local function scope_of(outer, attributes)
  local own
  for name, value in pairs(attributes) do
    local prefix = name == "xmlns" and "" or name:match("^xmlns:(.+)$")
    if prefix then
      own = own or setmetatable({}, { __index = outer })
      own[prefix] = value
    end
  end
  return own or outer
end

--- The start tag at the reader's position.
local function open_element(reader, outer, depth)
  local from = reader.at
  local raw_name, stop = reader.source:match(NAME, from + 1)
  if not raw_name then
    refuse(reader, from, "a tag is expected: write &lt; when the sign itself is meant")
  end
  reader.elements = reader.elements + 1
  if depth > xml.DEPTH_MAX then
    refuse(reader, from, "elements stand more than " .. xml.DEPTH_MAX .. " deep: split the file")
  elseif reader.elements > xml.ELEMENTS_MAX then
    refuse(reader, from, "more than " .. xml.ELEMENTS_MAX .. " elements: split the file by days")
  end
  reader.at = stop
  local line = place_of(reader, from)
  local attributes = read_attributes(reader)
  local scope = scope_of(outer, attributes)
  local prefix, name = raw_name:match("^([^:]*):(.+)$")
  local namespace = scope[prefix or ""]
  if prefix and not namespace then
    refuse(reader, from, "the prefix " .. prefix .. " is not declared: add xmlns:" .. prefix)
  end
  local is_empty = reader.source:sub(reader.at, reader.at) == "/"
  reader.at = reader.at + (is_empty and 2 or 1)
  return {
    name = name or raw_name,
    raw_name = raw_name,
    namespace = namespace or "",
    attributes = attributes,
    children = {},
    pieces = {},
    line = line,
    scope = scope,
    is_empty = is_empty,
    from = from,
  }
end

--- An element that is complete: what only the reading needed goes.
local function finished(element)
  element.text = table.concat(element.pieces)
  element.raw_name, element.pieces, element.scope = nil, nil, nil
  element.is_empty, element.from = nil, nil
  return element
end

local function close_element(reader, stack)
  local element = stack[#stack]
  local name, stop = reader.source:match("^</([^%s>]+)[ \t\r\n]*>()", reader.at)
  if name ~= element.raw_name then
    local line = element.line
    refuse(
      reader,
      reader.at,
      string.format("<%s> of line %d is open: close it first", element.raw_name, line)
    )
  end
  reader.at = stop
  stack[#stack] = nil
  return finished(element)
end

--- The next piece inside an element: text, CDATA, comment. False when a tag follows.
local function read_piece(reader, element)
  local source, from = reader.source, reader.at
  local mark = source:find("<", from, true)
  if not mark then
    local line = element.line
    refuse(
      reader,
      #source + 1,
      string.format(
        "<%s> of line %d is never closed: the file is cut off, fetch it again",
        element.raw_name,
        line
      )
    )
  elseif mark > from then
    local raw = source:sub(from, mark - 1)
    if raw:find("]]>", 1, true) then
      refuse(reader, from, "]]> may not stand in text: write ]]&gt;")
    end
    element.pieces[#element.pieces + 1] = unescaped(reader, raw, from)
    reader.at = mark
  elseif source:sub(from, from + 3) == "<!--" then
    skip_comment(reader)
  elseif source:sub(from, from + 8) == "<![CDATA[" then
    local close = source:find("]]>", from + 9, true)
    if not close then
      refuse(reader, from, "the CDATA section does not end: close it with ]]>")
    end
    element.pieces[#element.pieces + 1] = (source:sub(from + 9, close - 1):gsub("\r\n?", "\n"))
    reader.at = close + 3
  else
    return false
  end
  return true
end

--- The root element with everything in it.
local function read_tree(reader)
  local stack, root = {}, nil
  repeat
    local top = stack[#stack]
    if top and reader.source:find("^</", reader.at) then
      root = close_element(reader, stack)
    elseif reader.source:find("^<[!?]", reader.at) then
      refuse_markup(reader)
    else
      local scope = top and top.scope or { xml = "http://www.w3.org/XML/1998/namespace" }
      local element = open_element(reader, scope, #stack + 1)
      if top then
        top.children[#top.children + 1] = element
      end
      if element.is_empty then
        root = finished(element)
      else
        stack[#stack + 1] = element
      end
    end
    top = stack[#stack]
    while top and read_piece(reader, top) do
      top = stack[#stack]
    end
  until #stack == 0
  return root
end

--- Blanks and comments around the root.
local function skip_misc(reader)
  while true do
    skip_blanks(reader)
    if reader.source:sub(reader.at, reader.at + 3) ~= "<!--" then
      return
    end
    skip_comment(reader)
  end
end

local function read(source)
  local reader = { source = source, at = 1, line = 1, line_at = 1, elements = 0 }
  if source:sub(1, 3) == "\u{FEFF}" then
    reader.at = 4
  end
  read_declaration(reader)
  skip_misc(reader)
  if not reader.source:find("^<", reader.at) then
    refuse(reader, reader.at, "an XML document begins with <: check that this is the right file")
  end
  local root = read_tree(reader)
  skip_misc(reader)
  if reader.at <= #source then
    refuse(reader, reader.at, "nothing may follow the root element: remove it")
  end
  return root
end

--- Read a document.
---@param source string
---@return billing.bank.Element? root
---@return billing.Refusal? refusal
function xml.parse(source)
  if #source > xml.BYTES_MAX then
    local size = #source .. " bytes long"
    local remedy = "at most " .. xml.BYTES_MAX .. " bytes are read: split it by days"
    return nil, reading.refusal("the file", size, remedy)
  elseif not text_of.is_utf8(source) then
    return nil, reading.refusal("the file", "not UTF-8", "convert it to UTF-8")
  end
  return reading.try(read, source)
end

--- The first child of a name, along a path: xml.child(entry, "Acct", "Id", "IBAN").
---@param element billing.bank.Element?
---@param ... string
---@return billing.bank.Element?
function xml.child(element, ...)
  for i = 1, select("#", ...) do
    local name, found = select(i, ...), nil
    for _, child in ipairs(element and element.children or {}) do
      if child.name == name then
        found = child
        break
      end
    end
    element = found
  end
  return element
end

--- All children of a name.
---@param element billing.bank.Element?
---@param name string
---@return billing.bank.Element[]
function xml.children(element, name)
  local found = {}
  for _, child in ipairs(element and element.children or {}) do
    if child.name == name then
      found[#found + 1] = child
    end
  end
  return found
end

--- The text at a path, blanks collapsed; nil when it is not there or empty.
---@param element billing.bank.Element?
---@param ... string
---@return string?
function xml.text(element, ...)
  local found = xml.child(element, ...)
  local value = found and text_of.collapse(found.text)
  return value ~= "" and value or nil
end

return xml
