-- schema_docs.lua - docs/schema.md: where the text of each table, view, function and trigger that
-- is in force stands, made from the migrations. For tools/docs.lua.
--
--   local page = dofile("tools/schema_docs.lua")(read, paths)   text; paths of migrations in order
--
-- Released migrations are never edited, so a function that changed stands in several of them; the
-- last one counts.

local KINDS = {
  { word = "table", title = "Tables" },
  { word = "view", title = "Views" },
  { word = "function", title = "Functions" },
  { word = "trigger", title = "Triggers" },
}

local function kind_of(words)
  for _, kind in ipairs(KINDS) do
    if (" " .. words .. " "):find(" " .. kind.word .. " ", 1, true) then
      return kind.word
    end
  end
end

-- The statements that make, change, rename or drop one of KINDS, in the order of the text:
-- { at =, verb =, kind =, name =, to = the new name }.
local function definitions(sql)
  local text = "\n" .. sql:gsub("%-%-[^\n]*", ""):lower()
  local all = {}
  local function add(at, verb, words, name, to)
    local kind = kind_of((words:gsub("%s+", " ")))
    if kind and (verb == "create" or verb == "alter" or verb == "drop") then
      all[#all + 1] = { at = at, verb = to and "rename" or verb, kind = kind, name = name, to = to }
    end
  end
  local named = "\n%s*()(%l+)%s+([%l%s]-)%s?([%l_]+%.[%l_%d]+)%f[^%l_%d]%s*([^\n]*)"
  for at, verb, words, name, rest in text:gmatch(named) do
    local to = rest:match("^rename to ([%l_%d]+)")
    add(at, verb, words, name, to and name:match("^[^.]+%.") .. to)
  end
  local trigger = "\n%s*()create%s+([%l%s]*trigger)%s+([%l_%d]+)[^;]-%son%s+([%l_%.%d]+)"
  for at, words, name, on in text:gmatch(trigger) do
    add(at, "create", words, on .. " " .. name)
  end
  table.sort(all, function(a, b)
    return a.at < b.at
  end)
  return all
end

local function short(path)
  return path:match("([^/]+)%.sql$")
end

local function link(path)
  return ("[%s](../%s)"):format(short(path), path)
end

local function links(paths)
  local texts = {}
  for _, path in ipairs(paths) do
    texts[#texts + 1] = link(path)
  end
  return table.concat(texts, ", ")
end

-- Takes one definition of the file `path` into `known`: name -> what stands where.
local function learn(known, one, path)
  local old = known[one.name]
  if one.verb == "drop" then
    known[one.name] = nil
  elseif one.verb == "rename" then
    known[one.to], known[one.name] = old, nil
  elseif one.verb == "create" then
    local before = old and old.before or {}
    if old and old.path ~= path then
      before[#before + 1] = old.path
    end
    known[one.name] = { path = path, before = before, changed = {} }
  elseif old and old.path ~= path and old.changed[#old.changed] ~= path then
    old.changed[#old.changed + 1] = path
  end
end

local function collect(read, paths)
  local found = {}
  for _, kind in ipairs(KINDS) do
    found[kind.word] = {}
  end
  for _, path in ipairs(paths) do
    for _, one in ipairs(definitions(read(path))) do
      learn(found[one.kind], one, path)
    end
  end
  return found
end

local function rows_of(of_kind)
  local names = {}
  for name in pairs(of_kind) do
    names[#names + 1] = name
  end
  table.sort(names)
  local rows = {}
  for _, name in ipairs(names) do
    local one = of_kind[name]
    rows[#rows + 1] = ("| `%s` | %s | %s | %s |"):format(
      name, link(one.path), links(one.changed), links(one.before)
    )
  end
  return rows
end

return function(read, paths)
  local lines = {
    "# The schema in force",
    "",
    "Made from `engine/store/sql/` by `tools/docs.lua`; do not edit. The schema `billow` is the",
    "engine's, `billing` is the books'. A migration that was released is never edited, so what",
    "changed since stands in a later file: this page says in which one the text that counts is.",
  }
  local found = collect(read, paths)
  for _, kind in ipairs(KINDS) do
    lines[#lines + 1] = "\n## " .. kind.title .. "\n"
    lines[#lines + 1] = "| name | in force | altered in | before |"
    lines[#lines + 1] = "|---|---|---|---|"
    local rows = rows_of(found[kind.word])
    table.move(rows, 1, #rows, #lines + 1, lines)
  end
  return table.concat(lines, "\n") .. "\n"
end
