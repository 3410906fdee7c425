/* cmd_price.c - billow price: what a tariff or a rule makes of an example. No engine, no database:
 * the rules of stdlib/billing run in a trusted Lua state of this process.
 */
#include "edge/cmd.h"
#include "edge/config.h"
#include "lua/tool.h"
#include "lua/tool_call.h"

enum { PATH_BYTES_MAX = 4096 };
#define OUTPUT_BYTES_MAX ((size_t)1 << 30)

/* Help: what is read and printed, and a whole item of each kind. */
const char bw_cmd_price_details[] =
    "Reads one JSON object or an array of them (from FILE, or standard input). Each is "
    "an item in the words\n"
    "of a contract; the field that names its kind is in it. Prints {\"result\", "
    "\"explanation\"} for each,\n"
    "as the input: one, or an array. An item that is malformed gets an {\"error\"}, the "
    "others are still\n"
    "priced; the exit code is then 4. A misspelt field is an error; another one that no kind has "
    "is listed\n"
    "under \"ignored\". Needs no engine and no database. A whole item of each kind:\n"
    "  {\"meter\": {\"price\": {\"model\": \"package\", \"size\": \"10\", \"package_price\": "
    "\"15\"}}, \"quantity\": \"11\"}\n"
    "  {\"usage\": {\"base_fee\": \"480\", \"meters\": [{\"id\": \"gb\", \"price\": "
    "{\"model\": \"per_unit\", \"unit_price\": \"0.1\"}}]}, \"quantities\": {\"gb\": \"9\"}}\n"
    "  {\"time_entries\": [{\"hours\": \"1.1\", \"hourly_rate\": \"120\"}], \"terms\": "
    "{\"min_hours_per_entry\": \"1.5\"}}\n"
    "  {\"retainer\": {\"unit\": \"hours\", \"quantity\": \"10\", \"price\": \"900\", "
    "\"overage\": {\"rate\": \"110\"}}, \"draws\": [{\"quantity\": \"12\"}]}\n"
    "  {\"fixed_fee\": {\"fee_amount\": \"15000\", \"billing\": \"percent_complete\"}, "
    "\"events\": [{\"percent_complete\": \"80\"}]}\n"
    "  {\"lines\": [{\"quantity\": \"2\", \"unit_price\": \"348.11\", \"tax_percent\": "
    "\"25\"}]}\n"
    "  {\"discounts\": [{\"percent\": \"10\"}, {\"amount\": \"30\"}], \"amount\": \"200\"}\n"
    "  {\"payment_terms\": {\"type\": \"net\", \"days\": 30}, \"issue_date\": "
    "\"2026-11-02\"}\n"
    "  {\"interest\": {\"table\": \"eu\"}, \"amount\": \"1000\", \"due_date\": "
    "\"2026-01-31\", \"until_date\": \"2026-03-15\"}\n"
    "  {\"instalments\": {\"first_date\": \"2026-01-31\", \"count\": 3}, \"amount\": "
    "\"100\"}\n"
    "  {\"payment\": {\"amount\": \"150\"}, \"invoices\": [{\"id\": \"A\", \"due_date\": "
    "\"2026-02-01\", \"open_amount\": \"100\"}]}\n"
    "  {\"early_payment_discount\": {\"percent\": \"2\", \"days\": 14}, \"issue_date\": "
    "\"2026-11-02\", \"net_amount\": \"1500\"}\n"
    "  {\"proration\": {\"days\": 13, \"of_days\": 31}, \"amount\": \"480\"}\n"
    "  {\"credit\": {\"net_amount\": \"200\", \"tax_percent\": \"25\", \"days\": 29, "
    "\"of_days\": 30}}\n"
    "  {\"split\": {\"percents\": [\"60\", \"40\"]}, \"amount\": \"100.01\"}\n"
    "  {\"number\": {\"format\": \"INV-{YYYY}-{SEQ:5}\", \"issue_date\": \"2026-11-02\", "
    "\"next_sequence\": 214}}\n"
    "  {\"tax_number\": \"ATU13585627\"}\n"
    "  {\"place_of_supply\": {\"seller\": {\"country_code\": \"DE\"}, \"buyer\": "
    "{\"country_code\": \"US\", \"is_business\": true}}}\n"
    "  {\"indexation\": {\"base_value\": \"100\", \"adjustments\": [{\"valid_from\": "
    "\"2027-01-01\", \"value\": \"103\"}]}, \"unit_price\": \"120\"}";

static enum bw_err read_schema(const char *share_dir, struct bw_buf *schema, struct bw_error *error)
{
    char path[PATH_BYTES_MAX];
    snprintf(path, sizeof path, "%s/stdlib/billing/price_schema.json", share_dir);
    return bw_cmd_read_file(path, schema, error);
}

static int print_schema(struct bw_cli *cli, const char *share_dir)
{
    struct bw_error error = {0};
    struct bw_buf schema;
    int status = BW_EXIT_OK;
    bw_buf_init(&schema, BW_CMD_FILE_BYTES_MAX);
    if (read_schema(share_dir, &schema, &error))
        status = bw_cli_fail(cli, &error);
    else
        fwrite(schema.ptr, 1, schema.len, cli->out);
    bw_buf_deinit(&schema);
    return status;
}

/* The results go out whatever they are; each complaint is said on stderr, and so is what was
 * ignored unless talk is not wanted. */
static int print_results(struct bw_cli *cli, struct bw_str results)
{
    struct bw_value list = bw_value_read(results), output, complaints, remarks, line;
    struct bw_str rest = list.items;
    bool is_whole = bw_value_next(&rest, &output) && bw_value_next(&rest, &complaints) &&
                    bw_value_next(&rest, &remarks);
    if (!is_whole)
        return BW_EXIT_FAILED;
    fwrite(output.text.ptr, 1, output.text.len, cli->out);
    rest = complaints.items;
    while (bw_value_next(&rest, &line))
        fprintf(cli->err, "billow: %.*s\n", BW_STR_ARG(line.text));
    rest = remarks.items;
    while (bw_value_next(&rest, &line))
        bw_cli_say(cli, "%.*s", BW_STR_ARG(line.text));
    return complaints.count ? BW_EXIT_INVALID : BW_EXIT_OK;
}

static int price(struct bw_cli *cli, const char *share_dir, struct bw_str text)
{
    char stdlib_dir[PATH_BYTES_MAX];
    struct bw_error error = {0};
    snprintf(stdlib_dir, sizeof stdlib_dir, "%s/stdlib", share_dir);
    struct bw_tool_options options = {.stdlib_dir = stdlib_dir};
    struct bw_tool *tool = bw_tool_create(&options, &error);
    struct bw_buf schema, args, results;
    bw_buf_init(&schema, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&args, OUTPUT_BYTES_MAX);
    bw_buf_init(&results, OUTPUT_BYTES_MAX);
    int status = !tool || read_schema(share_dir, &schema, &error);
    bw_value_put_arr(&args, 2);
    bw_value_put_str(&args, text);
    bw_value_put_str(&args, bw_buf_str(&schema));
    if (status || bw_tool_apply(tool, "billow.billing.price.document", "run", bw_buf_str(&args),
                                &results, &error))
        status = bw_cli_fail(cli, &error);
    else
        status = print_results(cli, bw_buf_str(&results));
    bw_buf_deinit(&schema);
    bw_buf_deinit(&args);
    bw_buf_deinit(&results);
    bw_tool_destroy(tool);
    return status;
}

int bw_cmd_price(struct bw_cli *cli)
{
    const char *share_dir;
    struct bw_error error = {0};
    if (bw_config_share_dir(&share_dir, &error))
        return bw_cli_fail(cli, &error);
    if (bw_cli_option(cli, "schema"))
        return print_schema(cli, share_dir);
    struct bw_buf text;
    bw_buf_init(&text, BW_CMD_FILE_BYTES_MAX);
    int status;
    if (bw_cmd_read_file(cli->argument_count ? cli->arguments[0] : "-", &text, &error))
        status = bw_cli_fail(cli, &error);
    else
        status = price(cli, share_dir, bw_buf_str(&text));
    bw_buf_deinit(&text);
    return status;
}
