-- hello: offers a customer a price, after a person agreed when the policy asks for one.
local decimal = require("billow.decimal")
local http = require("billow.http")
local policy = require("billow.policy")
local task = require("billow.task")
local workflow = require("billow.workflow")

local CRM = "https://crm.example/offers"

return workflow.define({
  name = "hello",
  version = "1.0.0",
  title = "Hello, customer",
  input = { customer = "text", amount = "decimal" },
  policies = { "discount" },

  run = function(input)
    local subject = { customer = input.customer, amount = input.amount }
    local decision = policy.decide("discount", subject, { customer = input.customer })
    local price = input.amount - decimal(decision.discount)

    if decision.is_approval_needed then
      local answer = task.open({
        kind = "approval",
        title = string.format("Offer %s to %s", price:fixed(2), input.customer),
        body = { amount = input.amount, price = price, reasons = decision.reasons },
      })
      if answer.decision ~= "approve" then
        return { status = "rejected", by = answer.by }
      end
    end

    local offer = { customer = input.customer, price = price:fixed(2) }
    local response = http.post({ url = CRM, json = offer }):expect_ok()
    return { status = "sent", price = price, offer = response:json().id }
  end,
})
