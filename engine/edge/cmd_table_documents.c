/* cmd_table_documents.c - the commands of
 * invoices, the ledger, and the life of an invoice after it was sent.
 *
 * Offers:  bw_commands_documents, one of the parts of cmd_table.c's list.
 */
#include "edge/cmd.h"

#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, NULL                                                                           \
    }

static const struct bw_cli_command commands[] = {
    {.name = "invoice list",
     .arguments = "",
     .summary = "list issued invoices",
     .options = {{"period", "YYYY-MM", "only this period"}, END},
     .examples = {"billow invoice list --period 2026-10\ta month's",
                  "billow invoice list --json\tall, for machines: signed_payable_amount adds up"},
     .run = bw_cmd_invoice_list},
    {.name = "invoice show",
     .arguments = "NUMBER",
     .summary = "an invoice with its lines and totals",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow invoice show INV-2026-00214\tto read",
                  "billow invoice show INV-2026-00214 --json\tthe canonical object"},
     .run = bw_cmd_invoice_show},
    {.name = "invoice explain",
     .arguments = "NUMBER [LINE]",
     .summary = "the chain behind the amounts of an invoice, or of one line",
     .details =
         "Entries with their rounding, the rate path that was searched, the tax rule and its "
         "row, shares of payers,\n"
         "effects of ceilings, the policies with version and settings, the script's line and "
         "the approver: as they\n"
         "were stored when the invoice was issued.",
     .arguments_min = 1,
     .arguments_max = 2,
     .options = {END},
     .examples = {"billow invoice explain INV-2026-00214\tevery line and the way to the total",
                  "billow invoice explain INV-2026-00214 3 --json\tone line, for machines"},
     .run = bw_cmd_invoice_explain},
    {.name = "invoice verify",
     .arguments = "",
     .summary = "prove that every document is as it was issued, and every number accounted for",
     .details = "Documents of a series are chained by hashes; the first broken one is named. Lists "
                "numbers that stand on no\n"
                "document, with the reason on record. Exit code 1 when a document is broken, or a "
                "number unexplained.",
     .options = {END},
     .examples = {"billow invoice verify\tall series of the tenant",
                  "billow invoice verify --json\twith the last hash of each series"},
     .run = bw_cmd_invoice_verify},
    {.name = "invoice void",
     .arguments = "NUMBER --reason TEXT",
     .summary = "put on record why a number that was given stands on no document",
     .details = "The number stays used: it is never given again. A number with a document is not "
                "voided, its document is\n"
                "credited.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"reason", "TEXT", "what an auditor will read (required)"}, END},
     .examples = {"billow invoice void INV-2026-00220 --reason \"printed by mistake\"\twith its "
                  "reason",
                  "billow invoice void INV-2026-00220 --reason test --json\tfor machines"},
     .run = bw_cmd_invoice_void},
    {.name = "ledger verify",
     .arguments = "",
     .summary = "prove that the books are whole, or name the first break",
     .details = "Computes everything anew from the rows: every entry's quantity is somewhere, each "
                "state holds what its\n"
                "movements brought, billed less credited is what lines refer to, lines add up to "
                "their invoice, numbers\n"
                "have no gap, what moved arrived, nothing is claimed by nobody. All tenants, or "
                "the one of --tenant. Exit code 1 when anything is "
                "broken.",
     .options = {END},
     .examples = {"billow ledger verify\tthe whole database",
                  "billow ledger verify --tenant acme --json\tone tenant, for machines"},
     .run = bw_cmd_ledger_verify},
    {.name = "ledger show",
     .arguments = "ENTRY",
     .summary = "the story of an entry: received, claimed, billed, held, credited; by whom, when",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow ledger show 2026-10/harvest-time:17\tone entry of the October imports",
                  "billow ledger show harvest-time:17 --json\tfor machines, with its versions"},
     .run = bw_cmd_ledger_show},
    {.name = "ledger hold",
     .arguments = "ENTRIES --reason TEXT",
     .summary = "keep work out of every bill until it is released",
     .details =
         "ENTRIES are ids with commas between, each perhaps with =QUANTITY (seconds, 1.5h, or an "
         "amount). On the day\n"
         "of the review the owner is asked; 'billow report holds' lists what is on hold. Who has "
         "to agree is the\n"
         "decision of the policy entry-moves. Exit code 4 when it cannot be.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"reason", "TEXT", "why; stays with the entry"},
                 {"owner", "NAME", "who looks at it (default: you)"},
                 {"review", "DATE", "when (default: by the policy, 30 days)"},
                 {"dry-run", NULL, "only say what it is worth and who would have to agree"},
                 END},
     .examples = {"billow ledger hold harvest-time:17 --reason 'the order is missing'\ta whole "
                  "entry",
                  "billow ledger hold harvest-time:17=0.5h --reason 'scope is argued' --owner nina "
                  "--review 2026-12-01\tpart of it"},
     .run = bw_cmd_ledger_hold},
    {.name = "ledger release",
     .arguments = "ENTRIES --reason TEXT",
     .summary = "let work on hold be billed again, with the contract's next bill",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"reason", "TEXT", "why; stays with the entry"},
                 {"dry-run", NULL, "only say what it is worth and who would have to agree"},
                 END},
     .examples = {"billow ledger release harvest-time:17 --reason 'order 4711 came'\tall of it",
                  "billow ledger release harvest-time:17=0.5h --reason agreed --json\tfor "
                  "machines"},
     .run = bw_cmd_ledger_release},
    {.name = "ledger transfer",
     .arguments = "ENTRIES --to CONTRACT --reason TEXT",
     .summary = "move work to another contract, whole or in part",
     .details =
         "There it is an entry of its own (harvest-time:17#2), billed with that contract's next "
         "bill by its rates; what\n"
         "was worked stays on record where it was. Billed work is credited first. Who has to "
         "agree is the decision of\n"
         "the policy entry-moves. Exit code 4 when it cannot be.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"to", "CONTRACT", "whose work it becomes"},
                 {"project", "CODE", "of that contract (default: its only one)"},
                 {"reason", "TEXT", "why; stays with the entry"},
                 {"dry-run", NULL, "only say what it is worth, here and there, and who must agree"},
                 END},
     .examples = {"billow ledger transfer harvest-time:17 --to C-05 --reason 'wrong matter'\ta "
                  "whole entry",
                  "billow ledger transfer harvest-time:17=1.5h --to C-02 --project OST-01 --reason "
                  "'half was theirs' --dry-run\tpart of it"},
     .run = bw_cmd_ledger_transfer},
    {.name = "credit",
     .arguments = "INVOICE",
     .summary = "credit an invoice, whole or in part, and bill the work again if asked to",
     .details =
         "Makes a credit note that refers to the invoice; it is issued when it is approved, not by "
         "whoever asked.\n"
         "Credited work is open again and billed with the next period, or at once with --rebill; "
         "--outcome says\n"
         "otherwise. Credits never exceed the invoice, per line and tax group. Exit code 4 when it "
         "cannot be.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"all", NULL, "everything that is left of it (void)"},
                 {"lines", "LIST", "these lines: 1,2, or with an amount 2=100.00"},
                 {"entries", "LIST",
                  "these entries: harvest-time:3, or some of one: harvest-time:4=1.5h"},
                 {"amount", "AMOUNT", "a concession without tax; the work stays billed"},
                 {"reason", "CODE", "why, for the record: rate, hours, goodwill, ..."},
                 {"rebill", NULL, "bill the credited work again, under a new number"},
                 {"outcome", "STATE", "of the work: open (default), written-off, excluded"},
                 {"dry-run", NULL, "only show the note that would be made"},
                 END},
     .examples =
         {"billow credit INV-2026-00214 --lines 2=100.00 --dry-run\twhat would be credited",
          "billow credit INV-2026-00214 --all --rebill --reason rate\tvoid and make again",
          "billow credit INV-2026-00214 --entries harvest-time:17 --reason hours\tone entry"},
     .run = bw_cmd_credit},
    {.name = "write-off",
     .arguments = "INVOICE --reason CODE",
     .summary = "give up what an invoice still owes, or some of it",
     .details = "Whom it needs to be agreed by is the decision of the policy write-off: by amount, "
                "never the engagement\n"
                "partner alone, never whoever asks. Exit code 4 when it cannot be.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"amount", "AMOUNT", "with tax (default: all that is open)"},
                 {"reason", "CODE",
                  "rounding, goodwill, quality, uncollectable, insolvency, dispute, error, ..."},
                 {"note", "TEXT", "for the record"},
                 {"dry-run", NULL, "only say who would have to agree"},
                 END},
     .examples = {"billow write-off INV-2026-00214 --amount 4.50 --reason rounding\ta difference",
                  "billow write-off INV-2026-00214 --reason insolvency --dry-run\twho must agree"},
     .run = bw_cmd_write_off},
    {.name = "write-down",
     .arguments = "ENTRIES --reason CODE",
     .summary = "take work out of billing before it is billed",
     .details =
         "ENTRIES are ids with commas between, each perhaps with =QUANTITY (seconds, 1.5h, or "
         "an amount). The work is on\n"
         "no invoice and counts in the report realisation. Agreed to as by write-off.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"amount", "AMOUNT", "what it is worth (default: at its rates)"},
                 {"reason", "CODE", "over_budget, training, goodwill, quality, ..."},
                 {"dry-run", NULL, "only say what it is worth and who would have to agree"},
                 END},
     .examples = {"billow write-down harvest-time:17 --reason training\ta whole entry",
                  "billow write-down harvest-time:17=0.5h --reason over_budget --dry-run\tpart of "
                  "it"},
     .run = bw_cmd_write_down},
    {.name = "statement",
     .arguments = "CUSTOMER",
     .summary =
         "a customer's statement of account: what came and went, what is open, how old it is",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"from", "DATE", "the first day (default: of the first invoice)"},
                 {"as-of", "DATE", "the last day (default: today)"},
                 {"format", "FORMAT", "text (default), json, or ubl: a UBL 2.1 Statement"},
                 END},
     .examples = {"billow statement CU-01 --as-of 2026-12-31\tat the end of the year",
                  "billow statement CU-01 --format ubl > statement.xml\tfor the customer's system"},
     .run = bw_cmd_statement},
    {.name = "dispute open",
     .arguments = "INVOICE --reason CODE",
     .summary = "put an objection to an invoice on record; that part is not dunned",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"line", "ID", "only this line"},
                 {"entry", "ID", "only this entry"},
                 {"amount", "AMOUNT", "with tax (default: all of the line, entry or invoice)"},
                 {"reason", "CODE",
                  "hours, rate, scope, quality, duplicate, tax, order, delivery, other"},
                 {"note", "TEXT", "what the customer says"},
                 {"owner", "NAME", "who answers (default: you)"},
                 {"by", "NAME", "who raised it (default: the customer)"},
                 {"answer-days", "N", "business days until the answer is due"},
                 END},
     .examples = {"billow dispute open INV-2026-00214 --line 2 --reason hours --owner nina\ta line",
                  "billow dispute open INV-2026-00214 --amount 119.00 --reason rate\tan amount"},
     .run = bw_cmd_dispute_open},
    {.name = "dispute list",
     .arguments = "",
     .summary = "list disputes",
     .options = {{"all", NULL, "those that have ended too"}, END},
     .examples = {"billow dispute list\twhat waits for an answer",
                  "billow dispute list --all --json\tfor machines"},
     .run = bw_cmd_dispute_list},
    {.name = "dispute show",
     .arguments = "DISPUTE",
     .summary = "a dispute with everything that happened to it",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow dispute show 0192f3c4-...\tto read",
                  "billow dispute show 0192f3c4-... --json\tfor machines"},
     .run = bw_cmd_dispute_show},
    {.name = "dispute resolve",
     .arguments = "DISPUTE",
     .summary = "answer a dispute: credit it, bill it again, or reject it with evidence",
     .details = "What is accepted becomes a credit note, which somebody else has to approve.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"accept", NULL, "the customer is right"},
                 {"amount", "AMOUNT", "with --accept: only so much of it, with tax"},
                 {"rebill", NULL, "with --accept: bill the work again"},
                 {"reject", NULL, "the invoice is right"},
                 {"evidence", "TEXT", "with --reject: what shows it"},
                 {"withdraw", NULL, "the customer takes it back"},
                 {"comment", "TEXT", "for the record"},
                 END},
     .examples = {"billow dispute resolve 0192f3c4-... --accept --rebill\tcredit and bill again",
                  "billow dispute resolve 0192f3c4-... --reject --evidence \"signed timesheet "
                  "41\"\tturn it down"},
     .run = bw_cmd_dispute_resolve},
    {.name = "payment import",
     .arguments = "FILE",
     .summary = "take a bank file: camt.053, camt.054, MT940 or CSV; book what is sure",
     .details = "Entries count once, whichever file brings them. Sure matches are booked by the "
                "policy matching, the others\n"
                "become tasks with the candidates. Exit code 4 when the file cannot be read: "
                "nothing of it is taken then.\n"
                "Columns of a CSV file: booking_date and amount (negative: paid out), "
                "and as there are value_date,\n"
                "currency, reference, end_to_end_id, structured_reference, text, "
                "counterparty_name, counterparty_account,\n"
                "account, balance, is_reversal (yes: takes back an earlier payment). A bank's own "
                "names for them go into --options.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"format", "NAME", "camt, mt940 or csv (default: by how the file begins)"},
                 {"account", "ACCOUNT", "of a CSV file, when no column says it"},
                 {"currency", "CODE", "of a CSV file, when no column says it"},
                 {"options", "JSON",
                  "of a CSV file, instead of these two: account, currency, columns, decimal_comma, "
                  "date_format, separator"},
                 END},
     .examples = {"billow payment import camt053.xml\ta bank's statement",
                  "billow payment import in.csv --format csv --account DE02... --currency EUR\ta "
                  "spreadsheet's",
                  "billow payment import bank.csv --format csv --options "
                  "'{\"account\":\"DE02...\",\"currency\":\"EUR\",\"columns\":{\"booking_date\":"
                  "\"Buchungstag\",\"amount\":\"Betrag\",\"text\":\"Verwendungszweck\"},"
                  "\"decimal_comma\":true,\"date_format\":\"DD.MM.YYYY\",\"separator\":\";\"}'\ta "
                  "bank's export"},
     .run = bw_cmd_payment_import},
    {.name = "payment list",
     .arguments = "",
     .summary = "list payments and the invoices they settled",
     .options = {{"unmatched", NULL, "instead: bank entries that nobody has placed"},
                 {"unapplied", NULL, "instead: money applied to no invoice, by age"},
                 END},
     .examples = {"billow payment list\twhat came in",
                  "billow payment list --unmatched --json\twhat is still to be placed"},
     .run = bw_cmd_payment_list},
    {.name = "payment match",
     .arguments = "",
     .summary = "look again at bank entries that nobody has placed",
     .options = {END},
     .examples = {"billow payment match\tafter new invoices or settings",
                  "billow payment match --json\tfor machines"},
     .run = bw_cmd_payment_match},
};
const struct bw_cli_commands bw_commands_documents = {commands,
                                                      sizeof commands / sizeof commands[0]};
