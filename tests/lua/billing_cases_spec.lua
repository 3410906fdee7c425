--- Worked cases of other billing systems, their documentation and statutes, computed by Billow.
---
--- `billing_cases/cases.json` restates the facts; `billing_cases/adapter.lua` translates them;
--- `billing_cases/README.md` says what is not run and why. Figures agree by value: "8.00" = "8".

local adapter = require("billing_cases.adapter")
local decimal = require("billow.decimal")
local json = require("billow.json")

local CASES_PATH = "tests/lua/billing_cases/cases.json"
local CASES_MIN = 151 -- of the 156; the rest have reasons

local function read_cases()
  local file = assert(io.open(CASES_PATH, "rb"))
  local content = file:read("a")
  file:close()
  return assert(json.decode(content))
end

local function as_number(value)
  if math.type(value) == "integer" then
    return decimal(value)
  end
  return type(value) == "string" and decimal.parse((value:gsub("%%$", ""))) or nil
end

--- Fields that only restate the facts.
local IGNORED = { forbidden_invoice_2_hours = true }

local function agrees(expected, actual, path)
  if type(expected) == "table" and expected ~= json.null then
    assert.are.equal("table", type(actual), path)
    if #expected > 0 then
      assert.are.equal(#expected, #actual, path .. ": number of elements")
    end
    for name, value in pairs(expected) do
      if not IGNORED[name] then
        agrees(value, actual[name], path .. "." .. name)
      end
    end
    return
  end
  local wanted, got = as_number(expected), as_number(actual)
  if wanted and got then
    assert.is_true(wanted == got, path .. ": expected " .. tostring(expected) .. ", got "
      .. tostring(actual))
  else
    assert.are.equal(expected, actual, path)
  end
end

describe("worked billing cases", function()
  local run = 0
  for _, case in ipairs(read_cases()) do
    if not adapter.reason_not_run(case) then
      run = run + 1
      it(case.id .. " (" .. case.rule .. ", " .. case.source .. ")", function()
        agrees(case.expected, adapter.answer(case), case.id)
      end)
    end
  end

  it("are run unless there is a reason", function()
    assert.is_true(run >= CASES_MIN, run .. " cases are run")
  end)
end)
