local build = require("support.billing")
local decimal = require("billow.decimal")

--- The month of a contract with this ceiling; entries of the given minutes, one a day from
--- 2026-10-01 on.
local function bill(ceiling, minutes, options)
  options = options or {}
  local entries = {}
  for i, count in ipairs(minutes) do
    entries[i] = build.entry(i, {
      duration_seconds = count * 60,
      work_date = string.format("2026-10-%02d", i),
      task = options.tasks and options.tasks[i] or "Development",
    })
  end
  local terms = { ceiling = ceiling, no_charge_tasks = { "Handover" }, rounding = options.rounding }
  local ctx = build.context_of(terms, options.contract, options.files)
  local month = build.compute(ctx, entries)
  return month.contracts.C, month
end

local function overflow_of(contract)
  local parts = {}
  for i, part in ipairs(contract.exceptions[1].details.overflow) do
    parts[i] = part.id .. " " .. part.seconds // 60
  end
  return parts
end

local function net_of(contract)
  return contract.invoices[1].totals.tax_exclusive_amount
end

describe("ceilings (model 3.6)", function()
  it("bills everything and raises nothing below the ceiling", function()
    local contract = bill({ amount = "300.00" }, { 60, 60, 60 })
    assert.same({}, contract.exceptions)
    assert.equal("300.00", net_of(contract))
    assert.equal("300.00", contract.closing.ceiling_used)
  end)

  it("cuts the entry that crosses an amount at the last whole minute that fits", function()
    local contract, month = bill({ amount = "150.00", overflow = "hold" }, { 60, 60, 10 })
    assert.equal("150.00", net_of(contract))
    assert.same({ "harvest-time:2 30", "harvest-time:3 10" }, overflow_of(contract))
    assert.same({ billed = 5400, held = 2400 }, month.seconds)
  end)

  it("measures the lines as they would be billed, not the sum of the entries", function()
    -- 10 + 10 minutes are 0.33 h on one line: 33.00; the eleventh minute of the second would make
    -- 0.35 h
    local contract = bill({ amount = "34.00" }, { 10, 20 })
    assert.equal("33.00", net_of(contract))
  end)

  it("does not bill a later, cheaper entry behind the cut", function()
    local contract = bill({ amount = "150.00" }, { 120, 15 })
    assert.same({ "harvest-time:1 30", "harvest-time:2 15" }, overflow_of(contract))
  end)

  it("orders by work date, then source order", function()
    local ctx = build.context_of({ ceiling = { hours = "1" } })
    local month = build.compute(ctx, {
      build.entry(1, { work_date = "2026-10-09" }),
      build.entry(2, { work_date = "2026-10-02" }),
    })
    assert.same({ "harvest-time:1 60" }, overflow_of(month.contracts.C))
  end)

  it("limits hours by billed seconds, after rounding and without rounding the cut again", function()
    local rounding = { increment_minutes = 15, mode = "up", scope = "entry" }
    local contract = bill(
      { hours = "0.4", overflow = "write_off" },
      { 10, 10 },
      { rounding = rounding }
    )
    assert.same({ "harvest-time:2 6" }, overflow_of(contract))
    assert.equal("0.4", contract.closing.ceiling_used)
  end)

  it("counts min(worked, billed part) as billed when a rounded-up entry is cut", function()
    local rounding = { increment_minutes = 60, mode = "up", scope = "entry" }
    local _, month = bill({ hours = "0.5" }, { 40 }, { rounding = rounding })
    assert.same({ billed = 1800, held = 600 }, month.seconds)
  end)

  it("takes what is left of a contract's ceiling, all of a period's", function()
    local files = function()
      return {
        opening = {
          period = "2026-10",
          issue_date = "2026-11-02",
          ceiling_used = { C = "250.00" },
        },
      }
    end
    local contract = bill({ amount = "300.00", scope = "contract" }, { 60 }, { files = files() })
    assert.equal("50.00", net_of(contract))
    assert.equal("300.00", contract.closing.ceiling_used)
    contract = bill({ amount = "300.00", scope = "period" }, { 60 }, { files = files() })
    assert.equal("100.00", net_of(contract))
  end)

  it("bills nothing but no-charge work when the ceiling is used up", function()
    local files =
      { opening = { period = "2026-10", issue_date = "2026-11-02", ceiling_used = { C = "500" } } }
    local contract = bill(
      { amount = "300.00" },
      { 60, 60 },
      { files = files, tasks = { "Handover", "Testing" } }
    )
    assert.equal("0.00", net_of(contract))
    assert.equal("time:Handover", contract.invoices[1].lines[1].description_key)
    assert.same({ "harvest-time:2 60" }, overflow_of(contract))
  end)

  it("writes off, or holds and blocks the invoice, by the contract's word", function()
    local _, month = bill({ amount = "100.00", overflow = "write_off" }, { 60, 60 })
    assert.same({ billed = 3600, written_off = 3600 }, month.seconds)
    local contract
    contract, month = bill({ amount = "100.00", overflow = "stop" }, { 60, 60 })
    assert.same({ billed = 3600, held = 3600 }, month.seconds)
    assert.equal("blocked", contract.invoices[1].status)
    assert.same({ "CEILING_REACHED C", "CEILING_STOP C/CU" }, build.codes(contract.exceptions))
  end)

  it("bills the overflow at the overage rate on lines of its own", function()
    local contract, month = bill(
      { amount = "100.00", overflow = "overage_rate", overage_rate = "80.00" },
      { 60, 30 }
    )
    local line = contract.invoices[1].lines[2]
    assert.same(
      { "overage:Development", "0.5", "80.00", "40.00" },
      { line.description_key, line.quantity, line.unit_price, line.net_amount }
    )
    assert.same({ billed = 5400 }, month.seconds)
    assert.equal("100.00", contract.closing.ceiling_used)
  end)

  it("passes the overflow on to the next contract as parts with an id of their own", function()
    local first = build.contract({
      terms = {
        ceiling = { amount = "150.00", overflow = "next_contract", overflow_contract_id = "A" },
      },
    })
    local second = build.contract({ id = "A", projects = {}, terms = { grouping = { "project" } } })
    local ctx = build.context({ contracts = { second, first } })
    local month = build.compute(ctx, { build.entry(1), build.entry(2) })
    local line = month.contracts.A.invoices[1].lines[1]
    assert.same(
      { "time:P", "0.5", "50.00" },
      { line.description_key, line.quantity, line.net_amount }
    )
    assert.equal("harvest-time:2#2", line.references[1].id)
    assert.same({ billed = 5400, moved = 1800 }, month.seconds)
  end)

  it("holds a moved part that has no rate in the next contract", function()
    local first = build.contract({
      rate_card_id = "CO",
      terms = {
        ceiling = { amount = "0.00", overflow = "next_contract", overflow_contract_id = "A" },
      },
    })
    local second = build.contract({ id = "A", projects = {} })
    local ctx = build.context({
      contracts = { first, second },
      rate_cards = {
        build.card("RC", {}),
        build.card("CO", { { selector = "default", rate = "100" } }),
      },
    })
    local month = build.compute(ctx, { build.entry(1) })
    assert.same({ "NO_RATE harvest-time:1#2" }, build.codes(month.contracts.A.exceptions))
    assert.same({ moved = 3600 }, month.seconds)
  end)

  it("takes the ceiling policy's way where the contract is silent", function()
    local ctx = build.context_of({ ceiling = { amount = "0" } })
    ctx.decide = function(name)
      return name == "ceiling" and { overflow = "write_off" } or nil
    end
    assert.same({ written_off = 3600 }, build.compute(ctx, { build.entry(1) }).seconds)
  end)

  it("bills the longest prefix that fits: a minute more would be too much", function()
    local lines = require("billow.billing.lines")
    local ceiling = require("billow.billing.ceiling")
    local state = 20261031
    local function random(count)
      state = (state * 1103515245 + 12345) % 2147483648
      return state // 65536 % count
    end
    local function net(works, terms)
      local total = decimal(0)
      for _, line in ipairs(lines.of_time("time", works, terms, 2)) do
        total = total + line.net_amount
      end
      return total
    end
    for round = 1, 60 do
      local limit = decimal(random(40000)) / 100
      local ctx = build.context_of({
        ceiling = { amount = tostring(limit) },
        quantity_basis = round % 2 == 0 and "entry" or "line",
        grouping = { "task" },
      })
      local contract, works = ctx.contracts.C, {}
      for i = 1, 6 do
        works[i] = build.work(i, 1 + random(200), {
          task = "T" .. random(2),
          rate = build.rate(tostring(decimal(5000 + random(9000)) / 100)),
        })
      end
      local cut = ceiling.cut(works, contract, nil, 2)
      assert.is_true(net(cut.billed, contract.terms) <= limit)
      local part = cut.overflow[1]
      if part and part.billed_seconds > 60 then
        local more, is_added = {}, false
        for i, work in ipairs(cut.billed) do
          more[i] = work
          if work.id == part.id then
            more[i] = build.work(work.sequence, work.billed_seconds // 60 + 1, {
              task = work.task,
              rate = work.rate,
            })
            is_added = true
          end
        end
        if not is_added then
          more[#more + 1] = build.work(part.sequence, 1, { task = part.task, rate = part.rate })
        end
        assert.is_true(net(more, contract.terms) > limit)
      end
    end
  end)

  it("never loses a minute to hours that do not end", function()
    -- 100 of 120 minutes are used: 20 are left, though 1.666666 h is what can be written
    local used = bill({ hours = "2" }, { 100 }).closing.ceiling_used
    assert.equal("1.666666", used)
    local files =
      { opening = { period = "2026-10", issue_date = "2026-11-02", ceiling_used = { C = used } } }
    local contract = bill({ hours = "2" }, { 60 }, { files = files })
    assert.same({ "harvest-time:1 40" }, overflow_of(contract))
    assert.is_true(decimal(contract.closing.ceiling_used) <= decimal(2))
  end)
end)
