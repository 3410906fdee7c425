--- The smallest firm in which a contract's terms can be priced.
---
--- Terms, cards and openings of an item are read by model.lua like those of a real contract, so
--- that the same values are accepted, the same defaults apply and the same problems are found.
--- Problems come back with the fields named as the item has them.
local context = {}

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

--- Cards in the order in which they are searched: contract, customer, firm.
---@param reader billing.Reader
---@return table[] cards
---@return table<string, string> id_of_level
local function cards_of(reader)
  local cards, id_of_level = {}, {}
  local given = reader:list("rate_cards")
  if reader:has("rate_card") then
    given = { reader:raw("rate_card") }
  end
  for index, raw in ipairs(given) do
    local level = CARD_LEVELS[index]
    if not level then
      reading.refuse("rate_cards[" .. index .. "]", raw, "leave it out: the cards are those of "
        .. "contract, customer and firm, in this order")
    end
    local card = {}
    for name, value in pairs(reading.open(raw, "rate_cards[" .. index .. "]").source) do
      card[name] = value
    end
    card.id = reading.given(card.id) or "RC-" .. level
    card.currency = reading.given(card.currency) or reader:raw("currency") or "EUR"
    cards[index] = card
    id_of_level[level] = card.id
  end
  return cards, id_of_level
end

---@param problem billing.Problem
---@param kind string
local function refuse(problem, kind)
  local field = problem.field
  if problem.file == "rate-cards.json" then
    field = "rate_cards: " .. problem.id .. ": " .. field
  elseif field:find("^terms%.") then
    field = kind .. field:sub(#"terms" + 1)
  end
  error(reading.refusal(field, problem.value, problem.problem .. ": " .. problem.remedy), 0)
end

---@param reader billing.Reader
---@param wanted billing.PriceContract
---@param cards table[]
---@param id_of_level table<string, string>
---@return table files
local function files_of(reader, wanted, cards, id_of_level)
  local money = reader:text("currency", "EUR")
  local period = reader:period("period", true) or PERIOD_DEFAULT
  local address = { country_code = "DE" }
  return {
    firm = {
      id = "firm", name = "firm", address = address, currency = money, country_code = "DE",
      time_zone = "UTC", rate_card_id = id_of_level.firm,
      holidays = json.array(due_date_item.holidays(reader)),
      number_series = {
        { id = "INV", type_codes = { "380" }, format = "{SEQ:1}", reset = "never" },
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
      rate_card_id = id_of_level.contract, terms = wanted.terms,
    } },
    rate_cards = cards,
    opening = {
      period = period,
      issue_date = reader:date("issue_date", true) or period .. "-28",
      number_series = { INV = { next_sequence = 1 } },
      ceiling_used = wanted.opening and wanted.opening.ceiling_used,
      fixed_fee = wanted.opening and wanted.opening.fixed_fee,
      advances = wanted.opening and wanted.opening.advances,
      retainer = wanted.opening and wanted.opening.retainer,
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
  local cards, id_of_level = cards_of(reader)
  local files = files_of(reader, wanted, cards, id_of_level)
  local ctx, problems = model.read(files, files.opening.period)
  if not ctx then
    refuse(problems[1], wanted.kind)
  end
  ctx.decimals = function()
    return money.d
  end
  return ctx, ctx.contracts.item
end

return context
