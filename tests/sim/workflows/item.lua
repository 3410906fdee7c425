--- A child run: one request, sometimes a row read.
local db = require("billow.db")
local http = require("billow.http")
local workflow = require("billow.workflow")

local find = db.statement({ name = "sim.find_item", sql = "SELECT name FROM items WHERE id = $1" })

return workflow.define({
  name = "item",
  version = "1.0.0",
  input = { n = "integer" },
  run = function(input)
    local rows = db.query(find, { input.n })
    local body = http.get("https://erp.example/items/" .. input.n).body
    return { n = input.n, body = body, rows = #rows }
  end,
})
