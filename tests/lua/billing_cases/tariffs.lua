--- Cases of tariffs and commitments as meters.
local rules = {}

local translate = require("billing_cases.translate")

local priced = translate.priced
local given = translate.given
local from_cents = translate.from_cents
local to_cents = translate.to_cents

-- These two charge the first tier's flat amount although nothing was used.
local FLAT_AT_ZERO = { lago = true, openmeter = true }
-- Figures of other systems are not rounded to cents before the invoice.
local EXACT_DECIMALS = 6

local function tiers_of(facts)
  local tiers = {}
  for index, tier in ipairs(facts.tiers) do
    tiers[index] = {
      up_to = given(tier.up_to),
      unit_price = tier.unit,
      percent = tier.rate_percent,
      flat_amount = tier.flat,
    }
  end
  return tiers
end

local function meter_item(model, facts, case)
  local flag = facts.charge_first_tier_flat_at_zero
  if flag == nil then
    flag = FLAT_AT_ZERO[case.source] or false
  end
  return {
    amount_decimals = EXACT_DECIMALS,
    meter = { price = { model = model, tiers = tiers_of(facts), flat_at_zero = flag } },
    quantity = facts.quantity,
    before = facts.already_billed_quantity and { quantity = facts.already_billed_quantity },
  }
end

local function amount_of(item)
  return { amount = priced(item).amount }
end

rules["tiers/graduated"] = function(facts, case)
  return amount_of(meter_item("graduated", facts, case))
end

rules["tiers/graduated_incremental"] = function(facts, case)
  local result = priced(meter_item("graduated", facts, case))
  return { amount = result.amount, lines = result.lines }
end

rules["tiers/volume"] = function(facts, case)
  return amount_of(meter_item("volume", facts, case))
end

rules["tiers/graduated_percentage"] = function(facts, case)
  return amount_of(meter_item("graduated_percentage", facts, case))
end

rules["tiers/graduated_percentage_incremental"] = rules["tiers/graduated_percentage"]

rules["tiers/per_unit"] = function(facts)
  return amount_of({
    meter = { price = { model = "per_unit", unit_price = facts.unit } },
    quantity = facts.quantity,
  })
end

rules["tiers/package"] = function(facts)
  return amount_of({
    meter = {
      free_quantity = facts.free_units,
      price = { model = "package", size = facts.package_size, package_price = facts.package_price },
    },
    quantity = facts.quantity,
  })
end

rules["tiers/percentage"] = function(facts)
  local function with(fixed, percent)
    return priced({
      amount_decimals = EXACT_DECIMALS,
      meter = {
        free_quantity = facts.free_volume,
        price = {
          model = "percentage",
          percent = percent,
          fixed_per_event = fixed,
          free_events = facts.free_events,
        },
      },
      quantity = facts.volume,
      event_count = facts.events,
    }).amount
  end
  return {
    amount = with(facts.fixed_per_event, facts.rate_percent),
    percentage_part = with("0", facts.rate_percent),
    fixed_part = with(facts.fixed_per_event, "0"),
  }
end

rules["tiers/percentage_min_max_per_event"] = function(facts)
  return amount_of({
    amount_decimals = EXACT_DECIMALS,
    meter = {
      price = {
        model = "percentage",
        percent = facts.rate_percent,
        fixed_per_event = facts.fixed_per_event,
        min_per_event = facts.min,
        max_per_event = facts.max,
      },
    },
    events = facts.events,
  })
end

rules["tiers/cost_plus_multiplier"] = function(facts)
  return amount_of({
    amount_decimals = facts.minor_units,
    meter = { price = { model = "cost_plus", multiplier = facts.multiplier } },
    quantity = facts.metered_cost,
  })
end

local function blocks(mode)
  return function(facts)
    local tiers = {}
    for index, block in ipairs(facts.blocks) do
      tiers[index] = {
        block_size = block.block_size,
        unit_price = block.unit_block_price,
        max_blocks = block.max_blocks,
      }
    end
    local result = priced({
      meter = { price = { model = "blocks", mode = mode, tiers = tiers } },
      quantity = facts.quantity,
    })
    local per_tier = {}
    for index, line in ipairs(result.lines) do
      per_tier[index] = line.net_amount
    end
    return { amount = result.amount, per_tier = per_tier }
  end
end

rules["tiers/blocks_all_tiers"] = blocks("all_tiers")
rules["tiers/blocks_top_tier"] = blocks("top_tier")

rules["tiers/capacity_highest_tier_any_unit"] = function(facts)
  return amount_of({
    meter = { price = { model = "capacity", tiers = facts.tiers } },
    quantities = facts.usage,
  })
end

rules["tiers/convert_then_rate"] = function(facts)
  local result = priced({
    meter = {
      conversion = { divide_by = facts.divide_by, rounding = facts.rounding },
      price = { model = "per_unit", unit_price = facts.unit },
    },
    quantity = facts.quantity,
  })
  return { billed_quantity = result.lines[1].quantity, amount = result.amount }
end

rules["commit/min_spend"] = function(facts, case)
  local item = meter_item(facts.mode or "graduated", facts, case)
  item.meter.price.flat_at_zero = false
  item.before = facts.already_billed_amount and { amount = facts.already_billed_amount }
  item.minimum_commit = { amount = facts.minimum }
  item.is_last = facts.is_final_line_of_period
  local result = priced(item)
  return {
    usage_amount = result.usage_amount,
    true_up = result.minimum_commit_amount,
    total = result.amount,
  }
end

rules["commit/max_spend"] = function(facts)
  local unit_price, quantity = facts.package_price or facts.new_amount, facts.packages or "1"
  local result = priced({
    meter = { price = { model = "package", size = "1", package_price = unit_price } },
    quantity = quantity,
    before = { amount = facts.already_billed_amount },
    maximum_spend = { amount = facts.maximum },
  })
  return {
    gross = result.usage_amount,
    cap_discount = result.maximum_spend_amount,
    total = result.amount,
  }
end

rules["commit/min_commit_monthly"] = function(facts)
  local fees = 0
  for _, cents in ipairs(facts.fees_cents) do
    fees = fees + cents
  end
  local result = priced({
    meter = { price = { model = "per_unit", unit_price = "1" } },
    quantity = from_cents(fees),
    minimum_commit = { amount = from_cents(facts.commitment_cents) },
  })
  return {
    true_up_cents = to_cents(result.minimum_commit_amount),
    invoice_total_cents = to_cents(result.amount),
  }
end

rules["commit/charge_minimum_prorated"] = function(facts)
  local result = priced({
    meter = { price = { model = "per_unit", unit_price = "1" } },
    quantity = from_cents(facts.usage_cents),
    minimum_commit = { amount = from_cents(facts.minimum_cents) },
    proration = { days = facts.days_used, of_days = facts.days_in_period },
  })
  local document = priced({
    lines = { { net_amount = result.minimum_commit_amount, tax_percent = facts.tax_percent } },
  })
  return {
    true_up_cents = to_cents(result.minimum_commit_amount),
    true_up_tax_cents = to_cents(document.totals.tax_amount),
  }
end

return rules
