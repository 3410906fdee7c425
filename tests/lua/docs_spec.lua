--- Every example of docs/writing-workflows.md is true: files are put into a release, specs are run
--- over it, and other Lua is executed as it stands. docs/billing-coverage.md names only what is
--- there.
local json = require("billow.json")
local testing = require("billow.testing")

local PAGE = "docs/writing-workflows.md"

local function blocks_of(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  local blocks, at = {}, 1
  for before, language, body, behind in text:gmatch("(.-)\n```(%w*)\n(.-\n)```()") do
    local name = before:match("`([%w_%-/%.]+)`:%s*$")
    local _, lines = text:sub(1, at + #before):gsub("\n", "")
    blocks[#blocks + 1] = { name = name, language = language, body = body, line = lines + 2 }
    at = behind
  end
  return blocks
end

local files, specs, chunks = {}, {}, {}
for _, block in ipairs(blocks_of(PAGE)) do
  if block.name and block.name:find("^spec/") then
    specs[#specs + 1] = block
  elseif block.name then
    files[block.name] = block.body
  elseif block.language == "lua" then
    chunks[#chunks + 1] = block
  end
end

--- billow.testing whose worlds have the page's files.
local page_testing = setmetatable({
  world = function(options)
    local with_files = { files = files }
    for name, value in pairs(options or {}) do
      with_files[name] = value
    end
    return testing.world(with_files)
  end,
}, { __index = testing })

local function page_require(name)
  return name == "billow.testing" and page_testing or require(name)
end

local function load_block(block, env)
  local chunk, problem = load(block.body, "@" .. PAGE, "t", env)
  assert(chunk, string.format("%s, block at line %d: %s", PAGE, block.line, tostring(problem)))
  return chunk
end

describe(PAGE, function()
  it("has files, specs and plain examples", function()
    assert.truthy(files["workflows/reminders.lua"])
    assert.truthy(json.decode(files["policies/late-fee/settings.json"]))
    assert.truthy(#specs >= 8)
    assert.truthy(#chunks >= 1)
  end)

  for i, block in ipairs(chunks) do
    it("has an example that runs, number " .. i, function()
      load_block(block, setmetatable({}, { __index = _G }))()
    end)
  end

  local env = setmetatable({ require = page_require }, { __index = _ENV })
  for _, block in ipairs(specs) do
    load_block(block, env)()
  end
end)

describe("docs/billing-coverage.md", function()
  -- Column of the table, and the folder of files that name none.
  local COLUMNS = { [3] = "stdlib/billing/", [4] = "tests/lua/stdlib/billing/" }
  local FOLDERS =
    { engine = true, policies = true, stdlib = true, tests = true, workflows = true }

  local function rows()
    local list = {}
    for line in io.lines("docs/billing-coverage.md") do
      local cells = {}
      for cell in line:gmatch("|([^|]*)") do
        cells[#cells + 1] = cell:match("^%s*(.-)%s*$")
      end
      if line:find("^| %u%d+ |") then
        list[#list + 1] = cells
      end
    end
    return list
  end

  it("names only files that there are", function()
    for _, cells in ipairs(rows()) do
      for column, folder in pairs(COLUMNS) do
        for name in cells[column]:gmatch("`([^`]+)`") do
          local path = FOLDERS[name:match("^[^/]+")] and name:find("/") and name or folder .. name
          local file = io.open(path, "rb")
          assert.truthy(file, cells[1] .. ": there is no " .. path)
          file:close()
        end
      end
    end
  end)

  it("says of every row whether it is there, and names code and tests of what is", function()
    assert.is_true(#rows() > 80)
    for _, cells in ipairs(rows()) do
      local status = cells[5]
      local is_there = status:find("^there") ~= nil
      assert.truthy(is_there or status:find("^partly: ") or status == "not there", cells[1])
      assert.is_true(not is_there or cells[3] ~= "" and cells[4] ~= "", cells[1])
    end
  end)
end)
