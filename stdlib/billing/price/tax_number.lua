--- A tax number: its form, its check digit, and what an authority's answer allows.
local tax_number_item = {}

local explanation = require("billow.billing.explanation")
local tax_number = require("billow.billing.tax_number")
local vat_check = require("billow.billing.vat_check")

local STATUSES = { "valid", "invalid", "unavailable" }

---@param reader billing.Reader
---@return billing.VatAnswer|nil
function tax_number_item.answer(reader)
  local answer = reader:object("answer", true)
  return answer and {
    status = answer:choice("status", STATUSES),
    requested_on = answer:date("requested_on"),
    request_id = answer:text("request_id", false),
    name = answer:text("name", false),
    address = answer:text("address", false),
  }
end

---@param reader billing.Reader
---@param _ billing.PriceMoney
---@param steps billing.Step[]
---@return table
function tax_number_item.price(reader, _, steps)
  local text, country_code = reader:text("tax_number"), reader:text("country_code", false)
  local found = tax_number.read(text, country_code)
  explanation.add(steps, "form", found.expected or found.prefix, found.number)
  if found.has_check then
    explanation.add(steps, "check_digit", found.problem or "fits", found.number)
  end
  local result = {
    prefix = found.prefix,
    number = found.number,
    is_valid = found.is_valid,
    has_check_digit = found.has_check,
    problem = found.problem,
  }
  if reader:has("answer") or reader:has("on_date") then
    local verdict = vat_check.judge(text, country_code, tax_number_item.answer(reader),
      reader:date("on_date"), {
        max_age_days = reader:integer("max_age_days", { is_optional = true, min = 0 }),
        when_unavailable = reader:choice("when_unavailable", vat_check.WHEN_UNAVAILABLE,
          "charge_tax"),
      })
    explanation.add(steps, "answer", verdict.reason, verdict.status)
    result.status = verdict.status
    result.may_leave_tax_out = verdict.may_leave_tax_out
    result.evidence = verdict.evidence
  end
  return result
end

return tax_number_item
