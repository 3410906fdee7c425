-- policy_docs.lua - docs/policies/: a page for each policy, made from its settings.json and the
-- head of its policy.lua, and the index of them. For tools/docs.lua.
--
--   local pages = dofile("tools/policy_docs.lua")(read, folders)   path -> text

local json = dofile((arg[0]:match("^(.*)/") or ".") .. "/json.lua")
local decode, encode = json.decode, json.encode

-- --- what a setting takes

local function listing(values)
  local texts = {}
  for i, value in ipairs(values) do
    texts[i] = "`" .. encode(value) .. "`"
  end
  return table.concat(texts, ", ")
end

local function range(schema)
  local from, to = schema.minimum, schema.maximum
  if from and to then
    return (" from %s to %s"):format(from, to)
  elseif from then
    return " of at least " .. from
  elseif to then
    return " of at most " .. to
  end
  return ""
end

local NOUNS = {
  integer = "a whole number",
  number = "a number",
  boolean = "`true` or `false`",
  string = "a text",
}

local takes

local function takes_object(schema)
  local extra = schema.additionalProperties
  if type(extra) == "table" then
    return "a map; each value: " .. takes(extra)
  elseif not schema.properties then
    return "a map"
  end
  local is_required, parts = {}, {}
  for _, name in ipairs(schema.required or {}) do
    is_required[name] = true
  end
  for i, name in ipairs(getmetatable(schema.properties).keys) do
    local property = schema.properties[name]
    local mark = is_required[name] and ", required" or ""
    parts[i] = ("`%s`%s (%s)"):format(name, mark, takes(property))
  end
  return "an object with " .. table.concat(parts, "; ")
end

function takes(schema)
  if schema.enum then
    return "one of " .. listing(schema.enum)
  elseif schema.type == "array" then
    return "a list; each member: " .. takes(schema.items or {})
  elseif schema.type == "object" then
    return takes_object(schema)
  elseif schema.format == "decimal" then
    return 'a decimal as text, such as `"12.50"`'
  elseif schema.format then
    return "a text (" .. schema.format .. ")"
  elseif schema.pattern then
    return "a text that matches `" .. schema.pattern:gsub("|", "\\|") .. "`"
  end
  local kinds = type(schema.type) == "table" and schema.type or { schema.type or "any" }
  local words = {}
  for i, kind in ipairs(kinds) do
    words[i] = NOUNS[kind] or kind
  end
  return table.concat(words, " or ") .. range(schema)
end

-- --- pages

-- The comment at the head of policy.lua, without its marks.
local function head_of(source)
  local lines = {}
  for line in source:gmatch("([^\n]*)\n") do
    local words = line:match("^%-%-%-? ?(.*)$")
    if not words or line:find("^%-%-%-@") then
      break
    end
    lines[#lines + 1] = words
  end
  return table.concat(lines, "\n")
end

local function in_order(properties)
  local names = { table.unpack(getmetatable(properties).keys) }
  local place = {}
  for i, name in ipairs(names) do
    local ui = properties[name]["x-ui"] or {}
    place[name] = (ui.order or 1000) * 1000 + i
  end
  table.sort(names, function(a, b)
    return place[a] < place[b]
  end)
  return names
end

local function setting_lines(out, name, property)
  local ui = property["x-ui"] or {}
  local function add(text)
    out[#out + 1] = text
  end
  add("")
  add(("## `%s`: %s"):format(name, property.title))
  add("")
  add(property.description)
  add("")
  add("- takes: " .. takes(property) .. (ui.unit and " (" .. ui.unit .. ")" or ""))
  add("- default: `" .. encode(property.default) .. "`")
  if ui.example ~= nil then
    add("- example: `" .. encode(ui.example) .. "`")
  end
  add("- may be set for: " .. table.concat(property["x-scope"] or {}, ", "))
  add("- effect: " .. (property["x-effect"] or "none"))
end

local function policy_page(name, schema, source)
  local out = {
    ("# %s: %s"):format(name, schema.title),
    "",
    ("Made from `policies/%s/` by `tools/docs.lua`; do not edit."):format(name),
    "",
    schema.description,
    "",
    "```text",
    head_of(source),
    "```",
    "",
    "```",
    ("billow policy show %s"):format(name),
    ("billow policy explain %s --contract C-01"):format(name),
    "```",
  }
  for _, setting in ipairs(in_order(schema.properties)) do
    setting_lines(out, setting, schema.properties[setting])
  end
  return table.concat(out, "\n") .. "\n"
end

local function index_page(rows)
  local out = {
    "# Policies",
    "",
    "Made from `policies/` by `tools/docs.lua`; do not edit. A policy is a pure function of a",
    "subject and settings; what it decides is journaled with its version, the settings used, a",
    "digest of the subject and its reasons. Settings hold from a date on, in layers: firm < pack <",
    "tenant < customer < contract; a narrower layer wins, unless a wider one is locked.",
    "",
    "| policy | version | what it decides | settings |",
    "|---|---|---|---|",
  }
  for _, row in ipairs(rows) do
    out[#out + 1] = ("| [%s](%s.md) | %s | %s | %s |"):format(
      row.name,
      row.name,
      row.version,
      row.description,
      table.concat(row.settings, ", ")
    )
  end
  return table.concat(out, "\n") .. "\n"
end

return function(read, names)
  local pages, rows = {}, {}
  for _, name in ipairs(names) do
    local path = "policies/" .. name .. "/settings.json"
    local schema = decode(assert(read(path)), path)
    local source = read("policies/" .. name .. "/policy.lua")
    local settings = in_order(schema.properties)
    for i, setting in ipairs(settings) do
      settings[i] = "`" .. setting .. "`"
    end
    rows[#rows + 1] = {
      name = name,
      version = source:match('version%s*=%s*"([^"]+)"') or "?",
      description = schema.description,
      settings = settings,
    }
    pages["docs/policies/" .. name .. ".md"] = policy_page(name, schema, source)
  end
  pages["docs/policies/README.md"] = index_page(rows)
  return pages
end
