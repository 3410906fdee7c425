--- Lines for people who look at a run. They are not journaled (progress is); a replay does not
--- repeat them.
---@class billow.log
local log = {}

local effect = require("billow.effect")

local core = effect.core

---@param text string
---@param fields? table   data beside the text; decimals, not floats
function log.debug(text, fields)
  core.log("debug", tostring(text), fields)
end

---@param text string
---@param fields? table
function log.info(text, fields)
  core.log("info", tostring(text), fields)
end

---@param text string
---@param fields? table
function log.warn(text, fields)
  core.log("warn", tostring(text), fields)
end

---@param text string
---@param fields? table
function log.error(text, fields)
  core.log("error", tostring(text), fields)
end

--- Say how far the run is; people see it as a bar, and it stays in the journal.
---@param done integer
---@param total integer
---@param text? string
function log.progress(done, total, text)
  if math.type(done) ~= "integer" or math.type(total) ~= "integer" then
    error("log.progress: whole numbers are expected, as in log.progress(120, 800)", 2)
  end
  effect.post("note", { kind = "progress", done = done, total = total, text = text })
end

return log
