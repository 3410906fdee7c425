--- Which open items a bank entry pays: candidates with a score and the reason in words (C2).
---
--- Rules in order: structured reference, invoice number in the text, end-to-end id, exact amount
--- from an account the customer paid from before, sum of a subset of that customer's items,
--- tolerance. Behind them three weak ones that only help a person: the payer's name, the amount
--- alone, and the oldest items of a known payer. The first rule whose amount is explained ends the
--- search; one that names an item but leaves money unexplained lets the others speak too, so that a
--- person sees them.
---
--- A proposal decides nothing: whether it is booked is the matching policy's business, and it may
--- do so only when there is exactly one candidate.
---@class billow.billing.matching
local matching = {}

local currencies = require("billow.billing.currency")
local decimal = require("billow.decimal")
local json = require("billow.json")
local references = require("billow.billing.references")
local settling = require("billow.billing.settling")
local subset = require("billow.billing.subset")

local CANDIDATES_MAX = 5

local SCORES = {
  structured_reference = 100,
  invoice_number = 95,
  end_to_end_id = 92,
  amount_and_account = 88,
  subset = 70,
  tolerance = 65,
  amount_and_name = 60,
  amount = 45,
  oldest = 30,
}
-- All that a customer owes in one sum is hardly chance; some of it may be.
local SCORE_SUBSET_OF_ALL = 85
local PENALTIES = {
  tolerance = 5,
  bank_fee = 2,
  dispute = 5,
  withholding = 20,
  part = 15,
  over = 10,
}
local PENALTY_SQUEEZED, PENALTY_CURRENCY, PENALTY_STRANGER = 7, 5, 5
local EXPLAINED = {
  exact = true,
  discount = true,
  bank_fee = true,
  instalment = true,
  tolerance = true,
  dispute = true,
  withholding = true,
}

---@class billing.Candidate
---@field rule string
---@field score integer           0 to 100
---@field outcome string          of billing.Settled
---@field items string[]          invoice ids
---@field numbers string[]
---@field customer_id string
---@field currency string         of the allocations
---@field amount Decimal          of the payment, in that currency
---@field allocations table[]
---@field unapplied_amount Decimal
---@field short_amount Decimal
---@field explanation string[]    why, in words

---@class billing.Proposal
---@field candidates billing.Candidate[]   best first
---@field is_complete boolean     false: the search was cut off, there may be others
---@field explanation string[]    which rules were tried and found nothing

---@class billing.Search
---@field entry billing.bank.Entry
---@field items billing.OpenItem[]
---@field settings billing.MatchSettings
---@field proposal billing.Proposal
---@field seen table<string, boolean>

--- The payment as it meets items of a currency; nil when nothing says what it is worth there.
local function paid_in(entry, currency)
  if entry.currency == currency then
    local sent = entry.instructed
    return {
      amount = entry.amount,
      date = entry.value_date,
      charges = entry.charges,
      sent = sent and sent.currency == currency and sent.amount or nil,
    }
  elseif entry.instructed and entry.instructed.currency == currency then
    return { amount = entry.instructed.amount, date = entry.value_date }
  end
  return nil
end

local function score_of(search, rule, settled, items)
  local score = SCORES[rule] - (PENALTIES[settled.outcome] or 0)
  if search.entry.currency ~= items[1].currency then
    score = score - PENALTY_CURRENCY
  end
  return score
end

local function is_from(entry, item)
  for _, account in ipairs(item.accounts or {}) do
    if account == entry.counterparty_account then
      return true
    end
  end
  return false
end

--- A payer whose account is known, and known as another customer's.
local function is_stranger(search, items)
  if is_from(search.entry, items[1]) then
    return false
  end
  for _, item in ipairs(search.items) do
    if item.customer_id ~= items[1].customer_id and is_from(search.entry, item) then
      return true
    end
  end
  return false
end

--- Adds a candidate, unless the same items are proposed already. Returns whether its amount is
--- explained.
local function add(search, rule, items, why, adjust)
  local paid = paid_in(search.entry, items[1].currency)
  if not paid then
    return false
  end
  local settled = settling.settle(paid, items, search.settings)
  local ids, numbers = {}, {}
  for i, item in ipairs(settling.by_due_date(items)) do
    ids[i], numbers[i] = item.invoice_id, item.number
  end
  local key = table.concat(ids, "\0")
  if search.seen[key] then
    return EXPLAINED[settled.outcome] or false
  end
  search.seen[key] = true
  local explanation = { why, settled.text }
  local score = score_of(search, rule, settled, items) + (adjust or 0)
  if is_stranger(search, items) then
    score = score - PENALTY_STRANGER
    explanation[#explanation + 1] = "the account it came from belongs to another customer"
  end
  if search.entry.currency ~= items[1].currency then
    explanation[#explanation + 1] = string.format(
      "paid as %s %s, arrived as %s %s",
      tostring(paid.amount),
      items[1].currency,
      tostring(search.entry.amount),
      search.entry.currency
    )
  end
  table.insert(search.proposal.candidates, {
    rule = rule,
    score = math.max(0, score),
    outcome = settled.outcome,
    items = ids,
    numbers = numbers,
    customer_id = items[1].customer_id,
    currency = items[1].currency,
    amount = paid.amount,
    allocations = settled.allocations,
    unapplied_amount = settled.unapplied_amount,
    short_amount = settled.short_amount,
    explanation = explanation,
  })
  return EXPLAINED[settled.outcome] or false
end

local function filter(items, is_wanted)
  local found = {}
  for _, item in ipairs(items) do
    if is_wanted(item) then
      found[#found + 1] = item
    end
  end
  return found
end

--- Items grouped by customer and currency: one payment settles items of one customer.
local function by_customer(items)
  local groups, order = {}, {}
  for _, item in ipairs(items) do
    local key = item.customer_id .. "\0" .. item.currency
    if not groups[key] then
      groups[key] = {}
      order[#order + 1] = groups[key]
    end
    table.insert(groups[key], item)
  end
  return order
end

--- Numbers of items as people read them.
local function numbers_text(items)
  local numbers = {}
  for i, item in ipairs(items) do
    numbers[i] = item.number
  end
  return table.concat(numbers, ", ")
end

--- Does the amount settle exactly this item, with its discount, or its next instalments?
local function is_amount_of(search, item)
  local paid = paid_in(search.entry, item.currency)
  if not paid then
    return false
  end
  local outcome = settling.settle(paid, { item }, search.settings).outcome
  return outcome == "exact" or outcome == "discount" or outcome == "instalment"
end

--- Named items: all together; when that does not come out and exactly one does, that one.
local function add_named(search, rule, items, why, adjust)
  local is_explained = false
  for _, group in ipairs(by_customer(items)) do
    local exact = filter(group, function(item)
      return is_amount_of(search, item)
    end)
    local chosen = rule ~= "invoice_number" and #group > 1 and #exact > 0 and exact or nil
    for _, item in ipairs(chosen or {}) do
      is_explained = add(search, rule, { item }, why .. " " .. item.number, adjust) or is_explained
    end
    if not chosen then
      local text = why .. " " .. numbers_text(group)
      is_explained = add(search, rule, group, text, adjust) or is_explained
    end
  end
  return is_explained
end

local rules = {}

rules[1] = {
  "structured_reference",
  function(search)
    local reference = search.entry.structured_reference
    local named = reference
      and filter(search.items, function(item)
        return item.reference and references.means(reference, item.reference)
          or references.means(reference, item.number)
      end)
    return named
      and #named > 0
      and add_named(search, "structured_reference", named, "the structured reference means")
  end,
}

rules[2] = {
  "invoice_number",
  function(search)
    local is_squeezed, words = false, references.searchable(search.entry.text)
    local named = filter(search.items, function(item)
      local how = references.find(words, item.number)
        or item.reference and references.find(words, item.reference)
      is_squeezed = is_squeezed or how == "squeezed"
      return how ~= nil
    end)
    local why = is_squeezed and "the text names, when blanks are ignored," or "the text names"
    return #named > 0
      and add_named(search, "invoice_number", named, why, is_squeezed and -PENALTY_SQUEEZED or 0)
  end,
}

rules[3] = {
  "end_to_end_id",
  function(search)
    local id = search.entry.end_to_end_id
    local named = id
      and filter(search.items, function(item)
        return item.end_to_end_id == id or references.means(id, item.number)
      end)
    return named
      and #named > 0
      and add_named(search, "end_to_end_id", named, "the end-to-end id is that of")
  end,
}

rules[4] = {
  "amount_and_account",
  function(search)
    local is_found = false
    for _, item in ipairs(search.items) do
      if is_from(search.entry, item) and is_amount_of(search, item) then
        local why = "the customer paid from this account before, and the amount is that of "
        is_found = add(search, "amount_and_account", { item }, why .. item.number) or is_found
      end
    end
    return is_found
  end,
}

--- Subsets of one customer's items that make up the amount.
local function add_subsets(search, group, why)
  local paid = paid_in(search.entry, group[1].currency)
  if not paid then
    return false
  end
  local settings = search.settings
  local found, is_complete = subset.find(paid.amount, group, {
    size_max = settings.subset_max,
    steps_max = settings.subset_steps_max,
    d = currencies.decimals(group[1].currency),
    amount = function(item)
      local offer = settling.discount(item, paid.date, settings)
      return item.open_amount, offer and item.open_amount - offer.amount or nil
    end,
  })
  search.proposal.is_complete = search.proposal.is_complete and is_complete
  local is_found = false
  for _, items in ipairs(found) do
    local is_all = #items == #group
    local adjust = is_all and SCORE_SUBSET_OF_ALL - SCORES.subset or 0
    local text = string.format(
      "%s, and %d of their %d open items make up the amount: %s",
      why,
      #items,
      #group,
      numbers_text(items)
    )
    is_found = add(search, "subset", items, text, adjust) or is_found
  end
  return is_found
end

rules[5] = {
  "subset",
  function(search)
    local is_found = false
    for _, group in ipairs(by_customer(search.items)) do
      if #group > 1 and is_from(search.entry, group[1]) then
        local why = "the customer paid from this account before"
        is_found = add_subsets(search, group, why) or is_found
      end
    end
    return is_found
  end,
}

rules[6] = {
  "tolerance",
  function(search)
    local is_found = false
    for _, item in ipairs(search.items) do
      local paid = is_from(search.entry, item) and paid_in(search.entry, item.currency)
      if paid then
        local most = settling.tolerance(item.open_amount, item.currency, search.settings)
        local apart = (item.open_amount - paid.amount):abs()
        if apart <= most and not apart:is_zero() then
          local why =
            "the customer paid from this account before, and the amount is close to that of "
          add(search, "tolerance", { item }, why .. item.number)
          is_found = true
        end
      end
    end
    return is_found
  end,
}

rules[7] = {
  "amount_and_name",
  function(search)
    local is_found = false
    for _, group in ipairs(by_customer(search.items)) do
      if references.same_name(search.entry.counterparty_name, group[1].customer_name) then
        for _, item in ipairs(group) do
          if is_amount_of(search, item) then
            local why = "the payer's name is the customer's, and the amount is that of "
            is_found = add(search, "amount_and_name", { item }, why .. item.number) or is_found
          end
        end
        if not is_found and #group > 1 then
          is_found = add_subsets(search, group, "the payer's name is the customer's")
        end
      end
    end
    return is_found
  end,
}

rules[8] = {
  "amount",
  function(search)
    local is_found = false
    for _, item in ipairs(search.items) do
      if is_amount_of(search, item) then
        is_found = add(
          search,
          "amount",
          { item },
          "nothing but the amount is that of " .. item.number
        ) or is_found
      end
    end
    return is_found
  end,
}

rules[9] = {
  "oldest",
  function(search)
    for _, group in ipairs(by_customer(search.items)) do
      local is_known = is_from(search.entry, group[1])
        or references.same_name(search.entry.counterparty_name, group[1].customer_name)
      if is_known and not search.proposal.candidates[1] then
        add(search, "oldest", group, "the payer is known; oldest due first on all that is open:")
      end
    end
    return false
  end,
}

--- Candidates that leave money unexplained stay; others must be explained, when something better
--- than a guess is there.
local function best_first(candidates)
  table.sort(candidates, function(a, b)
    if a.score ~= b.score then
      return a.score > b.score
    end
    return table.concat(a.items, "\0") < table.concat(b.items, "\0")
  end)
  for i = #candidates, CANDIDATES_MAX + 1, -1 do
    candidates[i] = nil
  end
end

--- Propose what an entry pays.
---@param entry billing.bank.Entry      money in
---@param items billing.OpenItem[]      all that is open
---@param settings billing.MatchSettings
---@return billing.Proposal
function matching.propose(entry, items, settings)
  local proposal = { candidates = json.array({}), is_complete = true, explanation = {} }
  local search =
    { entry = entry, items = items, settings = settings, proposal = proposal, seen = {} }
  if entry.amount <= decimal(0) then
    proposal.explanation[1] = "the money went out: nothing of ours is paid by it"
    return proposal
  end
  for _, rule in ipairs(rules) do
    local name, try = rule[1], rule[2]
    local before = #proposal.candidates
    local is_explained = try(search)
    if is_explained then
      break
    elseif #proposal.candidates == before then
      proposal.explanation[#proposal.explanation + 1] = name .. ": found nothing"
    end
  end
  best_first(proposal.candidates)
  return proposal
end

return matching
