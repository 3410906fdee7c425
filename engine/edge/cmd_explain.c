/* cmd_explain.c - billow invoice explain: the chain behind any amount of an invoice. */
#include "edge/cmd.h"
#include "edge/grid.h"
#include <string.h>

enum { PATH_BYTES_MAX = 8192 };

static struct bw_str text_of(const struct bw_value *map, const char *key)
{
    return bw_value_get_str(map, key, BW_STR(""));
}

/* Each text of a list on a line of its own. */
static void print_texts(struct bw_cli *cli, const struct bw_value *map, const char *key,
                        const char *before)
{
    struct bw_value list = bw_value_get(map, key), text;
    struct bw_str rest = list.tag == BW_VALUE_ARR ? list.items : BW_STR_NONE;
    while (bw_value_next(&rest, &text))
        fprintf(cli->out, "%s%.*s\n", before, BW_STR_ARG(text.text));
}

/* The n-th member of a list, counted from 1; nil when there is none. */
static struct bw_value member(const struct bw_value *list, int64_t n)
{
    struct bw_str rest = list->tag == BW_VALUE_ARR ? list->items : BW_STR_NONE;
    struct bw_value found = bw_value_read(BW_STR_NONE);
    for (int64_t i = 0; i < n && bw_value_next(&rest, &found); i++)
        continue;
    return found;
}

static void print_entry(struct bw_cli *cli, const struct bw_value *line,
                        const struct bw_value *entry)
{
    struct bw_value roundings = bw_value_get(line, "roundings");
    struct bw_value rounding = member(&roundings, bw_value_get_int(entry, "rounding", 0));
    fprintf(cli->out, "    %.*s  %.*s  %.*s: worked %lld s, billed %lld s",
            BW_STR_ARG(text_of(entry, "id")), BW_STR_ARG(text_of(entry, "work_date")),
            BW_STR_ARG(text_of(entry, "person")),
            (long long)bw_value_get_int(entry, "worked_seconds", 0),
            (long long)bw_value_get_int(entry, "billed_seconds", 0));
    if (rounding.tag == BW_VALUE_STR)
        fprintf(cli->out, " (%.*s)", BW_STR_ARG(rounding.text));
    fputc('\n', cli->out);
}

/* Every rate with the path that was searched, then the entries it priced. */
static void print_rates(struct bw_cli *cli, const struct bw_value *line)
{
    struct bw_value rates = bw_value_get(line, "rates"), rate;
    struct bw_value entries = bw_value_get(line, "entries"), entry;
    struct bw_str rest = rates.tag == BW_VALUE_ARR ? rates.items : BW_STR_NONE;
    for (int64_t n = 1; bw_value_next(&rest, &rate); n++) {
        fprintf(cli->out, "  rate: %.*s\n", BW_STR_ARG(text_of(&rate, "source")));
        print_texts(cli, &rate, "searched", "    searched ");
        print_texts(cli, &rate, "steps", "    ");
        struct bw_str left = entries.tag == BW_VALUE_ARR ? entries.items : BW_STR_NONE;
        while (bw_value_next(&left, &entry))
            if (bw_value_get_int(&entry, "rate", 0) == n)
                print_entry(cli, line, &entry);
    }
}

/* A line of which nothing more is known: what its object says, and what it credits. */
static void print_plain(struct bw_cli *cli, const struct bw_value *line, struct bw_str credited)
{
    struct bw_value credits = bw_value_get(line, "credits");
    fprintf(cli->out, "%.*s: %.*s %.*s x %.*s = %.*s\n",
            BW_STR_ARG(text_of(line, "description_key")), BW_STR_ARG(text_of(line, "quantity")),
            BW_STR_ARG(text_of(line, "unit_code")), BW_STR_ARG(text_of(line, "unit_price")),
            BW_STR_ARG(text_of(line, "net_amount")));
    if (credits.tag == BW_VALUE_MAP)
        fprintf(cli->out, "  credits line %.*s of %.*s\n", BW_STR_ARG(text_of(&credits, "line_id")),
                BW_STR_ARG(credited.len ? credited : text_of(&credits, "invoice_id")));
    if (text_of(line, "tax_category").len)
        fprintf(cli->out, "  tax: %.*s: %.*s %.*s %%\n", BW_STR_ARG(text_of(line, "tax_code")),
                BW_STR_ARG(text_of(line, "tax_category")),
                BW_STR_ARG(text_of(line, "tax_percent").len ? text_of(line, "tax_percent")
                                                            : BW_STR("0")));
    struct bw_value references = bw_value_get(line, "references"), reference;
    struct bw_str rest = references.tag == BW_VALUE_ARR ? references.items : BW_STR_NONE;
    while (bw_value_next(&rest, &reference))
        fprintf(cli->out, "  %.*s: billow ledger show %.*s\n",
                BW_STR_ARG(text_of(&reference, "type")), BW_STR_ARG(text_of(&reference, "id")));
}

/* The number of the invoice that a credit note refers to; empty for others. */
static struct bw_str credited_number(const struct bw_value *invoice)
{
    struct bw_value list = bw_value_get(invoice, "preceding_invoices"), first;
    struct bw_str rest = list.tag == BW_VALUE_ARR ? list.items : BW_STR_NONE;
    return bw_value_next(&rest, &first) ? text_of(&first, "number") : BW_STR_NONE;
}

/* From the lines to the total, of a document without an explanation of its own. */
static void print_sums(struct bw_cli *cli, const struct bw_value *invoice)
{
    struct bw_value totals = bw_value_get(invoice, "totals");
    struct bw_value groups = bw_value_get(invoice, "tax_breakdown"), group;
    struct bw_str rest = groups.tag == BW_VALUE_ARR ? groups.items : BW_STR_NONE;
    struct bw_str currency = text_of(invoice, "currency");
    fprintf(cli->out, "\nnet: %.*s %.*s\n", BW_STR_ARG(text_of(&totals, "tax_exclusive_amount")),
            BW_STR_ARG(currency));
    while (bw_value_next(&rest, &group))
        fprintf(cli->out, "tax %.*s: %.*s%s of %.*s = %.*s %.*s\n",
                BW_STR_ARG(text_of(&group, "category_code")),
                BW_STR_ARG(text_of(&group, "percent").len ? text_of(&group, "percent")
                                                          : BW_STR("no tax")),
                text_of(&group, "percent").len ? " %" : "",
                BW_STR_ARG(text_of(&group, "taxable_amount")),
                BW_STR_ARG(text_of(&group, "tax_amount")), BW_STR_ARG(currency));
    fprintf(cli->out, "with tax: %.*s %.*s\n", BW_STR_ARG(text_of(&totals, "tax_inclusive_amount")),
            BW_STR_ARG(currency));
}

/* What a line stands for besides entries: milestones, meters. */
static void print_references(struct bw_cli *cli, const struct bw_value *line)
{
    struct bw_value references = bw_value_get(line, "references"), reference;
    struct bw_str rest = references.tag == BW_VALUE_ARR ? references.items : BW_STR_NONE;
    while (bw_value_next(&rest, &reference)) {
        struct bw_str type = text_of(&reference, "type");
        struct bw_str size = text_of(&reference, "quantity");
        if (!bw_str_eq(type, BW_STR("meter")) && !bw_str_eq(type, BW_STR("milestone")))
            continue; /* the entries below, and the notes above, say more */
        fprintf(cli->out, "  %.*s %.*s%s%.*s\n", BW_STR_ARG(type),
                BW_STR_ARG(text_of(&reference, "id")), size.len ? ": " : "", BW_STR_ARG(size));
    }
}

static void print_line(struct bw_cli *cli, const struct bw_value *line, struct bw_str credited)
{
    struct bw_str words = text_of(line, "line"), split = text_of(line, "split");
    struct bw_str tax = text_of(line, "tax");
    fprintf(cli->out, "\nline %.*s  ", BW_STR_ARG(text_of(line, "id")));
    if (!words.len) {
        print_plain(cli, line, credited);
        return;
    }
    fprintf(cli->out, "%.*s\n", BW_STR_ARG(words));
    if (split.len)
        fprintf(cli->out, "  share: %.*s\n", BW_STR_ARG(split));
    print_texts(cli, line, "notes", "  ");
    print_references(cli, line);
    print_rates(cli, line);
    fprintf(cli->out, "  tax: %.*s\n", BW_STR_ARG(tax));
}

static void print_policies(struct bw_cli *cli, const struct bw_value *explanation)
{
    struct bw_value policies = bw_value_get(explanation, "policies"), policy;
    struct bw_str rest = policies.tag == BW_VALUE_ARR ? policies.items : BW_STR_NONE;
    while (bw_value_next(&rest, &policy)) {
        struct bw_buf settings;
        bw_buf_init(&settings, (size_t)1 << 20);
        bw_value_to_json(&settings, bw_value_get(&policy, "settings").encoded,
                         BW_JSON_DECIMAL_STRINGS);
        fprintf(cli->out, "\npolicy %.*s %.*s on %.*s, settings %.*s\n",
                BW_STR_ARG(text_of(&policy, "policy")), BW_STR_ARG(text_of(&policy, "version")),
                BW_STR_ARG(text_of(&policy, "on")), BW_STR_ARG(bw_buf_str(&settings)));
        print_texts(cli, &policy, "reasons", "  ");
        bw_buf_deinit(&settings);
    }
}

static void print_made(struct bw_cli *cli, const struct bw_value *invoice,
                       const struct bw_value *explanation)
{
    struct bw_value script = bw_value_get(explanation, "script");
    struct bw_str place = text_of(&script, "place");
    fprintf(cli->out, "\nmade by workflow %.*s%s%.*s, run %.*s\n",
            BW_STR_ARG(text_of(&script, "workflow")), place.len ? " at " : "", BW_STR_ARG(place),
            BW_STR_ARG(text_of(invoice, "run_id")));
    if (text_of(invoice, "history_removed_at").len)
        fprintf(cli->out,
                "the history of that run was removed on %.*s (%.*s); this is what the "
                "invoice keeps\n",
                BW_STR_ARG(text_of(invoice, "history_removed_at")),
                BW_STR_ARG(text_of(invoice, "history_removed_under")));
}

static void print_invoice(struct bw_cli *cli, struct bw_str value)
{
    struct bw_value invoice = bw_value_read(value);
    struct bw_value explanation = bw_value_get(&invoice, "explanation");
    struct bw_value lines = bw_value_get(&invoice, "lines"), line;
    struct bw_str rest = lines.items;
    bool is_whole = cli->argument_count == 1;
    fprintf(cli->out, "%.*s  contract %.*s  customer %.*s  %.*s  %.*s\n",
            BW_STR_ARG(text_of(&invoice, "number")), BW_STR_ARG(text_of(&invoice, "contract_id")),
            BW_STR_ARG(text_of(&invoice, "customer_id")), BW_STR_ARG(text_of(&invoice, "period")),
            BW_STR_ARG(text_of(&invoice, "currency")));
    while (bw_value_next(&rest, &line))
        print_line(cli, &line, credited_number(&invoice));
    if (is_whole && explanation.tag != BW_VALUE_MAP)
        print_sums(cli, &invoice);
    if (is_whole && explanation.tag == BW_VALUE_MAP) {
        fputc('\n', cli->out);
        print_texts(cli, &explanation, "totals", "");
    }
    if (explanation.tag == BW_VALUE_MAP) {
        print_texts(cli, &explanation, "effects", "\nceiling or cap: ");
        print_policies(cli, &explanation);
        print_made(cli, &invoice, &explanation);
    }
    fprintf(cli->out, "approved by %.*s, issued %.*s\n",
            BW_STR_ARG(text_of(&invoice, "approved_by")),
            BW_STR_ARG(text_of(&invoice, "issued_at")));
}

int bw_cmd_invoice_explain(struct bw_cli *cli)
{
    struct bw_buf path;
    bw_buf_init(&path, PATH_BYTES_MAX);
    bw_buf_put_text(&path, "/v1/invoices");
    bw_cmd_put_segment(&path, cli->arguments[0]);
    bw_cmd_put_segment(&path, "explain");
    bw_cmd_put_query(&path, "line", cli->argument_count > 1 ? cli->arguments[1] : NULL);
    int status = bw_cmd_show(cli, &path, print_invoice);
    bw_buf_deinit(&path);
    return status;
}
