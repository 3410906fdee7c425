--- Requests in the order of a table's keys, then the first success of two.
local billow = require("billow")
local http = require("billow.http")
local workflow = require("billow.workflow")

return workflow.define({
  name = "spread",
  version = "1.0.0",
  input = { key = "string" },
  run = function(input)
    local prices = { zinc = 1, tin = 2, iron = 3, gold = 4, lead = 5 }
    local sent = {}
    for name, price in pairs(prices) do
      http.post({ url = "https://erp.example/price/" .. name, body = price .. input.key })
      sent[#sent + 1] = name
    end
    local _, fastest = billow.first({
      a = function()
        return http.get("https://erp.example/a").body
      end,
      b = function()
        return http.get("https://mail.example/b").body
      end,
    })
    return { sent = table.concat(sent, " "), fastest = fastest }
  end,
})
