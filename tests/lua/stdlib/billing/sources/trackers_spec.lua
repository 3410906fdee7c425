local clockify = require("billow.billing.sources.clockify")
local expenses = require("billow.billing.sources.expenses")
local toggl = require("billow.billing.sources.toggl")

--- Read one record given as column -> value.
local function read(source, record, options)
  local header, fields = {}, {}
  for name, value in pairs(record) do
    header[#header + 1], fields[#fields + 1] = name, value
  end
  return assert(source.reader(header, options))(1, fields)
end

local function toggl_record(changes)
  local record = {
    User = "Ana Silva",
    Client = "C",
    Project = "P",
    Task = "T",
    Description = "d",
    Billable = "Yes",
    ["Start date"] = "2026-10-05",
    Duration = "02:08:37",
  }
  for name, value in pairs(changes or {}) do
    record[name] = value
  end
  return record
end

describe("Toggl's report (model 3.1)", function()
  it("becomes a time entry without role, code or approval", function()
    local entry = read(toggl, toggl_record())
    assert.same(
      { "toggl-time:1", "", "", "P", 7717, "none", false },
      {
        entry.id,
        entry.role,
        entry.project_code,
        entry.project_name,
        entry.duration_seconds,
        entry.approval_status,
        entry.invoiced,
      }
    )
  end)

  it("comes after all of Harvest in source order", function()
    assert.is_true(read(toggl, toggl_record()).sequence > 1000000)
  end)

  it("rejects durations that are not H:MM:SS", function()
    for _, value in ipairs({ "2:8:37", "02:60:00", "02:08", "2.14", "-01:00:00" }) do
      assert.is_nil((read(toggl, toggl_record({ Duration = value }))))
    end
    assert.equal(36000, read(toggl, toggl_record({ Duration = "10:00:00" })).duration_seconds)
  end)
end)

describe("Clockify's report (model 3.1)", function()
  local function record(changes)
    local made = {
      User = "Ana Silva",
      Client = "C",
      Project = "P",
      Task = "T",
      Description = "d",
      Billable = "Yes",
      Group = "Engineer",
      ["Start Date"] = "12/10/2026",
      ["Duration (h)"] = "01:51:21",
      ["Billable Rate (EUR)"] = "130.00",
    }
    for name, value in pairs(changes or {}) do
      made[name] = value
    end
    return made
  end

  it("reads dates in the format the firm states, month first by default", function()
    assert.equal("2026-10-12", read(clockify, record(), { date_format = "DD/MM/YYYY" }).work_date)
    assert.equal("2026-12-10", read(clockify, record()).work_date)
    assert.is_nil((read(clockify, record({ ["Start Date"] = "13/10/2026" }))))
  end)

  it("takes the group as role and the rate with the currency of its column", function()
    local entry = read(clockify, record())
    assert.same(
      { "Engineer", "130.00", "EUR", 6681 },
      { entry.role, tostring(entry.source_rate), entry.currency, entry.duration_seconds }
    )
  end)

  it("knows no rate when there is no rate column", function()
    local made = record()
    made["Billable Rate (EUR)"] = nil
    assert.is_nil(read(clockify, made).source_rate)
  end)
end)

describe("Harvest's expense report (model 3.1)", function()
  local function record(changes)
    local made = {
      Date = "2026-10-01",
      Project = "P",
      ["Project Code"] = "P-1",
      Category = "Travel",
      Notes = "taxi",
      ["Billable?"] = "Yes",
      ["Invoiced?"] = "No",
      ["Approved?"] = "No",
      ["First Name"] = "Ana",
      ["Last Name"] = "Silva",
      Total = "139.01",
      Currency = "Euro - EUR",
      ["Receipt URL"] = "",
    }
    for name, value in pairs(changes or {}) do
      made[name] = value
    end
    return made
  end

  it("becomes an expense", function()
    local expense = read(expenses, record())
    assert.same(
      { "expenses:1", "139.01", "EUR", "unapproved", "Travel" },
      {
        expense.id,
        tostring(expense.amount),
        expense.currency,
        expense.approval_status,
        expense.category,
      }
    )
    assert.is_nil(expense.receipt_url)
  end)

  it("rejects an expense without amount, category or currency", function()
    for _, column in ipairs({ "Total", "Category", "Currency" }) do
      assert.is_nil((read(expenses, record({ [column] = "" }))))
    end
  end)
end)
