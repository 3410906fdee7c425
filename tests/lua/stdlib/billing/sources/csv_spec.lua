local csv = require("billow.billing.sources.csv")

local function parse(text)
  local header, records = csv.parse(text)
  return { header = header, records = records }
end

describe("CSV (model 3.1)", function()
  it("splits records at LF or CRLF, with or without a last line end", function()
    local expected = { header = { "a", "b" }, records = { { "1", "2" }, { "3", "" } } }
    assert.same(expected, parse("a,b\n1,2\n3,\n"))
    assert.same(expected, parse("a,b\r\n1,2\r\n3,\r\n"))
    assert.same(expected, parse("a,b\n1,2\n3,"))
  end)

  it("keeps commas, doubled quotes and line breaks inside quotes", function()
    assert.same(
      { { 'say "hi", twice', "two\nlines" } },
      parse('a,b\n"say ""hi"", twice","two\nlines"\n').records
    )
  end)

  it("skips a byte order mark and blank lines", function()
    assert.same(
      { header = { "a" }, records = { { "1" }, { "2" } } },
      parse("\u{FEFF}a\n\n1\n\r\n2\n\n")
    )
  end)

  it("takes a quoted empty field for a record", function()
    assert.same({ { "" } }, parse('a\n""\n').records)
  end)

  it("says when a quote is never closed or there is no header", function()
    local header, err = csv.parse('a\n1\n"2')
    assert.is_nil(header)
    assert.equal("a quote opened in record 2 is never closed", err)
    assert.equal("the file has no header", select(2, csv.parse("\n")))
  end)
end)
