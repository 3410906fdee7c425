---@meta billow.money

--- Amounts with their currency. Different currencies never meet; a plain number never becomes an
--- amount by accident.
---@class money
---@overload fun(amount: string|integer|Decimal, currency: string): Money
local money = {}

--- An immutable amount. + - < <= with the same currency, * and / with decimals and integers, / with
--- money (a ratio).
---@class Money
---@field amount Decimal
---@field currency string   ISO 4217
---@operator add(Money): Money
---@operator sub(Money): Money
---@operator mul(Decimal|integer): Money
---@operator div(Decimal|integer): Money
---@operator unm: Money
local Money = {} -- luacheck: ignore Money

--- Round to the currency's decimals, or to `decimals` places.
---@param decimals? integer
---@param mode? billow.RoundingMode   "half_up" when absent
---@return Money
function Money:round(decimals, mode) end

---@return Money
function Money:abs() end

---@return integer  -1, 0 or 1
function Money:sign() end

---@return boolean
function Money:is_zero() end

--- Share out by weights, to the smallest unit: the parts add up to the amount (largest remainder,
--- earlier first).
---@param weights (Decimal|integer)[]
---@return Money[]
function Money:allocate(weights) end

---@param value any
---@return boolean
function money.is(value) end

--- Decimals of amounts in a currency: at most 2, none for JPY and the like.
---@param currency string
---@return integer
function money.decimals(currency) end

return money
