--- `billow price` on text: what is wrong with one item keeps no other from being priced.

local document = require("billow.billing.price.document")
local json = require("billow.json")

local DUE = '{"id": "due", "payment_terms": {"type": "net", "days": 30}, '
  .. '"issue_date": "2026-11-02"}'

local function run(text)
  local output, complaints = document.run(text)
  return assert(json.decode(output)), complaints
end

describe("one object", function()
  it("gives one result with its explanation", function()
    local result, complaints = run(DUE)
    assert.are.equal("2026-12-02", result.result.due_date)
    assert.is_true(#result.explanation > 0)
    assert.are.equal(0, #complaints)
  end)

  it("that is no JSON is said to be none", function()
    local result, complaints = run('{"payment_terms": ')
    assert.are.equal("item", result.error.field)
    assert.are.equal(1, #complaints)
    assert.is_truthy(complaints[1]:find("this is not JSON", 1, true))
  end)
end)

describe("a list", function()
  it("gives a list, with one result for each item and in their order", function()
    local results = run("[" .. DUE .. ', {"amount": "3.00", "split": {"weights": ["1", "2"]}}]')
    assert.are.equal("due", results[1].id)
    assert.are.equal("split", results[2].kind)
  end)

  it("may be empty", function()
    assert.are.same("[]\n", (document.run(" [ ] ")))
  end)

  it("prices the items beside one that is no JSON, has too many digits or a key twice", function()
    local long = '{"amount": 12345678901234567890123456789012345678.5, "split": {"weights": ["1"]}}'
    local results, complaints =
      run("[" .. table.concat({ DUE, "{oops}", DUE, long, '{"a": 1, "a": 2}', DUE }, ", ") .. "]")
    for _, at in ipairs({ 1, 3, 6 }) do
      assert.are.equal("2026-12-02", results[at].result.due_date)
    end
    for n, at in ipairs({ 2, 4, 5 }) do
      assert.is_truthy(results[at].error.message:find("this is not JSON", 1, true))
      assert.are.equal(1, complaints[n]:find("item " .. at .. ": ", 1, true))
    end
  end)

  it("is not misled by brackets, commas and quotes in texts", function()
    local odd = [[{"id": "a],\"},[", "amount": "1.00", "split": {"weights": ["1"]}}]]
    local tail = [[{"id": "\\", "amount": "1.00", "split": {"weights": ["1"]}}]]
    local results = run("[" .. odd .. "," .. tail .. "]")
    assert.are.equal('a],"},[', results[1].id)
    assert.are.equal("\\", results[2].id)
    assert.are.equal(2, #results)
  end)

  it("that is cut off, or goes on behind its end, is priced as far as it goes", function()
    for _, tail in ipairs({ "", ", {", "] ]", '] {"a": 1}' }) do
      local results, complaints = run("[" .. DUE .. tail)
      assert.are.equal("2026-12-02", results[1].result.due_date)
      assert.is_true(#complaints > 0)
      assert.are.equal(#results - 1, #complaints)
    end
  end)

  it("names a refused item by its place and its id", function()
    local _, complaints = run(
      '[{"id": "x", "payment_terms": {"type": "net", "days": -1}, '
        .. '"issue_date": "2026-11-02"}]'
    )
    assert.are.same({
      "item 1 (x): payment_terms.days is -1: write a number that is at least 0",
    }, complaints)
  end)
end)

describe("the input", function()
  it("may begin with a byte order mark", function()
    assert.are.equal("2026-12-02", run("\xEF\xBB\xBF" .. DUE).result.due_date)
    assert.are.equal(1, #run("\xEF\xBB\xBF[" .. DUE .. "]"))
  end)

  it("that is empty, or several items without a list, gets told how they are written", function()
    assert.is_truthy(run(" \n").error.message:find("nothing is here", 1, true))
    assert.are.equal("put several items into one list, [..., ...]",
      run(DUE .. "\n" .. DUE).error.remedy)
  end)

  it("of a list in a list is refused item by item", function()
    local results = run("[[" .. DUE .. "], [], " .. DUE .. "]")
    assert.are.same({ "a list", "a list" }, { results[1].error.value, results[2].error.value })
    assert.are.equal("2026-12-02", results[3].result.due_date)
  end)

  it("comes back as text that a terminal cannot take for commands, in whole characters", function()
    local output, complaints = document.run(
      '[{"amount": "\\u001b[2J", "split": {"weights": ["1"]}},'
      .. '{"amount": "' .. ("\xC3\xA9"):rep(60) .. 'x", "split": {"weights": ["1"]}}]')
    assert.is_nil(table.concat(complaints):find("%c"))
    assert.is_truthy(complaints[1]:find("\\u001b[2J", 1, true))
    assert.is_truthy(utf8.len(output))
  end)
end)
