local build = require("support.billing")
local period = require("billow.billing.period")

describe("a customer on hold (model 3.2)", function()
  local function bill(hold, entries, contract)
    local ctx = build.context_of({ ceiling = { hours = "1" } }, contract, {
      customers = { build.customer({ hold = hold }), build.customer({ id = "CV" }) },
    })
    return build.compute(ctx, entries or { build.entry(1), build.entry(2) })
  end

  it("gets no invoice; entries stay open and the ceiling is not reported", function()
    local month = bill({ reason = "Dispute", start_date = "2026-11-02" })
    local contract = month.contracts.C
    assert.same({ "CUSTOMER_ON_HOLD C" }, build.codes(contract.exceptions))
    assert.same({ 0, {} }, { #contract.invoices, contract.closing })
    assert.same({ open = 7200 }, month.seconds)
  end)

  it("is on hold only when the issue date is within the hold", function()
    assert.equal(1, #bill({ start_date = "2026-11-03" }).contracts.C.invoices)
    assert.equal(
      1,
      #bill({ start_date = "2026-10-01", end_date = "2026-11-01" }).contracts.C.invoices
    )
    assert.equal(
      0,
      #bill({ start_date = "2026-10-01", end_date = "2026-11-02" }).contracts.C.invoices
    )
  end)

  it("is reported only when there would have been an invoice", function()
    assert.same({}, bill({ start_date = "2026-10-01" }, {}).contracts.C.exceptions)
  end)

  it("still has its entries' exceptions reported", function()
    local month = bill(
      { start_date = "2026-10-01" },
      { build.entry(1), build.entry(2, { approval_status = "none" }) }
    )
    assert.same(
      { "CUSTOMER_ON_HOLD C", "NOT_APPROVED harvest-time:2" },
      build.codes(month.contracts.C.exceptions)
    )
  end)

  it("holds the contract when any payer is on hold", function()
    local month = bill({ start_date = "2026-10-01" }, nil, {
      customer_id = "CV",
      payers = { { customer_id = "CV", percent = "90" }, { customer_id = "CU", percent = "10" } },
    })
    assert.same({ "CUSTOMER_ON_HOLD C" }, build.codes(month.contracts.C.exceptions))
  end)
end)

describe("a month (model 3.13)", function()
  it(
    "numbers ready invoices by contract id, then payer order, and leaves blocked ones without",
    function()
      local ctx = build.context({
        customers = {
          build.customer(),
          build.customer({ id = "CV", buyer_reference_required = true }),
        },
        contracts = {
          build.contract({ id = "B", projects = { { code = "PB" } } }),
          build.contract({
            id = "A",
            projects = { { code = "PA" } },
            payers = {
              { customer_id = "CV", percent = "50" },
              { customer_id = "CU", percent = "50" },
            },
          }),
        },
      })
      local month = build.compute(ctx, {
        build.entry(1, { project_code = "PB" }),
        build.entry(2, { project_code = "PA" }),
      })
      local null = require("billow.json").null
      assert.same({ null, "INV-2026-00001", "INV-2026-00002" }, {
        month.contracts.A.invoices[1].number,
        month.contracts.A.invoices[2].number,
        month.contracts.B.invoices[1].number,
      })
    end
  )

  it("accounts for every second of every readable entry", function()
    local ctx =
      build.context_of({ rounding = { increment_minutes = 15, mode = "down", scope = "entry" } })
    local month = build.compute(ctx, {
      build.entry(1),
      build.entry(2, { duration_seconds = 600 }),
      build.entry(3, { billable = false }),
      build.entry(4, { project_code = "Q" }),
      build.entry(5, { duration_seconds = 1000 }),
    })
    assert.same(
      { billed = 4600, rounded_away = 600, non_billable = 3600, exception = 3600 },
      month.seconds
    )
  end)

  it("bills contracts that pass their overflow on before the others", function()
    local ctx = build.context({
      contracts = {
        build.contract({ id = "A", projects = {} }),
        build.contract({
          terms = {
            ceiling = { hours = "1", overflow = "next_contract", overflow_contract_id = "A" },
          },
        }),
      },
    })
    local ids = {}
    for i, contract in ipairs(period.in_billing_order(ctx)) do
      ids[i] = contract.id
    end
    assert.same({ "C", "A" }, ids)
  end)

  it("sorts exceptions by code, then ref", function()
    local ctx = build.context_of({})
    local month = build.compute(ctx, {
      build.entry(3, { approval_status = "none" }),
      build.entry(10, { approval_status = "none" }),
      build.entry(2, { work_date = "2025-01-01" }),
    })
    assert.same({
      "CONTRACT_NOT_STARTED harvest-time:2",
      "NOT_APPROVED harvest-time:10",
      "NOT_APPROVED harvest-time:3",
    }, build.codes(month.contracts.C.exceptions))
  end)
end)
