--- Taxes that the buyer keeps back (T5): they lower what is to be paid, not the invoice.

local build = require("support.billing")
local credit_note = require("billow.billing.credit_note")
local decimal = require("billow.decimal")
local draft = require("billow.billing.draft")
local html = require("billow.billing.html")
local invoice = require("billow.billing.invoice")
local json = require("billow.json")

local IRPF = { { name = "IRPF", percent = "15" } }

--- The invoice of these lines ({net, tax_code?}) under a contract with these changes.
local function bill(lines, changes, files)
  changes = changes or {}
  if changes.withholding_taxes == nil then
    changes.withholding_taxes = IRPF
  end
  local ctx = build.context_of({}, changes, files)
  local made = draft.new({})
  for i, fields in ipairs(lines) do
    made.lines[i] = draft.line(2, {
      component = "expense",
      description_key = "expense:" .. i,
      unit_price = decimal(fields[1]),
      tax_code = fields[2],
    })
  end
  local invoices = invoice.assemble(ctx, ctx.contracts.C, made)
  local list = {}
  for i, object in ipairs(invoices) do
    list[i] = invoice.canonical(ctx, object)
  end
  return list[1], ctx, list
end

local function figures_of(object)
  local totals = object.totals
  return totals.tax_exclusive_amount,
    totals.tax_inclusive_amount,
    totals.prepaid_amount,
    totals.payable_amount
end

describe("withheld tax", function()
  it("is a percentage of the net, and taken off what is to be paid (Spain: 15 %)", function()
    local object = bill({ { "1000.00" } })
    assert.same({ "1000.00", "1190.00", "150.00", "1040.00" }, { figures_of(object) })
    assert.same(json.array({
      { name = "IRPF", percent = "15", taxable_amount = "1000.00", tax_amount = "150.00" },
    }), object.withholding_taxes)
  end)

  it("leaves tax groups and what the invoice comes to as they are", function()
    local with = bill({ { "333.33" }, { "66.67", "R" } })
    local without = bill({ { "333.33" }, { "66.67", "R" } }, { withholding_taxes = json.null })
    assert.same(without.tax_breakdown, with.tax_breakdown)
    assert.equal(without.totals.tax_inclusive_amount, with.totals.tax_inclusive_amount)
    assert.is_nil(without.withholding_taxes)
    assert.equal("0.00", without.totals.prepaid_amount)
  end)

  it("is not taken of what was laid out in the buyer's name (category O)", function()
    local object = bill({ { "500.00", "O" } }, { tax_code = "O" })
    assert.equal("0.00", object.withholding_taxes[1].tax_amount)
    assert.equal("500.00", object.totals.payable_amount)
  end)

  it("may be several, each rounded by itself, half up", function()
    local object = bill({ { "33.30" } }, {
      withholding_taxes = {
        { name = "Ritenuta", percent = "20" },
        { name = "Altra", percent = "1.5" },
      },
    })
    assert.equal("6.66", object.withholding_taxes[1].tax_amount)
    assert.equal("0.50", object.withholding_taxes[2].tax_amount)
    assert.equal("7.16", object.totals.prepaid_amount)
  end)

  it("is taken off before what is payable is rounded", function()
    local object = bill({ { "100.00" } }, { payable_rounding_increment = "1" })
    -- 119.00 - 15.00 = 104.00
    assert.equal("104.00", object.totals.payable_amount)
    object = bill({ { "100.10" } }, { payable_rounding_increment = "1" })
    -- 119.12 - 15.02 = 104.10
    assert.same({ "-0.10", "104.00" }, {
      object.totals.payable_rounding_amount,
      object.totals.payable_amount,
    })
  end)

  it("is withheld by each payer from its own share", function()
    local _, _, list = bill({ { "100.01" } }, {
      payers = { { customer_id = "CU", percent = "50" }, { customer_id = "CV", percent = "50" } },
    }, { customers = { build.customer(), build.customer({ id = "CV" }) } })
    assert.same({ "50.01", "50.00" }, {
      list[1].withholding_taxes[1].taxable_amount,
      list[2].withholding_taxes[1].taxable_amount,
    })
    assert.same({ "7.50", "7.50" }, {
      list[1].withholding_taxes[1].tax_amount,
      list[2].withholding_taxes[1].tax_amount,
    })
  end)

  it("is not taken of contributions to a fund, unless it says so (Italy)", function()
    -- 1000 + 4 % = 1040; 19 % of that 197.60; 20 % withheld of 1000, or of 1040.
    local ritenuta = { name = "Ritenuta", percent = "20" }
    local terms = {
      contributions = { { name = "Cassa", percent = "4" } },
      withholding_taxes = { ritenuta },
    }
    local object = bill({ { "1000.00" } }, terms)
    assert.same({ "contribution", "contribution:Cassa", "40.00" }, {
      object.lines[2].component,
      object.lines[2].description_key,
      object.lines[2].net_amount,
    })
    assert.same({ "1040.00", "1237.60", "200.00", "1037.60" }, { figures_of(object) })
    ritenuta.includes_contributions = true
    object = bill({ { "1000.00" } }, terms)
    assert.equal("208.00", object.totals.prepaid_amount)
  end)

  it("comes to what invoices of Spain, Italy and India show", function()
    local function code(percent)
      local rates = { { valid_from = "2020-01-01", percent = percent } }
      return {
        firm = build.firm({ tax_codes = { { id = "X", category_code = "S", rates = rates } } }),
        customers = { build.customer({ tax_code = "X" }) },
      }
    end
    local terms = { tax_code = "X" }
    local object = bill({ { "1620.00" } }, terms, code("21"))
    assert.same({ "1620.00", "1960.20", "243.00", "1717.20" }, { figures_of(object) })

    -- A fund's 4 % that is paid with the fee, and taxed and withheld like it.
    terms.contributions = { { name = "Cassa", percent = "4" } }
    terms.withholding_taxes =
      { { name = "Ritenuta", percent = "20", includes_contributions = true } }
    object = bill({ { "1600.00" } }, terms, code("22"))
    assert.same({ "1664.00", "2030.08", "332.80", "1697.28" }, { figures_of(object) })

    terms.contributions = nil
    terms.withholding_taxes = { { name = "TDS", percent = "10" } }
    object = bill({ { "50000.00" } }, terms, code("18"))
    assert.same({ "50000.00", "59000.00", "5000.00", "54000.00" }, { figures_of(object) })
  end)

  it("stands on the page between the total and what is due", function()
    local object, ctx = bill({ { "1000.00" } })
    local page = html.render(ctx, object, { number = "INV-1" })
    assert.matches("Less IRPF 15 %% withheld</td><td class=\"n\">%-150%.00 EUR", page)
  end)
end)

describe("withheld tax of a credit note", function()
  local function basis_of(object)
    return { invoice = object, credits = {}, credited = {}, billed = {} }
  end

  local function credit(basis, request)
    local made = credit_note.build(basis, request, { id = "N", issue_date = "2026-11-20" }).object
    table.insert(basis.credits, made)
    return made
  end

  it("is credited whole with the whole invoice", function()
    local object = bill({ { "1000.00" } })
    local note = credit(basis_of(object), { all = true })
    assert.same({ figures_of(object) }, { figures_of(note) })
    assert.same(object.withholding_taxes, note.withholding_taxes)
  end)

  it("of contributions goes by what of them is credited", function()
    local object = bill({ { "1000.00" } }, {
      contributions = { { name = "Cassa", percent = "4" } },
      withholding_taxes = { { name = "Ritenuta", percent = "20" } },
    })
    local basis = basis_of(object)
    local note = credit(basis, { lines = json.array({ { line_id = "2" } }) })
    assert.same({ "40.00", "0.00" }, {
      note.totals.tax_exclusive_amount,
      note.totals.prepaid_amount,
    })
    note = credit(basis, { all = true })
    assert.same({ "1000.00", "200.00" }, {
      note.totals.tax_exclusive_amount,
      note.totals.prepaid_amount,
    })
  end)

  it("comes to the whole however the invoice is cut, and never to more on the way", function()
    local object = bill({ { "1.00" } }, { tax_code = "AE" })
    local basis, payable, withheld = basis_of(object), decimal(0), decimal(0)
    for _ = 1, 33 do
      local note = credit(basis, { amount = "0.03" })
      payable = payable + decimal(note.totals.payable_amount)
      withheld = withheld + decimal(note.totals.prepaid_amount)
      assert.is_true(payable <= decimal(object.totals.payable_amount))
    end
    credit(basis, { all = true })
    for _, field in ipairs({ "payable_amount", "prepaid_amount", "tax_exclusive_amount" }) do
      local sum = decimal(0)
      for _, note in ipairs(basis.credits) do
        sum = sum + decimal(note.totals[field])
      end
      assert.equal(object.totals[field], sum:fixed(2), field)
    end
    assert.equal("0.15", withheld:fixed(2))
  end)
end)
