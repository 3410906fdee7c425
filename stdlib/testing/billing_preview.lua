--- Stand-ins of the statements that look at what a bill would take: what a claim would give, made
--- on a copy of the database.
---@class billow.testing.billing_preview
local preview = {}

local entries = require("billow.testing.billing_entries")

local RUN = "preview"

local function claimed(db, wanted)
  local copy = db:copy()
  entries.claim(copy, { wanted, RUN, RUN })
  return copy
end

function preview.entries(db, params)
  return entries.claimed(claimed(db, params[1]), { RUN })
end

function preview.usage(db, params)
  return entries.claimed_usage(claimed(db, params[1]), { RUN, params[2], params[3], params[4] })
end

function preview.own_advances()
  return {}
end

return preview
