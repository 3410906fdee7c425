--- `billow price`: items of every kind, and what is said about malformed ones.

local json = require("billow.json")
local price = require("billow.billing.price")

local SCHEMA_PATH = "stdlib/billing/price_schema.json"

local function decode(content)
  return assert(json.decode(content))
end

local function schema()
  local file = assert(io.open(SCHEMA_PATH, "rb"))
  local content = file:read("a")
  file:close()
  return decode(content)
end

describe("a list of items", function()
  it("prices the good ones and says what is wrong with the others", function()
    local results, is_clean = price.run(decode([[
      [{"id": "good", "payment_terms": {"type": "net", "days": 30}, "issue_date": "2026-11-02"},
       {"id": "bad", "payment_terms": {"type": "net", "days": -1}, "issue_date": "2026-11-02"},
       {"id": "none"}, 5] ]]))
    assert.is_false(is_clean)
    assert.are.equal("2026-12-02", results[1].result.due_date)
    assert.are.same({
      pointer = "/payment_terms/days",
      field = "payment_terms.days",
      value = "-1",
      remedy = "write a number that is at least 0",
      message = "payment_terms.days is -1: write a number that is at least 0",
    }, results[2].error)
    assert.are.equal("item", results[3].error.field)
    assert.are.equal("5", results[4].error.value)
  end)

  it("may be empty; one item alone gives one result", function()
    local results, is_clean = price.run(json.array({}))
    assert.is_true(is_clean)
    assert.are.equal(0, #results)
    local result = price.run({ amount = "1", split = { weights = { "1" } } })
    assert.are.equal("split", result.kind)
  end)
end)

describe("the schema", function()
  local definitions = schema()["$defs"]

  it("has an example of every kind, and every example is priced", function()
    local kinds = 0
    for name, definition in pairs(definitions) do
      local kind = name:match("^(.*)_item$")
      if kind then
        kinds = kinds + 1
        assert.is_true(#definition.examples > 0, name)
        for _, example in ipairs(definition.examples) do
          local result = price.item(example)
          assert.is_nil(result.error and result.error.message)
          assert.are.equal(kind, result.kind)
          assert.is_true(#json.encode(result) > 0)
        end
      end
    end
    assert.are.equal(19, kinds)
  end)
end)

describe("figures", function()
  local function result_of(content)
    local item = price.item(decode(content))
    assert.is_nil(item.error and item.error.message)
    return item.result, item.explanation
  end

  it("have the currency's decimals", function()
    local meter = [["meter": {"price": {"model": "per_unit", "unit_price": "1.005"}},
      "quantity": "1"}]]
    assert.are.equal("1.01", result_of('{"currency": "EUR", ' .. meter).amount)
    assert.are.equal("1", result_of('{"currency": "JPY", ' .. meter).amount)
    assert.are.equal("1.01", result_of('{"currency": "KWD", ' .. meter).amount)
    assert.are.equal("1.0050", result_of('{"amount_decimals": 4, ' .. meter).amount)
  end)

  it("are explained step by step", function()
    local _, explanation = result_of([[{"meter": {"conversion": {"divide_by": "1000",
      "rounding": "ceiling"}, "free_quantity": "1", "price": {"model": "per_unit",
      "unit_price": "10"}}, "quantity": "1400"}]])
    assert.are.same({
      { step = "convert", text = "1400 / 1000, rounding ceiling", value = "2" },
      { step = "free_quantity", text = "2 less 1 free", value = "1" },
    }, { explanation[1], explanation[2] })
  end)

  it("of a part of a period are the difference to what was billed before", function()
    local function after(before, quantity)
      return result_of([[{"meter": {"conversion": {"divide_by": "10", "rounding": "ceiling"},
        "price": {"model": "per_unit", "unit_price": "1"}},
        "before": {"quantity": "]] .. before .. [["}, "quantity": "]] .. quantity .. '"}').amount
    end
    assert.are.equal("2.00", after("0", "13"))
    assert.are.equal("1.00", after("13", "14"))
  end)

  it("of incremental percentages stay one amount per tier", function()
    local result = result_of([[{"meter": {"price": {"model": "graduated_percentage", "tiers": [
      {"up_to": "1000", "percent": "1", "flat_amount": "200"},
      {"up_to": null, "percent": "2", "flat_amount": "300"}]}},
      "before": {"quantity": "1050"}, "quantity": "4000"}]])
    assert.are.equal("80.00", result.amount)
    assert.are.equal(1, #result.lines)
    assert.are.equal("1", result.lines[1].quantity)
  end)

  it("of documents take the tax code's rate on the tax point date", function()
    local function tax_on(day)
      return result_of([[{"tax_codes": [{"id": "S", "category_code": "S", "rates": [
        {"valid_from": "2020-07-01", "percent": "16"},
        {"valid_from": "2021-01-01", "percent": "19"}]}], "tax_point_date": "]] .. day
        .. [[", "lines": [{"net_amount": "100", "tax_code": "S"}]}]]).totals.tax_amount
    end
    assert.are.equal("16.00", tax_on("2020-12-31"))
    assert.are.equal("19.00", tax_on("2021-01-01"))
  end)

  it("of time walk the cards of contract, customer and firm", function()
    local result = result_of([[{"time_entries": [{"person": "Ana", "hours": "2",
      "work_date": "2026-10-01"}], "rate_cards": [
      {"versions": [{"valid_from": "2027-01-01", "rates": [{"selector": "default",
        "rate": "1"}]}]},
      {"versions": [{"valid_from": "2026-01-01", "rates": [{"selector": "role", "value": "Dev",
        "rate": "2"}]}]},
      {"versions": [{"valid_from": "2026-01-01", "rates": [{"selector": "person",
        "value": "Ana", "rate": "3"}]}]}]}]])
    assert.are.equal("6.00", result.net_amount)
  end)
end)

describe("malformed items", function()
  -- item, field refused
  local CASES = {
    { [[{"meter": 5, "quantity": "1"}]], "meter" },
    { [[{"meter": {}, "quantity": "1"}]], "meter.price" },
    { [[{"meter": {"price": {"model": "per_unit"}}, "quantity": "1"}]],
      "meter.price.unit_price" },
    { [[{"meter": {"price": {"model": "per_unit", "unit_price": "1,5"}}, "quantity": "1"}]],
      "meter.price.unit_price" },
    { [[{"meter": {"price": {"model": "per_unit", "unit_price": "1"}}}]], "quantity" },
    { [[{"meter": {"price": {"model": "per_unit", "unit_price": "1"}}, "quantity": "-1"}]],
      "quantity" },
    { [[{"meter": {"price": {"model": "volume", "tiers": []}}, "quantity": "1"}]],
      "meter.price.tiers" },
    { [[{"meter": {"price": {"model": "volume", "tiers": [{"up_to": "5", "unit_price": "1"}]}},
      "quantity": "6"}]], "tiers[1].up_to" },
    { [[{"meter": {"price": {"model": "package", "size": "0", "package_price": "1"}},
      "quantity": "1"}]], "meter.price.size" },
    { [[{"meter": {"price": {"model": "percentage", "percent": "1", "min_per_event": "2",
      "max_per_event": "1"}}, "events": []}]], "meter.price.max_per_event" },
    { [[{"meter": {"price": {"model": "percentage", "percent": "1", "max_per_event": "1"}},
      "quantity": "5"}]], "quantity" },
    { [[{"meter": {"price": {"model": "percentage", "percent": "1", "fixed_per_event": "1"}},
      "quantity": "5"}]], "event_count" },
    { [[{"meter": {"price": {"model": "per_unit", "unit_price": "1"}}, "events": ["1", "x"]}]],
      "events[2]" },
    { [[{"meter": {"aggregation": "median", "price": {"model": "per_unit",
      "unit_price": "1"}}, "quantity": "1"}]], "meter.aggregation" },
    { [[{"currency": "EURO", "split": {"weights": ["1"]}, "amount": "1"}]], "currency" },
    { [[{"currency": 5, "split": {"weights": ["1"]}, "amount": "1"}]], "currency" },
    { [[{"split": {"percents": ["50", "49"]}, "amount": "1"}]], "split.percents" },
    { [[{"split": {"weights": ["0"]}, "amount": "1"}]], "split.weights" },
    { [[{"split": {"weights": ["1", "2"]}, "amount": "0.001"}]], "amount" },
    { [[{"time_entries": []}]], "time_entries" },
    { [[{"time_entries": [{"work_date": "2026-10-01"}]}]], "time_entries[1].duration_seconds" },
    { [[{"time_entries": [{"hours": "1", "work_date": "2026-10-01"}]}]], "time_entries[1]" },
    { [[{"time_entries": [{"begin": "25:00:00", "end": "26:00:00"}]}]],
      "time_entries[1].begin" },
    { [[{"time_entries": [{"hours": "1"}], "terms": {"rounding": {"increment_minutes": 15,
      "mode": "sideways", "scope": "entry"}}}]], "terms.rounding.mode" },
    { [[{"retainer": {"unit": "days"}, "draws": []}]], "retainer.unit" },
    { [[{"retainer": {}, "period": "October"}]], "period" },
    { [[{"fixed_fee": {}}]], "fixed_fee.fee_amount" },
    { [[{"fixed_fee": {"fee_amount": "10", "milestones": [{"id": "M", "amount": "10"}]},
      "events": [{"milestone_id": "X"}]}]], "events" },
    { [[{"lines": []}]], "lines" },
    { [[{"lines": [{"quantity": "1"}]}]], "lines[1].unit_price" },
    { [[{"lines": [{"net_amount": "1", "tax_code": "X"}]}]], "lines[1].tax_code" },
    { [[{"lines": [{"net_amount": "1", "tax_code": "S"}], "tax_codes": [{"id": "S",
      "category_code": "S"}]}]], "tax_point_date" },
    { [[{"lines": [{"net_amount": "1"}], "rounding": "up"}]], "rounding" },
    { [[{"lines": [{"net_amount": "0"}], "allowances": [{"amount": "1"}]}]], "allowances" },
    { [[{"payment_terms": {"type": "net"}, "issue_date": "2026-11-02"}]],
      "payment_terms.days" },
    { [[{"payment_terms": {"type": "day_of_next_month", "day": 32},
      "issue_date": "2026-11-02"}]], "payment_terms.day" },
    { [[{"payment_terms": {"type": "net", "days": 1}, "issue_date": "2026-02-29"}]],
      "issue_date" },
    { [[{"payment_terms": {"type": "net", "days": 1}, "issue_date": "2026-02-28",
      "holidays": ["Sunday"]}]], "holidays[1]" },
    { [[{"interest": {"percent": "-1"}, "amount": "1", "overdue_days": 1}]],
      "interest.percent" },
    { [[{"interest": {"rates": [{"valid_from": "2026-01-01", "percent": "1"}]},
      "amount": "1"}]], "due_date" },
    { [[{"interest": {"levels": [{"days": 5}, {"days": 5}]}, "amount": "1"}]],
      "interest.levels[2].days" },
    { [[{"interest": {"compensation": "fr"}, "amount": "1"}]], "interest.compensation" },
    { [[{"instalments": {"first_date": "2026-01-01"}, "amount": "1"}]], "instalments.count" },
    { [[{"instalments": {"first_date": "2026-01-01", "terms": [{"percent": "50"}]},
      "amount": "1"}]], "instalments.terms" },
    { [[{"instalments": {"first_date": "2026-01-01", "terms": [{"amount": "2"}]},
      "amount": "1"}]], "instalments.terms" },
    { [[{"payment": {"amount": "1"}, "invoices": []}]], "invoices" },
    { [[{"payment": {"amount": "1"}, "invoices": [{"id": "A", "open_amount": "1"},
      {"id": "A", "open_amount": "1"}]}]], "invoices[2].id" },
    { [[{"payment": {"amount": "1", "allocations": [{"invoice_id": "B", "amount": "1"}]},
      "invoices": [{"id": "A", "open_amount": "1"}]}]], "payment.allocations[1].invoice_id" },
    { [[{"early_payment_discount": {"percent": "101"}, "net_amount": "1"}]],
      "early_payment_discount.percent" },
    { [[{"proration": {"days": 1, "of_days": 0}}]], "proration.of_days" },
    { [[{"proration": {"cycle": "WEEKLY", "start_date": "2026-01-01"}}]], "proration.cycle" },
    { [[{"credit": {"net_amount": "11"}, "invoice": {"net_amount": "10", "tax_amount": "0"}}]],
      "credit.net_amount" },
    { [[{"number": {"format": "{SEQ:3}", "issue_date": "today"}}]], "number.issue_date" },
    { [[{"meter": {"price": {"model": "per_unit", "unit_price": "1"}}, "quantity": "1",
      "lines": []}]], "meter" },
    { [[{"meter": {"price": {"model": "per_unit", "unit_price": "1"}},
      "quantity": "1234567890123456789012"}]], "quantity" },
  }

  for index, case in ipairs(CASES) do
    it("are refused at " .. case[2] .. " (" .. index .. ")", function()
      local result = price.item(decode(case[1]))
      assert.is_not_nil(result.error, "no error")
      assert.are.equal(case[2], result.error.field)
      assert.is_true(#result.error.remedy > 0 and #result.error.value > 0)
    end)
  end
end)

describe("a payment", function()
  local function of(payment, invoices)
    return price.item({ payment = payment, invoices = invoices }).result
  end

  it("short by what the buyer has to withhold is a full one", function()
    local result = of({ amount = "1080", withholding_percent = "10" },
      { { id = "A", open_amount = "1180", net_amount = "1000" } })
    assert.are.equal("withholding", result.allocations[1].kind)
    assert.are.equal("0.00", result.open_total_amount)
  end)

  it("at another exchange rate than its invoice makes a difference", function()
    local result = of({ amount = "100", exchange_rate = "0.95" },
      { { id = "A", open_amount = "100", exchange_rate = "0.90" } })
    assert.are.equal("5.00", result.exchange_difference_amount)
  end)
end)

describe("what is wrong with an item", function()
  local function pointer(content)
    return price.item(decode(content)).error.pointer
  end

  it("is pointed at", function()
    assert.are.equal("/meter/price/tiers/1/up_to", pointer([[{"quantity": "1", "meter": {"price":
      {"model": "volume", "tiers": [{"up_to": "5"}, {"up_to": "4"}, {}]}}}]]))
    assert.are.equal("/time_entries/0/begin", pointer([[{"time_entries": [{"begin": "9",
      "end": "10"}]}]]))
    assert.are.equal("/terms/rounding/mode", pointer([[{"time_entries": [{"hours": "1"}],
      "terms": {"rounding": {"increment_minutes": 15, "mode": "sideways", "scope": "entry"}}}]]))
    assert.are.equal("", pointer("[]"))
  end)
end)

describe("the schema's fields", function()
  local function check(definition, path)
    if type(definition) ~= "table" then
      return
    end
    for name, field in pairs(definition.properties or {}) do
      local place = path .. "." .. name
      assert.is_truthy(field.title, place .. " has no title")
      assert.is_truthy(field.description, place .. " has no description")
      local has_example = field.examples or field["$ref"] or field.properties or field.items
        or field.const
      assert.is_truthy(has_example, place .. " has no example")
      check(field, place)
    end
    check(definition.items, path .. "[]")
    for index, inner in ipairs(definition.oneOf or {}) do
      check(inner, path .. "/" .. index)
    end
  end

  it("each have a title, a description and an example", function()
    for name, definition in pairs(schema()["$defs"]) do
      check(definition, name)
    end
  end)

  it("name every part of an item's result", function()
    for name, definition in pairs(schema()["$defs"]) do
      local told = definition["x-result"] or {}
      for _, example in ipairs(name:find("_item$") and definition.examples or {}) do
        for field in pairs(price.item(example).result) do
          assert.is_truthy(told[field] or definition.properties[field] or field == "issue_date",
            name .. ": " .. field .. " is not described")
        end
      end
    end
  end)
end)

describe("an item with any one field spoilt", function()
  local JUNK = { json.null, -1, "", "x", "999999999999999999999", json.array({}), { a = 1 }, false,
    "9999-12-31" }

  --- Calls `try` with the item spoilt at every place, one at a time.
  local function spoil(holder, try)
    local names = {}
    for name in pairs(holder) do
      names[#names + 1] = name
    end
    for _, name in ipairs(names) do
      local kept = holder[name]
      for _, junk in ipairs(JUNK) do
        holder[name] = junk
        try()
      end
      holder[name] = kept
      if type(kept) == "table" and kept ~= json.null then
        spoil(kept, try)
      end
    end
  end

  it("is priced or refused, and never ends in an error of ours", function()
    for name, definition in pairs(schema()["$defs"]) do
      local example = name:find("_item$") and definition.examples[1]
      if example then
        spoil(example, function()
          local result = price.item(example)
          local text = result.error and result.error.message or ""
          assert.is_nil(text:find("wrongly by us", 1, true), name .. ": " .. text)
        end)
      end
    end
  end)
end)
