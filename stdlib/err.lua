--- Errors as values: what effects raise, and what scripts raise on purpose.
---@class billow.err
local err = {}

---@class billow.Error
---@field code string           upper case, stable; branch on this, never on the text
---@field text string           one sentence for people: what, and what to do
---@field is_retryable boolean  the same call may succeed later
---@field detail any            data about it; crosses into the journal
local Error = {}
Error.__index = Error
Error.__name = "error"

function Error.__tostring(self)
  return self.code .. ": " .. self.text
end

---@class billow.err.Fields
---@field code string
---@field text string
---@field is_retryable? boolean
---@field detail? any

--- Make an error to raise with error(e, 0).
---@param fields billow.err.Fields
---@return billow.Error
function err.new(fields)
  if type(fields) ~= "table" or type(fields.code) ~= "string" then
    error("err.new: a code is missing, as in err.new({ code = \"NO_RATE\", text = \"...\" })", 2)
  end
  return setmetatable({
    code = fields.code,
    text = type(fields.text) == "string" and fields.text or fields.code,
    is_retryable = fields.is_retryable == true,
    detail = fields.detail,
  }, Error)
end

--- Is this an error of err.new (with this code, when one is given)?
---@param value any
---@param code? string
---@return boolean
function err.is(value, code)
  if type(value) ~= "table" or getmetatable(value) ~= Error then
    return false
  end
  return code == nil or rawget(value, "code") == code
end

--- Any caught error as a billow.Error: one stays as it is, a text becomes code SCRIPT.
---@param value any
---@return billow.Error
function err.of(value)
  if err.is(value) then
    return value
  elseif type(value) == "table" and type(rawget(value, "code")) == "string" then
    return err.new(value)
  end
  return err.new({ code = "SCRIPT", text = tostring(value) })
end

return err
