/* test_csv.c - CSV as a stream: every cut of the input gives the same records, and nothing is
 * guessed. */
#include "support/test.h"

#include "codec/csv.h"

static struct bw_buf seen;

static int setup(void **state)
{
    (void)state;
    bw_buf_init(&seen, 65536);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bw_buf_deinit(&seen);
    return 0;
}

/* Notes records as "number@line:[field][field]", one a line, and an error as its text. Feeds `step`
 * bytes at a time. */
static void read_in_steps(struct bw_str text, size_t step, const struct bw_csv_limits *limits)
{
    struct bw_csv_reader *reader = bw_csv_reader_create(limits);
    struct bw_csv_record record;
    struct bw_error error;
    enum bw_csv_event event;
    bw_buf_clear(&seen);
    while ((event = bw_csv_next(reader, &record, &error)) != BW_CSV_END) {
        if (event == BW_CSV_RECORD) {
            bw_buf_printf(&seen, "%d@%d:", (int)record.number, (int)record.line);
            for (size_t i = 0; i < record.count; i++)
                bw_buf_printf(&seen, "[%.*s]", BW_STR_ARG(record.fields[i]));
            bw_buf_put_char(&seen, '\n');
        } else if (event == BW_CSV_BAD) {
            bw_buf_put_text(&seen, error.text);
            assert_int_equal(bw_csv_next(reader, &record, &error), BW_CSV_BAD);
            break;
        } else if (text.len == 0) {
            bw_csv_finish(reader);
        } else {
            size_t len = text.len < step ? text.len : step;
            bw_csv_feed(reader, bw_str(text.ptr, len));
            text.ptr += len;
            text.len -= len;
        }
    }
    bw_csv_reader_destroy(reader);
}

static void assert_reads_with(struct bw_str text, const struct bw_csv_limits *limits,
                              const char *expected)
{
    static const size_t steps[] = {1, 2, 3, 7, 100000};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        read_in_steps(text, steps[i], limits);
        assert_str(bw_buf_str(&seen), expected);
    }
}

static void assert_reads(const char *text, const char *expected)
{
    assert_reads_with(bw_str_of(text), NULL, expected);
}

static void test_records_have_numbers_and_physical_lines(void **state)
{
    (void)state;
    assert_reads("a,b\n1,2\r\n3,4", "1@1:[a][b]\n2@2:[1][2]\n3@3:[3][4]\n");
    assert_reads("a,\"b\nc\r\nd\"\nx,y\n", "1@1:[a][b\nc\r\nd]\n2@4:[x][y]\n");
    assert_reads("", "");
    assert_reads("a", "1@1:[a]\n");
}

static void test_blank_lines_are_no_records_but_lines(void **state)
{
    (void)state;
    assert_reads("\n\r\na\n\n\nb\n\n", "1@3:[a]\n2@6:[b]\n");
    assert_reads(" \n", "1@1:[ ]\n");
    assert_reads("\"\"\n,\n", "1@1:[]\n2@2:[][]\n");
}

static void test_quotes_hold_separators_quotes_and_line_ends(void **state)
{
    (void)state;
    assert_reads("\"a,b\",\"He said \"\"no\"\"\",\"\"\n", "1@1:[a,b][He said \"no\"][]\n");
    assert_reads("\"\"\"\"", "1@1:[\"]\n");
    assert_reads("\"a\"", "1@1:[a]\n");
}

static void test_empty_fields_are_fields(void **state)
{
    (void)state;
    assert_reads(",", "1@1:[][]\n");
    assert_reads("a,,b,\n", "1@1:[a][][b][]\n");
}

static void test_a_byte_order_mark_is_skipped_once(void **state)
{
    (void)state;
    assert_reads("\xEF\xBB\xBF\"a\",b\n", "1@1:[a][b]\n");
    assert_reads("\xEF\xBB\xBF", "");
    assert_reads("\xEF\xBB", "1@1:[\xEF\xBB]\n");
    assert_reads("\xEF\xBBx,b", "1@1:[\xEF\xBBx][b]\n");
    assert_reads("\xEF\xBB\xBF\xEF\xBB\xBF"
                 "a",
                 "1@1:[\xEF\xBB\xBF"
                 "a]\n");
}

static void test_what_the_rfc_does_not_allow_is_refused_where_it_stands(void **state)
{
    (void)state;
    assert_reads("a,b\n1,\"open\nnever\nclosed",
                 "1@1:[a][b]\nCSV: a quoted field was opened here and "
                 "never closed (line 2, record 2)");
    assert_reads("a\n\nb\"c\n", "1@1:[a]\nCSV: a quote inside an unquoted field: quote the whole "
                                "field and double the quotes in it (line 3, record 2)");
    assert_reads("x, \"y\"\n", "CSV: a quote inside an unquoted field: quote the whole field and "
                               "double the quotes in it (line 1, record 1)");
    assert_reads("\"a\"b\n", "CSV: bytes behind a closing quote: a quote inside a field must be "
                             "doubled (line 1, record 1)");
    assert_reads("a\rb\n", "CSV: a CR without its LF (line 1, record 1)");
    assert_reads("a\n\rb\n", "1@1:[a]\nCSV: a CR without its LF (line 2, record 2)");
    assert_reads("a\r", "CSV: a CR without its LF (line 1, record 1)");
    assert_reads_with(bw_str("a\0b", 3), NULL, "CSV: a zero byte (line 1, record 1)");
    assert_reads_with(bw_str("\"a\n\0b\"", 6), NULL, "CSV: a zero byte (line 2, record 1)");
}

static void test_sizes_have_ceilings(void **state)
{
    (void)state;
    const struct bw_csv_limits limits = {
        .field_bytes_max = 4, .record_bytes_max = 6, .fields_max = 3};
    assert_reads_with(BW_STR("1234,56,\n"), &limits, "1@1:[1234][56][]\n");
    assert_reads_with(BW_STR("12345"), &limits, "CSV: a field is too long (line 1, record 1)");
    assert_reads_with(BW_STR("123,4567"), &limits,
                      "CSV: the record is too long (line 1, record 1)");
    assert_reads_with(BW_STR("\n1,2,3,4"), &limits, "CSV: too many fields (line 2, record 1)");
}

static void test_other_separators(void **state)
{
    (void)state;
    const struct bw_csv_limits limits = {.separator = ';'};
    assert_reads_with(BW_STR("a,b;\"c;d\"\n"), &limits, "1@1:[a,b][c;d]\n");
}

static void test_fields_are_written_so_that_they_read_back(void **state)
{
    (void)state;
    static const char *const fields[] = {"plain", "", "a,b", "say \"no\"", "two\nlines", "cr\r"};
    struct bw_buf text;
    bw_buf_init(&text, 1024);
    for (size_t i = 0; i < 6; i++) {
        if (i > 0)
            bw_buf_put_char(&text, ',');
        bw_csv_put_field(&text, bw_str_of(fields[i]), ',');
    }
    assert_str(bw_buf_str(&text), "plain,,\"a,b\",\"say \"\"no\"\"\",\"two\nlines\",\"cr\r\"");
    assert_reads(bw_buf_cstr(&text), "1@1:[plain][][a,b][say \"no\"][two\nlines][cr\r]\n");
    bw_buf_deinit(&text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_records_have_numbers_and_physical_lines),
        TEST(test_blank_lines_are_no_records_but_lines),
        TEST(test_quotes_hold_separators_quotes_and_line_ends),
        TEST(test_empty_fields_are_fields),
        TEST(test_a_byte_order_mark_is_skipped_once),
        TEST(test_what_the_rfc_does_not_allow_is_refused_where_it_stands),
        TEST(test_sizes_have_ceilings),
        TEST(test_other_separators),
        TEST(test_fields_are_written_so_that_they_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
