--- References and invoice numbers in what a payer writes: ISO 11649 creditor references, and
--- numbers found in free text however banks and people broke them.
---@class billow.billing.references
local references = {}

local text = require("billow.text")

-- A shorter number is found by accident when blanks are ignored.
local SQUEEZED_MIN = 8

--- Letters and digits only, upper case.
---@param value string
---@return string
function references.squeeze(value)
  return (value:upper():gsub("[^%w]", ""))
end

--- Whether a reference is an ISO 11649 creditor reference with the right check digits.
---@param value string
---@return boolean
function references.is_creditor_reference(value)
  local squeezed = references.squeeze(value)
  if not squeezed:find("^RF%d%d%w+$") or #squeezed > 25 then
    return false
  end
  local rest = 0
  for sign in (squeezed:sub(5) .. squeezed:sub(1, 4)):gmatch("%w") do
    local number = tonumber(sign, 36)
    rest = (rest * (number > 9 and 100 or 10) + number) % 97
  end
  return rest == 1
end

--- The creditor reference of an invoice number: RF, check digits, the number's letters and digits.
---@param number string
---@return string
function references.creditor_reference(number)
  local squeezed = references.squeeze(number)
  local rest = 0
  for sign in (squeezed .. "RF00"):gmatch("%w") do
    local value = tonumber(sign, 36)
    rest = (rest * (value > 9 and 100 or 10) + value) % 97
  end
  return string.format("RF%02d%s", 98 - rest, squeezed)
end

--- Whether a structured reference means a number: equal, as creditor reference, or with zeros in
--- front.
---@param reference string
---@param number string
---@return boolean
function references.means(reference, number)
  local given, wanted = references.squeeze(reference), references.squeeze(number)
  if given == wanted then
    return true
  end
  if references.is_creditor_reference(given) then
    given = given:sub(5)
  end
  return given == wanted or given:gsub("^0+", "") == wanted:gsub("^0+", "") and wanted ~= ""
end

--- A pattern for a number: its runs of letters and of digits, whatever stands between them.
local function pattern_of(number)
  local runs = {}
  for run in number:upper():gmatch("%w+") do
    runs[#runs + 1] = run
  end
  return #runs > 0 and "%f[%w]" .. table.concat(runs, "[%s%-/._]*") .. "%f[^%w]" or nil
end

--- A text as numbers are looked for in it; made once for all numbers.
---@param words string    remittance text
---@return {upper: string, squeezed: string}
function references.searchable(words)
  local upper = text.collapse(words):upper()
  return { upper = upper, squeezed = references.squeeze(upper) }
end

--- Whether digits go on before or behind what was found.
local function runs_on(squeezed, from, stop)
  local behind, ahead = squeezed:sub(stop + 1, stop + 1), squeezed:sub(from - 1, from - 1)
  return behind:find("%d") and squeezed:sub(stop, stop):find("%d")
    or ahead:find("%d") and squeezed:sub(from, from):find("%d")
end

---@param searchable {upper: string, squeezed: string}
---@param number string   invoice number
---@return "plain"|"squeezed"|nil how   squeezed: only when blanks inside words are ignored
function references.find(searchable, number)
  local squeezed = references.squeeze(number)
  if squeezed == "" then
    return nil
  end
  -- What is not there without signs is not there with them either, and this is quick.
  local from, stop = searchable.squeezed:find(squeezed, 1, true)
  if not from then
    return nil
  elseif searchable.upper:find(pattern_of(number)) then
    return "plain"
  elseif #squeezed >= SQUEEZED_MIN and not runs_on(searchable.squeezed, from, stop) then
    return "squeezed"
  end
  return nil
end

--- Whether two names are the same, apart from case, signs and legal forms.
---@param a string?
---@param b string?
---@return boolean
function references.same_name(a, b)
  local function core(name)
    local words = {}
    for word in (name or ""):upper():gmatch("[%w\128-\255]+") do
      words[#words + 1] = word
    end
    return table
      .concat(words, " ")
      :gsub(" E K$", "")
      :gsub(" CO KG$", "")
      :gsub(" GMBH$", "")
      :gsub(" GMBH$", "")
      :gsub(" AG$", "")
      :gsub(" LTD$", "")
      :gsub(" LIMITED$", "")
      :gsub(" INC$", "")
      :gsub(" LLC$", "")
      :gsub(" B V$", "")
      :gsub(" BV$", "")
      :gsub(" S A$", "")
      :gsub(" SA$", "")
      :gsub(" SARL$", "")
      :gsub(" SRL$", "")
      :gsub(" S L$", "")
  end
  local left = core(a)
  return left ~= "" and left == core(b)
end

return references
