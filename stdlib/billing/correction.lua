--- An entry that was edited at its source after it was billed: the bill stands, and a credit with a
--- new bill is proposed. Nothing is changed until a person says so, and the credit note has its own
--- approval.
---@class billow.billing.correction
local correction = {}

local billow = require("billow")
local db = require("billow.db")
local decimal = require("billow.decimal")
local json = require("billow.json")
local statements = require("billow.billing.statements")
local task = require("billow.task")
local workflow = require("billow.workflow")

-- A bill that has claimed the entry is waited for.
local CLAIMED_PAUSE = "10m"

--- Where an entry is billed, what of it is in other states, and what it said when it was billed.
correction.statement = db.statement({
  name = "billing.correction_state",
  sql = [[
select e.version, e.body, e.quantity,
       (select coalesce(jsonb_agg(jsonb_build_object('invoice', i.id, 'number', i.number,
                 'quantity', p.quantity::text, 'amount', p.amount::text) order by i.number), '[]')
          from (select coalesce(d.credits_invoice_id, d.id) as invoice_id,
                       sum(case l.kind when 'credit' then -l.quantity else l.quantity end)
                         as quantity,
                       sum(case l.kind when 'credit' then -l.amount else l.amount end) as amount
                  from billing.ledger l
                  join billing.invoice d on d.id = l.invoice_id
                 where l.entry_id = e.id and l.kind in ('bill', 'credit')
                 group by 1) p
          join billing.invoice i on i.id = p.invoice_id
         where p.quantity > 0) as places,
       (select coalesce(jsonb_object_agg(b.state, b.quantity::text), '{}')
          from billing.ledger_balance b where b.entry_id = e.id and b.quantity > 0) as states
  from billing.entry e where e.id = $1]],
})

--- What the edit changes, field by field.
local function differences(old, new)
  local list, names, seen = json.array({}), {}, {}
  for _, body in ipairs({ old, new }) do
    for name in pairs(body) do
      if not seen[name] then
        seen[name] = true
        names[#names + 1] = name
      end
    end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local before, after = old[name], new[name]
    if json.encode({ before }) ~= json.encode({ after }) then
      list[#list + 1] = { field = name, billed = before, now = after }
    end
  end
  return list
end

--- The entry as it stands, once no bill has it in hand.
---@param entry_id string
---@return table state
function correction.state(entry_id)
  while true do
    local state = db.one(correction.statement, { entry_id })
    if not state or not state.states.claimed then
      return state
    end
    billow.sleep(CLAIMED_PAUSE)
  end
end

--- Puts the correction to a person. "credit": credit what was billed, and take the edit up;
--- "leave": the bill stands for good.
---@param row table     the entry as it was imported anew
---@param state table
---@return billow.task.Answer
function correction.ask(row, state)
  local numbers = {}
  for i, place in ipairs(state.places) do
    numbers[i] = place.number
  end
  return task.open({
    kind = "correction",
    title = string.format("%s was edited after it was billed on %s", row.id,
      table.concat(numbers, ", ")),
    body = {
      entry = row.id,
      source = row.source,
      billed_on = state.places,
      changes = differences(state.body, row.body),
      decisions = json.array({ "credit", "leave" }),
    },
  })
end

--- Tells a person that an edit cannot be taken up, because the work is in another contract by now.
---@param row table
---@return string by   who has seen it
function correction.tell_moved(row)
  return task.open({
    kind = "correction",
    title = row.id .. " was edited after it was transferred: correct its parts",
    body = {
      entry = row.id,
      source = row.source,
      parts = row.id .. "#2 and so on (billow ledger show " .. row.id .. ")",
      decisions = json.array({ "seen" }),
    },
  }).by
end

--- Credits what was billed of the entry, each invoice by its own credit note and approval.
---@param row table
---@param state table
---@param by string   who decided; somebody else approves
---@return table[] credits
---@return string? problem
function correction.credit(row, state, by)
  local credits = json.array({})
  for i, place in ipairs(state.places) do
    local result = workflow.call("credit", {
      invoice = place.invoice,
      request = { entries = json.array({ { entry_id = row.id } }) },
      reason = "correction",
      prepared_by = by,
    })
    if result.status ~= "issued" then
      return credits, place.number .. ": " .. tostring(result.problem or result.status)
    end
    credits[i] = { id = result.id, number = result.number }
  end
  return credits
end

--- Takes the edit up: a new version of the entry, open for the contract's next bill.
---@param row table
---@return integer? version   nil when something of it is still billed, held elsewhere or moved
function correction.take_up(row)
  local results = db.transaction(function(tx)
    tx:exec(statements.put_entries, { json.array({ row }), billow.run().id }, "any")
  end)
  local stored = results[1][1]
  return stored and stored.version
end

--- Is there anything to credit?
---@param state table?
---@return boolean
function correction.is_billed(state)
  return state ~= nil and #state.places > 0 and decimal(state.quantity):sign() > 0
end

return correction
