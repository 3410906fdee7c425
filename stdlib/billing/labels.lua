--- Words and number formats of invoice pages, by the customer's language: German for "de", else
--- English.
local labels = {}

local date = require("billow.date")

local ENGLISH = {
  language = "en",
  thousands = ",",
  point = ".",
  titles = {
    ["380"] = "Invoice",
    ["381"] = "Credit note",
    ["384"] = "Corrected invoice",
    ["386"] = "Prepayment invoice",
  },
  components = {
    advance = "Advance payment",
    milestone = "Milestone",
    progress = "Progress",
    retainage = "Retainage withheld",
    retainage_release = "Release of retainage",
    advance_deduction = "Less advance invoice",
    retainer = "Retainer",
    retainer_unused = "Credit for unused hours",
    time = "Services",
    overage = "Services beyond the agreed volume",
    base_fee = "Base fee",
    usage = "Usage",
    minimum_commit = "Minimum commitment",
    expense = "Expenses",
    contribution = "Contribution",
    discount = "Discount",
    maximum_spend = "Spend limit",
    interest = "Interest on late payment",
    compensation = "Fixed sum for the costs of recovery",
    reminder_fee = "Fees of reminders",
  },
  units = { HUR = "h", DAY = "days", LS = "lump sum", MON = "month", C62 = "" },
  words = {
    number = "Number",
    issue_date = "Invoice date",
    due_date = "Payable by",
    period = "Service period",
    seller = "Seller",
    buyer = "Buyer",
    buyer_reference = "Your reference",
    order = "Purchase order",
    vat_id = "VAT id",
    item = "Item",
    description = "Description",
    quantity = "Quantity",
    price = "Unit price",
    amount = "Amount",
    tax = "Tax",
    share = "share of %s %%",
    net_lines = "Sum of items",
    allowances = "Allowances",
    net = "Total without tax",
    tax_total = "Tax",
    gross = "Total with tax",
    withheld = "Less %s %s %% withheld",
    rounding = "Rounding",
    payable = "Amount due",
    category = "Category",
    taxable = "Taxable amount",
    percent = "Rate",
    preceding = "Preceding invoices",
    contract = "Contract",
    tax_accounting = "Tax in %s",
    blocked = "BLOCKED: this is not an invoice",
    draft = "DRAFT: this is not an invoice",
    terms = "Please pay %s %s by %s.",
    annex = "Annex: statement of hours",
    drawn = "from the retainer",
    hours = "Hours",
    hours_total = "Hours in all",
    notes = "Work done",
    by = {
      person = "Person",
      role = "Role",
      task = "Task",
      project = "Project",
      date = "Day",
      week = "Week",
      entry = "Entry",
    },
  },
}

local GERMAN = {
  language = "de",
  thousands = ".",
  point = ",",
  titles = {
    ["380"] = "Rechnung",
    ["381"] = "Rechnungskorrektur",
    ["384"] = "Korrigierte Rechnung",
    ["386"] = "Vorauszahlungsrechnung",
  },
  components = {
    advance = "Vorauszahlung",
    milestone = "Meilenstein",
    progress = "Leistungsfortschritt",
    retainage = "Sicherheitseinbehalt",
    retainage_release = "Freigabe des Sicherheitseinbehalts",
    advance_deduction = "Abzüglich Vorauszahlungsrechnung",
    retainer = "Pauschale",
    retainer_unused = "Gutschrift nicht genutzter Stunden",
    time = "Leistungen",
    overage = "Leistungen über das vereinbarte Volumen hinaus",
    base_fee = "Grundgebühr",
    usage = "Nutzung",
    minimum_commit = "Mindestabnahme",
    expense = "Auslagen",
    contribution = "Beitrag",
    discount = "Nachlass",
    maximum_spend = "Ausgabengrenze",
    interest = "Verzugszinsen",
    compensation = "Verzugspauschale",
    reminder_fee = "Mahngebühren",
  },
  units = { HUR = "Std.", DAY = "Tage", LS = "pauschal", MON = "Monat", C62 = "" },
  words = {
    number = "Nummer",
    issue_date = "Rechnungsdatum",
    due_date = "Zahlbar bis",
    period = "Leistungszeitraum",
    seller = "Leistender",
    buyer = "Leistungsempfänger",
    buyer_reference = "Ihre Referenz",
    order = "Bestellnummer",
    vat_id = "USt-IdNr.",
    item = "Pos.",
    description = "Beschreibung",
    quantity = "Menge",
    price = "Einzelpreis",
    amount = "Betrag",
    tax = "USt.",
    share = "Anteil von %s %%",
    net_lines = "Summe der Positionen",
    allowances = "Nachlässe",
    net = "Gesamt ohne USt.",
    tax_total = "Umsatzsteuer",
    gross = "Gesamt mit USt.",
    withheld = "abzüglich %s %s %% Einbehalt",
    rounding = "Rundung",
    payable = "Zahlbetrag",
    category = "Kategorie",
    taxable = "Bemessungsgrundlage",
    percent = "Satz",
    preceding = "Vorangegangene Rechnungen",
    contract = "Vertrag",
    tax_accounting = "USt. in %s",
    blocked = "GESPERRT: dies ist keine Rechnung",
    draft = "ENTWURF: dies ist keine Rechnung",
    terms = "Bitte zahlen Sie %s %s bis zum %s.",
    annex = "Anlage: Stundennachweis",
    drawn = "aus der Pauschale",
    hours = "Stunden",
    hours_total = "Stunden gesamt",
    notes = "Ausgeführte Arbeiten",
    by = {
      person = "Person",
      role = "Rolle",
      task = "Aufgabe",
      project = "Projekt",
      date = "Tag",
      week = "Woche",
      entry = "Eintrag",
    },
  },
}

---@param language? string   of the customer
---@return table
function labels.of(language)
  return type(language) == "string" and language:sub(1, 2) == "de" and GERMAN or ENGLISH
end

--- A decimal's text in the language's writing: "-1837.50" -> "-1.837,50".
---@param label table
---@param number string
---@return string
function labels.number(label, number)
  local sign, whole, fraction = number:match("^(%-?)(%d+)%.?(%d*)$")
  if not whole then
    return number
  end
  local groups = {}
  while #whole > 3 do
    table.insert(groups, 1, whole:sub(-3))
    whole = whole:sub(1, -4)
  end
  table.insert(groups, 1, whole)
  return sign
    .. table.concat(groups, label.thousands)
    .. (fraction ~= "" and label.point .. fraction or "")
end

---@param label table
---@param day string
---@return string
function labels.day(label, day)
  if label.language == "de" and date.is_valid(day) then
    return day:sub(9, 10) .. "." .. day:sub(6, 7) .. "." .. day:sub(1, 4)
  end
  return day
end

return labels
