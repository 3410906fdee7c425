-- tidy.lua - the house rules that a program can check, each with the better way in its message.
--
--   lua tools/tidy.lua [ROOT]        checks the project; exit code 1 when something is found
--   lua tools/tidy.lua --self-test   checks the checks
--
-- A line that must break a rule says so: a comment with "tidy: NAME because REASON" on that line,
-- where NAME is the banned call or the included header. A file or function that must be long has
-- "tidy: long because REASON" in it.

local LINE_COLUMNS_MAX = 100
local FUNCTION_LINES_MAX = 70
local FILE_LINES_MAX = 800

-- Which layers a layer may include; and single headers of others: the database connection for the
-- store, and the seams (tables of functions) for those who call or implement them.
local LAYERS = {
  base = { base = true },
  codec = { base = true, codec = true },
  io = { base = true, codec = true, io = true },
  store = { base = true, codec = true, store = true },
  lua = { base = true, codec = true, lua = true },
  core = { base = true, codec = true, store = true, core = true },
  edge = {
    base = true,
    codec = true,
    io = true,
    store = true,
    lua = true,
    core = true,
    edge = true,
  },
}
local SEAMS = {
  store = { ["io/pgc.h"] = true },
  lua = { ["core/host.h"] = true },
  core = { ["io/httpc.h"] = true, ["lua/hostlet.h"] = true },
}

-- Outside headers have one address each: the layers in which they may be included.
local OUTSIDE = {
  { "^uv%.h$", "io" },
  { "^curl/", "io" },
  { "^libpq", "io" },
  { "^lua%.h$", "lua" },
  { "^lauxlib%.h$", "lua" },
  { "^lualib%.h$", "lua" },
  { "^luaconf%.h$", "lua" },
  { "^openssl/", "codec io" },
  { "^llhttp%.h$", "codec io" },
  { "^jansson%.h$", "codec" },
  { "^bid_", "codec" },
  { "^libical/", "codec" },
}

-- Banned call -> what to use, and where it is allowed.
local BANNED = {
  strcpy = { "struct bw_buf, or snprintf into a fixed array" },
  strcat = { "struct bw_buf" },
  strncpy = { "snprintf, or memcpy with a checked length" },
  strncat = { "struct bw_buf" },
  sprintf = { "bw_buf_printf or snprintf" },
  vsprintf = { "vsnprintf" },
  gets = { "fgets" },
  strtok = { "a loop over struct bw_str" },
  atoi = { "bw_parse_int" },
  atol = { "bw_parse_i64" },
  atof = { "codec/decimal.h" },
  strtol = { "bw_parse_int or bw_parse_i64" },
  strtoll = { "bw_parse_i64" },
  strtoul = { "bw_parse_u64" },
  strtoull = { "bw_parse_u64" },
  strtod = { "codec/decimal.h: amounts are never binary" },
  time = { "struct bw_clock", "engine/io/" },
  gettimeofday = { "struct bw_clock" },
  clock_gettime = { "struct bw_clock", "engine/io/ engine/lua/budget.c engine/lua/lib_fs.c" },
  rand = { "struct bw_entropy" },
  random = { "struct bw_entropy" },
  srand = { "struct bw_rng" },
  malloc = { "bw_xmalloc", "engine/base/mem.c engine/lua/pool.c" },
  calloc = { "bw_xcalloc", "engine/base/mem.c" },
  realloc = { "bw_xrealloc", "engine/base/mem.c engine/lua/pool.c" },
  free = { "bw_free", "engine/base/mem.c engine/lua/pool.c" },
  strdup = { "bw_xstrdup" },
  strndup = { "bw_xstrndup" },
  alloca = { "struct bw_arena" },
  setlocale = { "nothing: the locale stays C" },
  localtime = { "codec/tz.h" },
  localtime_r = { "codec/tz.h" },
  mktime = { "codec/date.h" },
  getenv = { "struct bw_config", "engine/edge/config.c" },
  system = { "io/spawn.h" },
  popen = { "io/spawn.h" },
  lua_call = { "the host's wakes: Lua is called in engine/lua only", "engine/lua/" },
  luaL_openlibs = { "the allow-list of the sandbox", "engine/lua/tool.c" },
  luaL_dostring = { "lua/chunk.h" },
}

local found = {}
local notes = {}

local function report(path, line, text)
  found[#found + 1] = ("%s:%d: %s"):format(path, line, text)
end

-- The text with comments, strings and character constants blanked out. Line breaks stay, so that
-- line numbers hold.
local function code_of(text)
  local out = {}
  local at, len = 1, #text
  local function blank(from, to)
    out[#out + 1] = text:sub(from, to):gsub("[^\n]", " ")
  end
  while at <= len do
    local two = text:sub(at, at + 1)
    local one = two:sub(1, 1)
    local stop
    if two == "/*" then
      stop = select(2, text:find("*/", at + 2, true)) or len
      blank(at, stop)
    elseif two == "//" then
      stop = (text:find("\n", at, true) or len + 1) - 1
      blank(at, stop)
    elseif one == '"' or one == "'" then
      stop = at + 1
      while stop <= len and text:sub(stop, stop) ~= one do
        stop = stop + (text:sub(stop, stop) == "\\" and 2 or 1)
      end
      out[#out + 1] = one
      blank(at + 1, stop - 1)
      out[#out + 1] = one
    else
      stop = (text:find("[/\"']", at + 1) or len + 1) - 1
      out[#out + 1] = text:sub(at, stop)
    end
    at = stop + 1
  end
  return table.concat(out)
end

local function lines_of(text)
  local lines = {}
  for line in (text:sub(-1) == "\n" and text or text .. "\n"):gmatch("(.-)\n") do
    lines[#lines + 1] = line
  end
  return lines
end

local function is_excused(line, name)
  return line:find("tidy: " .. name .. " because ", 1, true) ~= nil
end

local function is_allowed_in(places, path)
  for place in (places or ""):gmatch("%S+") do
    if path:sub(1, #place) == place then
      return true
    end
  end
  return false
end

local function check_text(path, text, lines)
  if text:sub(-1) ~= "\n" and #text > 0 then
    report(path, #lines, "no line break at the end of the file")
  end
  for number, line in ipairs(lines) do
    if line:find("\r", 1, true) then
      report(path, number, "carriage return: files end their lines with LF")
    end
    if line:find("[ \t]$") then
      report(path, number, "spaces at the end of the line")
    end
    if line:find("\t", 1, true) then
      report(path, number, "tab: indent with spaces")
    end
    if line:find("FIX" .. "ME", 1, true) then
      report(path, number, "FIX" .. "ME: mend it now, or open an issue and write TODO with it")
    end
    local columns = utf8.len(line) or #line
    if columns > LINE_COLUMNS_MAX and not line:find("https?://") then
      report(path, number, ("%d columns; %d is the limit"):format(columns, LINE_COLUMNS_MAX))
    end
  end
end

local function check_length(path, text, lines)
  if #lines <= FILE_LINES_MAX then
    return
  end
  local message = ("%d lines; a file of one idea has at most %d"):format(#lines, FILE_LINES_MAX)
  if text:find("tidy: long because ", 1, true) then
    notes[#notes + 1] = path .. ": " .. message
  else
    report(path, #lines, message .. ". Split it, or say \"tidy: long because ...\"")
  end
end

local function check_outside(path, number, line, header, layer)
  if not path:find("^engine/") or is_excused(line, header) then
    return
  end
  for _, rule in ipairs(OUTSIDE) do
    local pattern, homes = rule[1], " " .. rule[2] .. " "
    if header:find(pattern) and not homes:find(" " .. layer .. " ", 1, true) then
      local list = rule[2]:gsub(" ", ", engine/")
      report(path, number, ("<%s> belongs to engine/%s only"):format(header, list))
    end
  end
end

local function check_includes(path, lines)
  local layer = path:match("^engine/(%l+)/")
  for number, line in ipairs(lines) do
    local quoted = line:match('^%s*#%s*include%s+"([^"]+)"')
    local outside = line:match("^%s*#%s*include%s+<([^>]+)>")
    if quoted and layer then
      local other = quoted:match("^(%l+)/")
      if not other then
        report(path, number, ('include "%s" from the root: "%s/%s"'):format(quoted, layer, quoted))
      elseif LAYERS[layer] and not LAYERS[layer][other] then
        local seams = SEAMS[layer] or {}
        if not seams[quoted] and not is_excused(line, quoted) then
          local message = "layer %s may not use %s: news goes up by return value or callback"
          report(path, number, message:format(layer, quoted))
        end
      end
    elseif outside then
      check_outside(path, number, line, outside, layer or "main")
    end
  end
end

local function check_calls(path, lines, code)
  for number, line in ipairs(code) do
    if not line:find("^%s*#%s*include") then
      for before, name, after in line:gmatch("()([%a_][%w_]*)%s*%(()") do
        local rule = BANNED[name]
        local lead = line:sub(1, before - 1)
        -- A member (x->time, x.free) is not the function of the C library.
        local is_member = lead:find("%->%s*$") or lead:find("%.%s*$")
        if rule and after and not is_member and not is_allowed_in(rule[2], path)
            and not is_excused(lines[number], name) then
          report(path, number, ("%s is banned: use %s"):format(name, rule[1]))
        end
      end
    end
  end
end

-- A function's body begins with "{" in the first column and ends with "}" there: clang-format sees
-- to that.
local function check_functions(path, lines, code)
  local start
  for number, line in ipairs(code) do
    if line:find("^{") then
      start = number
    elseif start and line:find("^}") then
      local length = number - start - 1
      if length > FUNCTION_LINES_MAX then
        local excused = false
        for k = math.max(1, start - 8), number do
          excused = excused or is_excused(lines[k], "long")
        end
        local message = ("function of %d lines; the limit is %d"):format(length, FUNCTION_LINES_MAX)
        if excused then
          notes[#notes + 1] = ("%s:%d: %s"):format(path, start, message)
        else
          report(path, start, message .. ". Move what is calculated into functions of its own")
        end
      end
      start = nil
    end
  end
end

local function check_c(path, text, lines)
  local base = path:match("[^/]+$")
  local head = "/* " .. base .. " - "
  -- A .c file may leave its contract to its header, which it then includes first.
  local layer = path:match("^engine/(%l+)/")
  local own = layer and ('#include "%s/%s.h"'):format(layer, base:match("^(.*)%.c$") or "")
  local first = lines[1] or ""
  if first:sub(1, #head) ~= head and first ~= own then
    report(path, 1, ('the first line says what the file is: "%s..."'):format(head))
  end
  local code = lines_of(code_of(text))
  check_includes(path, lines)
  if path:find("^engine/") then
    check_calls(path, lines, code)
    local byte = text:find("[\128-\255]")
    if byte then
      local _, before = text:sub(1, byte):gsub("\n", "")
      report(path, before + 1, "not ASCII: write the bytes as escapes")
    end
  end
  check_functions(path, lines, code)
  check_length(path, text, lines)
end

local function check_lua(path, text, lines)
  local first = lines[1] or ""
  if first:find("^#!") then
    first = lines[2] or ""
  end
  -- A spec says what it is in its describe().
  if not first:find("^%-%-") and not path:find("_spec%.lua$") then
    report(path, 1, "the first line is a comment that says what the file is")
  end
  check_length(path, text, lines)
end

local function check_file(path, text)
  local lines = lines_of(text)
  check_text(path, text, lines)
  if path:find("%.[ch]$") then
    check_c(path, text, lines)
  elseif path:find("%.lua$") then
    check_lua(path, text, lines)
  end
end

-- Which files are checked: those that git knows or would take, or all when this is no checkout.
local function project_files(root)
  local folders = "engine tests bench stdlib workflows policies tools examples"
  local quoted = "'" .. root:gsub("'", "'\\''") .. "'"
  local command = "cd " .. quoted .. " && { git ls-files -co --exclude-standard " .. folders
    .. " 2>/dev/null || find " .. folders .. " -type f 2>/dev/null; }"
  local listing = assert(io.popen(command))
  local files = {}
  for path in listing:lines() do
    if path:find("%.[ch]$") or path:find("%.lua$") then
      files[#files + 1] = path
    end
  end
  listing:close()
  table.sort(files)
  return files
end

local function self_test()
  local cases = dofile((arg[0]:match("^(.*)/") or ".") .. "/tidy_cases.lua")
  local failures = 0
  for _, case in ipairs(cases) do
    found, notes = {}, {}
    check_file(case.path, case.text)
    local got = table.concat(found, "\n")
    local is_right = #found == 0
    if case.expect then
      is_right = #found == 1 and got:find(case.expect, 1, true) ~= nil
    end
    if not is_right then
      failures = failures + 1
      print(("%s\n  expected: %s\n  got: %s"):format(case.name, case.expect or "nothing", got))
    end
  end
  print(("tidy: %d of %d cases hold"):format(#cases - failures, #cases))
  os.exit(failures == 0)
end

if arg[1] == "--self-test" then
  self_test()
end

local root = arg[1] or "."
local files = project_files(root)
if #files == 0 then
  print("tidy: no sources found under " .. root)
  os.exit(1)
end
for _, path in ipairs(files) do
  local file = io.open(root .. "/" .. path, "rb")
  if file then
    check_file(path, file:read("a"))
    file:close()
  end
end
for _, note in ipairs(notes) do
  print("note: " .. note .. " (excused)")
end
for _, line in ipairs(found) do
  print(line)
end
print(("tidy: %d files, %d findings"):format(#files, #found))
os.exit(#found == 0)
