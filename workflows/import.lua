-- import: takes the records of one source file, chunk by chunk, and stores what they say as
-- entries. A file may be of any length: after some chunks the run begins anew where it was.
local billow = require("billow")
local event = require("billow.event")
local import = require("billow.billing.import")
local workflow = require("billow.workflow")

-- Chunks that a replay has to go through at the most.
local CHUNKS_BETWEEN_CHECKPOINTS = 20

return workflow.define({
  name = "import",
  version = "1.2.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Import of a source file",
  input = {
    id = "text",
    file = "text",
    set = "text",
    header = "table",
    chunks = "integer",
    records = "integer",
    check = "boolean?", -- only look whether every record can be read
  },

  -- Chunks arrive as events "import.chunk" with key "<import id>/<n>": {first = number, records =
  -- list of field lists}.
  run = function(input, state)
    -- A file that nobody can read is an answer, not a fault: nothing of it was taken.
    local is_readable, reader = pcall(import.reader, input.file, input.header)
    if not is_readable and type(reader) == "string" then
      return { file = input.file, problem = reader }
    elseif not is_readable then
      error(reader, 0)
    end
    state = state or { next = 1, total = import.new_total(input) }
    for n = state.next, input.chunks do
      local chunk = event.wait("import.chunk", { key = input.id .. "/" .. n })
      import.store(reader, input, chunk.body, state.total)
      if n % CHUNKS_BETWEEN_CHECKPOINTS == 0 and n < input.chunks then
        return billow.checkpoint({ next = n + 1, total = state.total })
      end
    end
    import.count_anew(input, state.total)
    import.count_repeated(input, state.total)
    return state.total
  end,
})
