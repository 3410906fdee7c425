--- Payments find their invoices: as told, or the oldest due first.

local allocation = require("billow.billing.allocation")
local decimal = require("billow.decimal")
local reading = require("billow.billing.reading")

local function invoices()
  return {
    { id = "B", due_date = "2026-02-01", open_amount = decimal("100.00") },
    { id = "A", due_date = "2026-01-15", open_amount = decimal("50.00") },
  }
end

local function allocate(amount, fields, open)
  fields = fields or {}
  fields.amount = decimal(amount)
  local done = allocation.allocate(fields, open or invoices())
  local shown = {}
  for index, item in ipairs(done.allocations) do
    shown[index] = item.invoice_id .. " " .. item.kind .. " " .. tostring(item.amount)
  end
  return shown, tostring(done.unapplied_amount), done
end

local function told(kind, amount, invoice_id)
  return { invoice_id = invoice_id or "A", amount = decimal(amount), kind = kind }
end

describe("a payment", function()
  it("pays the oldest due invoice first", function()
    assert.are.same({ "A payment 50.00", "B payment 20.00" }, (allocate("70.00")))
  end)

  it("leaves what is too much as unapplied cash", function()
    local _, unapplied = allocate("170.00")
    assert.are.equal("20.00", unapplied)
  end)

  it("writes off a shortfall within the tolerance only", function()
    local one = { invoices()[2] }
    assert.are.same({ "A payment 49.95", "A write_off 0.05" },
      (allocate("49.95", { tolerance = decimal("0.05") }, one)))
    assert.are.same({ "A payment 49.94" },
      (allocate("49.94", { tolerance = decimal("0.05") }, { invoices()[2] })))
  end)
end)

describe("an early payment", function()
  local function open()
    local list = { invoices()[1] }
    list[1].discount = { last_date = "2026-01-20", amount = decimal("2.00") }
    return list
  end

  it("earns the discount up to and including the last day", function()
    assert.are.same({ "B discount 2.00", "B payment 98.00" },
      (allocate("98.00", { date = "2026-01-20" }, open())))
  end)

  it("earns nothing a day later, or when it is short", function()
    assert.are.same({ "B payment 98.00" }, (allocate("98.00", { date = "2026-01-21" }, open())))
    assert.are.same({ "B payment 97.99" }, (allocate("97.99", { date = "2026-01-20" }, open())))
  end)
end)

describe("allocations as told", function()
  it("may settle more than the payment with what is no payment", function()
    assert.are.same({ "A payment 40.00", "A withholding 10.00" },
      (allocate("40.00", { allocations = {
        told("payment", "40.00"), told("withholding", "10.00"),
      } })))
  end)

  local function refusal(amount, list)
    local _, found = reading.try(allocate, amount, { allocations = list })
    return found and found.field .. ": " .. found.remedy
  end

  it("never pay more than is open, than was paid, or an unknown invoice", function()
    assert.are.equal("payment.allocations[1].amount: write at most 50.00, what is open on A",
      refusal("60.00", { told("payment", "50.01") }))
    assert.are.equal("payment.allocations[2].amount: write at most 10.00, what is left of the "
      .. "payment", refusal("60.00", { told("payment", "50.00"), told("payment", "10.01", "B") }))
    assert.are.equal("payment.allocations[1].invoice_id: name one of the invoices given",
      refusal("60.00", { told("payment", "1.00", "X") }))
  end)
end)
