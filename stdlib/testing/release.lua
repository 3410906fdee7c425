--- The files of a release as a spec needs them: standard library, shared scripts, the project's
--- own.
---@class billow.testing.release
local release = {}

local engine = require("billow.testing.engine")

local ZONEINFO = "/usr/share/zoneinfo/"

local known = {} -- by project: reading them once is enough

local function of_project(options)
  local project = options.project or engine.ask("settings").project
  if not known[project] then
    known[project] = engine.ask("files", { project = project })
  end
  return known[project]
end

--- Content of a file; nil when it is not there.
---@param path string
---@return string?
function release.read(path)
  local file = io.open(path, "rb")
  local content = file and file:read("a")
  if file then
    file:close()
  end
  return content
end

local function add_zone(files, zone)
  local content = zone:find("^[%w_+/-]+$") and release.read(ZONEINFO .. zone)
  if not content then
    engine.fail("the time zone %q is not known on this machine", zone)
  end
  files["zoneinfo/" .. zone] = content
end

--- All files of a release.
---@param options billow.testing.Options
---@param more? table<string, string>
---@return table<string, string>
function release.files(options, more)
  local files = {}
  for name, content in pairs(of_project(options)) do
    files[name] = content
  end
  for name, content in pairs(more or {}) do
    files[name] = content
  end
  for _, zone in ipairs(options.time_zones or { "Europe/Berlin", "UTC" }) do
    add_zone(files, zone)
  end
  return files
end

return release
