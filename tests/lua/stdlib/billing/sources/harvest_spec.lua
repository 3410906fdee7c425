local harvest = require("billow.billing.sources.harvest")

local HEADER = {
  "Date",
  "Client",
  "Project",
  "Project Code",
  "Task",
  "Notes",
  "Hours",
  "Billable?",
  "Invoiced?",
  "Approved?",
  "First Name",
  "Last Name",
  "Roles",
  "Billable Rate",
  "Currency",
}

local FINE = {
  Date = "2026-10-05",
  Client = "C",
  Project = "P",
  ["Project Code"] = "P-1",
  Task = "Testing",
  Notes = "n",
  Hours = "1.26",
  ["Billable?"] = "Yes",
  ["Invoiced?"] = "No",
  ["Approved?"] = "Yes",
  ["First Name"] = "Ana",
  ["Last Name"] = "Silva",
  Roles = "Consultant, Madrid",
  ["Billable Rate"] = "165.0",
  Currency = "Euro - EUR",
}

--- Read one record with these changes.
local function read(changes)
  local fields = {}
  for i, name in ipairs(HEADER) do
    fields[i] = changes and changes[name] or FINE[name]
  end
  return assert(harvest.reader(HEADER))(17, fields)
end

describe("Harvest's time report (model 3.1)", function()
  it("becomes a time entry named after file and record number", function()
    local entry = read()
    assert.equal("165.0", tostring(entry.source_rate))
    entry.source_rate = nil
    assert.same({
      id = "harvest-time:17",
      source = "harvest-time",
      sequence = 17,
      person = "Ana Silva",
      role = "Consultant",
      client = "C",
      project_code = "P-1",
      project_name = "P",
      task = "Testing",
      notes = "n",
      work_date = "2026-10-05",
      duration_seconds = 4560,
      billable = true,
      invoiced = false,
      approval_status = "approved",
      currency = "EUR",
    }, entry)
  end)

  it("rounds hours to whole minutes", function()
    assert.equal(76 * 60, read({ Hours = "1.26" }).duration_seconds) -- 75.6
    assert.equal(0, read({ Hours = "0.00" }).duration_seconds)
    assert.equal(86400, read({ Hours = "24" }).duration_seconds)
  end)

  it("trims every field", function()
    assert.equal("Testing", read({ Task = " \tTesting\r\n" }).task)
  end)

  it("takes an empty or zero rate for none", function()
    assert.is_nil(read({ ["Billable Rate"] = "" }).source_rate)
    assert.is_nil(read({ ["Billable Rate"] = "0.0" }).source_rate)
  end)

  it("takes what follows the last dash as the currency, or the whole field", function()
    assert.equal("JPY", read({ Currency = "Yen - Japan - JPY" }).currency)
    assert.equal("USD", read({ Currency = "USD" }).currency)
  end)

  local broken = {
    Date = "05.10.2026",
    Hours = "24.01",
    ["Billable?"] = "yes",
    ["Invoiced?"] = "",
    ["Approved?"] = "1",
    ["Billable Rate"] = "-5",
  }
  for column, value in pairs(broken) do
    it("rejects a row whose " .. column .. " is " .. (value == "" and "empty" or value), function()
      local entry, problem = read({ [column] = value })
      assert.is_nil(entry)
      assert.same(
        { "INVALID_ROW", "harvest-time:17", "entry" },
        { problem.code, problem.ref, problem.level }
      )
      assert.truthy(problem.message:find(column, 1, true))
    end)
  end

  it("rejects hours that are not a plain number", function()
    for _, value in ipairs({ "1,5", "1e1", "-1", "1.", ".5", "0x10" }) do
      assert.is_nil((read({ Hours = value })))
    end
  end)

  it("rejects days that do not exist", function()
    assert.is_nil((read({ Date = "2026-02-29" })))
  end)

  it("rejects a row with more or fewer fields than the header", function()
    local _, problem = assert(harvest.reader(HEADER))(3, { "2026-10-05" })
    assert.equal(
      "the record has 1 fields, the header 15: correct the row in the source and import again",
      problem.message
    )
  end)

  it("rejects a file without a required column, and names it", function()
    local reader, err = harvest.reader({ "Date", "Project" })
    assert.is_nil(reader)
    assert.truthy(err:find("harvest-time.csv: column Project Code, Task", 1, true))
  end)
end)
