--- Child runs at once with a request; one more that nobody waits for, under a key that others use.
local billow = require("billow")
local http = require("billow.http")
local workflow = require("billow.workflow")

return workflow.define({
  name = "family",
  version = "1.0.0",
  input = { key = "string" },
  run = function(input)
    local got = billow.all({
      one = function()
        return workflow.call("item", { n = 1 }).n
      end,
      two = function()
        return workflow.call("item", { n = 2 }).n
      end,
      erp = function()
        return http.post({ url = "https://erp.example/family", body = input.key }).body
      end,
    })
    workflow.start("item", { n = 3 }, { key = "shared-" .. input.key })
    return { sum = got.one + got.two, erp = got.erp }
  end,
})
