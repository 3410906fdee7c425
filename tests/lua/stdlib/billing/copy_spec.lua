local copy = require("billow.billing.copy")

describe("a copy", function()
  it("has the changes; what it was made from has not", function()
    local record = { a = 1, b = 2 }
    assert.same({ a = 1, b = 3, c = 4 }, copy.with(record, { b = 3, c = 4 }))
    assert.same({ a = 1, b = 2 }, record)
  end)
end)

describe("a copy of a list", function()
  it("is as long as the list, and may be changed", function()
    local list = {}
    for place = 1, 10000 do
      list[place] = place
    end
    local made = copy.list(list)
    made[1] = 0
    assert.are.same({ 10000, 10000, 1 }, { #made, made[10000], list[1] })
    assert.are.same({ 1, 2 }, copy.list(list, 2))
  end)
end)
