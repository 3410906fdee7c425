local build = require("support.billing")
local rates = require("billow.billing.rates")

--- Price and trace of one work in a context with these cards.
local function find(cards, options)
  options = options or {}
  local contract = build.contract({ rate_card_id = options.contract_card })
  contract.terms = options.terms or {}
  local ctx = build.context({
    firm = build.firm({ rate_card_id = options.firm_card or "RC" }),
    customers = { build.customer({ rate_card_id = options.customer_card }) },
    contracts = { contract },
    rate_cards = cards,
  })
  ctx.decide = options.decide
  local work = build.work(1, 60, options.work)
  return rates.find(rates.book(ctx, ctx.contracts.C), work)
end

local function price(...)
  return tostring(find(...).price)
end

describe("the rate of an entry (model 3.3)", function()
  local default = { selector = "default", rate = "100" }

  it("takes the first selector in the card's order that matches", function()
    local rows = {
      default,
      { selector = "person", value = "Ana", rate = "120" },
      { selector = "role", value = "Consultant", rate = "110" },
    }
    assert.equal("110", price({ build.card("RC", rows) }))
    assert.equal(
      "120",
      price({ build.card("RC", rows, { order = { "person", "role", "default" } }) })
    )
  end)

  it("searches the contract's card, then the customer's, then the firm's", function()
    local cards = {
      build.card("RC", { default }),
      build.card("CU", { { selector = "role", value = "Consultant", rate = "90" } }),
      build.card("CO", { { selector = "task", value = "Testing", rate = "80" } }),
    }
    local options = { contract_card = "CO", customer_card = "CU" }
    assert.equal("90", price(cards, options))
    options.work = { task = "Testing" }
    assert.equal("80", price(cards, options))
    options.work = { role = "Partner" }
    assert.equal("100", price(cards, options))
  end)

  it("takes the version in force on the work date, the greatest valid_from of several", function()
    local card = build.card("RC", {})
    card.versions = {
      { valid_from = "2026-01-01", rates = { { selector = "default", rate = "100" } } },
      {
        valid_from = "2026-10-05",
        valid_to = "2026-10-20",
        rates = { { selector = "default", rate = "105" } },
      },
    }
    assert.equal("100", price({ card }, { work = { work_date = "2026-10-04" } }))
    assert.equal("105", price({ card }, { work = { work_date = "2026-10-05" } }))
    assert.equal("100", price({ card }, { work = { work_date = "2026-10-21" } }))
  end)

  it("looks at the issue date when the contract says so", function()
    local card = build.card("RC", {})
    card.versions = {
      { valid_from = "2026-01-01", rates = { { selector = "default", rate = "100" } } },
      { valid_from = "2026-11-01", rates = { { selector = "default", rate = "130" } } },
    }
    assert.equal("130", price({ card }, { terms = { rate_date = "issue_date" } }))
  end)

  it("skips a card without a version in force", function()
    local old = build.card("CO", { { selector = "default", rate = "1" } })
    old.versions[1].valid_to = "2026-06-30"
    assert.equal("100", price({ build.card("RC", { default }), old }, { contract_card = "CO" }))
  end)

  it("applies add and multiply rows to the base, the one met last first", function()
    local rows = {
      { selector = "task", value = "Development", rate = "1.5", form = "multiply" },
      { selector = "role", value = "Consultant", rate = "10", form = "add" },
      default,
    }
    -- (100 + 10) x 1.5
    local rate = find({ build.card("RC", rows) })
    assert.equal("165.0", tostring(rate.price))
    assert.same({
      "base 100",
      "add 10 (RC@2026-01-01: role=Consultant) = 110",
      "multiply 1.5 (RC@2026-01-01: task=Development) = 165",
    }, rate.steps)
  end)

  it("carries adjustments of one card over to the base of the next", function()
    local cards = {
      build.card("RC", { default }),
      build.card(
        "CO",
        { { selector = "task", value = "Development", rate = "-15", form = "add" } }
      ),
    }
    assert.equal("85", price(cards, { contract_card = "CO" }))
  end)

  it("matches no row with an empty task or role", function()
    local rows = { { selector = "role", value = "Consultant", rate = "110" }, default }
    assert.equal("100", price({ build.card("RC", rows) }, { work = { role = "" } }))
  end)

  it("bills no-charge tasks at zero without searching", function()
    local rate = find({ build.card("RC", {}) }, { terms = { no_charge_tasks = { "Development" } } })
    assert.is_true(rate.is_no_charge)
    assert.equal("0", tostring(rate.price))
    assert.equal("HUR", rate.unit_code)
    assert.same({}, rate.searched)
  end)

  it("takes the source's own rate only when rate_source is source", function()
    local work = build.work(1, 60)
    work.entry.source_rate = build.rate("77").price
    work.entry.currency = "EUR"
    local cards = { build.card("RC", { default }) }
    assert.equal(
      "77",
      price(cards, { terms = { rate_source = "source" }, work = { entry = work.entry } })
    )
    assert.equal("100", price(cards, { work = { entry = work.entry } }))
  end)

  it("does not match the project of a part that another contract's ceiling moved", function()
    local rows = { { selector = "project", value = "P", rate = "140" }, default }
    assert.equal("140", price({ build.card("RC", rows) }))
    assert.equal("100", price({ build.card("RC", rows) }, { work = { is_moved = true } }))
  end)

  it("gives unit and currency of the card with the base", function()
    local rows = { { selector = "default", rate = "1000", unit_code = "DAY" } }
    local rate = find({ build.card("RC", rows, { currency = "CHF" }) })
    assert.same({ "DAY", "CHF" }, { rate.unit_code, rate.currency })
  end)

  it("tells the path it searched in vain", function()
    local rate, searched = find({
      build.card("RC", { { selector = "role", value = "Partner", rate = "1" } }, {
        order = { "person", "role", "default" },
      }),
    })
    assert.is_nil(rate)
    assert.same({
      "RC@2026-01-01: person=Ana",
      "RC@2026-01-01: role=Consultant",
      "RC@2026-01-01: default=None",
    }, searched)
  end)

  it("follows the rates policy where the contract is silent", function()
    local cards =
      { build.card("RC", { default }), build.card("CU", { { selector = "default", rate = "90" } }) }
    local options = {
      customer_card = "CU",
      decide = function(name)
        return name == "rates" and { levels = { "firm", "customer" } } or nil
      end,
    }
    assert.equal("100", price(cards, options))
  end)
end)

describe("what a work costs the firm", function()
  local function cost(rows, work)
    local ctx = build.context({ rate_cards = { build.card("RC", rows) } })
    local found = rates.cost(rates.book(ctx, ctx.contracts.C), build.work(1, 60, work))
    return found and tostring(found.price) .. " " .. found.unit_code
  end
  local person = { selector = "person", value = "Ana", rate = "1", cost_rate = "40" }
  local default = { selector = "default", rate = "100", cost_rate = "30" }

  it("is on the row that gives the price", function()
    local task = { selector = "task", value = "Development", rate = "90", cost_rate = "55" }
    assert.equal("55 HUR", cost({ task, person, default }))
    task.unit_code = "LS"
    assert.equal("55 LS", cost({ task, person, default }))
  end)

  it("is the person's, then the default's, when that row does not say", function()
    local task = { selector = "task", value = "Development", rate = "90" }
    assert.equal("40 HUR", cost({ task, person, default }))
    assert.equal("30 HUR", cost({ task, default }))
    assert.is_nil(cost({ task }))
  end)

  it("is the entry's own when it has one", function()
    local entry = build.entry(1, { cost_rate = require("billow.decimal")("12") })
    assert.equal("12 HUR", cost({ person }, { entry = entry }))
  end)
end)
