--- Tax numbers: forms and check digits. The numbers are public ones of large companies or made up
--- to fit.

local tax_number = require("billow.billing.tax_number")

local RIGHT = {
  "ATU13585627", "BE0403019261", "BE 0403.019.261", "DE136695976", "DE 136 695 976", "DK13585628",
  "EL094259216", "GR094259216", "ES A28015865", "ES54362315K", "ESX2482300W", "FI20774740",
  "FR40303265045", "FR83404833048", "GB980780684", "XI980780684", "HR33392005961", "HU12892312",
  "IE6433435F", "IE8D79739I", "IT00743110157", "LT119511515", "LU15027442", "LV40003521600",
  "MT11679112", "NL004495445B01", "NL002455799B11", "PL8567346215", "PT501964843", "RO18547290",
  "SE123456789701", "SI50223054", "SK2022749619", "CY10259033P", "CZ25123891", "EE100931558",
  "CHE-107.787.577 IVA", "BG175074752",
}

describe("a tax number", function()
  it("is right when form and check digit fit, however it is spaced", function()
    for _, text in ipairs(RIGHT) do
      local found = tax_number.read(text)
      assert.is_true(found.is_valid, text .. ": " .. tostring(found.problem))
      assert.is_true(found.has_check, text)
    end
  end)

  it("is wrong when one digit is another one", function()
    for _, text in ipairs(RIGHT) do
      local at = text:find("%d", 5)
      local other = tostring((math.tointeger(text:sub(at, at)) + 1) % 10)
      local changed = text:sub(1, at - 1) .. other .. text:sub(at + 1)
      assert.is_false(tax_number.read(changed).is_valid, changed)
    end
  end)

  it("says which form its country has", function()
    local found = tax_number.read("DE12345")
    assert.is_false(found.is_valid)
    assert.equal("does not have the form of DE: 9 digits", found.problem)
  end)

  it("may be written without a prefix where the country is known", function()
    assert.is_true(tax_number.read("27AAPFU0939F1ZV", "IN").is_valid)
    assert.is_false(tax_number.read("27AAPFU0939F1ZO", "IN").is_valid)
    assert.is_true(tax_number.read("51824753556", "AU").is_valid)
    assert.is_true(tax_number.read("NO 988 077 917 MVA", "NO").is_valid)
  end)

  it("of a country that is not known is neither right nor wrong", function()
    local found = tax_number.read("US123456789")
    assert.is_nil(found.is_valid)
    assert.equal("numbers with the prefix US are not known here", found.problem)
  end)

  it("tells whether a country is in the Union", function()
    assert.is_true(tax_number.is_eu("GR"))
    assert.is_true(tax_number.is_eu("DE"))
    assert.is_false(tax_number.is_eu("GB"))
    assert.is_false(tax_number.is_eu("CH"))
  end)
end)
