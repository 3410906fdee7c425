--- Something is booked, and undone when the run is cancelled or nobody confirms; a lock is given
--- back however that ends.
local billow = require("billow")
local event = require("billow.event")
local http = require("billow.http")
local timer = require("billow.timer")
local workflow = require("billow.workflow")

local ERP = "https://erp.example/"

--- Taken as long as the variable lives.
local function lock(key)
  http.post({ url = ERP .. "lock", body = key })
  return setmetatable({}, {
    __close = function()
      http.post({ url = ERP .. "unlock", body = key })
      timer.sleep("1s")
      http.post({ url = ERP .. "unlocked", body = key })
    end,
  })
end

return workflow.define({
  name = "saga",
  version = "1.0.0",
  input = { key = "string" },
  run = function(input)
    http.post({ url = "https://erp.example/book", body = input.key })
    billow.compensate(function()
      http.post({ url = "https://erp.example/unbook", body = input.key })
    end, "unbook")
    local go
    do -- what fails behind it is performed again by a resume: no handler has acted on it
      local held <close> = lock(input.key) -- luacheck: ignore 211
      go = event.wait("go", { key = input.key, timeout = "15s" })
    end
    if not go then
      billow.roll_back()
      return { outcome = "undone" }
    end
    http.post({ url = "https://mail.example/send", body = go.id })
    return { outcome = "kept" }
  end,
})
