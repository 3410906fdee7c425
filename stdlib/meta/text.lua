---@meta billow.text

--- Text functions that give the same everywhere: bytes, no locale.
---@class text
local text = {}

--- Without spaces, tabs, CR and LF at both ends.
---@param s string
---@return string
function text.trim(s) end

--- Runs of space, tab, CR, LF and no-break space become one space; none at the ends.
---@param s string
---@return string
function text.collapse(s) end

--- The parts between a separator, taken literally.
---@param s string
---@param separator string
---@return string[]
function text.split(s, separator) end

--- With & < > " ' written for HTML.
---@param s string
---@return string
function text.html(s) end

---@param s string
---@return string  64 characters
function text.sha256_hex(s) end

---@param s string
---@return boolean
function text.is_utf8(s) end

return text
