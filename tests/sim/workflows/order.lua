--- One after the other: a request, a sleep, an event, a number, a row.
local db = require("billow.db")
local event = require("billow.event")
local http = require("billow.http")
local number = require("billow.number")
local timer = require("billow.timer")
local workflow = require("billow.workflow")

local insert = db.statement({
  name = "sim.insert_order",
  sql = "INSERT INTO orders (number, receipt) VALUES ($1, $2)",
})

return workflow.define({
  name = "order",
  version = "1.0.0",
  input = { key = "string" },
  run = function(input)
    local receipt = http.post({ url = "https://erp.example/orders", body = input.key }).body
    timer.sleep("3s")
    local paid = event.wait("paid", { key = input.key })
    local taken = number.next("receipt", { date = "2026-10-31" })
    local is_done, rows
    repeat -- what the database refuses gives its number back
      is_done, rows = pcall(db.transaction, function(tx)
        local reference = tx:number({ series = "invoice", date = "2026-10-31" })
        tx:exec(insert, { reference, receipt }, "one")
      end)
    until is_done
    http.post({ url = "https://mail.example/send", body = rows[1].number })
    return { receipt = receipt, paid = paid.id, number = taken.number, invoice = rows[1].number }
  end,
})
