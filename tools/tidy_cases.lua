-- tidy_cases.lua - what tidy.lua must find, and what it must leave alone.

local C_HEAD = "/* x.c - a file. */\n"

local function long_function(lines, comment)
  return C_HEAD .. "void f(void)\n{\n" .. (comment or "") .. ("    g();\n"):rep(lines) .. "}\n"
end

local function c(name, path, body, expect)
  return { name = name, path = path, text = C_HEAD .. body, expect = expect }
end

return {
  c("a clean file", "engine/core/x.c",
    '#include "core/x.h"\n#include "base/buf.h"\n#include <string.h>\n'),
  {
    name = "no head comment", path = "engine/base/x.c",
    text = "int a;\n",
    expect = "first line says",
  },
  {
    name = "head comment of another file", path = "engine/base/x.c",
    text = "/* y.c - no. */\n",
    expect = "first line says",
  },
  {
    name = "a file whose contract is its header",
    path = "engine/base/x.c",
    text = '#include "base/x.h"\nint a;\n',
  },
  c("upward include", "engine/codec/x.c",
    '#include "io/loop.h"\n', "layer codec may not use io/loop.h"),
  c("core does no I/O", "engine/core/x.c",
    '#include "io/pgc.h"\n', "layer core may not use io/pgc.h"),
  c("core has no scripts in sight", "engine/core/x.c",
    '#include "lua/vm.h"\n', "layer core may not use lua/vm.h"),
  c("store uses the connection", "engine/store/x.c", '#include "io/pgc.h"\n'),
  c("store uses nothing else of io", "engine/store/x.c",
    '#include "io/loop.h"\n', "layer store may not"),
  c("include without its layer", "engine/base/x.c",
    '#include "buf.h"\n', 'from the root: "base/buf.h"'),
  c("uv.h at home", "engine/io/x.c", "#include <uv.h>\n"),
  c("uv.h elsewhere", "engine/core/x.c", "#include <uv.h>\n", "<uv.h> belongs to engine/io only"),
  c("lua.h elsewhere", "engine/edge/x.c",
    "#include <lua.h>\n", "<lua.h> belongs to engine/lua only"),
  c("openssl in codec", "engine/codec/x.c", "#include <openssl/evp.h>\n"),
  c("openssl in edge", "engine/edge/x.c",
    "#include <openssl/evp.h>\n", "belongs to engine/codec, engine/io only"),
  c("tests may include what they test", "tests/unit/lua/x.c", "#include <lua.h>\n"),
  c("banned call", "engine/core/x.c", "int a = atoi(b);\n", "atoi is banned: use bw_parse_int"),
  c("banned call with a reason", "engine/core/x.c",
    "a = getenv(b); /* tidy: getenv because tests. */\n"),
  {
    name = "malloc at home", path = "engine/base/mem.c",
    text = "/* mem.c - m. */\nvoid *p = malloc(1);\n",
  },
  c("banned word in a comment", "engine/core/x.c", "/* not malloc(1) */ // free(x)\n"),
  c("banned word in text", "engine/core/x.c", 'const char *a = "free(x) \\" system(y)";\n'),
  c("banned word as a member", "engine/core/x.c", "store->free(store); a.time(1);\n"),
  c("a longer name is another name", "engine/core/x.c", "bw_free(a); my_malloc(b);\n"),
  c("tab", "engine/core/x.c", "int\ta;\n", "tab"),
  c("spaces at the end", "engine/core/x.c", "int a; \n", "spaces at the end"),
  c("long line", "engine/core/x.c", "/* " .. ("x"):rep(100) .. " */\n", "106 columns"),
  c("an address may be long", "engine/core/x.c", "/* https://" .. ("x"):rep(100) .. " */\n"),
  c("reminder", "engine/core/x.c", "/* FIX" .. "ME later */\n", "open an issue"),
  c("not ASCII", "engine/core/x.c", "/* \xc3\xa9 */\n", ":2: not ASCII"),
  c("no line break at the end", "engine/core/x.c", "int a;", "no line break"),
  { name = "70 lines", path = "engine/core/x.c", text = long_function(70) },
  {
    name = "71 lines", path = "engine/core/x.c",
    text = long_function(71),
    expect = "function of 71 lines",
  },
  {
    name = "71 lines with a reason",
    path = "engine/core/x.c",
    text = long_function(71, "    /* tidy: long because it is a table. */\n"),
  },
  {
    name = "long file", path = "engine/core/x.c",
    text = C_HEAD .. ("int a;\n"):rep(800),
    expect = "801 lines",
  },
  {
    name = "Lua without a head", path = "stdlib/x.lua",
    text = "local x = 1\n",
    expect = "first line is a comment",
  },
  { name = "Lua with a head", path = "stdlib/x.lua", text = "-- x.lua - x.\nlocal x = 1\n" },
}
