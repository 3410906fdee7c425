--- Tax numbers: format and check digits (capability T4).
---
--- A number that fails here is a typing error and needs no question to an authority; one that
--- passes may still belong to nobody. What the authority answered is judged by vat_check.lua.
---
--- A country is named by its prefix: EL for Greece, XI for Northern Ireland, CHE for Switzerland.
--- Numbers of countries that are not listed are neither right nor wrong.
local tax_number = {}

---@class billing.TaxNumberKind
---@field form string|string[]   Lua patterns of the number without its prefix
---@field shown string           the form for people
---@field check? fun(number: string): boolean?   nil: the form has no check digit in public

local kinds = {}

---@param text string
---@param at integer
---@return integer
local function digit(text, at)
  return text:byte(at) - 48
end

--- Sum of digits times weights, from the first digit on.
---@param text string
---@param weights integer[]
---@return integer
local function weighted(text, weights)
  local sum = 0
  for i, weight in ipairs(weights) do
    sum = sum + digit(text, i) * weight
  end
  return sum
end

--- The number in some digits of the text.
---@param text string
---@param first integer
---@param last integer
---@return integer
local function part(text, first, last)
  return math.tointeger(text:sub(first, last)) --[[@as integer]]
end

--- Luhn: every second digit from the right doubled, its digits added.
---@param text string
---@return boolean
local function luhn(text)
  local sum = 0
  for i = 1, #text do
    local value = digit(text, #text + 1 - i)
    if i % 2 == 0 then
      value = value * 2
      value = value > 9 and value - 9 or value
    end
    sum = sum + value
  end
  return sum % 10 == 0
end

--- ISO 7064, MOD 11,10: the last digit checks those before it.
---@param text string
---@return boolean
local function mod_11_10(text)
  local product = 10
  for i = 1, #text - 1 do
    local sum = (digit(text, i) + product) % 10
    product = (sum == 0 and 10 or sum) * 2 % 11
  end
  return (11 - product) % 10 == digit(text, #text)
end

--- 11 less the weighted sum modulo 11 is the digit behind the weights; `exceptions` says what 10
--- and 11 become, false when such numbers are not given out.
---@param text string
---@param weights integer[]
---@param exceptions table<integer, integer|false>
---@return boolean
local function eleven_less(text, weights, exceptions)
  local check = 11 - weighted(text, weights) % 11
  local replaced = exceptions[check]
  if replaced == false then
    return false
  end
  return (replaced or check) == digit(text, #weights + 1)
end

kinds.AT = {
  form = "^U%d%d%d%d%d%d%d%d$", shown = "U and 8 digits",
  check = function(number)
    local sum = 4
    for i = 1, 7 do
      local value = digit(number, i + 1) * (i % 2 == 0 and 2 or 1)
      sum = sum + value // 10 + value % 10
    end
    return (10 - sum % 10) % 10 == digit(number, 9)
  end,
}

kinds.BE = {
  form = "^[01]%d%d%d%d%d%d%d%d%d$", shown = "10 digits, the first 0 or 1",
  check = function(number)
    return 97 - part(number, 1, 8) % 97 == part(number, 9, 10)
  end,
}

kinds.BG = {
  form = { "^%d%d%d%d%d%d%d%d%d$", "^%d%d%d%d%d%d%d%d%d%d$" }, shown = "9 or 10 digits",
  check = function(number)
    if #number == 10 then
      return nil
    end
    local check = weighted(number, { 1, 2, 3, 4, 5, 6, 7, 8 }) % 11
    if check == 10 then
      check = weighted(number, { 3, 4, 5, 6, 7, 8, 9, 10 }) % 11 % 10
    end
    return check == digit(number, 9)
  end,
}

kinds.CHE = {
  form = "^%d%d%d%d%d%d%d%d%d$", shown = "9 digits, then MWST, TVA or IVA",
  check = function(number)
    return eleven_less(number, { 5, 4, 3, 2, 7, 6, 5, 4 }, { [10] = false, [11] = 0 })
  end,
}

local CYPRUS_ODD = { [0] = 1, 0, 5, 7, 9, 13, 15, 17, 19, 21 }

kinds.CY = {
  form = "^%d%d%d%d%d%d%d%d%u$", shown = "8 digits and a letter",
  check = function(number)
    local sum = 0
    for i = 1, 8 do
      sum = sum + (i % 2 == 1 and CYPRUS_ODD[digit(number, i)] or digit(number, i))
    end
    return sum % 26 == number:byte(9) - 65
  end,
}

kinds.CZ = {
  form = { "^%d%d%d%d%d%d%d%d$", "^%d%d%d%d%d%d%d%d%d$", "^%d%d%d%d%d%d%d%d%d%d$" },
  shown = "8 to 10 digits",
  check = function(number)
    if #number > 8 then
      return nil
    end
    return eleven_less(number, { 8, 7, 6, 5, 4, 3, 2 }, { [10] = 0, [11] = 1 })
  end,
}

kinds.DE = { form = "^[1-9]%d%d%d%d%d%d%d%d$", shown = "9 digits", check = mod_11_10 }

kinds.DK = {
  form = "^%d%d%d%d%d%d%d%d$", shown = "8 digits",
  check = function(number)
    return weighted(number, { 2, 7, 6, 5, 4, 3, 2, 1 }) % 11 == 0
  end,
}

kinds.EE = {
  form = "^%d%d%d%d%d%d%d%d%d$", shown = "9 digits",
  check = function(number)
    return (10 - weighted(number, { 3, 7, 1, 3, 7, 1, 3, 7 }) % 10) % 10 == digit(number, 9)
  end,
}

kinds.EL = {
  form = "^%d%d%d%d%d%d%d%d%d$", shown = "9 digits",
  check = function(number)
    return weighted(number, { 256, 128, 64, 32, 16, 8, 4, 2 }) % 11 % 10 == digit(number, 9)
  end,
}

local SPAIN_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
local SPAIN_FOREIGN = { X = "0", Y = "1", Z = "2" }
local SPAIN_CONTROL = "JABCDEFGHI"

--- Number and letter of a natural person, of Spain (8 digits) or abroad (X, Y, Z and 7 digits).
local function spain_person(number)
  local digits = number:sub(1, 8):gsub("^[XYZ]", SPAIN_FOREIGN)
  local place = part(digits, 1, 8) % 23 + 1
  return SPAIN_LETTERS:sub(place, place) == number:sub(9, 9)
end

--- Control digit or letter of a company.
local function spain_company(number)
  local digits, sum = number:sub(2, 8), 0
  for i = 1, 7 do
    local value = digit(digits, i)
    if i % 2 == 1 then
      value = value * 2
      value = value // 10 + value % 10
    end
    sum = sum + value
  end
  local check = (10 - sum % 10) % 10
  local last = number:sub(9, 9)
  return last == tostring(check) or last == SPAIN_CONTROL:sub(check + 1, check + 1)
end

kinds.ES = {
  form = { "^%d%d%d%d%d%d%d%d%u$", "^[XYZ]%d%d%d%d%d%d%d%u$", "^[A-W]%d%d%d%d%d%d%d[%dA-J]$" },
  shown = "9 characters: letter, digits, control character",
  check = function(number)
    if number:find("^[%dXYZ]") then
      return spain_person(number)
    elseif number:find("^[KLM]") then
      return nil
    end
    return spain_company(number)
  end,
}

kinds.FI = {
  form = "^%d%d%d%d%d%d%d%d$", shown = "8 digits",
  check = function(number)
    return eleven_less(number, { 7, 9, 10, 5, 8, 4, 2 }, { [10] = false, [11] = 0 })
  end,
}

kinds.FR = {
  form = "^[%dA-HJ-NP-Z][%dA-HJ-NP-Z]%d%d%d%d%d%d%d%d%d$", shown = "2 characters and 9 digits",
  check = function(number)
    if not luhn(number:sub(3)) then
      return false
    elseif not number:find("^%d%d") then
      return nil
    end
    return (12 + 3 * (part(number, 3, 11) % 97)) % 97 == part(number, 1, 2)
  end,
}

kinds.GB = {
  form = { "^%d%d%d%d%d%d%d%d%d$", "^%d%d%d%d%d%d%d%d%d%d%d%d$", "^GD[0-4]%d%d$", "^HA[5-9]%d%d$" },
  shown = "9 or 12 digits, or GD or HA and 3 digits",
  check = function(number)
    if #number < 9 then
      return nil
    end
    local sum = weighted(number, { 8, 7, 6, 5, 4, 3, 2 }) + part(number, 8, 9)
    return sum % 97 == 0 or (sum + 55) % 97 == 0
  end,
}
kinds.XI = kinds.GB

kinds.HR = { form = "^%d%d%d%d%d%d%d%d%d%d%d$", shown = "11 digits", check = mod_11_10 }

kinds.HU = {
  form = "^%d%d%d%d%d%d%d%d$", shown = "8 digits",
  check = function(number)
    return (10 - weighted(number, { 9, 7, 3, 1, 9, 7, 3 }) % 10) % 10 == digit(number, 8)
  end,
}

local IRELAND_LETTERS = "WABCDEFGHIJKLMNOPQRSTUV"

kinds.IE = {
  form = { "^%d%d%d%d%d%d%d[A-W]$", "^%d%d%d%d%d%d%d[A-W][A-IW]$", "^%d[A-Z+*]%d%d%d%d%d[A-W]$" },
  shown = "7 digits and 1 or 2 letters",
  check = function(number)
    local digits, second = number:sub(1, 7), 0
    if number:find("^%d[^%d]") then -- the form before 2013: 0, digits 3 to 7, digit 1
      digits = "0" .. number:sub(3, 7) .. number:sub(1, 1)
    elseif #number == 9 then
      second = number:sub(9, 9) == "W" and 0 or number:byte(9) - 64
    end
    local place = (weighted(digits, { 8, 7, 6, 5, 4, 3, 2 }) + 9 * second) % 23 + 1
    return IRELAND_LETTERS:sub(place, place) == number:sub(8, 8)
  end,
}

kinds.IT = { form = "^%d%d%d%d%d%d%d%d%d%d%d$", shown = "11 digits", check = luhn }

kinds.LT = {
  form = { "^%d%d%d%d%d%d%d%d%d$", "^%d%d%d%d%d%d%d%d%d%d%d%d$" }, shown = "9 or 12 digits",
  check = function(number)
    if #number == 12 then
      return nil
    end
    local check = weighted(number, { 1, 2, 3, 4, 5, 6, 7, 8 }) % 11
    if check == 10 then
      check = weighted(number, { 3, 4, 5, 6, 7, 8, 9, 1 }) % 11 % 10
    end
    return check == digit(number, 9)
  end,
}

kinds.LU = {
  form = "^%d%d%d%d%d%d%d%d$", shown = "8 digits",
  check = function(number)
    return part(number, 1, 6) % 89 == part(number, 7, 8)
  end,
}

kinds.LV = {
  form = "^%d%d%d%d%d%d%d%d%d%d%d$", shown = "11 digits",
  check = function(number)
    if digit(number, 1) < 4 then
      return nil -- a natural person
    end
    local check = 3 - weighted(number, { 9, 1, 4, 8, 3, 10, 2, 5, 7, 6 }) % 11
    check = check < -1 and check + 11 or check
    return check == digit(number, 11)
  end,
}

kinds.MT = {
  form = "^%d%d%d%d%d%d%d%d$", shown = "8 digits",
  check = function(number)
    return 37 - weighted(number, { 3, 4, 6, 7, 8, 9 }) % 37 == part(number, 7, 8)
  end,
}

--- The remainder of a number with letters (A = 10 ... Z = 35), digit by digit.
local function remainder_97(text)
  local rest = 0
  for i = 1, #text do
    local byte = text:byte(i)
    local value = byte >= 65 and byte - 55 or byte - 48
    rest = (rest * (value > 9 and 100 or 10) + value) % 97
  end
  return rest
end

kinds.NL = {
  form = "^%d%d%d%d%d%d%d%d%dB%d%d$", shown = "9 digits, B, 2 digits",
  check = function(number)
    local is_of_company = weighted(number, { 9, 8, 7, 6, 5, 4, 3, 2 }) % 11 == digit(number, 9)
    return is_of_company or remainder_97("NL" .. number) == 1
  end,
}

kinds.NO = {
  form = "^%d%d%d%d%d%d%d%d%d$", shown = "9 digits, then MVA",
  check = function(number)
    return eleven_less(number, { 3, 2, 7, 6, 5, 4, 3, 2 }, { [10] = false, [11] = 0 })
  end,
}

kinds.PL = {
  form = "^%d%d%d%d%d%d%d%d%d%d$", shown = "10 digits",
  check = function(number)
    return weighted(number, { 6, 5, 7, 2, 3, 4, 5, 6, 7 }) % 11 == digit(number, 10)
  end,
}

kinds.PT = {
  form = "^%d%d%d%d%d%d%d%d%d$", shown = "9 digits",
  check = function(number)
    return eleven_less(number, { 9, 8, 7, 6, 5, 4, 3, 2 }, { [10] = 0, [11] = 0 })
  end,
}

kinds.RO = {
  form = "^%d%d%d?%d?%d?%d?%d?%d?%d?%d?$", shown = "2 to 10 digits",
  check = function(number)
    local padded = ("0"):rep(10 - #number) .. number
    return weighted(padded, { 7, 5, 3, 2, 1, 7, 5, 3, 2 }) * 10 % 11 % 10 == digit(padded, 10)
  end,
}

kinds.SE = {
  form = "^%d%d%d%d%d%d%d%d%d%d%d%d$", shown = "12 digits",
  check = function(number)
    return luhn(number:sub(1, 10))
  end,
}

kinds.SI = {
  form = "^[1-9]%d%d%d%d%d%d%d$", shown = "8 digits",
  check = function(number)
    return eleven_less(number, { 8, 7, 6, 5, 4, 3, 2 }, { [10] = 0, [11] = false })
  end,
}

kinds.SK = {
  form = "^[1-9]%d%d%d%d%d%d%d%d%d$", shown = "10 digits",
  check = function(number)
    return part(number, 1, 10) % 11 == 0
  end,
}

local BASE_36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

--- India's GSTIN: state, PAN, entity, Z, check character.
kinds.IN = {
  form = "^%d%d%u%u%u%u%u%d%d%d%d%u[%dA-Z]Z[%dA-Z]$",
  shown = "15 characters: 2 digits of the state, PAN, entity, Z, check character",
  check = function(number)
    local sum = 0
    for i = 1, 14 do
      local value = BASE_36:find(number:sub(i, i), 1, true) - 1
      value = value * (i % 2 == 0 and 2 or 1)
      sum = sum + value // 36 + value % 36
    end
    local place = (36 - sum % 36) % 36 + 1
    return BASE_36:sub(place, place) == number:sub(15, 15)
  end,
}

--- Australia's ABN.
kinds.AU = {
  form = "^%d%d%d%d%d%d%d%d%d%d%d$", shown = "11 digits",
  check = function(number)
    local sum = weighted(number, { 10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19 }) - 10
    return sum % 89 == 0
  end,
}

-- Prefixes as they are written, and the country whose rules hold.
local PREFIX_OF_COUNTRY = { GR = "EL", CH = "CHE" }
local SUFFIXES = { "MWST$", "TVA$", "IVA$", "MVA$" }
-- Countries whose numbers are written without their prefix.
local UNPREFIXED = { IN = true, AU = true, NO = true }

--- Members of the European Union's VAT area, by the prefix of their numbers.
tax_number.EU = {}
for prefix in ("AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK")
  :gmatch("%u+") do
  tax_number.EU[prefix] = true
end

--- Is a country (ISO 3166) in the EU's VAT area?
---@param country_code string
---@return boolean
function tax_number.is_eu(country_code)
  return tax_number.EU[PREFIX_OF_COUNTRY[country_code] or country_code] == true
end

---@class billing.TaxNumber
---@field prefix string        "DE"
---@field number string        without prefix, spaces and signs
---@field is_valid boolean?    nil: nothing is known about numbers of this country
---@field has_check boolean    a check digit was looked at
---@field problem? string
---@field expected? string     the form, for people

---@param text string
---@return string
local function plain(text)
  local bare = text:upper():gsub("[%s.%-/]", "")
  for _, suffix in ipairs(SUFFIXES) do
    if bare:find("^CHE") or bare:find("MVA$") then
      bare = bare:gsub(suffix, "")
    end
  end
  return bare
end

---@param bare string
---@param country_code string?
---@return string prefix
---@return string number
local function parted(bare, country_code)
  local wanted = country_code and (PREFIX_OF_COUNTRY[country_code] or country_code)
  if wanted and bare:sub(1, #wanted) == wanted and not UNPREFIXED[wanted] then
    return wanted, bare:sub(#wanted + 1)
  elseif wanted and UNPREFIXED[wanted] then
    return wanted, bare:gsub("^" .. wanted, "", 1)
  elseif bare:find("^CHE") then
    return "CHE", bare:sub(4)
  elseif kinds.IN and bare:find(kinds.IN.form) then
    return "IN", bare
  end
  local prefix = bare:sub(1, 2)
  return prefix == "GR" and "EL" or prefix, bare:sub(3)
end

--- Look at a tax number.
---@param text string
---@param country_code? string   ISO 3166 of the party, where numbers are written without prefix
---@return billing.TaxNumber
function tax_number.read(text, country_code)
  local prefix, number = parted(plain(text), country_code)
  local found = { prefix = prefix, number = number, has_check = false }
  local kind = kinds[prefix]
  if not kind then
    found.problem = "numbers with the prefix " .. prefix .. " are not known here"
    return found
  end
  found.expected = prefix .. ": " .. kind.shown
  local forms = type(kind.form) == "table" and kind.form or { kind.form }
  local has_form = false
  for _, form in ipairs(forms) do
    has_form = has_form or number:find(form) ~= nil
  end
  if not has_form then
    found.is_valid = false
    found.problem = "does not have the form of " .. found.expected
    return found
  end
  local is_right = kind.check and kind.check(number)
  found.is_valid = is_right ~= false
  found.has_check = is_right ~= nil
  found.problem = is_right == false and "the check digit does not fit: a digit is wrong or two are "
    .. "exchanged" or nil
  return found
end

return tax_number
