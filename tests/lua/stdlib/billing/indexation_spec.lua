--- Prices that follow an index.

local decimal = require("billow.decimal")
local indexation = require("billow.billing.indexation")

local function steps(terms, values)
  local read = { base_value = decimal(100), notice_days = terms.notice_days }
  for _, name in ipairs({ "floor_percent", "cap_percent", "threshold_percent", "share_percent" }) do
    read[name] = terms[name] and decimal(terms[name])
  end
  local adjustments = {}
  for i, value in ipairs(values) do
    adjustments[i] = {
      valid_from = (2026 + i) .. "-01-01",
      value = decimal(value),
      notice_date = terms.notice_date,
    }
  end
  return indexation.steps(read, adjustments)
end

local function factors(terms, values)
  local texts = {}
  for i, step in ipairs(steps(terms, values)) do
    texts[i] = tostring(step.factor:round(4))
  end
  return table.concat(texts, " ")
end

describe("indexed prices", function()
  it("change by as much as the index, from base to base", function()
    assert.equal("1.0300 1.0609", factors({}, { "103", "106.09" }))
  end)

  it("stay inside floor and cap", function()
    assert.equal("1.0400 1.0400", factors({ cap_percent = "4", floor_percent = "0" },
      { "110", "105" }))
  end)

  it("leave small changes to the next date, from the same base", function()
    assert.equal("1.0000 1.0350", factors({ threshold_percent = "2" }, { "101.5", "103.5" }))
  end)

  it("may follow in part only", function()
    assert.equal("1.0700", factors({ share_percent = "70" }, { "110" }))
  end)

  it("wait for notice in time", function()
    local late = steps({ notice_days = 90, notice_date = "2026-12-01" }, { "110" })[1]
    assert.equal("0", tostring(late.applied_percent))
    assert.equal("notice of 2026-12-01 came after 2026-10-03", late.note)
    assert.equal("1.1000", factors({ notice_days = 90, notice_date = "2026-10-03" }, { "110" }))
    assert.equal("no notice was given", steps({ notice_days = 90 }, { "110" })[1].note)
  end)

  it("have a factor on every day", function()
    local made = steps({}, { "103" })
    assert.equal("1", tostring(indexation.factor_on(made, "2026-12-31")))
    assert.equal("1.03", tostring(indexation.factor_on(made, "2027-01-01"):round(2)))
  end)
end)
