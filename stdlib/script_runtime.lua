--- What runs around a plain Lua file (billow script run): it stands in for billow.runtime, loads
--- the file, calls it, and says how it ended. Only for the engine; scripts cannot require it.
---@class billow.script_runtime
local runtime = {}

local core = require("billow.effect.core")
local script = require("billow.script.core")

local TEXT_BYTES_MAX = 8192

local function shortened(text)
  if #text > TEXT_BYTES_MAX then
    return string.sub(text, 1, TEXT_BYTES_MAX) .. " ... (" .. #text .. " bytes)"
  end
  return text
end

--- Any error value as a text. Its __tostring is the script's: it may raise, or never end.
local function text_of(value)
  local status, text = core.protect(tostring, value)
  if status ~= "ok" then
    text = "(its __tostring raises an error)"
  elseif type(value) == "table" and getmetatable(value) == nil then
    local shown, as_text = core.protect(script.show, value)
    text = shown == "ok" and as_text or text
  end
  if type(value) ~= "string" then
    text = "error value: " .. text
  end
  return shortened(text)
end

--- The frames of this file are nobody's business.
local function stack_of(info)
  local lines = {}
  for line in string.gmatch(shortened(info.stack), "[^\n]+") do
    if string.find(line, "stdlib/runtime", 1, true) then
      break
    elseif not string.find(line, "[C]: in field 'protect'", 1, true) then
      lines[#lines + 1] = line
    end
  end
  return table.concat(lines, "\n")
end

local function report(status, ...)
  if status == "ok" then
    local shown, text, json = core.protect(script.show, ...)
    if shown == "ok" then
      core.finish("done", { how = "finished", count = select("#", ...), text = text, json = json })
    else
      local why = string.match(text_of(text.value), "the result .*$") or text_of(text.value)
      core.finish("done", { how = "refused", text = why })
    end
    return
  end
  local info = ...
  core.finish("done", {
    how = "raised",
    text = text_of(info.value),
    file = info.file,
    line = info.line,
    stack = stack_of(info),
  })
end

---@param name string
---@param input {is_strict: boolean}
---@return fun()
function runtime.start(name, input)
  return function()
    core.limits(math.maxinteger, math.maxinteger) -- those of the command line count
    local chunk, problem = script.load(name, input.is_strict)
    if chunk then
      report(core.protect(chunk))
    else
      core.finish("done", { how = "refused", text = shortened(problem) })
    end
  end
end

local function no_effects()
  error("a script that is run by itself has no effects", 0)
end

runtime.compensate = no_effects
runtime.roll_back = no_effects

---@return integer
function runtime.compensation_count()
  return 0
end

return runtime
