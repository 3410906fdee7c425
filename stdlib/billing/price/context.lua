--- The smallest firm in which a contract's terms can be priced.
---
--- Terms, cards and openings of an item are read by model.lua like those of a real contract, so
--- that the same values are accepted, the same defaults apply and the same problems are found.
--- Problems come back with the fields named as the item has them.
local context = {}

local decimal = require("billow.decimal")
local due_date_item = require("billow.billing.price.due_date")
local json = require("billow.json")
local model = require("billow.billing.model")
local reading = require("billow.billing.reading")

local CARD_LEVELS = { "contract", "customer", "firm" }
local TAX_CODE = "PRICE"
local PERIOD_DEFAULT = "2026-01"
local START_DEFAULT = "1970-01-01"

---@class billing.PriceContract
---@field kind string                 field of the item that holds the terms
---@field model string                of the contract
---@field terms table                 as given
---@field opening table|nil           opening entries, as in `opening.json`
---@field events table[]|nil

--- A value as files hold it: decimals as text. An item may write them as JSON numbers too.
---@param value any
---@return any
local function as_filed(value)
  if decimal.is(value) then
    return tostring(value)
  elseif type(value) ~= "table" or value == json.null then
    return value
  end
  local copy = {}
  for name, inner in pairs(value) do
    copy[name] = as_filed(inner)
  end
  return getmetatable(value) ~= nil and json.array(copy) or copy
end

---@class billing.PriceCards
---@field cards table[]
---@field id_of_level table<string, string>
---@field field_of_id table<string, string>   where in the item a card stands

--- Cards in the order in which they are searched: contract, customer, firm.
---@param reader billing.Reader
---@return billing.PriceCards
local function cards_of(reader)
  local cards, id_of_level, field_of_id = {}, {}, {}
  local given = reader:list("rate_cards")
  local is_one = reader:has("rate_card")
  reader:only_one({ "rate_card", "rate_cards" })
  if is_one then
    given = { reader:raw("rate_card") }
  end
  for index, raw in ipairs(given) do
    local level = CARD_LEVELS[index]
    if not level then
      reading.refuse("rate_cards[" .. index .. "]", raw, "leave it out: the cards are those of "
        .. "contract, customer and firm, in this order")
    end
    local field = is_one and "rate_card" or "rate_cards[" .. index .. "]"
    local card = as_filed(reading.open(raw, field).source)
    card.id = reading.given(card.id) or "RC-" .. level
    card.currency = reading.given(card.currency) or reader:raw("currency") or "EUR"
    cards[index] = card
    id_of_level[level] = card.id
    field_of_id[tostring(card.id)] = field
  end
  return { cards = cards, id_of_level = id_of_level, field_of_id = field_of_id }
end

--- Openings are kept by contract in files; an item has those of its one contract.
---@param problem billing.Problem
---@param kind string
---@param field_of_id table<string, string>
local function refuse(problem, kind, field_of_id)
  local field = problem.field
  if problem.file == "rate-cards.json" then
    local card = field_of_id[problem.id:gsub("^rate card ", "")] or "rate_cards"
    field = card .. "." .. field
  elseif problem.file == "opening.json" then
    field = field:gsub("^fixed_fee%.item", "opening"):gsub("^retainer%.item", "opening")
      :gsub("^ceiling_used%.item", "ceiling_used")
  elseif field:find("^terms%.") then
    field = kind .. field:sub(#"terms" + 1)
  end
  error(reading.refusal(field, problem.value, problem.problem .. ": " .. problem.remedy), 0)
end

---@param reader billing.Reader
---@param wanted billing.PriceContract
---@param cards billing.PriceCards
---@return table files
local function files_of(reader, wanted, cards)
  local id_of_level = cards.id_of_level
  local money = reader:text("currency", "EUR")
  local period = reader:period("period", true) or PERIOD_DEFAULT
  local address = { country_code = "DE" }
  local opening = as_filed(wanted.opening or {})
  return {
    firm = {
      id = "firm", name = "firm", address = address, currency = money, country_code = "DE",
      time_zone = "UTC", rate_card_id = id_of_level.firm,
      holidays = json.array(due_date_item.holidays(reader)),
      number_series = {
        { id = "INV", type_codes = { "380", "386" }, format = "{SEQ:1}", reset = "never" },
      },
      tax_codes = { { id = TAX_CODE, category_code = "O", rates = {} } },
    },
    customers = { {
      id = "customer", name = "customer", address = address, currency = money, tax_code = TAX_CODE,
      rate_card_id = id_of_level.customer,
    } },
    contracts = { {
      id = "item", customer_id = "customer", name = "item", model = wanted.model, currency = money,
      start_date = reader:date("start_date", true) or START_DEFAULT,
      end_date = reader:date("end_date", true),
      rate_card_id = id_of_level.contract, terms = as_filed(wanted.terms),
    } },
    rate_cards = cards.cards,
    opening = {
      period = period,
      issue_date = reader:date("issue_date", true) or period .. "-28",
      number_series = { INV = { next_sequence = 1 } },
      ceiling_used = opening.ceiling_used,
      fixed_fee = opening.fixed_fee,
      advances = opening.advances,
      retainer = opening.retainer,
    },
  }
end

--- Read an item's terms as a contract.
---@param reader billing.Reader  the item
---@param wanted billing.PriceContract
---@param money billing.PriceMoney
---@return billing.Context ctx
---@return table contract
function context.of(reader, wanted, money)
  local cards = cards_of(reader)
  local files = files_of(reader, wanted, cards)
  local ctx, problems = model.read(files, files.opening.period)
  if not ctx then
    refuse(problems[1], wanted.kind, cards.field_of_id)
  end
  ctx.decimals = function()
    return money.d
  end
  return ctx, ctx.contracts.item
end

return context
