--- `billow price`: rules that decide a cent, an order or a day, each named by what it promises.

local json = require("billow.json")
local price = require("billow.billing.price")

local function item(content)
  return price.item(assert(json.decode(content)))
end

local function result_of(content)
  local priced = item(content)
  assert.is_nil(priced.error and priced.error.message)
  return priced.result
end

local function error_of(content)
  return assert(item(content).error)
end

local function amounts(list, name)
  local result = {}
  for index, own in ipairs(list) do
    result[index] = own[name]
  end
  return result
end

describe("minimum and maximum", function()
  local METER = [["meter": {"price": {"model": "per_unit", "unit_price": "1"}},
    "discount_percent": "10", "minimum_commit": {"amount": "200"}]]

  it("come to the same in one invoice and in two", function()
    local whole = result_of('{"quantity": "150", ' .. METER .. "}")
    local first = result_of('{"quantity": "100", "is_last": false, ' .. METER .. "}")
    local second = result_of('{"quantity": "50", "before": {"quantity": "100"}, ' .. METER .. "}")
    assert.are.same({ "200.00", "90.00", "110.00" },
      { whole.amount, first.amount, second.amount })
  end)

  it("of a total that falls credit no more than was billed under the maximum", function()
    local result = result_of([[{"meter": {"price": {"model": "volume", "tiers": [
      {"up_to": "100", "unit_price": "3"}, {"unit_price": "0.5"}]}},
      "before": {"quantity": "100"}, "quantity": "20", "maximum_spend": {"amount": "100"}}]])
    -- 100 of the 300 before were billed; 60 is due in all.
    assert.are.same({ "-240.00", "-200.00", "-40.00" },
      { result.usage_amount, result.maximum_spend_amount, result.amount })
  end)

  it("are money: no fraction of a yen is billed", function()
    local result = result_of([[{"currency": "JPY", "meter": {"price": {"model": "per_unit",
      "unit_price": "1"}}, "quantity": "5", "minimum_commit": {"amount": "10.5"}}]])
    assert.are.same({ "6", "11" }, { result.minimum_commit_amount, result.amount })
  end)
end)

describe("decimals", function()
  it("may be JSON numbers everywhere, taken by their text", function()
    local time = result_of([[{"time_entries": [{"hours": 1.1}], "rate_card": {"versions": [
      {"rates": [{"selector": "default", "rate": 110.97}]}]}, "terms": {"hours_per_day": 7.5}}]])
    assert.are.equal("122.07", time.net_amount)
    local retainer = result_of([[{"retainer": {"quantity": 9.75, "price": 1200.5,
      "overage": {"rate": 99.9}}, "opening": {"buckets": [{"period": "2025-12",
      "quantity": 0.25, "expires_on": "2026-03-31"}]}, "draws": [{"quantity": 11}]}]])
    assert.are.equal("1300.40", retainer.net_amount)
    local fee = result_of([[{"fixed_fee": {"fee_amount": 999.99, "milestones": [
      {"id": "M1", "percent": 33.3}, {"id": "M2", "percent": 66.7}]},
      "events": [{"milestone_id": "M1"}]}]])
    assert.are.equal("333.00", fee.net_amount)
  end)

  it("of a card or an opening that are wrong are pointed at where they stand", function()
    assert.are.equal("/rate_card/versions/0/rates/0/rate", error_of([[{"time_entries": [
      {"hours": "1"}], "rate_card": {"versions": [{"rates": [{"selector": "default",
      "rate": "dear"}]}]}}]]).pointer)
    assert.are.equal("/rate_cards/1/versions/0/rates/0/rate", error_of([[{"time_entries": [
      {"hours": "1"}], "rate_cards": [{"versions": []}, {"id": "own", "versions": [{"rates": [
      {"selector": "default", "rate": "dear"}]}]}]}]]).pointer)
    assert.are.equal("/opening/billed_net", error_of([[{"fixed_fee": {"fee_amount": "100",
      "billing": "percent_complete"}, "opening": {"billed_net": "much"}}]]).pointer)
    assert.are.equal("/opening/buckets/0/quantity", error_of([[{"retainer": {}, "opening": {
      "buckets": [{"period": "2025-12", "quantity": "few", "expires_on": "2026-01-31"}]}}]])
      .pointer)
  end)
end)

describe("a retainer", function()
  local TERMS = [["retainer": {"quantity": "10", "price": "1000", "overage": {"rate": "150"}},
    "period": "2026-10"]]

  it("is drawn in order of days, however the draws are written down", function()
    local opening = [["opening": {"buckets": [{"period": "2026-09", "quantity": "5",
      "expires_on": "2026-10-10"}]}]]
    local late, early = '{"date": "2026-10-20", "quantity": "10"}',
      '{"date": "2026-10-05", "quantity": "5"}'
    local draws = ', "draws": [%s, %s]}'
    local forth = result_of("{" .. TERMS .. "," .. opening .. draws:format(early, late))
    local back = result_of("{" .. TERMS .. "," .. opening .. draws:format(late, early))
    assert.are.equal("0", forth.overage_quantity)
    assert.are.same(forth, back)
  end)

  it("has a line for what is drawn beyond it; the lines add up", function()
    local result = result_of("{" .. TERMS .. ', "draws": [{"quantity": "12"}]}')
    assert.are.same({ "1000.00", "300.00" }, amounts(result.lines, "net_amount"))
    assert.are.same({ "1300.00", "300.00" }, { result.net_amount, result.overage_amount })
  end)

  it("bills no overage that lowers the next balance instead", function()
    local result = result_of([[{"retainer": {"quantity": "10", "price": "1000", "overage":
      {"rate": "150", "carry": true}}, "draws": [{"quantity": "12"}]}]])
    assert.are.equal("1000.00", result.net_amount)
    assert.are.equal("-2", result.reset_balance)
  end)

  it("refuses to guess what a draw costs when only entries have a price", function()
    local refused = error_of([[{"retainer": {"quantity": "1", "overage": {"source": "card"}},
      "draws": [{"quantity": "2"}]}]])
    assert.are.equal("/retainer/overage/source", refused.pointer)
  end)
end)

describe("a fixed fee", function()
  it("has its advance on an invoice of its own in the month in which it starts", function()
    local result = result_of([[{"fixed_fee": {"fee_amount": "10000", "milestones": [
      {"id": "M1", "percent": "100"}], "advance": {"percent": "20"}}, "period": "2026-10",
      "start_date": "2026-10-01"}]])
    assert.are.same({ "2000.00", "0.00" }, { result.advance_net_amount, result.net_amount })
  end)
end)

describe("payment terms", function()
  it("of the end of a month need no number of days", function()
    local function due(terms)
      return result_of('{"issue_date": "2028-02-05", "payment_terms": ' .. terms .. "}").due_date
    end
    assert.are.equal("2028-02-29", due('{"type": "end_of_month"}'))
    assert.are.equal("2028-02-29", due('{"type": "days_after_end_of_month"}'))
    assert.are.equal("/payment_terms/days", error_of([[{"issue_date": "2028-02-05",
      "payment_terms": {"type": "net"}}]]).pointer)
  end)
end)

describe("instalments", function()
  it("never ask for less than nothing, not even of the last", function()
    local result = result_of([[{"amount": "0.05", "instalments": {"first_date": "2026-01-31",
      "count": 9, "remainder": "last"}}]])
    assert.are.same({ "0.00", "0.00", "0.00", "0.00", "0.00", "0.00", "0.00", "0.00", "0.05" },
      amounts(result.instalments, "amount"))
  end)

  it("are rounded, and the last takes the odd cents", function()
    local result = result_of([[{"amount": "1375", "currency": "JPY", "instalments": {
      "first_date": "2026-01-31", "count": 8, "remainder": "last"}}]])
    assert.are.equal("172", result.instalments[1].amount)
    assert.are.equal("171", result.instalments[8].amount)
  end)
end)

describe("late interest", function()
  local DUE = '"amount": "1000", "due_date": "2026-01-31", "until_date": "2027-01-31"}'

  it("of a reference rate has the statutory margin unless one is given", function()
    assert.are.equal("105.00", result_of('{"interest": {"reference_rate": "2.5"}, ' .. DUE)
      .interest_amount)
    assert.are.equal("105.00", result_of([[{"interest": {"rates": [{"valid_from": "2020-01-01",
      "reference_rate": "2.5"}]}, ]] .. DUE).interest_amount)
    assert.are.equal("35.00", result_of([[{"interest": {"margin": "1", "rates": [
      {"valid_from": "2020-01-01", "reference_rate": "2.5"}]}, ]] .. DUE).interest_amount)
  end)

  it("is never owed by the creditor", function()
    assert.are.equal("0.00", result_of([[{"interest": {"reference_rate": "-0.5",
      "margin": "0.2"}, ]] .. DUE).interest_amount)
  end)
end)

describe("a payment", function()
  local result = result_of([[{"payment": {"amount": "150"}, "invoices": [
    {"id": "undated", "open_amount": "100"},
    {"id": "late", "due_date": "2026-03-01", "open_amount": "100"},
    {"id": "early", "due_date": "2026-02-01", "open_amount": "100"}]}]])

  it("settles the oldest first, and last what is due on no known day", function()
    assert.are.same({ "early", "late" }, amounts(result.allocations, "invoice_id"))
  end)

  it("leaves open amounts in the order of the invoices given", function()
    assert.are.same({ "undated", "late", "early" }, amounts(result.open, "invoice_id"))
    assert.are.same({ "100.00", "50.00", "0.00" }, amounts(result.open, "open_amount"))
  end)
end)
