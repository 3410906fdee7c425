--- A rate that is several taxes (T9), tax rounded line by line (T7), and the Spanish taxes beside
--- VAT (T2, EN 16931 BR-AF and BR-AG): on the invoice and in its credit notes.

local build = require("support.billing")
local credit_note = require("billow.billing.credit_note")
local decimal = require("billow.decimal")
local draft = require("billow.billing.draft")
local html = require("billow.billing.html")
local invoice = require("billow.billing.invoice")
local json = require("billow.json")

local RATES = { { valid_from = "2017-07-01", percent = "18" } }
local HALVES = { { name = "CGST", share = "0.5" }, { name = "SGST", share = "0.5" } }
local CODES = {
  { id = "GST", category_code = "S", rates = RATES, parts = HALVES },
  { id = "IGST", category_code = "S", rates = RATES },
  { id = "IGIC", category_code = "L", rates = { { valid_from = "2020-01-01", percent = "7" } } },
  { id = "IPSI", category_code = "M", rates = { { valid_from = "2020-01-01", percent = "4" } } },
}

--- The invoice of these nets, all with one tax code or each with its own.
local function bill(nets, code, firm_changes, changes)
  local firm = { tax_codes = CODES }
  for name, value in pairs(firm_changes or {}) do
    firm[name] = value
  end
  changes = changes or {}
  changes.tax_code = code
  local ctx = build.context_of({}, changes, {
    firm = build.firm(firm),
    customers = { build.customer({ tax_code = code, address = (changes or {}).address }) },
  })
  local made = draft.new({})
  for i, net in ipairs(nets) do
    local amount, own = net, nil
    if type(net) == "table" then
      amount, own = net[1], net[2]
    end
    made.lines[i] = draft.line(2, {
      component = "expense",
      description_key = "expense:" .. i,
      unit_price = decimal(amount),
      tax_code = own,
    })
  end
  local invoices, exceptions = invoice.assemble(ctx, ctx.contracts.C, made)
  return invoice.canonical(ctx, invoices[1]), build.codes(exceptions), ctx
end

local function credits(object, requests)
  local basis = { invoice = object, credits = {}, credited = {}, billed = {} }
  for i, request in ipairs(requests) do
    local options = { id = "N/" .. i, issue_date = "2026-11-20" }
    basis.credits[i] = credit_note.build(basis, request, options).object
  end
  return basis.credits
end

local function parts_of(object)
  local list = {}
  for i, part in ipairs(object.tax_breakdown[1].parts) do
    list[i] = part.name .. " " .. part.percent .. " " .. part.tax_amount
  end
  return list
end

describe("a rate that is several taxes", function()
  it("is computed tax by tax, and the group's tax is their sum", function()
    -- 9 % of 100.05 = 9.0045: 9.00 twice, where 18 % would be 18.01.
    local object = bill({ "100.05" }, "GST")
    assert.same({ "CGST 9 9.00", "SGST 9 9.00" }, parts_of(object))
    assert.same({ "18", "18.00", "118.05" }, {
      object.tax_breakdown[1].percent,
      object.tax_breakdown[1].tax_amount,
      object.totals.payable_amount,
    })
  end)

  it("stands tax by tax on the page", function()
    local object, _, ctx = bill({ "1000.00" }, "GST")
    local page = html.render(ctx, object, { number = "INV-1" })
    assert.matches("<td>CGST</td><td class=\"n\">9 %%</td>", page)
    assert.matches("<td>SGST</td>", page)
  end)

  it("is credited tax by tax, each to the cent however it is cut", function()
    local object = bill({ "100.05" }, "GST")
    local notes = credits(object, { { amount = "33.37" }, { amount = "33.35" }, { all = true } })
    for i = 1, 2 do
      local sum = decimal(0)
      for _, note in ipairs(notes) do
        sum = sum + decimal(note.tax_breakdown[1].parts[i].tax_amount)
      end
      assert.equal("9.00", sum:fixed(2))
    end
    assert.same({ "CGST 9 3.00", "SGST 9 3.00" }, parts_of(notes[1]))
  end)

  it("does not stand beside another one of the same percentage", function()
    local _, codes = bill({ "100.00", { "50.00", "IGST" } }, "GST")
    assert.same({ "TAX_CATEGORY_MIX C/CU" }, codes)
    _, codes = bill({ "100.00", { "50.00", "GST" } }, "GST")
    assert.same({}, codes)
  end)

  it("is what the place of supply asks for inside a state, and one tax between states", function()
    local function blocked(code, state)
      local _, codes = bill({ "100.00" }, code, {
        country_code = "IN",
        address = { country_code = "IN", country_subentity = "27" },
      }, {
        supply = { service = "general" },
        address = { country_code = "IN", country_subentity = state },
      })
      return #codes > 0
    end
    assert.is_false(blocked("GST", "27"))
    assert.is_true(blocked("IGST", "27"))
    assert.is_false(blocked("IGST", "29"))
    assert.is_true(blocked("GST", "29"))
  end)
end)

describe("tax rounded line by line", function()
  it("sums what is rounded; by group it is rounded once", function()
    local nets = { "0.03", "0.03", "0.03" } -- 18 %: 0.0054 each, 0.0162 in all
    assert.equal("0.02", bill(nets, "IGST").totals.tax_amount)
    local object = bill(nets, "IGST", { tax_rounding = "line" })
    assert.equal("0.03", object.totals.tax_amount)
    assert.equal("line", object.tax_rounding)
    assert.is_nil(bill(nets, "IGST").tax_rounding)
  end)

  it("rounds each tax of each line", function()
    local object = bill({ "0.06", "0.06" }, "GST", { tax_rounding = "line" })
    assert.same({ "CGST 9 0.02", "SGST 9 0.02" }, parts_of(object)) -- 0.0054: 0.01 each
  end)

  it("credits a line with the tax that it was billed with", function()
    local object = bill({ "0.03", "0.03", "0.03" }, "IGST", { tax_rounding = "line" })
    local lines = json.array({ { line_id = "1" }, { line_id = "2" } })
    local notes = credits(object, { { lines = lines }, { all = true } })
    assert.same({ "0.02", "0.01" }, { notes[1].totals.tax_amount, notes[2].totals.tax_amount })
    assert.equal("line", notes[1].tax_rounding)
  end)
end)

describe("IGIC and IPSI", function()
  it("have rates, and categories of their own", function()
    local object = bill({ "200.00" }, "IGIC")
    local group = object.tax_breakdown[1]
    assert.same({ "L", "7", "14.00" }, { group.category_code, group.percent, group.tax_amount })
    assert.equal(json.null, group.exemption_reason)
    object = bill({ "200.00" }, "IPSI")
    assert.same({ "M", "8.00" }, {
      object.tax_breakdown[1].category_code,
      object.totals.tax_amount,
    })
  end)
end)
