--- Policies as the people see who set them: what is in force and why, whether a change is right.

local policies = require("billow.policies")

local FILES = {
  ["policies/rounding/policy.lua"] = 'return { name = "rounding", version = "1.2.0" }',
  ["policies/rounding/settings.json"] = [[{"title": "Rounding", "properties": {
    "increment_minutes": {"type": "integer", "minimum": 0, "maximum": 60, "default": 0},
    "mode": {"enum": ["up", "down"], "default": "up", "x-scope": ["tenant"]}}}]],
  ["policies/bare/policy.lua"] = 'return { name = "bare", version = "1.0.0" }',
}

local function layer(changes)
  local one = {
    name = "increment_minutes",
    scope_type = "tenant",
    scope_id = "",
    value = 15,
    valid_from = "2026-11-01",
    is_locked = false,
    is_used = true,
    set_by = "Dana",
    set_at_us = 0,
  }
  for name, value in pairs(changes) do
    one[name] = value
  end
  return one
end

describe("the list of policies", function()
  it("has every policy of the release, with version and settings", function()
    local list = policies.list(FILES)
    assert.are.equal("bare", list[1].name)
    assert.are.equal("1.2.0", list[2].version)
    assert.are.equal("up | down", list[2].settings[2].type)
    assert.are.same({ "tenant" }, list[2].settings[2].scopes)
  end)

  it("says which schema is no JSON", function()
    local broken = { ["policies/x/policy.lua"] = "", ["policies/x/settings.json"] = "{" }
    local list, code, text = policies.list(broken)
    assert.is_nil(list)
    assert.are.equal("INVALID", code)
    assert.is_truthy(text:find("policies/x/settings.json", 1, true))
  end)
end)

describe("a policy in force", function()
  it("has its defaults where nobody has set anything", function()
    local one = policies.show(FILES, "rounding", { settings = {}, layers = {} })
    assert.are.equal(0, one.settings[1].value)
    assert.are.equal("default", one.settings[1].origin)
  end)

  it("has the layer that counts, and shows the others", function()
    local narrow = { scope_type = "contract", scope_id = "C", value = 6, is_used = false }
    local layers = { layer({ is_locked = true }), layer(narrow) }
    local one = policies.show(FILES, "rounding", { settings = {}, layers = layers })
    assert.are.equal(15, one.settings[1].value)
    assert.are.equal("tenant, locked", one.settings[1].origin)
    assert.are.equal(2, #one.settings[1].layers)
  end)

  it("keeps false, which is a value too", function()
    local one =
      policies.show(FILES, "rounding", { settings = {}, layers = { layer({ value = false }) } })
    assert.is_false(one.settings[1].value)
  end)
end)

describe("a change", function()
  local function problem(changes)
    local change = {
      policy = "rounding",
      name = "increment_minutes",
      value = 15,
      scope_type = "tenant",
      valid_from = "2026-11-01",
    }
    for name, value in pairs(changes) do
      change[name] = value
    end
    local _, _, text = policies.check(FILES, change)
    return text
  end

  it("is taken when the schema allows it", function()
    assert.is_nil(problem({}))
    assert.is_nil(problem({ scope_type = "contract", scope_id = "C-01" }))
  end)

  it("is refused with what would be right", function()
    local refused = {
      { { policy = "nope" }, "there is no policy nope in the active release: it has bare" },
      { { name = "nope" }, "it has increment_minutes, mode" },
      { { value = 90 }, "rounding.increment_minutes: " },
      { { value = "many" }, "rounding.increment_minutes: " },
      { { name = "mode", value = "sideways" }, "rounding.mode: " },
      {
        { name = "mode", value = "up", scope_type = "contract", scope_id = "C" },
        "cannot be set for a contract: only for tenant",
      },
      { { scope_type = "contract" }, "names it" },
      { { scope_id = "C" }, "names nobody" },
      { { valid_from = "2026-02-30" }, "write YYYY-MM-DD" },
    }
    for _, case in ipairs(refused) do
      local text = problem(case[1])
      assert.is_truthy(text and text:find(case[2], 1, true), case[2] .. " in " .. tostring(text))
    end
  end)
end)

describe("the history", function()
  it("has the changes of one policy, the newest first", function()
    local function row(at_us, policy, action)
      local detail = { policy = policy, name = "mode", value = "up", scope_type = "tenant" }
      return { at_us = at_us, actor = "Dana", action = action or "policy.set", detail = detail }
    end
    local rows = { row(1, "rounding"), row(2, "tax"), row(3, "rounding"), row(4, "rounding", "x") }
    local list = policies.history(rows, "rounding")
    assert.are.equal(2, #list)
    assert.is_true(list[1].at > list[2].at)
    assert.are.equal("Dana", list[1].by)
  end)
end)
