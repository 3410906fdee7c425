--- The example firm's whole month against the result that was computed independently of this code.
local build = require("support.billing")
local compare = require("tests.tools.compare")
local folder = require("billow.billing.folder")
local json = require("billow.json")
local period = require("billow.billing.period")

local FILES = {
  "firm.json",
  "customers.json",
  "contracts.json",
  "rate-cards.json",
  "opening.json",
  "harvest-time.csv",
  "toggl-time.csv",
  "clockify-time.csv",
  "expenses.csv",
  "milestones.json",
  "usage.jsonl",
}

local function texts()
  local contents = {}
  for _, file in ipairs(FILES) do
    contents[file] = build.example(file)
  end
  return contents
end

describe("the example firm's October 2026", function()
  local month, expected

  setup(function()
    local ctx, sources = folder.read(texts(), "2026-10")
    assert(ctx, sources[1] and sources[1].text)
    month = json.decode(json.encode(period.compute(ctx, sources)))
    expected = json.decode(build.example("expected.json"))
  end)

  it("agrees to the cent in every invoice, number, reference and exception", function()
    local report = compare.months(expected, { month }, { numbers = true, references = true })
    assert.equal(
      "22 of 22 invoices agree to the cent; 87 of 87 exceptions agree",
      compare.text(report)[#compare.text(report)]
    )
    assert.is_true(report.agrees, table.concat(compare.text(report), "\n"))
  end)

  it("agrees in the closing state of every contract", function()
    for id, contract in pairs(expected.contracts) do
      assert.equal(json.encode(contract.closing), json.encode(month.contracts[id].closing), id)
    end
  end)

  it("agrees in where every second of worked time went", function()
    assert.same(expected.seconds, month.seconds)
  end)

  it("writes every invoice in the same words and the same order of lines", function()
    for id, contract in pairs(expected.contracts) do
      assert.equal(json.encode(contract.invoices), json.encode(month.contracts[id].invoices), id)
    end
  end)

  it("tells the searched path of an entry without a rate as expected", function()
    local function no_rate(result)
      for _, exception in ipairs(result.contracts["C-05"].exceptions) do
        if exception.code == "NO_RATE" then
          return exception.details
        end
      end
    end
    assert.same(no_rate(expected), no_rate(month))
  end)
end)

describe("a folder that does not fit", function()
  local function read_with(file, content)
    local contents = texts()
    contents[file] = content
    local ctx, problems = folder.read(contents, "2026-10")
    assert.is_nil(ctx)
    return problems[1].text
  end

  it("names a missing file", function()
    assert.equal(
      "firm.json: the file is missing (found nothing): add it to the folder",
      read_with("firm.json", nil)
    )
  end)

  it("names a file that is not JSON", function()
    assert.truthy(read_with("contracts.json", "[{"):find("contracts.json: not JSON", 1, true))
  end)

  it("rejects a CSV file without a required column", function()
    assert.truthy(
      read_with("expenses.csv", "Date,Total\n"):find("expenses.csv: column Project Code", 1, true)
    )
  end)

  it("rejects milestones that cannot be read", function()
    local text = read_with("milestones.json", '[{"id":"E-1","contract_id":"C-10","type":"party"}]')
    assert.truthy(text:find("milestones.json: event E-1: type: not one of the values", 1, true))
  end)
end)
