--- What all adapters use: pricing an item that must not be refused, and units.
local translate = {}

local decimal = require("billow.decimal")
local json = require("billow.json")
local price = require("billow.billing.price")

--- Price an item; a case that is refused fails with the refusal.
function translate.priced(item)
  local result = price.item(item)
  if result.error then
    error(result.error.message, 2)
  end
  return result.result
end

--- JSON null counts as absent.
function translate.given(value)
  if value == json.null then
    return nil
  end
  return value
end

function translate.from_cents(cents)
  return tostring(decimal(cents) / 100)
end

function translate.to_cents(amount)
  return (decimal(amount) * 100):to_integer()
end

return translate
