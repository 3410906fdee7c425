local build = require("support.billing")
local html = require("billow.billing.html")

local function page(customer, options)
  local ctx = build.context({ customers = { build.customer(customer) } })
  local entries = { build.entry(1, { duration_seconds = 3600 * 20, task = "R&D <b>" }) }
  local month = build.compute(ctx, entries)
  return html.render(ctx, month.contracts.C.invoices[1], options), month
end

local function has(text, part)
  return text:find(part, 1, true) ~= nil
end

describe("an invoice's page", function()
  it("shows number, parties, lines, tax and totals", function()
    local text = page()
    for _, part in ipairs({
      "Invoice INV-2026-00001",
      "Firm",
      "Customer",
      "2,000.00",
      "380.00",
      "2,380.00 EUR",
      "Please pay 2,380.00 EUR by 2026-12-02.",
    }) do
      assert.is_true(has(text, part), part)
    end
  end)

  it("escapes whatever comes from outside", function()
    local text = page({ name = "<script>alert(1)</script>" })
    assert.is_true(has(text, "&lt;script&gt;"))
    assert.is_true(has(text, "R&amp;D &lt;b&gt;"))
    assert.is_false(has(text, "<script"))
  end)

  it("leans on nothing outside of itself", function()
    local text = page()
    assert.is_false(has(text, "http://"))
    assert.is_false(has(text, "https://"))
    assert.is_false(has(text, "<link"))
  end)

  it("speaks German to a German-speaking customer", function()
    local text = page({ language = "de" })
    for _, part in ipairs({
      '<html lang="de">',
      "Rechnung INV-2026-00001",
      "2.380,00 EUR",
      "02.12.2026",
    }) do
      assert.is_true(has(text, part), part)
    end
  end)

  it("says in large letters that a blocked invoice is none", function()
    local text = page({ buyer_reference_required = true })
    assert.is_true(has(text, "BLOCKED: this is not an invoice"))
  end)

  it("is marked as a draft until it has a number, unless a placeholder stands for it", function()
    local ctx = build.context()
    local invoice = build.compute(ctx, { build.entry(1) }).contracts.C.invoices[1]
    invoice.number = require("billow.json").null
    assert.is_true(has(html.render(ctx, invoice), "DRAFT: this is not an invoice"))
    local text = html.render(ctx, invoice, { number = "{{number}}" })
    assert.is_false(has(text, "DRAFT"))
    assert.is_true(has(text, "{{number}}"))
  end)
end)
