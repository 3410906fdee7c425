-- import: takes the records of one source file, chunk by chunk, and stores what they say as
-- entries.
local event = require("billow.event")
local import = require("billow.billing.import")
local workflow = require("billow.workflow")

return workflow.define({
  name = "import",
  version = "1.0.0",
  title = "Import of a source file",
  input = {
    id = "text",
    file = "text",
    set = "text",
    header = "table",
    chunks = "integer",
    records = "integer",
  },

  -- Chunks arrive as events "import.chunk" with key "<import id>/<n>": {first = number, records =
  -- list of field lists}.
  run = function(input)
    -- A file that nobody can read is an answer, not a fault: nothing of it was taken.
    local is_readable, reader = pcall(import.reader, input.file, input.header)
    if not is_readable and type(reader) == "string" then
      return { file = input.file, problem = reader }
    elseif not is_readable then
      error(reader, 0)
    end
    local total = import.new_total(input)
    for n = 1, input.chunks do
      local chunk = event.wait("import.chunk", { key = input.id .. "/" .. n })
      import.store(reader, input, chunk.body, total)
    end
    return total
  end,
})
