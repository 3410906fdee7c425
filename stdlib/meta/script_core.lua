---@meta billow.script.core

--- What runs a plain Lua file (engine/lua/lib_script.c), for the standard library only.
---@class billow.script.core
local core = {}

--- The file of the release as a function, not called yet.
---@param name string
---@param is_strict boolean   with the globals of workflow files; else with a table of its own
---@return function? chunk
---@return string? problem   why it does not compile
function core.load(name, is_strict) end

--- Values of any type as people read them, a line each, and as a JSON array.
---@param ... any
---@return string text
---@return string json
function core.show(...) end

return core
