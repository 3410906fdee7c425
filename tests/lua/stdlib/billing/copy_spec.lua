local copy = require("billow.billing.copy")

describe("a copy", function()
  it("has the changes; what it was made from has not", function()
    local record = { a = 1, b = 2 }
    assert.same({ a = 1, b = 3, c = 4 }, copy.with(record, { b = 3, c = 4 }))
    assert.same({ a = 1, b = 2 }, record)
  end)
end)
