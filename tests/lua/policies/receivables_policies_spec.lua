--- The policies of receivables: reminders, interest, write-offs, delivery.

local json = require("billow.json")
local schema = require("billow.schema")

local NAMES = { "dunning", "interest", "write-off", "delivery", "credit-limit", "entry-moves" }

local function settings_of(name)
  local file = assert(io.open("policies/" .. name .. "/settings.json", "rb"))
  local content = file:read("a")
  file:close()
  return assert(json.decode(content))
end

local function decide(name, subject, settings)
  return dofile("policies/" .. name .. "/policy.lua").decide(subject, settings)
end

describe("a policy's settings", function()
  for _, name in ipairs(NAMES) do
    it("of " .. name .. " are described, defaulted, scoped and rated by effect", function()
      local described = settings_of(name)
      assert.is_false(described.additionalProperties)
      for key, property in pairs(described.properties) do
        assert.truthy(property.title and property.description, key)
        assert.not_nil(property.default, key)
        assert.truthy(property["x-ui"].widget, key)
        assert.truthy(property["x-effect"], key)
        assert.truthy(property["x-scope"][1], key)
      end
    end)

    it("of " .. name .. " have defaults that are valid, and that change nothing", function()
      local settings, problems = schema.check(settings_of(name), {}, "settings")
      assert.is_nil(problems)
      for _, subject in ipairs({
        { currency = "EUR", country = "DE" },
        { kind = "write_off", amount = "50", currency = "EUR", reason_code = "goodwill" },
      }) do
        local bare = decide(name, subject, {})
        assert.same(bare, decide(name, subject, settings))
        assert.truthy(bare.reasons[1])
      end
      assert.equal(name, dofile("policies/" .. name .. "/policy.lua").name)
    end)
  end
end)

describe("policy dunning", function()
  it("reminds after 5, 20 and 35 days by default, and can be switched off", function()
    assert.equal(
      "reminders 5, 20, 35 days after the due date",
      decide("dunning", { currency = "EUR" }, {}).reasons[1]
    )
    assert.is_false(decide("dunning", { currency = "EUR" }, { is_on = false }).is_on)
  end)

  it("has a minimum by currency", function()
    local settings = { minimum_amount = "10", minimum_amounts = { JPY = "800" } }
    assert.equal("800", decide("dunning", { currency = "JPY" }, settings).minimum_amount)
    assert.equal("10", decide("dunning", { currency = "EUR" }, settings).minimum_amount)
  end)
end)

describe("policy interest", function()
  it("claims none by default", function()
    assert.equal("none", decide("interest", {}, {}).method)
  end)

  it("takes the table of the customer's country", function()
    local settings = { method = "statutory" }
    assert.equal("de", decide("interest", { country = "DE" }, settings).table)
    assert.equal("uk", decide("interest", { country = "GB" }, settings).table)
    assert.equal("eu", decide("interest", { country = "IE" }, settings).table)
    settings.table = "uk"
    assert.equal("uk", decide("interest", { country = "IE" }, settings).table)
  end)
end)

describe("policy write-off", function()
  local function given(amount, changes, settings)
    local subject = {
      kind = "write_off",
      amount = amount,
      invoice_amount = "100000",
      currency = "EUR",
      reason_code = "goodwill",
      prepared_by = "ana",
    }
    for name, value in pairs(changes or {}) do
      subject[name] = value
    end
    return decide("write-off", subject, settings or {})
  end

  local function roles(decision)
    local names = {}
    for i, approval in ipairs(decision.approvals) do
      names[i] = approval.role
    end
    return table.concat(names, "+")
  end

  it("asks by amount: nobody, team lead, controller, partner and CFO", function()
    assert.is_true(given("5.00").is_automatic)
    assert.equal("team_lead", roles(given("5.01")))
    assert.equal("controller", roles(given("1000")))
    assert.equal("controller", roles(given("2000.00"))) -- 2 % of the invoice
    assert.equal("partner+cfo", roles(given("2000.01")))
  end)

  it("wants a reason that is on the list", function()
    local decision = given("1", { reason_code = "because" })
    assert.is_false(decision.is_allowed)
    assert.truthy(decision.reasons[1]:find("because is no reason: write one of", 1, true))
  end)

  it("never lets the engagement partner decide alone", function()
    local settings = { thresholds = { { roles = { "partner" } } }, people = { partner = { "bo" } } }
    assert.equal("partner", roles(given("9", nil, settings)))
    assert.equal("partner+cfo", roles(given("9", { engagement_partner = "bo" }, settings)))
  end)

  it("does not count who asked for it", function()
    assert.same({ "ana" }, given("9").excluded)
  end)

  it("refuses what is above every threshold", function()
    local decision = given("9", nil, { thresholds = { { up_to = "8", roles = {} } } })
    assert.same(
      { false, "9 is above every threshold: nobody may give it up" },
      { decision.is_allowed, decision.reasons[1] }
    )
  end)

  it("flags the tax of a bad debt where the country lets it be claimed back", function()
    local settings = { tax_relief_countries = { "DE" } }
    local bad = { reason_code = "insolvency", country = "DE" }
    assert.is_true(given("9", bad, settings).is_tax_relief)
    assert.is_false(given("9", bad).is_tax_relief)
    assert.is_false(given("9", { country = "DE" }, settings).is_tax_relief)
  end)
end)

describe("policy delivery", function()
  it("goes by the kind of document before the general rule", function()
    local settings = { channel = "email", by_kind = { reminder = { channel = "post" } } }
    assert.equal("post", decide("delivery", { kind = "reminder" }, settings).channel)
    assert.equal("email", decide("delivery", { kind = "invoice" }, settings).channel)
  end)

  it("speaks the customer's language unless another is set", function()
    local subject = { kind = "invoice", customer = { language = "de" } }
    assert.equal("de", decide("delivery", subject, {}).language)
    assert.equal("fr", decide("delivery", subject, { language = "fr" }).language)
  end)
end)

describe("credit-limit", function()
  local function stopped(subject, settings)
    subject.currency = "EUR"
    return decide("credit-limit", subject, settings).is_stopped
  end

  it("is none by default", function()
    assert.is_false(decide("credit-limit", { currency = "EUR" }, {}).is_on)
    assert.is_false(stopped({ open_amount = "999999.00", overdue_days = 900 }, {}))
  end)

  it("stops above the amount, by currency before the general one", function()
    local settings = { limit = "1000.00", limits = { USD = "1.00" } }
    assert.is_false(stopped({ open_amount = "1000.00" }, settings))
    assert.is_true(stopped({ open_amount = "1000.01" }, settings))
    settings.limits.EUR = "2000.00"
    assert.is_false(stopped({ open_amount = "1000.01" }, settings))
  end)

  it("stops after so many days overdue, not for a trifle", function()
    local settings = { overdue_days = 30, minimum_amount = "50.00" }
    assert.is_false(stopped({ overdue_days = 30, overdue_amount = "100.00" }, settings))
    assert.is_true(stopped({ overdue_days = 31, overdue_amount = "100.00" }, settings))
    assert.is_false(stopped({ overdue_days = 31, overdue_amount = "49.99" }, settings))
  end)
end)

describe("policy entry-moves", function()
  local function roles(subject, settings)
    local list = {}
    for i, approval in ipairs(decide("entry-moves", subject, settings or {}).approvals) do
      list[i] = approval.role
    end
    return list
  end

  it("lets work be held and released, and moved only when somebody else agrees", function()
    local subject = { kind = "hold", amount = "5000", currency = "EUR", prepared_by = "otto" }
    assert.same({}, roles(subject))
    subject.kind = "release"
    assert.same({}, roles(subject))
    subject.kind = "transfer"
    assert.same({ "controller" }, roles(subject))
    subject.amount = "1000"
    assert.same({}, roles(subject))
    subject.is_other_customer = true
    assert.same({ "controller" }, roles(subject))
    assert.same({ "otto" }, decide("entry-moves", subject, {}).excluded)
  end)

  it("forbids what is above every threshold", function()
    local settings = { hold = { { up_to = "10", roles = {} } } }
    local subject = { kind = "hold", amount = "10.01", currency = "EUR" }
    assert.is_false(decide("entry-moves", subject, settings).is_allowed)
    subject.amount = "10"
    assert.is_true(decide("entry-moves", subject, settings).is_allowed)
  end)
end)
