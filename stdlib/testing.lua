--- Specs of workflows: a real engine in memory, time that jumps, HTTP and database that the spec
--- plays. Run them with `billow test`.
---
---   local world = require("billow.testing").world({ now = "2026-10-31T18:00:00Z" })
---   world:http("POST", "https://erp.example/invoices"):answers(201, { id = "E-1" })
---   local run = world:start("tm", { contract = "C-17", period = "2026-10" })
---   world:task("approval"):approve({ as = "dana" })
---   world:advance("45d")
---   assert.equals("done", run.status)
---@class billow.testing
local testing = {}

local fixtures = require("billow.testing.fixtures")
local world = require("billow.testing.world")

--- A new world. It ends with the spec.
---@param options? billow.testing.Options
---@return billow.testing.World
function testing.world(options)
  return world.new(options)
end

--- Feed a source file to the import workflow, as `billow import` does.
---@param in_world billow.testing.World
---@param file string      "harvest-time.csv", "toggl-time.csv", "clockify-time.csv", "expenses.csv"
---@param content string   CSV
---@param set string       the period it belongs to
---@return billow.testing.Run
function testing.import(in_world, file, content, set)
  return fixtures.import(in_world, file, content, set)
end

return testing
