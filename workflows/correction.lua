-- correction: an entry was edited at its source after it was billed. Proposes to credit it; when a
-- person agrees, and the credit notes are approved, the edited entry is open for the next bill.
local correction = require("billow.billing.correction")
local workflow = require("billow.workflow")

return workflow.define({
  name = "correction",
  version = "1.0.0",
  limits = { steps = "20M", memory = "64MiB" },
  title = "Correction of a billed entry",
  input = { row = "table" }, -- the entry as it was imported anew

  run = function(input)
    local row = input.row
    local state = correction.state(row.id)
    if not correction.is_billed(state) then
      -- Credited meanwhile, or never billed (left out, written off): taken up if it can be.
      local version = state and correction.take_up(row)
      if not version and state and state.states.moved then
        return { status = "left as transferred", by = correction.tell_moved(row) }
      end
      return { status = version and "taken up" or "nothing to credit", version = version }
    end
    local answer = correction.ask(row, state)
    if answer.decision ~= "credit" then
      return { status = "left as billed", by = answer.by }
    end
    local credits, problem = correction.credit(row, state, answer.by)
    if problem then
      return { status = "not credited", problem = problem, credits = credits, by = answer.by }
    end
    local version = correction.take_up(row)
    return { status = "corrected", credits = credits, version = version, by = answer.by }
  end,
})
