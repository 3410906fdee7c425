-- .luacheckrc - what luacheck lets pass, folder by folder.
std = "lua54"
max_line_length = 100
codes = true
unused_args = false -- a callback names its arguments, used or not
exclude_files = { "build/**", ".billow/**", ".billow-cache/**" }

-- Scripts run in the sandbox: no io, os, package, debug, load, and no globals of their own.
stds.billow_script = {
  read_globals = {
    "assert", "error", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawlen", "rawset",
    "require", "select", "setmetatable", "getmetatable", "tonumber", "tostring", "type", "xpcall",
    "_G", "_VERSION",
    string = {
      fields = {
        "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "pack",
        "packsize", "rep", "reverse", "sub", "unpack", "upper",
      },
    },
    table = { fields = { "concat", "insert", "move", "pack", "remove", "sort", "unpack" } },
    math = {
      fields = {
        "abs", "ceil", "floor", "fmod", "huge", "max", "maxinteger", "min", "mininteger", "modf",
        "pi", "random", "sqrt", "tointeger", "type", "ult",
      },
    },
    utf8 = { fields = { "char", "charpattern", "codepoint", "codes", "len", "offset" } },
    coroutine = {
      fields = { "create", "isyieldable", "resume", "status", "wrap", "yield" },
    },
  },
}

files["stdlib"] = { std = "billow_script" }
files["stdlib/meta"] = { std = "lua54", ignore = { "111", "112", "113", "121", "122", "131", "211", "212" } }
-- billow.testing runs in the full Lua of `billow test`.
files["stdlib/testing.lua"] = { std = "lua54" }
files["stdlib/testing"] = { std = "lua54" }
files["workflows"] = { std = "billow_script" }
files["policies"] = { std = "billow_script" }
files["examples"] = { std = "billow_script" }
files["tests/lua"] = { std = "lua54+busted" }
files["tools"] = { std = "lua54" }
