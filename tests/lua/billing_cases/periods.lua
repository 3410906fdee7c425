--- Cases of prepaid balances and of proration.
local rules = {}

local decimal = require("billow.decimal")
local translate = require("billing_cases.translate")

local priced = translate.priced
local given = translate.given

local PERIOD = "2026-10"
local BEFORE_VOID, VOID_EVE, AFTER_VOID = "2026-10-10", "2026-10-10", "2026-10-11"

--- Grants are buckets of an hours retainer that grants nothing itself.
local function grants_item(facts, draws)
  local buckets = {}
  for index, grant in ipairs(facts.grants) do
    buckets[index] = {
      id = grant.id,
      period = "2026-09",
      quantity = grant.amount,
      expires_on = grant.voided_at and VOID_EVE or "2026-12-31",
      priority = grant.priority,
    }
  end
  return {
    period = PERIOD,
    as_of = AFTER_VOID,
    retainer = { draw_order = "priority" },
    opening = { buckets = buckets },
    draws = draws,
  }
end

local function grants_answer(item)
  local result = priced(item)
  local balances = {}
  for _, balance in ipairs(result.balances) do
    if balance.id then
      balances[balance.id] = balance.quantity
    end
  end
  return { balances = balances, overage = result.overage_quantity }
end

rules["prepaid/grants"] = function(facts)
  return grants_answer(grants_item(facts, { { quantity = facts.usage } }))
end

rules["prepaid/grants_timeline"] = function(facts)
  local draws = {}
  for index, use in ipairs(facts.usage) do
    draws[index] = {
      quantity = use.qty,
      date = use.at:find("-", 1, true) and BEFORE_VOID or AFTER_VOID,
    }
  end
  return grants_answer(grants_item(facts, draws))
end

rules["prepaid/rollover"] = function(facts)
  local used = decimal(facts.ending_balance) + decimal(facts.overage)
  local result = priced({
    period = PERIOD,
    retainer = {
      quantity = facts.ending_balance,
      unused = "rollover",
      rollover = { min_quantity = facts.min_rollover, max_quantity = facts.max_rollover },
      overage = { rate = "0", carry = facts.preserve_overage },
    },
    draws = { { quantity = tostring(used) } },
  })
  return { balance_after_reset = result.reset_balance }
end

--- "1 + 14/31" from the parts.
local function formula(result)
  local texts = {}
  if result.whole_cycles > 0 then
    texts[1] = tostring(result.whole_cycles)
  end
  for _, fraction in ipairs(result.fractions) do
    texts[#texts + 1] = fraction.days .. "/" .. fraction.of_days
  end
  return table.concat(texts, " + ")
end

rules["proration/cycles_in_advance"] = function(facts)
  local result = priced({
    proration = {
      cycle = facts.period,
      billing_day = facts.billing_cycle_day,
      start_date = facts.start,
      end_date = given(facts["end"]),
      target_date = facts.target,
      billed = "advance",
    },
  })
  return { cycles = result.cycles, formula = formula(result) }
end

return rules
