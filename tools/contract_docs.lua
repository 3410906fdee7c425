-- contract_docs.lua - docs/contracts.md: every field of contracts, customers and rate cards, made
-- from stdlib/billing/contract_schema.json. For tools/docs.lua.
--
--   local page = dofile("tools/contract_docs.lua")(read)   text

local SCHEMA = "stdlib/billing/contract_schema.json"
local ORDER = {
  "contract", "tm_terms", "fixed_fee_terms", "retainer_terms", "usage_terms", "meter", "price",
  "tier", "customer", "rate_card", "payment_terms", "rounding", "overtime", "indexation", "address",
}

local json = dofile((arg[0]:match("^(.*)/") or ".") .. "/json.lua")

local function has(list, value)
  for _, item in ipairs(list or {}) do
    if item == value then
      return true
    end
  end
  return false
end

local SIMPLE = { decimal = "decimal", date = "day", period = "month", amount_object = "`{amount}`" }

-- What a field takes, in a few words.
local function kind_of(field)
  local name = field["$ref"] and field["$ref"]:match("[%w_]+$")
  if name then
    return SIMPLE[name] or ("[%s](#%s)"):format(name:gsub("_", " "), (name:gsub("_", "-")))
  elseif field.enum then
    local words = {}
    for i, word in ipairs(field.enum) do
      words[i] = "`" .. tostring(word) .. "`"
    end
    return table.concat(words, ", ")
  elseif field.const then
    return "`" .. field.const .. "`"
  elseif field.type == "array" then
    local inner = field.items and kind_of(field.items) or "anything"
    return "list of " .. (inner == "object" and "objects" or inner)
  elseif field.anyOf then
    local parts = {}
    for i, inner in ipairs(field.anyOf) do
      parts[i] = inner.type == "null" and "null" or kind_of(inner)
    end
    return table.concat(parts, " or ")
  end
  return type(field.type) == "string" and field.type or "anything"
end

local function cell(text)
  return (tostring(text):gsub("|", "\\|"):gsub("\n", " "))
end

local add_rows

-- The rows of one field, and of what lies in it.
local function add_field(out, path, field, is_required)
  local text = field.description or ""
  if field.default ~= nil then
    text = text .. " (default `" .. json.encode(field.default):gsub('^"(.*)"$', "%1") .. "`)"
  end
  local example = field.examples and field.examples[1]
  out[#out + 1] = ("| `%s`%s | %s | %s | %s |"):format(path, is_required and " r" or "",
    cell(kind_of(field)), cell(text),
    example ~= nil and "`" .. cell(json.encode(example)) .. "`" or "")
  if field.properties then
    add_rows(out, path .. ".", field)
  elseif field.items and field.items.properties then
    add_rows(out, path .. "[].", field.items)
  end
end

function add_rows(out, prefix, object)
  for _, name in ipairs(getmetatable(object.properties).keys) do
    add_field(out, prefix .. name, object.properties[name], has(object.required, name))
  end
end

local HEAD = { "", "| field | takes | meaning | example |", "|---|---|---|---|" }

local function add_table(out, object)
  table.move(HEAD, 1, #HEAD, #out + 1, out)
  add_rows(out, "", object)
end

local function add_section(out, name, definition)
  out[#out + 1] = ""
  out[#out + 1] = "## " .. definition.title
  out[#out + 1] = ""
  out[#out + 1] = definition.description:gsub("%.?$", ".")
  if definition.properties then
    add_table(out, definition)
  end
  for _, variant in ipairs(definition.oneOf or {}) do
    out[#out + 1] = ""
    out[#out + 1] = ("**%s**: %s."):format(variant.properties.model.const, variant.description)
    add_table(out, variant)
  end
  if name == "contract" then
    out[#out + 1] = ""
    out[#out + 1] = "Examples, one of each model:"
    for _, example in ipairs(definition.examples) do
      out[#out + 1] = ""
      out[#out + 1] = "```json"
      out[#out + 1] = json.encode(example)
      out[#out + 1] = "```"
    end
  end
end

return function(read)
  local schema = json.decode(assert(read(SCHEMA)), SCHEMA)
  local out = {
    "# Contracts",
    "",
    "Made from `" .. SCHEMA .. "` by `tools/docs.lua`; do not edit.",
    "",
    "What a firm's `contracts.json`, `customers.json` and `rate-cards.json` may hold. A field",
    "marked r is required. Decimals are texts of plain digits such as `\"1234.50\"`; days are",
    "`YYYY-MM-DD`. Fields that are not known are kept and ignored; null counts as absent. What",
    "does not fit together is refused at import with file, contract, field, value and what to",
    "write instead.",
    "",
    "Terms can be tried before they go into a contract: `billow price --help`.",
  }
  for _, name in ipairs(ORDER) do
    add_section(out, name, schema["$defs"][name])
  end
  return table.concat(out, "\n") .. "\n"
end
