-- order: one of everything that can be lost or doubled: a timer, an event, requests, a person, a
-- transaction with a number, a child, an event to another run.
local db = require("billow.db")
local event = require("billow.event")
local http = require("billow.http")
local task = require("billow.task")
local timer = require("billow.timer")
local workflow = require("billow.workflow")

local put = db.statement({
  name = "chaos.put",
  sql = "insert into billing.chaos (run, number) values ($1, $2)",
})
local count = db.statement({
  name = "chaos.count",
  sql = "select count(*)::int as rows from billing.chaos where run = $1",
})

return workflow.define({
  name = "order",
  version = "1",
  run = function(input)
    timer.sleep("15ms")
    local go = event.wait("go", { key = input.key })
    local plain = http.post(input.url .. "/plain", { json = { n = input.n } })
    local path = input.n == 1 and "/lost" or "/once"
    http.post(input.url .. path, {
      json = { n = input.n },
      timeout = "1500ms", -- after a crash nobody asks what became of it before this has passed
      once = {
        reconcile = function(key)
          local found = http.get(input.url .. "/look?key=" .. key)
          return found.status == 200 and found or http.NOT_THERE
        end,
      },
    })
    if input.n == 2 then
      http.post(input.url .. "/flaky", { json = { n = input.n } })
    end
    local answer = task.open({ kind = "question", title = input.key })
    local taken = db.transaction(function(tx)
      local number = tx:number({ series = "INV", date = "2026-10-31" })
      tx:exec(put, { input.key, number }, "one")
    end)
    local kid = workflow.call("kid", { n = input.n })
    local rows = db.query(count, { input.key })[1].rows
    event.send("done", { n = input.n }, { key = input.all, id = input.key })
    return {
      n = input.n,
      go = go.body.n,
      plain = plain.status,
      data = answer.data,
      has_number = taken[1].number ~= nil,
      kid = kid,
      rows = rows,
    }
  end,
})
