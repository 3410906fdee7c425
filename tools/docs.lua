-- docs.lua - the pages that are made from the sources, and a check of what the others say.
--
--   lua tools/docs.lua [ROOT]           writes docs/limits.md, docs/errors/README.md,
--                                       docs/contracts.md, docs/schema.md and docs/policies/
--   lua tools/docs.lua --check [ROOT]   exit code 1 when one of them is stale, when a link leads
--                                       nowhere, or when a page names a file or a C function, or
--                                       a source's head a file, that is not there
--
-- Sources: engine/base/limits.h, engine/base/err.h, stdlib/billing/contract_schema.json, policies/,
-- engine/store/sql/.

local is_check = arg[1] == "--check"
local root = arg[is_check and 2 or 1] or "."

local problems = {}

local function report(path, line, text)
  problems[#problems + 1] = ("%s:%d: %s"):format(path, line, text)
end

local function read(path)
  local file = io.open(root .. "/" .. path, "rb")
  if not file then
    return nil
  end
  local text = file:read("a")
  file:close()
  return text
end

local function exists(path)
  local file = io.open(root .. "/" .. path, "rb")
  if file then
    file:close()
  end
  return file ~= nil
end

-- Files below `folders` that git knows or would take; all files when this is no checkout.
local function files_of(folders, pattern)
  local quoted = "'" .. root:gsub("'", "'\\''") .. "'"
  local command = "cd " .. quoted .. " && { git ls-files -co --exclude-standard -- " .. folders
    .. " 2>/dev/null || find " .. folders .. " -type f; }"
  local listing = assert(io.popen(command))
  local found = {}
  for path in listing:lines() do
    if path:find(pattern) then
      found[#found + 1] = path
    end
  end
  listing:close()
  table.sort(found)
  return found
end

-- Every identifier of the engine -> the number of files it stands in, and the first of them.
local function identifiers_of_engine()
  local all = {}
  for _, path in ipairs(files_of("engine", "%.[ch]$")) do
    for name in (read(path) or ""):gmatch("[%a_][%w_]*") do
      local known = all[name]
      if not known then
        all[name] = { count = 1, last = path }
      elseif known.last ~= path then
        known.count = known.count + 1
        known.last = path
      end
    end
  end
  return all
end

-- --- limits.md

-- The value of a constant expression of limits.h: numbers with a u, and names defined before.
local function evaluate(expression, known)
  local plain = expression:gsub("(%d+)u", "%1"):gsub("[%a_][%w_]*", function(name)
    return tostring(assert(known[name], name .. " is not known"))
  end)
  assert(plain:find("^[%d%s%*%+%-%(%)]+$"), "cannot evaluate " .. expression)
  return math.tointeger(assert(load("return " .. plain))())
end

local function with_commas(number)
  local text = tostring(number)
  repeat
    local before = text
    text = text:gsub("^(%d+)(%d%d%d)", "%1,%2")
  until text == before
  return text
end

-- BW_LIMIT_HTTP_BODY_BYTES, 8388608 -> "http body", "8 MiB"
local function describe(name, value)
  local words = name:gsub("^BW_LIMIT_", ""):lower():gsub("_", " ")
  local subject = words:match("^(.*) bytes$")
  if not subject then
    return words, with_commas(value)
  elseif value % (1024 * 1024) == 0 then
    return subject, with_commas(value // (1024 * 1024)) .. " MiB"
  elseif value % 1024 == 0 then
    return subject, with_commas(value // 1024) .. " KiB"
  end
  return subject, with_commas(value) .. " bytes"
end

local function limits_page(identifiers)
  local limits = assert(read("engine/base/limits.h"))
  local out = {
    "# Limits",
    "",
    "Made from `engine/base/limits.h` by `tools/docs.lua`; do not edit. What goes over a limit",
    "is refused with the code `LIMIT` and a text that names it. \"Checked\" says whether any code",
    "refers to the limit. Where it says \"not yet\" the number is a plan: nothing holds it, or",
    "something else does, with a smaller constant of its own.",
  }
  local known = {}
  local is_open = false
  for line in limits:gmatch("[^\n]+") do
    local title = line:match("^/%* (.*)%.? %*/$")
    local name, expression = line:match("^#define%s+(BW_[%w_]+)%s+(.+)$")
    if title then
      out[#out + 1] = ""
      out[#out + 1] = "## " .. title:gsub("%.$", "")
      is_open = false
    elseif name and name:find("^BW_LIMIT_") then
      if not is_open then
        out[#out + 1] = ""
        out[#out + 1] = "| what | at most | name | checked |"
        out[#out + 1] = "|---|---|---|---|"
        is_open = true
      end
      known[name] = evaluate(expression, known)
      local subject, value = describe(name, known[name])
      local is_used = identifiers[name].count > 1
      out[#out + 1] = ("| %s | %s | `%s` | %s |"):format(
        subject,
        value,
        name,
        is_used and "yes" or "not yet"
      )
    elseif name and expression then
      known[name] = evaluate(expression, known)
    end
  end
  out[#out + 1] = ""
  out[#out + 1] = "## How they hang together"
  out[#out + 1] = ""
  for why in limits:gmatch('_Static_assert%(.-, "(.-)"%)') do
    out[#out + 1] = "- " .. why:sub(1, 1):upper() .. why:sub(2) .. "."
  end
  out[#out + 1] = ""
  out[#out + 1] = "The ceilings of one engine process (idle runs in memory, steps of a script, size"
  out[#out + 1] = "of a journal row) are in [operating.md](operating.md)."
  return table.concat(out, "\n") .. "\n"
end

-- --- errors/README.md

local function errors_page()
  local out = {
    "# Error codes",
    "",
    "Made from `engine/base/err.h` by `tools/docs.lua`; do not edit. One code is one kind of",
    "failure, wherever it shows: as the `code` of an answer of the API, as the exit code of a",
    "command, as the `code` of an error that a script catches. \"Repeat\" says whether the same",
    "call may be made again as it is.",
    "",
    "| code | HTTP | exit | repeat | what it says |",
    "|---|---|---|---|---|",
  }
  local header = assert(read("engine/base/err.h"))
  local pattern = 'X%((%u[%u_]*), (%d+), (%d+), (%l+), "(.-)"%)'
  for code, http, exit_code, is_retryable, text in header:gmatch(pattern) do
    out[#out + 1] = ("| `%s` | %s | %s | %s | %s |"):format(
      code,
      http,
      exit_code,
      is_retryable == "true" and "yes" or "no",
      text
    )
  end
  out[#out + 1] = ""
  out[#out + 1] = "Commands know one exit code more: 3, specs failed. The standard library raises"
  out[#out + 1] = "codes of its own beside these, such as `HTTP_STATUS` (`stdlib/http.lua`)."
  return table.concat(out, "\n") .. "\n"
end

-- --- what the pages say

-- docs/../x -> x
local function normalise(path)
  local parts = {}
  for part in path:gmatch("[^/]+") do
    if part == ".." then
      parts[#parts] = nil
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  return table.concat(parts, "/")
end

-- bw_layer and its like are functions of CMake.
local function is_build_function(name)
  return read("cmake/layer.cmake"):find("function(" .. name .. " ", 1, true) ~= nil
end

local LAYERS = {
  base = true,
  codec = true,
  io = true,
  store = true,
  lua = true,
  core = true,
  edge = true,
}
local CHECKED_FOLDERS = { engine = true, tests = true, tools = true, cmake = true, docs = true }

local function check_page(path, identifiers)
  local folder = path:match("^(.*)/") or "."
  local number = 0
  for line in (read(path) or ""):gmatch("([^\n]*)\n?") do
    number = number + 1
    for target in line:gmatch("%]%(([^)%s]+)%)") do
      local file = target:gsub("#.*$", "")
      local is_ours = file ~= "" and not target:find("^%l+:")
      if is_ours and not exists(normalise(folder .. "/" .. file)) then
        report(path, number, "this link leads nowhere: " .. target)
      end
    end
    for name in line:gmatch("`([%l_]+/[%w_%-%./]*)`") do
      local first = name:match("^(%l+)/")
      if CHECKED_FOLDERS[first] and not exists((name:gsub("/$", ""))) then
        report(path, number, "there is no " .. name)
      end
    end
    for name in line:gmatch("%f[%w_](bw_[%l%d_]*[%l%d])%f[^%w_]") do
      if not identifiers[name] and not is_build_function(name) then
        report(path, number, name .. " is not in engine/")
      end
    end
  end
end

-- What the first comment of an engine file names, "core/run.c", exists.
local function check_head(path)
  local head = (read(path) or ""):match("^/%*(.-)%*/") or ""
  local number = 1
  for line in head:gmatch("([^\n]*)\n?") do
    for folder, name in line:gmatch("%f[%w](%l+)/([%w_/]+%.[ch])%f[^%w_]") do
      local target = folder .. "/" .. name
      local root_of = LAYERS[folder] and "engine/" or folder == "tests" and ""
      if root_of and not exists(root_of .. target) then
        report(path, number, "there is no " .. target)
      end
    end
    number = number + 1
  end
end

-- --- here it begins

local identifiers = identifiers_of_engine()
local pages = {
  ["docs/limits.md"] = limits_page(identifiers),
  ["docs/errors/README.md"] = errors_page(),
}
local policy_names = {}
for _, path in ipairs(files_of("policies", "/settings%.json$")) do
  policy_names[#policy_names + 1] = path:match("^policies/([^/]+)/")
end
local policy_pages = dofile((arg[0]:match("^(.*)/") or ".") .. "/policy_docs.lua")
for path, text in pairs(policy_pages(read, policy_names)) do
  pages[path] = text
end
pages["docs/contracts.md"] =
  dofile((arg[0]:match("^(.*)/") or ".") .. "/contract_docs.lua")(read)
pages["docs/schema.md"] = dofile((arg[0]:match("^(.*)/") or ".") .. "/schema_docs.lua")(
  read,
  files_of("engine/store/sql", "%.sql$")
)
for path, text in pairs(pages) do
  if not is_check then
    local file = assert(io.open(root .. "/" .. path, "wb"))
    file:write(text)
    file:close()
  elseif read(path) ~= text then
    report(path, 1, "stale: build/dev/tools/lua tools/docs.lua writes it anew")
  end
end
local checked = files_of("README.md CONTRIBUTING.md docs bench", "%.md$")
for _, path in ipairs(checked) do
  check_page(path, identifiers)
end
local sources = files_of("engine", "%.[ch]$")
for _, path in ipairs(sources) do
  check_head(path)
end
table.sort(problems)
for _, line in ipairs(problems) do
  print(line)
end
print(("docs: %d pages, %d file heads, %d findings"):format(#checked, #sources, #problems))
os.exit(#problems == 0)
