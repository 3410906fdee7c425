--- Puts the worked cases of other billing systems into the words of `billow price`, and its results
--- back into theirs. Translation only: no figure is computed here that the product should compute;
--- sums of what it computed are the most that is done.
---
--- A rule is a function (facts, case) -> answer, where the answer has the fields of `expected`.
--- Rules that are not run are in `adapter.NOT_RULES` with the reason.
local adapter = {}

local rules = {}
for _, area in ipairs({ "tariffs", "cash", "periods", "documents", "time" }) do
  for rule, answer in pairs(require("billing_cases." .. area)) do
    rules[rule] = answer
  end
end

local LEDGER = "a sequence of invoices and credits of entries: run by rebill_cases_spec.lua"

--- Rules of the cases that are not figures a price could have; by rule.
adapter.NOT_RULES = {
  ["rebill/partial_credit_then_period"] = LEDGER,
  ["rebill/manual_over_invoice"] = LEDGER,
  ["rebill/partial_billing_lifecycle"] = LEDGER,
  ["dunning/resolution"] = "a chain of states of a dunning: run by dunning_spec.lua",
}

--- Why a case is not run; nil when it is.
---@param case table
---@return string|nil
function adapter.reason_not_run(case)
  if adapter.NOT_RULES[case.rule] then
    return adapter.NOT_RULES[case.rule]
  elseif case.rule == "numbering/format" and case.facts.format:find("staff", 1, true) then
    return "a format with fields of users, which numbers of Billow do not have"
  elseif not rules[case.rule] then
    return "no adapter"
  end
  return nil
end

--- What Billow answers, with the fields of the case's `expected`.
---@param case table
---@return table
function adapter.answer(case)
  return rules[case.rule](case.facts, case)
end

return adapter
