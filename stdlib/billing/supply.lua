--- Where the services of a contract are taxed, and what proves it (capabilities T3, T4, T11): the
--- place of supply, decided for each payer of a contract that names its kind of service.
---
---   "supply": {"service": "general"}                     the tax codes must agree with the place
---   "supply": {"service": "digital", "mode": "decide"}   the place chooses the tax code
---
--- A document whose tax code says otherwise, or whose proof is missing, is blocked. What was
--- decided and what it rests on is kept with the document. A payer, a line or a contract that has
--- a tax code of its own keeps it in mode "decide"; lines with one of their own are not checked:
--- expenses passed on, say, are other supplies.
---@class billing.supply
local supply = {}

local place_of_supply = require("billow.billing.place_of_supply")
local tax_number = require("billow.billing.tax_number")
local vat_check = require("billow.billing.vat_check")

supply.MODES = { "check", "decide" }

-- Taxed in a country by its own rules, whatever the rate.
local TAXED = { S = true, Z = true, E = true }
-- The tax is the buyer's business: its number must be right.
local REVERSE = { AE = true, K = true }

---@class billing.SupplyOfDocument
---@field decision billing.SupplyDecision
---@field vat? billing.VatVerdict   on the buyer's number

local function vat_terms(ctx, contract, customer)
  local decided = ctx.decide
    and ctx.decide("tax", {
      contract = contract,
      customer = customer,
      firm = ctx.firm,
      component = "",
      tax_code = customer.tax_code,
    })
  return decided and decided.vat or {}
end

--- What is known of the buyer's number on the day of issue; nil without a number.
local function verdict_of(ctx, contract, customer)
  if not customer.vat_id then
    return nil
  end
  local terms, country = vat_terms(ctx, contract, customer), customer.address.country_code
  if terms.confirmation == "form" and not customer.vat_check then
    local found = tax_number.read(customer.vat_id, country)
    return {
      status = found.is_valid and "valid" or "invalid",
      may_leave_tax_out = found.is_valid == true,
      reason = found.problem and "the number " .. found.problem or "the number has the right form",
      evidence = { number = found.prefix .. found.number },
    }
  end
  return vat_check.judge(customer.vat_id, country, customer.vat_check, ctx.issue_date, terms)
end

local function set_of(list)
  local set = {}
  for _, member in ipairs(list or {}) do
    set[member] = true
  end
  return set
end

--- The decision about what a contract supplies to a payer; nil when the contract does not ask.
---@param ctx billing.Context
---@param contract table
---@param customer table
---@return billing.SupplyOfDocument?
function supply.of(ctx, contract, customer)
  local terms = contract.supply
  if not terms then
    return nil
  end
  local firm, verdict = ctx.firm, verdict_of(ctx, contract, customer)
  local is_business = customer.is_business
  if is_business == nil then
    is_business = customer.vat_id ~= nil
  end
  return {
    vat = verdict,
    decision = place_of_supply.decide({
      seller = {
        country_code = firm.country_code,
        state = firm.address.country_subentity,
        registrations = set_of(firm.tax_registrations),
      },
      buyer = {
        country_code = customer.address.country_code,
        state = customer.address.country_subentity,
        is_business = is_business,
        vat_id = customer.vat_id,
        may_leave_tax_out = verdict ~= nil and verdict.may_leave_tax_out,
      },
      service = terms.service,
      location_country_code = terms.location_country_code,
      has_one_stop_shop = firm.has_one_stop_shop == true,
      proof = terms.proof,
    }),
  }
end

--- Are the code's taxes those of the place? A code without parts is one tax. India: CGST and SGST
--- inside a state, IGST between states.
local function has_taxes(code, taxes)
  if not taxes then
    return true
  end
  local parts = code.parts or {}
  if #taxes == 1 then
    return #parts == 0 or (#parts == 1 and parts[1].name == taxes[1].name)
  end
  local names = {}
  for _, part in ipairs(parts) do
    names[part.name] = true
  end
  for _, one in ipairs(taxes) do
    if not names[one.name] then
      return false
    end
  end
  return #parts == #taxes
end

--- Does a tax code say what was decided?
---@param firm table
---@param code table
---@param decision billing.SupplyDecision
---@return boolean
function supply.agrees(firm, code, decision)
  if TAXED[decision.category_code] then
    local country = code.country_code or firm.country_code
    return TAXED[code.category_code] == true
      and country == decision.country_code
      and has_taxes(code, decision.taxes)
  end
  return code.category_code == decision.category_code
end

--- The firm's tax code for a decision: the first that says it. Nil: the firm has none.
---@param firm table
---@param decision billing.SupplyDecision
---@return table?
function supply.code_for(firm, decision)
  for _, code in ipairs(firm.tax_codes) do
    local is_same = code.category_code == decision.category_code
    if is_same and supply.agrees(firm, code, decision) then
      return code
    end
  end
  return nil
end

--- The tax code that the place chooses for a payer, and why; nil when it does not choose.
---@param ctx billing.Context
---@param contract table
---@param customer table
---@return string? code
---@return string? reason
function supply.chosen(ctx, contract, customer)
  if not contract.supply or contract.supply.mode ~= "decide" then
    return nil
  end
  local decision = supply.of(ctx, contract, customer).decision
  local code = supply.code_for(ctx.firm, decision)
  return code and code.id, "place of supply: " .. decision.rule
end

local function wanted(decision)
  local names = {}
  for i, one in ipairs(decision.taxes or {}) do
    names[i] = one.name
  end
  local taxes = #names > 0 and " (" .. table.concat(names, " and ") .. ")" or ""
  return decision.category_code .. " in " .. decision.country_code .. taxes
end

--- The first line whose tax code says something else than the place of supply.
local function place_problem(ctx, document, decision)
  for _, line in ipairs(document.lines) do
    for _, code in ipairs(ctx.firm.tax_codes) do
      local is_its = code.id == line.tax_code and not line.has_own_tax_code
      if is_its and not supply.agrees(ctx.firm, code, decision) then
        local other = supply.code_for(ctx.firm, decision)
        return string.format(
          "line %s has tax code %s (%s), but the service is %s by %s: %s",
          line.id,
          code.id,
          code.category_code,
          wanted(decision),
          decision.rule,
          other and "use " .. other.id .. ", or correct the contract's supply"
            or "add such a code to the firm's tax_codes"
        )
      end
    end
  end
  return nil
end

--- A number that cannot be right stands under no reverse charge, whoever asks for a place.
local function number_problem(ctx, document)
  local customer = ctx.customers[document.customer_id]
  for _, group in ipairs(document.tax_breakdown) do
    if REVERSE[group.category_code] and customer.vat_id then
      local found = tax_number.read(customer.vat_id, customer.address.country_code)
      if found.is_valid == false then
        return string.format(
          "category %s, but the VAT number %s of customer %s %s: ask for the right one",
          group.category_code,
          customer.vat_id,
          customer.id,
          found.problem
        )
      end
    end
  end
  return nil
end

--- What blocks a document because of where it is taxed.
---@param ctx billing.Context
---@param document table
---@return {code: string, message: string}[]
function supply.problems(ctx, document)
  local list, made = {}, document.supply
  local function add(code, message)
    list[#list + 1] = message and { code = code, message = message } or nil
  end
  add("VAT_ID_INVALID", number_problem(ctx, document))
  if made then
    add("PLACE_OF_SUPPLY", place_problem(ctx, document, made.decision))
    if made.vat and made.vat.status == "blocked" then
      add("VAT_CHECK_PENDING", made.vat.reason)
    end
    local missing = made.decision.missing
    if #missing > 0 then
      add("SUPPLY_NOT_PROVEN", "missing: " .. table.concat(missing, "; ") .. " ("
        .. made.decision.rule .. ")")
    end
  end
  return list
end

--- In words, for the record of the document.
---@param made billing.SupplyOfDocument
---@return string[]
function supply.texts(made)
  local decision = made.decision
  local texts = { "place of supply: " .. wanted(decision) .. ", " .. decision.rule }
  for _, fact in ipairs(decision.evidence) do
    texts[#texts + 1] = "evidence: " .. fact
  end
  if made.vat then
    local answer = made.vat.evidence.answer
    local request = answer and answer.request_id and ", request " .. answer.request_id or ""
    texts[#texts + 1] = string.format(
      "VAT number %s: %s%s",
      made.vat.evidence.number,
      made.vat.reason,
      request
    )
  end
  for _, tax in ipairs(decision.taxes or {}) do
    texts[#texts + 1] = string.format("of the tax %s is %s", tax.share, tax.name)
  end
  return texts
end

return supply
