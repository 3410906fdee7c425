local build = require("support.billing")
local json = require("billow.json")
local model = require("billow.billing.model")

--- The problems of files with these changes, as text.
local function problems(changes, period)
  local ctx, found = model.read(build.files(changes), period)
  local texts = {}
  for i, problem in ipairs(found) do
    texts[i] = problem.text
  end
  return texts, ctx
end

local function contract(changes)
  return { contracts = { build.contract(changes) } }
end

describe("the gate of the data model (model 2)", function()
  it("types decimals, drops nulls and fills in defaults", function()
    local ctx = build.context({
      contracts = {
        build.contract({
          end_date = json.null,
          terms = { ceiling = { amount = "12.50" } },
          custom = "kept",
        }),
      },
    })
    local read = ctx.contracts.C
    assert.equal("12.50", tostring(read.terms.ceiling.amount))
    assert.equal("contract", read.terms.ceiling.scope)
    assert.same({ "task" }, read.terms.grouping)
    assert.equal(2, read.terms.quantity_decimals)
    assert.is_true(read.approval_required)
    assert.is_nil(read.end_date)
    assert.is_nil(read.terms.rounding)
    assert.equal("kept", read.custom)
    assert.same({ id = "2026-10", start_date = "2026-10-01", end_date = "2026-10-31" }, ctx.period)
  end)

  it("names file, record, field, value and remedy of what does not fit", function()
    local _, found = model.read(build.files(contract({ start_date = "2026-02-30" })))
    local problem = found[1]
    assert.same({
      "contracts.json",
      "contract C",
      "start_date",
      '"2026-02-30"',
      "not a date",
      'write a real day as "YYYY-MM-DD"',
    }, {
      problem.file,
      problem.id,
      problem.field,
      problem.value,
      problem.problem,
      problem.remedy,
    })
    assert.equal(
      'contracts.json: contract C: start_date: not a date (found "2026-02-30"): '
        .. 'write a real day as "YYYY-MM-DD"',
      tostring(problem)
    )
  end)

  it("refuses decimals that are not plain digits in quotes", function()
    local values = { 12.5, "1e3", "1,000", "", ".5", true }
    for _, value in ipairs(values) do
      local texts = problems(contract({ terms = { ceiling = { amount = value } } }))
      assert.truthy(texts[1]:find("terms.ceiling.amount: not a decimal", 1, true))
    end
  end)

  it("reports every problem at once", function()
    local texts = problems({
      customers = { build.customer({ currency = "EURO", tax_code = json.null }) },
      opening = { period = "2026-13", issue_date = "soon" },
    })
    assert.equal(4, #texts)
  end)

  it("says which of two alternatives is missing or too much", function()
    local texts = problems(contract({ terms = { ceiling = {} } }))
    assert.truthy(texts[1]:find("terms.ceiling: neither amount nor hours is given", 1, true))
    texts =
      problems(contract({ discount = { percent = "1", amount = "1", components = { "time" } } }))
    assert.truthy(texts[1]:find("discount: both percent and amount are given", 1, true))
  end)

  local unknown = {
    ["customer_id: no such customer"] = { customer_id = "CX" },
    ["rate_card_id: no such rate card"] = { rate_card_id = "RX" },
    ["tax_code: no such tax code"] = { tax_code = "X" },
    ["currency: not a currency"] = { currency = "EURO" },
    ["model: not one of the values"] = { model = "barter" },
    ["expenses.tax_code: no such tax code"] = { expenses = { tax_code = "X" } },
    ["payers[1].customer_id: no such customer"] = {
      payers = { { customer_id = "CX", percent = "100" } },
    },
    ["discount.components[1]: no such component"] = {
      discount = { percent = "1", components = { "hours" } },
    },
    ["terms.ceiling.overflow_contract_id: no such contract"] = {
      terms = { ceiling = { hours = "1", overflow = "next_contract", overflow_contract_id = "X" } },
    },
    ["terms.ceiling.overage_rate: is missing"] = {
      terms = { ceiling = { hours = "1", overflow = "overage_rate" } },
    },
    ["terms.grouping[1]: not one of the values"] = { terms = { grouping = { "colour" } } },
    ["terms.rounding.increment_minutes: not a whole number"] = {
      terms = { rounding = { increment_minutes = "15", mode = "up", scope = "entry" } },
    },
    ["end_date: is before 2026-01-01"] = { end_date = "2025-12-31" },
    ["projects[1]: has neither code nor name"] = { projects = { { colour = "red" } } },
  }
  for text, changes in pairs(unknown) do
    it("refuses a contract: " .. text, function()
      local texts = problems(contract(changes))
      assert.truthy(
        texts[1] and texts[1]:find("contracts.json: contract C: " .. text, 1, true),
        texts[1]
      )
    end)
  end

  it("wants the payers' percents to sum to 100", function()
    local texts = problems(contract({ payers = { { customer_id = "CU", percent = "99.99" } } }))
    assert.same({
      'contracts.json: contract C: payers: percents do not sum to 100 (found "99.99"): '
        .. "change the percents to sum to 100",
    }, texts)
  end)

  it("lets a project belong to one contract only", function()
    local texts = problems({ contracts = { build.contract(), build.contract({ id = "D" }) } })
    assert.truthy(
      texts[1]:find("contract D: projects[1].code: belongs to contract C already", 1, true)
    )
  end)

  it("refuses an id that is used twice", function()
    local texts = problems({ customers = { build.customer(), build.customer() } })
    assert.truthy(texts[1]:find("customers.json: customer CU: id: used twice", 1, true))
  end)

  it("wants a standard rate to have rates, and invoices to have a series", function()
    local firm = build.firm({
      number_series = { { id = "X", type_codes = { "386" }, format = "X", reset = "year" } },
    })
    firm.tax_codes[1].rates = json.null
    local texts = problems({ firm = firm })
    assert.truthy(texts[1]:find("number_series[1].format: has no sequence", 1, true))
    assert.truthy(texts[2]:find("number_series: no series numbers invoices", 1, true))
    assert.truthy(texts[3]:find("tax_codes[1].rates: category S without a rate", 1, true))
  end)

  it("wants the opening of the period that is billed", function()
    local texts = problems({}, "2026-11")
    assert.truthy(
      texts[1]:find("opening.json: opening: period: is not the period to bill, 2026-11", 1, true)
    )
  end)

  it("only warns of state that belongs to no contract", function()
    local texts, ctx = problems({
      opening = { period = "2026-10", issue_date = "2026-11-02", ceiling_used = { CX = "1.00" } },
    })
    assert.truthy(ctx)
    assert.truthy(texts[1]:find("ceiling_used.CX: no such contract; not used", 1, true))
  end)

  it("takes an empty text for none where a text is optional, not where it is required", function()
    assert.is_nil(
      build.context({ customers = { build.customer({ vat_id = "" }) } }).customers.CU.vat_id
    )
    local texts = problems({ customers = { build.customer({ name = "" }) } })
    assert.truthy(texts[1]:find("customers.json: customer CU: name: not a text", 1, true))
  end)

  it("refuses a meter that cannot be priced", function()
    local price =
      { model = "volume", tiers = { { unit_price = "1" }, { up_to = "5", unit_price = "2" } } }
    local meters = { { id = "m", event_type = "e", aggregation = "count", price = price } }
    local texts = problems(contract({ model = "usage", terms = { meters = meters } }))
    assert.truthy(texts[1]:find("contract C: terms.meters[1].price.tiers[1]", 1, true), texts[1])
    price = { model = "barter" }
    meters[1].price = price
    texts = problems(contract({ model = "usage", terms = { meters = meters } }))
    assert.truthy(texts[1]:find("does not make a meter", 1, true), texts[1])
  end)

  it("takes a contract without any rate card: its entries have no rate", function()
    local firm = build.firm()
    firm.rate_card_id = nil
    assert.same({}, (problems({ firm = firm, rate_cards = {} })))
  end)
end)
