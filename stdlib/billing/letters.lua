--- The texts of reminders, in the customer's language: German for "de", else English. Pure.
local letters = {}

local date = require("billow.date")
local labels = require("billow.billing.labels")

local TEXTS = {
  en = {
    reminder = {
      subject = "Reminder: invoice %s",
      text = "Invoice %s of %s was due on %s. %s %s is still open. Perhaps it has escaped your "
        .. "notice: please pay it within the next days. If you have paid already, thank you.",
    },
    second_reminder = {
      subject = "Second reminder: invoice %s",
      text = "We have reminded you of invoice %s of %s, which was due on %s. %s %s is still open. "
        .. "Please pay it now, or tell us what keeps you from it.",
    },
    final_notice = {
      subject = "Final notice: invoice %s",
      text = "In spite of our reminders invoice %s of %s, due on %s, is not paid. %s %s is open. "
        .. "Unless it arrives within ten days we shall take further steps.",
    },
    fee = "A fee of %s %s is added for this reminder.",
    interest = "Interest on the late payment comes to %s %s so far.",
    disputed = "%s %s that you have objected to is not part of this.",
  },
  de = {
    reminder = {
      subject = "Zahlungserinnerung: Rechnung %s",
      text = "die Rechnung %s vom %s war am %s fällig. Offen sind noch %s %s. Vielleicht ist sie "
        .. "Ihnen entgangen: bitte zahlen Sie in den nächsten Tagen. Haben Sie schon gezahlt, "
        .. "danken wir Ihnen.",
    },
    second_reminder = {
      subject = "Zweite Mahnung: Rechnung %s",
      text = "wir haben Sie an die Rechnung %s vom %s erinnert, die am %s fällig war. Offen sind "
        .. "noch %s %s. Bitte zahlen Sie jetzt, oder sagen Sie uns, was Sie daran hindert.",
    },
    final_notice = {
      subject = "Letzte Mahnung: Rechnung %s",
      text = "trotz unserer Mahnungen ist die Rechnung %s vom %s, fällig am %s, nicht bezahlt. "
        .. "Offen sind %s %s. Geht der Betrag nicht binnen zehn Tagen ein, leiten wir weitere "
        .. "Schritte ein.",
    },
    fee = "Für diese Mahnung kommt eine Gebühr von %s %s hinzu.",
    interest = "Die Verzugszinsen betragen bisher %s %s.",
    disputed = "%s %s, die Sie beanstandet haben, sind darin nicht enthalten.",
  },
}
local DEFAULT_TEMPLATE = "reminder"

local function is_some(amount)
  return amount ~= nil and amount:find("[1-9]") ~= nil
end

---@class billing.LetterFacts
---@field template? string
---@field number string
---@field issue_date string
---@field due_date string
---@field amount string
---@field currency string
---@field fee? string
---@field interest? string
---@field disputed_amount? string

--- Subject and text of a reminder.
---@param language string
---@param facts billing.LetterFacts
---@return {subject: string, text: string}
function letters.reminder(language, facts)
  local texts = TEXTS[language] or TEXTS.en
  local label = labels.of(language)
  local template = texts[facts.template or DEFAULT_TEMPLATE]
  if type(template) ~= "table" then
    template = texts[DEFAULT_TEMPLATE]
  end
  local function day(value)
    return date.is_valid(value) and labels.day(label, value) or value
  end
  local sentences = {
    string.format(
      template.text,
      facts.number,
      day(facts.issue_date),
      day(facts.due_date),
      labels.number(label, facts.amount),
      facts.currency
    ),
  }
  for _, extra in ipairs({
    { texts.disputed, facts.disputed_amount },
    { texts.fee, facts.fee },
    { texts.interest, facts.interest },
  }) do
    if is_some(extra[2]) then
      sentences[#sentences + 1] =
        string.format(extra[1], labels.number(label, extra[2]), facts.currency)
    end
  end
  return {
    subject = string.format(template.subject, facts.number),
    text = table.concat(sentences, "\n\n"),
  }
end

return letters
