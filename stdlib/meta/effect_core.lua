---@meta billow.effect.core

--- The functions between Lua and the engine (engine/lua/lib_effect.c), for the standard library
--- only. Those that make commands raise when they are called from a coroutine of the script, while
--- a file loads, or in a policy.
---@class billow.effect.core
local core = {}

--- Ask and wait.
---@param kind string
---@param args table
---@return boolean is_fine
---@return any outcome_or_error
function core.call(kind, args) end

--- Ask; there is no outcome.
---@param kind string
---@param args table
---@return integer seq
function core.post(kind, args) end

--- Ask; the outcome is taken by await.
---@param kind string
---@param args table
---@return integer seq
function core.start(kind, args) end

---@param seq integer
---@return boolean is_fine
---@return any outcome_or_error
function core.await(seq) end

--- Give up what start asked for.
---@param seq integer
function core.cancel(seq) end

--- Run a function on a strand of its own, from the next time this one waits.
---@param action fun()
---@return integer strand
function core.spawn(action) end

--- Wait until one of the strands has ended; its position in the list. The one that ended first when
--- several have.
---@param strands integer[]
---@return integer position
function core.join(strands) end

--- Cancel a strand: it unwinds where it waits, and what it waits for is given up.
---@param strand integer
function core.kill(strand) end

--- End the VM; the run begins again with this state. Does not return.
---@param state any
function core.checkpoint(state) end

--- End the run.
---@param how "done"|"failed"|"cancelled"
---@param value any
function core.finish(how, value) end

--- What the workflow may use from here on: steps in a turn and bytes of heap. 0 is the default;
--- over the engine's own ceilings those count.
---@param steps integer
---@param bytes integer
function core.limits(steps, bytes) end

--- Call a function; errors and cancels stop here.
---@param action fun(...): any
---@return "ok"|"error"|"cancelled" status
---@return any ...   results; or {value, file, line, stack}
function core.protect(action, ...) end

--- Call a function; a cancel that comes while it runs is raised behind it.
---@param action fun(...): any
---@return any ...
function core.shelter(action, ...) end

--- What handlers of to-be-closed variables raised while a cancel unwound, since this was last
--- asked: an array of what protect gives for an error; `more` counts those beyond the first twenty.
---@return table problems
function core.problems() end

--- Call a function in which every effect, the clock and random numbers raise.
---@param action fun(...): any
---@return any ...
function core.pure(action, ...) end

---@return integer microseconds   time of this turn
function core.now() end

---@return integer  64 bits
function core.random_u64() end

---@return billow.Run
function core.run() end

---@param n integer
---@return string id
function core.derive_id(n) end

--- Where the script is: its file and line.
---@return string file
---@return integer line
function core.position() end

---@return boolean  was a cancel delivered?
function core.is_cancelled() end

---@param level "debug"|"info"|"warn"|"error"
---@param text string
---@param fields? table
function core.log(level, text, fields) end

--- Run a Lua file of the release and return what it returns.
---@param name string   "workflows/tm.lua"
---@return any
function core.run_file(name) end

--- The bytes of a file of the release; nil when there is none.
---@param name string
---@return string?
function core.file(name) end

return core
