--- docs/firm.md is true: its fields are read, none is missing, its examples are a firm.

local build = require("support.billing")
local json = require("billow.json")
local model = require("billow.billing.model")

-- Neither a text, nor a list, nor an object, nor a decimal of this data model.
local WRONG = 3.5

local function page()
  local file = assert(io.open("docs/firm.md", "rb"))
  local content = file:read("a")
  file:close()
  return content
end

--- The fields in the first column of a section's table.
local function fields_of(section)
  local content = page()
  local from = assert(content:find("\n## " .. section, 1, true))
  local to = content:find("\n## ", from + 1, true) or #content
  local fields = {}
  for cell in content:sub(from, to):gmatch("\n| (`[^|]*) |") do
    for name in cell:gmatch("`([%w_]+)`") do
      fields[#fields + 1] = name
    end
  end
  return fields
end

local function is_read(part, document, name)
  local copy = assert(json.decode(json.encode(document)))
  copy[name] = WRONG
  local _, problems = model.read(build.files({ [part] = copy }))
  for _, problem in ipairs(problems) do
    if problem.field == name then
      return true
    end
  end
  return false
end

describe("the page of the firm", function()
  for section, part in pairs({ ["firm.json"] = "firm", ["opening.json"] = "opening" }) do
    it("names only fields of " .. section .. " that are read", function()
      local fields = fields_of(section)
      assert.is_true(#fields > 5)
      for _, name in ipairs(fields) do
        assert.is_true(is_read(part, build.files({})[part], name), name)
      end
    end)
  end

  it("has examples that are read as they stand", function()
    local examples = {}
    for text in page():gmatch("```json\n(.-)\n```") do
      examples[#examples + 1] = assert(json.decode(text))
    end
    local ctx, problems = model.read({
      firm = examples[1],
      opening = examples[2],
      customers = {},
      contracts = {},
      rate_cards = {},
    })
    assert.is_truthy(ctx, tostring(problems[1]))
  end)
end)
