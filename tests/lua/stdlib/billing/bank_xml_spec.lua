--- The XML reader of bank files: what it reads, and what it refuses with line, column and remedy.

local xml = require("billow.billing.bank.xml")

local function refusal(source)
  local root, problem = xml.parse(source)
  assert.is_nil(root)
  return tostring(problem)
end

describe("the XML reader", function()
  it("reads elements, attributes, text, CDATA, comments and references", function()
    local root = assert(xml.parse([=[<?xml version="1.0" encoding="utf-8"?>
<!-- bank --><a x='1 &lt; 2'>one &amp; <!-- no --><b/>two<![CDATA[ <3> ]]>&#x20AC;&#8364;</a>
]=]))
    assert.equal("1 < 2", root.attributes.x)
    assert.equal("one & two <3> \u{20AC}\u{20AC}", root.text)
    assert.equal("b", root.children[1].name)
    assert.equal(2, root.children[1].line)
  end)

  it("resolves prefixes to namespaces, by scope", function()
    local root = assert(xml.parse('<p:a xmlns:p="u"><b xmlns="v"><c/></b><d/></p:a>'))
    assert.equal("a", root.name)
    assert.equal("u", root.namespace)
    assert.equal("v", root.children[1].children[1].namespace)
    assert.equal("", root.children[2].namespace)
  end)

  it("gives the text at a path with blanks collapsed", function()
    local root = assert(xml.parse("<a><b><c> x\n  y </c></b></a>"))
    assert.equal("x y", xml.text(root, "b", "c"))
    assert.is_nil(xml.text(root, "b", "nothing"))
  end)

  local refused = {
    {
      "a document type",
      '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
      'line 1, column 1 is "<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>": document types',
    },
    { "an unknown entity", "<a>\n &nbsp;</a>", 'line 2, column 2 is "&nbsp;</a>": only &lt;' },
    { "a bare &", "<a>A & B</a>", "line 1, column 6 is" },
    { "a reference to no character", "<a>&#0;</a>", "line 1, column 4 is" },
    { "a processing instruction", "<a><?php x?></a>", "processing instructions are not read" },
    { "another encoding", '<?xml version="1.0" encoding="UTF-16"?><a/>', "convert it to UTF-8" },
    { "a tag closed by another", "<a>\n<b></a>", "<b> of line 2 is open: close it first" },
    { "an element never closed", "<a>\n<b>", "<b> of line 2 is never closed: the file is cut off" },
    { "something behind the root", "<a/><b/>", "nothing may follow the root element" },
    { "an attribute without quotes", "<a b=c/>", 'an attribute is expected: write name="value"' },
    { "an attribute twice", '<a b="1" b="2"/>', "the attribute b stands twice" },
    { "< in an attribute", '<a b="<"/>', "holds <: write &lt;" },
    { "an undeclared prefix", "<p:a/>", "the prefix p is not declared: add xmlns:p" },
    { "no XML at all", "20;EUR", 'line 1, column 1 is "20;EUR": an XML document begins with <' },
    { "an empty file", "", "line 1, column 1 is the end of the file" },
    { "a comment without end", "<a><!-- </a>", "the comment does not end" },
    { "CDATA without end", "<a><![CDATA[ </a>", "the CDATA section does not end" },
    { "control characters", "<a>\1</a>", "control characters are not allowed" },
    { "bytes that are no UTF-8", "<a>\255</a>", "the file is not UTF-8: convert it to UTF-8" },
  }
  for _, case in ipairs(refused) do
    it("refuses " .. case[1], function()
      assert.truthy(refusal(case[2]):find(case[3], 1, true), refusal(case[2]))
    end)
  end

  it("refuses elements nested too deep, and too many attributes", function()
    local deep = ("<a>"):rep(40)
    assert.truthy(refusal(deep):find("more than 32 deep", 1, true))
    local wide = "<a"
    for i = 1, 40 do
      wide = wide .. string.format(' a%d="1"', i)
    end
    assert.truthy(refusal(wide .. "/>"):find("at most 32 attributes", 1, true))
  end)

  it("refuses files that are too long before it reads them", function()
    local long = ("x"):rep(xml.BYTES_MAX + 1)
    assert.truthy(refusal(long):find("at most 16777216 bytes are read", 1, true))
  end)
end)
