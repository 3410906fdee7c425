local build = require("support.billing")
local number = require("billow.billing.number")

describe("invoice numbers (model 3.12)", function()
  it("fills year, month, customer and the padded sequence into the format", function()
    local function text(format)
      return number.format(format, 214, "2026-11-02", "CU-01")
    end
    assert.equal("INV-2026-00214", text("INV-{YYYY}-{SEQ:5}"))
    assert.equal("AR2611-214", text("AR{YY}{MM}-{SEQ:3}"))
    assert.equal("CU-01/214", text("{CUSTOMER}/{SEQ:1}"))
    assert.equal("{OTHER}", text("{OTHER}"))
  end)

  local function allocator(series)
    local firm = build.context().firm
    return number.allocator(firm, { issue_date = "2026-11-02", number_series = series })
  end

  it("starts with the opening's next sequence, each series by itself", function()
    local next_number = allocator({ INV = { next_sequence = 7 } })
    assert.equal("INV-2026-00007", (next_number("380", "2026-11-02", "CU")))
    assert.equal("A2611-001", (next_number("386", "2026-11-02", "CU")))
    assert.equal("INV-2026-00008", (next_number("380", "2026-11-02", "CU")))
  end)

  it("restarts at 1 when the issue date enters a new year or month", function()
    local next_number = allocator({ INV = { next_sequence = 7 }, ADV = { next_sequence = 4 } })
    assert.equal("INV-2026-00007", (next_number("380", "2026-12-31", "CU")))
    assert.equal("INV-2027-00001", (next_number("380", "2027-01-01", "CU")))
    assert.equal("A2611-004", (next_number("386", "2026-11-30", "CU")))
    assert.equal("A2612-001", (next_number("386", "2026-12-01", "CU")))
  end)

  it("never restarts a series that never resets", function()
    assert.equal("", number.stretch({ reset = "never" }, "2027-01-01"))
  end)

  it("gives no number when no series takes the type", function()
    assert.is_nil((allocator({})("381", "2026-11-02", "CU")))
  end)
end)
