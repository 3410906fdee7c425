-- void-number: puts on record why a number that was given stands on no document.
local db = require("billow.db")
local workflow = require("billow.workflow")
local billow = require("billow")

local void = db.statement({
  name = "billing.void_number",
  sql = [[
insert into billing.number_void (series, number, reason, voided_by, run_id)
select g.series, g.number, $2, $3, $4::uuid
  from billing.number_gap g where g.number = $1 and g.status = 'unused'
returning series, number]],
})

return workflow.define({
  name = "void-number",
  version = "1.0.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Void of a number",
  input = { number = "text", reason = "text", by = "text" },

  run = function(input)
    local results = db.transaction(function(tx)
      tx:exec(void, { input.number, input.reason, input.by, billow.run().id }, "any")
    end)
    local row = results[1][1]
    if not row then
      local text = "%s is no number that was given and stands on no document ('billow invoice "
        .. "verify' lists those). A number with a document is not voided: 'billow credit' it"
      return { status = "refused", problem = text:format(input.number) }
    end
    return { series = row.series, number = row.number, reason = input.reason, by = input.by }
  end,
})
