--- Cases of credits, dunning, numbers and early payment.
local rules = {}

local translate = require("billing_cases.translate")

local priced = translate.priced
local from_cents = translate.from_cents
local to_cents = translate.to_cents

local function credit_answer(credit)
  local result = priced({ credit = credit })
  return {
    net_cents = to_cents(result.net_amount),
    tax_cents = to_cents(result.tax_amount),
    total_cents = to_cents(result.total_amount),
  }
end

rules["credit_note/prorated_termination"] = function(facts)
  return credit_answer({
    net_amount = from_cents(facts.invoice_net_cents),
    tax_percent = facts.tax_percent,
    days = facts.unused_days,
    of_days = facts.days_in_period,
  })
end

rules["credit_note/partial_item"] = function(facts)
  return credit_answer({
    net_amount = from_cents(facts.item_net_cents),
    tax_percent = facts.tax_percent,
  })
end

rules["dunning/interest_and_fee"] = function(facts)
  local result = priced({
    interest = {
      percent = facts.yearly_interest_percent,
      fee = facts.fee,
      days_in_year = facts.days_in_year,
    },
    amount = facts.outstanding,
    overdue_days = facts.overdue_days,
  })
  return {
    interest = result.interest_amount,
    dunning_amount = result.claim_amount,
    grand_total = result.total_amount,
  }
end

rules["dunning/level_fee"] = function(facts)
  local result = priced({
    interest = { levels = facts.levels },
    amount = facts.outstanding,
    overdue_days = facts.overdue_days,
  })
  return { receivable = result.total_amount }
end

rules["dunning/uk_fixed_compensation"] = function(facts)
  local result = priced({
    currency = "GBP",
    interest = { compensation = "uk" },
    amount = facts.debt_gbp,
  })
  return { compensation_gbp = result.compensation_amount }
end

rules["dunning/statutory_rate"] = function(facts)
  return { rate = priced({ interest = facts }).percent }
end

--- `{Y}/{cy,5}` -> `{YYYY}/{SEQ:5}`.
local function format_of(format)
  return (format:gsub("{Y}", "{YYYY}"):gsub("{cy,(%d+)}", "{SEQ:%1}"):gsub("{cy}", "{SEQ:1}"))
end

rules["numbering/format"] = function(facts)
  local result = priced({
    number = {
      format = format_of(facts.format),
      issue_date = facts.date,
      next_sequence = facts.next_counter,
    },
  })
  return { number = result.numbers[1] }
end

rules["numbering/switch_scheme"] = function(facts)
  local result = priced({
    number = {
      format = facts.new_prefix .. "-{YYYY}{MM}-{SEQ:3}",
      issue_date = facts.month .. "-01",
      next_sequence = facts.already_issued + 1,
      count = facts.invoices,
    },
  })
  return { numbers = result.numbers }
end

rules["payment/early_payment_discount"] = function(facts)
  local result = priced({
    early_payment_discount = {
      percent = facts.discount_percent,
      days = facts.discount_days,
      mode = facts.mode,
    },
    issue_date = facts.invoice_date,
    net_amount = facts.net,
    tax_percent = facts.tax_percent,
    fixed_tax_amount = facts.fixed_tax,
  })
  return {
    last_discount_date = result.last_date,
    total = result.total_amount,
    base_discount = result.base_discount_amount,
    tax_discount = result.tax_discount_amount,
    tax = result.tax_amount,
    paid = result.discounted_amount,
  }
end

return rules
