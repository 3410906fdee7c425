local build = require("support.billing")
local decimal = require("billow.decimal")
local split = require("billow.billing.split")

local function shares(amount, weights, d)
  local typed, texts = {}, {}
  for i, weight in ipairs(weights) do
    typed[i] = decimal(weight)
  end
  for i, share in ipairs(split.largest_remainder(decimal(amount), typed, d or 2)) do
    texts[i] = tostring(share)
  end
  return texts
end

describe("largest remainder (model 3.10)", function()
  it("gives the missing cents to the largest remainders, ties to the earlier one", function()
    assert.same({ "0.34", "0.33", "0.33" }, shares("1.00", { "1", "1", "1" }))
    assert.same({ "240.81", "240.81", "240.88" }, shares("722.50", { "33.33", "33.33", "33.34" }))
    assert.same({ "0.00", "0.01" }, shares("0.01", { "1", "2" }))
  end)

  it("keeps the sign", function()
    assert.same({ "-0.34", "-0.33", "-0.33" }, shares("-1.00", { "1", "1", "1" }))
  end)

  it("divides whole units where the currency has no decimals", function()
    assert.same({ "34", "33", "33" }, shares("100", { "1", "1", "1" }, 0))
  end)

  it("always adds up to the amount", function()
    for cents = 0, 200, 7 do
      local amount = decimal(cents) / 100
      local total = decimal(0)
      for _, share in
        ipairs(
          split.largest_remainder(
            amount,
            { decimal("33.33"), decimal("13.37"), decimal("53.3") },
            2
          )
        )
      do
        total = total + share
      end
      assert.is_true(total == amount)
    end
  end)
end)

describe("payers (model 3.10, A18)", function()
  local function bill(payers, contract_changes, expenses)
    local changes = contract_changes or {}
    changes.payers = payers
    local ctx = build.context_of(changes.terms or {}, changes, {
      customers = { build.customer(), build.customer({ id = "CV", tax_code = "AE" }) },
    })
    return build.compute(ctx, { build.entry(1, { duration_seconds = 1200 }) }, expenses).contracts.C
  end

  local halves = { { customer_id = "CU", percent = "50" }, { customer_id = "CV", percent = "50" } }

  it("makes one invoice per payer, each line a share of quantity 1", function()
    local contract = bill(halves)
    local line = contract.invoices[1].lines[1]
    assert.same(
      { "1", "C62", "16.50", "16.50" },
      { line.quantity, line.unit_code, line.unit_price, line.net_amount }
    )
    assert.same(
      {
        quantity = "0.33",
        unit_code = "HUR",
        unit_price = "100.00",
        net_amount = "33.00",
        percent = "50",
      },
      line.split_of
    )
    assert.equal("C/CV/2026-10/380", contract.invoices[2].id)
  end)

  it("bills the customer alone without payers, and splits nothing", function()
    local contract = bill(nil)
    assert.equal(1, #contract.invoices)
    assert.equal("0.33", contract.invoices[1].lines[1].quantity)
  end)

  it("makes no line of a share of 0", function()
    local contract =
      bill({ { customer_id = "CU", percent = "100" }, { customer_id = "CV", percent = "0" } })
    assert.equal(1, #contract.invoices)
  end)

  it("gives each payer the tax code of its own", function()
    local contract = bill(halves)
    assert.equal("S", contract.invoices[1].lines[1].tax_code)
    assert.equal("AE", contract.invoices[2].lines[1].tax_code)
    contract = bill({
      { customer_id = "CU", percent = "50", tax_code = "R" },
      { customer_id = "CV", percent = "50" },
    })
    assert.equal("R", contract.invoices[1].lines[1].tax_code)
  end)

  it("keeps an expense's override for every payer that has no tax code of its own", function()
    local contract = bill(halves, { expenses = { tax_code = "R" } }, { build.expense(1) })
    assert.equal("R", contract.invoices[2].lines[2].tax_code)
  end)

  it("treats an override equal to the contract's customer's tax code as none", function()
    local contract = bill(halves, { expenses = { tax_code = "S" } }, { build.expense(1) })
    assert.equal("AE", contract.invoices[2].lines[2].tax_code)
  end)
end)

describe("a payer with a cap", function()
  local function divided(amounts, available)
    local list = {}
    for i, amount in ipairs(amounts) do
      list[i] = decimal(amount)
    end
    local texts = {}
    for i, row in ipairs(split.with_caps(list, {
      { percent = decimal(60) },
      { percent = decimal(40), available = decimal(available) },
    }, 2)) do
      texts[i] = tostring(row[1]) .. "+" .. tostring(row[2])
    end
    return table.concat(texts, " ")
  end

  it("pays its percent as long as the cap holds", function()
    assert.equal("60.00+40.00", divided({ "100" }, "40"))
  end)

  it("leaves what is beyond to the others, from the last line backwards", function()
    assert.equal("60.00+40.00 90.00+10.00", divided({ "100", "100" }, "50"))
    assert.equal("100.00+0.00", divided({ "100" }, "0"))
  end)

  it("is billed up to the cap over the contract's life", function()
    local ctx = build.context_of({}, {
      payers = {
        { customer_id = "CU", percent = "50" },
        { customer_id = "CU-2", percent = "50", cap_amount = "120" },
      },
    }, {
      customers = { build.customer(), build.customer({ id = "CU-2" }) },
      opening = {
        period = "2026-10", issue_date = "2026-11-02", payer_used = { C = { ["CU-2"] = "90" } },
      },
    })
    local invoices = build.compute(ctx, { build.entry(1) }).contracts.C.invoices
    assert.equal("70.00", invoices[1].totals.tax_exclusive_amount)
    assert.equal("30.00", invoices[2].totals.tax_exclusive_amount)
  end)
end)
