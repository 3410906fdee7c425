--- Numbers without gaps. Inside a database transaction use tx:number instead, so that number and
--- row appear together.
---@class billow.number
local number = {}

local date = require("billow.date")
local effect = require("billow.effect")

---@class billow.number.Request
---@field date string        decides about the year or month that the number carries
---@field customer? string

---@class billow.number.Taken
---@field number string      as printed: "INV-2026-00214"
---@field sequence integer

--- Take the next number of a series, exactly once.
---@param series string
---@param request billow.number.Request
---@return billow.number.Taken
function number.next(series, request)
  if type(series) ~= "string" or type(request) ~= "table" or not date.is_valid(request.date) then
    error("number.next: a series and { date = \"2026-11-02\" } are expected", 2)
  end
  return effect.call("number.next", {
    series = series,
    date = request.date,
    customer = request.customer,
  })
end

return number
