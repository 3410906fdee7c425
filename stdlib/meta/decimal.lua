---@meta billow.decimal

--- Exact decimals: 34 digits, the scale as it is written. Never a binary float: a float raises,
--- with what to write.
---@class decimal
---@overload fun(value: string|integer|Decimal): Decimal
local decimal = {}

--- An immutable decimal. + - * / with decimals and integers; == with decimals; < <= with both. A
--- sum, difference or product that needs more than 34 digits raises; a quotient has 34 digits, half
--- even.
---@class Decimal
---@operator add(Decimal|integer): Decimal
---@operator sub(Decimal|integer): Decimal
---@operator mul(Decimal|integer): Decimal
---@operator div(Decimal|integer): Decimal
---@operator unm: Decimal
---@operator concat(string|Decimal|integer): string
local Decimal = {} -- luacheck: ignore Decimal

---@alias billow.RoundingMode
---| "half_up"    half away from zero: the rounding of money
---| "half_even"
---| "up"         away from zero
---| "down"       toward zero
---| "ceil"
---| "floor"

--- Round to exactly `decimals` places (0 to 34).
---@param decimals integer
---@param mode? billow.RoundingMode   "half_up" when absent
---@return Decimal
function Decimal:round(decimals, mode) end

---@return Decimal
function Decimal:abs() end

---@return integer  -1, 0 or 1
function Decimal:sign() end

---@return boolean
function Decimal:is_zero() end

--- Digits behind the point, as it is written.
---@return integer
function Decimal:scale() end

--- The whole part, toward zero.
---@return Decimal
function Decimal:trunc() end

---@return Decimal
function Decimal:floor() end

---@return Decimal
function Decimal:ceil() end

--- The whole quotient, truncated.
---@param divisor Decimal|integer
---@return Decimal
function Decimal:idiv(divisor) end

--- The remainder of idiv, with the sign of the dividend.
---@param divisor Decimal|integer
---@return Decimal
function Decimal:mod(divisor) end

--- Raises unless it is whole and in the range of integers.
---@return integer
function Decimal:to_integer() end

--- The text with exactly `decimals` places; raises when digits would be lost.
---@param decimals integer
---@return string
function Decimal:fixed(decimals) end

--- The decimal that a text or integer means; nil and why when it means none.
---@param value any
---@return Decimal?
---@return string? problem
function decimal.parse(value) end

---@param value any
---@return boolean
function decimal.is(value) end

---@param ... Decimal|integer
---@return Decimal
function decimal.min(...) end

---@param ... Decimal|integer
---@return Decimal
function decimal.max(...) end

--- The sum of a list; 0 for an empty one.
---@param list (Decimal|integer)[]
---@return Decimal
function decimal.sum(list) end

return decimal
