local build = require("support.billing")
local decimal = require("billow.decimal")
local draft = require("billow.billing.draft")
local invoice = require("billow.billing.invoice")
local json = require("billow.json")

--- Assemble a draft of these lines ({component, key, net, tax_code?}) under a contract with these
--- changes.
local function assemble(lines, options)
  options = options or {}
  local ctx = build.context_of({}, options.contract, options.files)
  local made = draft.new(options.draft)
  for i, fields in ipairs(lines) do
    made.lines[i] = draft.line(2, {
      component = fields[1],
      description_key = fields[2],
      unit_price = decimal(fields[3]),
      tax_code = fields[4],
    })
  end
  local invoices, exceptions = invoice.assemble(ctx, ctx.contracts.C, made)
  return invoices, build.codes(exceptions), ctx
end

local function keys(made)
  local list = {}
  for i, line in ipairs(made.lines) do
    list[i] = line.id .. " " .. line.description_key
  end
  return list
end

describe("line order (model 3.12)", function()
  it("is by component; time and overage by key and price, others as produced", function()
    local invoices = assemble({
      { "expense", "expense:b", "1" },
      { "overage", "overage:a", "1" },
      { "time", "time:b", "2" },
      { "time", "time:b", "1" },
      { "time", "time:a", "3" },
      { "expense", "expense:a", "1" },
      { "milestone", "milestone:M2", "1" },
    })
    assert.same({
      "1 milestone:M2",
      "2 time:a",
      "3 time:b",
      "4 time:b",
      "5 overage:a",
      "6 expense:b",
      "7 expense:a",
    }, keys(invoices[1]))
    assert.equal("1", tostring(invoices[1].lines[3].unit_price))
  end)

  it("compares keys by their bytes", function()
    local invoices =
      assemble({ { "time", "time:\u{C9}mile", "1" }, { "time", "time:Zo\u{EB}", "1" } })
    assert.same({ "1 time:Zo\u{EB}", "2 time:\u{C9}mile" }, keys(invoices[1]))
  end)
end)

describe("the documents of a contract (model 3.12)", function()
  it("are none without lines and allowances", function()
    assert.same({}, (assemble({})))
  end)

  it("are one even when the lines add up to 0", function()
    local invoices = assemble({ { "time", "time", "0.00" } })
    assert.equal("0.00", tostring(invoices[1].totals.payable_amount))
  end)

  it("are the prepayment invoice first, then the invoice", function()
    local advance =
      draft.line(2, { component = "advance", description_key = "advance", unit_price = decimal(5) })
    local invoices = assemble(
      { { "time", "time", "1" } },
      { draft = { advance_lines = { advance } } }
    )
    assert.same({ "386", "380" }, { invoices[1].type_code, invoices[2].type_code })
    assert.equal("C/CU/2026-10/386", invoices[1].id)
  end)

  it("are none of a void draft", function()
    assert.same({}, (assemble({ { "time", "time", "1" } }, { draft = { is_void = true } })))
  end)

  it("take the buyer reference of the contract, else of the customer", function()
    local files = { customers = { build.customer({ buyer_reference = "of customer" }) } }
    assert.equal(
      "of customer",
      assemble({ { "time", "t", "1" } }, { files = files })[1].buyer_reference
    )
    files = { customers = { build.customer({ buyer_reference = "of customer" }) } }
    local contract = { buyer_reference = "of contract" }
    local invoices = assemble({ { "time", "t", "1" } }, { files = files, contract = contract })
    assert.equal("of contract", invoices[1].buyer_reference)
  end)
end)

describe("what blocks an invoice (model 3.2)", function()
  local lines = { { "time", "time", "100.00" } }

  local function blocked(code, options, of_lines)
    local invoices, codes = assemble(of_lines or lines, options)
    assert.same({ code .. " C/CU" }, codes)
    assert.equal("blocked", invoices[1].status)
  end

  it("is nothing when all is well", function()
    local invoices, codes = assemble(lines)
    assert.same({}, codes)
    assert.equal("ready", invoices[1].status)
  end)

  it("is a missing buyer reference that the payer requires", function()
    blocked("MISSING_BUYER_REFERENCE", {
      files = { customers = { build.customer({ buyer_reference_required = true }) } },
    })
  end)

  it("is a missing VAT id of the firm, or of the customer under reverse charge", function()
    local firm = build.firm()
    firm.vat_id = nil
    blocked("MISSING_VAT_ID", { files = { firm = firm } })
    local customer = build.customer({ tax_code = "AE" })
    customer.vat_id = nil
    blocked("MISSING_VAT_ID", { files = { customers = { customer } } })
  end)

  it("is category O beside another one", function()
    blocked(
      "TAX_CATEGORY_MIX",
      nil,
      { { "time", "time", "100.00" }, { "expense", "expense:x", "1.00", "O" } }
    )
  end)

  it("is a purchase order that ended before the period did", function()
    blocked(
      "PO_EXPIRED",
      { contract = { purchase_order = { number = "4711", end_date = "2026-10-30" } } }
    )
    local _, codes =
      assemble(lines, { contract = { purchase_order = { end_date = "2026-10-31" } } })
    assert.same({}, codes)
  end)

  it("is a purchase order that would be exceeded, over its life and all payers", function()
    local opening =
      { period = "2026-10", issue_date = "2026-11-02", purchase_order_used = { C = "900.00" } }
    blocked("PO_EXCEEDED", {
      contract = { purchase_order = { number = "4711", amount = "999.99" } },
      files = { opening = opening },
    })
    opening.purchase_order_used = { C = "900.00" }
    local _, codes = assemble(lines, {
      contract = { purchase_order = { number = "4711", amount = "1000.00" } },
      files = { opening = opening },
    })
    assert.same({}, codes)
  end)

  it("is a missing exchange rate for tax in another currency", function()
    blocked("EXCHANGE_RATE_MISSING", { contract = { currency = "CHF" } })
  end)

  it("is a negative payable amount", function()
    blocked("NEGATIVE_INVOICE", nil, { { "time", "time", "-1.00" } })
  end)

  it("is every reason that applies, for each payer", function()
    local firm = build.firm()
    firm.vat_id = nil
    local _, codes = assemble(lines, {
      contract = {
        purchase_order = { number = "4711", end_date = "2026-01-31" },
        payers = { { customer_id = "CU", percent = "50" }, { customer_id = "CV", percent = "50" } },
      },
      files = { firm = firm, customers = { build.customer(), build.customer({ id = "CV" }) } },
    })
    assert.same({
      "MISSING_VAT_ID C/CU",
      "PO_EXPIRED C/CU",
      "MISSING_VAT_ID C/CV",
      "PO_EXPIRED C/CV",
    }, codes)
  end)
end)

describe("the finished object (model 2)", function()
  it(
    "writes amounts with the currency's decimals, absent values as null and lists as lists",
    function()
      local invoices, _, ctx = assemble({ { "time", "time:x", "1837.5" } })
      local written = invoice.canonical(ctx, invoices[1])
      assert.equal("1837.50", written.lines[1].net_amount)
      assert.equal("1837.50", written.lines[1].unit_price)
      assert.equal("1", written.lines[1].quantity)
      assert.equal("349.13", written.totals.tax_amount)
      assert.equal(json.null, written.number)
      assert.equal(json.null, written.lines[1].split_of)
      assert.equal(json.null, written.totals.tax_amount_accounting)
      local text = json.encode(written)
      assert.truthy(text:find('"charges":[]', 1, true))
      assert.truthy(text:find('"references":[]', 1, true))
    end
  )
end)
