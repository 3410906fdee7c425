--- Currencies and the decimals of their amounts: d = min(ISO 4217 minor units, 2) (model 1).
local currency = {}

local DECIMALS_MAX = 2

-- ISO 4217 codes with the minor units they have; funds codes and metals without minor units are not
-- billable.
local CODES = {
  [0] = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
  [2] = [[
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN
    BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP
    GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK
    LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK
    NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP
    STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD YER ZAR
    ZMW ZWG
  ]],
  [3] = "BHD IQD JOD KWD LYD OMR TND",
  [4] = "CLF UYW",
}

local MINOR_UNITS = {}
for units, codes in pairs(CODES) do
  for code in codes:gmatch("%u+") do
    MINOR_UNITS[code] = units
  end
end

---@param code any
---@return boolean
function currency.is_known(code)
  return MINOR_UNITS[code] ~= nil
end

--- Decimals of an amount in this currency.
---@param code string
---@return integer
function currency.decimals(code)
  local units = MINOR_UNITS[code]
  if not units then
    error(string.format("currency %s is not an ISO 4217 code", tostring(code)), 2)
  end
  return units < DECIMALS_MAX and units or DECIMALS_MAX
end

return currency
