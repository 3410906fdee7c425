---@meta billow.json

--- JSON without binary floats, with keys in byte order.
---@class json
---@field null lightuserdata   JSON's null; nil in a table means absent
local json = {}

---@class billow.json.Options
---@field numbers? boolean   decimals as JSON numbers with their digits; as strings when absent

---@param value any
---@param options? billow.json.Options
---@return string
function json.encode(value, options) end

--- Integers stay integers, every other number becomes a decimal with its digits. nil and why when
--- it is not JSON.
---@param text string
---@return any
---@return string? problem
function json.decode(text) end

--- Mark a table as a list, so that it is written as [] when it is empty. Makes an empty list
--- without an argument.
---@generic T
---@param list? T[]
---@return T[]
function json.array(list) end

--- Is the table marked as a list?
---@param value any
---@return boolean
function json.is_array(value) end

return json
