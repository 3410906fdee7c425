--- What an authority answered about a tax number, and what may be billed on the strength of it
--- (capability T4).
---
--- Tax is left out (reverse charge, intra-community) only for a buyer whose number is known to be
--- valid. An answer counts for so many days; when the authority cannot be reached, the terms say
--- what happens: charge the tax, wait, or go on with the task of asking again.
local vat_check = {}

local date = require("billow.date")
local tax_number = require("billow.billing.tax_number")

vat_check.WHEN_UNAVAILABLE = { "charge_tax", "block", "accept_pending" }

local MAX_AGE_DAYS_DEFAULT = 30

---@class billing.VatAnswer      stored with its request id, as evidence
---@field status "valid"|"invalid"|"unavailable"
---@field requested_on string    date
---@field request_id? string     the authority's consultation number
---@field name? string
---@field address? string

---@class billing.VatTerms
---@field max_age_days? integer
---@field when_unavailable? "charge_tax"|"block"|"accept_pending"

---@class billing.VatVerdict
---@field status "valid"|"invalid"|"pending"|"blocked"
---@field may_leave_tax_out boolean
---@field reason string
---@field evidence table         what is to be stored: number, answer, age

local UNAVAILABLE = {
  charge_tax = { status = "pending", may_leave_tax_out = false,
    reason = "the number could not be checked: tax is charged until it is" },
  block = { status = "blocked", may_leave_tax_out = false,
    reason = "the number could not be checked: the invoice waits" },
  accept_pending = { status = "pending", may_leave_tax_out = true,
    reason = "the number could not be checked: the tax is left out, check it again before the "
      .. "return is filed" },
}

---@param fields table
---@param evidence table
---@return billing.VatVerdict
local function verdict(fields, evidence)
  return {
    status = fields.status,
    may_leave_tax_out = fields.may_leave_tax_out,
    reason = fields.reason,
    evidence = evidence,
  }
end

--- Judge a buyer's number on a day.
---@param number string
---@param country_code? string
---@param answer? billing.VatAnswer   the latest one; nil: nobody asked yet
---@param on_date string
---@param terms? billing.VatTerms
---@return billing.VatVerdict
function vat_check.judge(number, country_code, answer, on_date, terms)
  terms = terms or {}
  local found = tax_number.read(number, country_code)
  local evidence = { number = found.prefix .. found.number, answer = answer }
  if found.is_valid == false then
    return verdict({ status = "invalid", may_leave_tax_out = false,
      reason = "the number " .. found.problem }, evidence)
  elseif answer and answer.status == "invalid" then
    return verdict({ status = "invalid", may_leave_tax_out = false,
      reason = "the authority does not know the number (asked on " .. answer.requested_on .. ")" },
      evidence)
  elseif answer and answer.status == "valid" then
    evidence.age_days = date.days_between(answer.requested_on, on_date)
    if evidence.age_days <= (terms.max_age_days or MAX_AGE_DAYS_DEFAULT) then
      return verdict({ status = "valid", may_leave_tax_out = true,
        reason = "confirmed by the authority on " .. answer.requested_on }, evidence)
    end
  end
  return verdict(UNAVAILABLE[terms.when_unavailable or "charge_tax"], evidence)
end

return vat_check
