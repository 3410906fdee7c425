--- Taxes beyond one rate per line: included, compound, fixed, withheld, and three roundings.

local decimal = require("billow.decimal")
local line_taxes = require("billow.billing.line_taxes")

local function item(gross, taxes)
  for index, tax in ipairs(taxes) do
    tax.name = tax.name or "T" .. index
    tax.percent = tax.percent and decimal(tax.percent)
    tax.fixed_amount = tax.fixed_amount and decimal(tax.fixed_amount)
  end
  return { gross = decimal(gross), quantity = decimal(1), taxes = taxes }
end

local function rules(rounding, increment)
  return { rounding = rounding or "group", d = 2, increment = increment and decimal(increment) }
end

local function of_item(gross, taxes, rounding, increment)
  local result = line_taxes.of_item(item(gross, taxes), rules(rounding, increment))
  local shown = { tostring(result.net) }
  for index, amount in ipairs(result.amounts) do
    shown[index + 1] = tostring(amount)
  end
  return table.concat(shown, " + ")
end

local function totals(items, rounding)
  local how, amounts = rules(rounding), {}
  for index, one in ipairs(items) do
    amounts[index] = line_taxes.of_item(one, how)
  end
  local groups = line_taxes.groups(items, amounts, how)
  local sums = line_taxes.totals(items, amounts, groups, how)
  return tostring(sums.net) .. " + " .. tostring(sums.tax), groups
end

describe("an included tax", function()
  it("is taken out of the price, and net and tax are the price again", function()
    assert.are.equal("9.83 + 2.07", of_item("11.90", { { percent = "21", is_included = true } },
      "line"))
    assert.are.equal("2.31 + 0.49", of_item("2.80", { { percent = "21", is_included = true } },
      "line"))
  end)

  it("may be rounded to an increment", function()
    assert.are.equal("4.75 + 0.25", of_item("5.00", { { percent = "5", is_included = true } },
      "line", "0.05"))
  end)

  it("keeps the price as total when only totals are rounded", function()
    local items = {
      item("1620.00", { { percent = "21", is_included = true, name = "VAT" } }),
      item("10.00", { { percent = "6", is_included = true, name = "VAT" } }),
    }
    assert.are.equal("1348.28 + 281.72", (totals(items, "precise")))
  end)
end)

describe("a compound tax", function()
  it("adds to the base of those after it", function()
    assert.are.equal("50.00 + -10.00 + 2.00 + 11.44", of_item("50.00", {
      { percent = "-20" }, { percent = "4", affects_next_base = true }, { percent = "22" },
    }, "line"))
  end)
end)

describe("a fixed tax", function()
  it("is due per unit and inside the price when included", function()
    assert.are.equal("10.00 + 0.50", of_item("10.50", {
      { fixed_amount = "0.50", is_included = true },
    }, "line"))
  end)
end)

describe("rounding", function()
  local function lines()
    return {
      item("348.11", { { percent = "25", name = "VAT" } }),
      item("348.11", { { percent = "25", name = "VAT" } }),
    }
  end

  it("per group rounds the tax of a rate once", function()
    assert.are.equal("696.22 + 174.06", (totals(lines(), "group")))
  end)

  it("per line rounds every line's tax", function()
    assert.are.equal("696.22 + 174.06", (totals(lines(), "line")))
    local thirds = { item("0.33", { { percent = "19", name = "VAT" } }),
      item("0.33", { { percent = "19", name = "VAT" } }) }
    assert.are.equal("0.66 + 0.12", (totals(thirds, "line")))
    assert.are.equal("0.66 + 0.13", (totals(thirds, "group")))
  end)
end)

describe("a withheld tax", function()
  it("is a group of its own and no part of the tax", function()
    local sums, groups = totals({ item("1620.00", {
      { percent = "21", name = "VAT" }, { percent = "15", name = "IRPF", is_withheld = true },
    }) })
    assert.are.equal("1620.00 + 340.20", sums)
    assert.are.equal("243.00", tostring(groups[2].tax_amount))
    assert.is_true(groups[2].is_withheld)
  end)
end)
