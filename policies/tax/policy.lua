--- tax: exceptions to the tax code of a payer's line. Without settings every code stays as the
--- contract gives it.
---
--- Subject: { contract, customer, firm, component, tax_code }; tax_code is what payer, line,
--- contract and customer give. A rule for the component is more special than one for the country,
--- so it wins.

local MAX_AGE_DAYS = 30

---@class policy.tax.Decision
---@field tax_code string
---@field vat {confirmation: string, max_age_days: integer, when_unavailable: string}   what counts
---                                 as proof of a buyer's number
---@field reasons string[]

local function vat_terms(settings)
  return {
    confirmation = settings.vat_confirmation or "authority",
    max_age_days = settings.vat_max_age_days or MAX_AGE_DAYS,
    when_unavailable = settings.vat_when_unavailable or "charge_tax",
  }
end

---@param subject table
---@param settings table
---@return policy.tax.Decision
local function decide(subject, settings)
  local by_component = (settings.by_component or {})[subject.component]
  if by_component then
    return {
      tax_code = by_component,
      vat = vat_terms(settings),
      reasons = {
        "policy tax: lines of component " .. subject.component .. " have " .. by_component,
      },
    }
  end
  local country = subject.customer.address.country_code
  local by_country = (settings.by_country or {})[country]
  if by_country then
    return {
      tax_code = by_country,
      vat = vat_terms(settings),
      reasons = { "policy tax: payers in " .. country .. " have " .. by_country },
    }
  end
  return {
    tax_code = subject.tax_code,
    vat = vat_terms(settings),
    reasons = { "as agreed: " .. subject.tax_code },
  }
end

return { name = "tax", version = "1.0.0", decide = decide }
