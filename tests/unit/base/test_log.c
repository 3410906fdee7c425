/* test_log.c - promises of base/log.h. */
#include "support/test.h"

#include "base/log.h"

static struct bw_buf lines;
static int line_count;
static int64_t now_ns;
static struct bw_log logger;

static struct bw_instant fake_mono(void *self)
{
    (void)self;
    return (struct bw_instant){now_ns};
}

static struct bw_stamp fake_utc(void *self)
{
    (void)self;
    return (struct bw_stamp){INT64_C(1793484903123456)};
}

static const struct bw_clock CLOCK = {fake_mono, fake_utc, NULL};

static void keep_line(void *ud, enum bw_log_level level, struct bw_str line)
{
    (void)ud;
    (void)level;
    bw_buf_put_str(&lines, line);
    line_count++;
}

static int setup(void **state)
{
    (void)state;
    bw_buf_init(&lines, 1000000);
    line_count = 0;
    now_ns = 0;
    bw_log_init(&logger, BW_LOG_INFO, NULL, keep_line, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bw_buf_deinit(&lines);
    return 0;
}

static void test_a_line_is_one_json_object_with_its_fields(void **state)
{
    (void)state;
    struct bw_id run = {{0x01, 0x92, 0xff}};
    logger.clock = &CLOCK;
    bw_log_info(&logger, "run_finished", BW_F_RUN(run), BW_F_U64("seq", 7), BW_F_I64("delta", -3),
                BW_F_BOOL("is_final", true), BW_F_TEXT("workflow", "tm"));
    assert_str(
        bw_buf_str(&lines),
        "{\"at\":\"2026-10-31T22:15:03.123456Z\",\"level\":\"info\",\"event\":\"run_finished\","
        "\"run\":\"0192ff00-0000-0000-0000-000000000000\",\"seq\":7,\"delta\":-3,\"is_final\":true,"
        "\"workflow\":\"tm\"}\n");
}

static void test_an_event_needs_no_fields(void **state)
{
    (void)state;
    bw_log_warn(&logger, "something");
    assert_str(bw_buf_str(&lines), "{\"level\":\"warn\",\"event\":\"something\"}\n");
}

static void test_text_cannot_break_out_of_its_line(void **state)
{
    (void)state;
    bw_log_info(&logger, "x", BW_F_STR("t", bw_str("\"\\\n\x01\0\x7f", 6)));
    assert_str(bw_buf_str(&lines),
               "{\"level\":\"info\",\"event\":\"x\",\"t\":\"\\\"\\\\\\n\\u0001\\u0000\\u007f\"}\n");
}

static void test_bytes_that_are_not_utf8_are_replaced(void **state)
{
    (void)state;
    bw_log_info(&logger, "x",
                BW_F_TEXT("t", "\xc3\xa9 \xc0\x80 \xed\xa0\x80 \xf0\x9f\x92\xb6 \xe2\x82"));
    assert_str(bw_buf_str(&lines),
               "{\"level\":\"info\",\"event\":\"x\",\"t\":\"\xc3\xa9 \\ufffd\\ufffd "
               "\\ufffd\\ufffd\\ufffd \xf0\x9f\x92\xb6 \\ufffd\\ufffd\"}\n");
}

static void test_secrets_are_not_printed(void **state)
{
    (void)state;
    struct bw_secret secret = {BW_STR("hunter2")};
    bw_log_info(&logger, "x", BW_F_SECRET("token", secret));
    assert_str(bw_buf_str(&lines), "{\"level\":\"info\",\"event\":\"x\",\"token\":\"(secret)\"}\n");
}

static void test_lines_below_the_level_are_not_made(void **state)
{
    (void)state;
    bw_log_debug(&logger, "quiet");
    bw_log_info(NULL, "nowhere");
    assert_int_equal(line_count, 0);
}

static void test_a_long_text_is_cut_and_the_line_stays_whole(void **state)
{
    (void)state;
    char text[20000];
    memset(text, '\x01', sizeof text);
    struct bw_str long_text = bw_str(text, sizeof text);
    bw_log_info(&logger, "x", BW_F_STR("a", long_text), BW_F_STR("b", long_text));
    struct bw_str line = bw_buf_str(&lines);
    assert_true(line.len <= BW_LOG_LINE_BYTES_MAX);
    assert_memory_equal(line.ptr + line.len - 16, ",\"is_cut\":true}\n", 16);
    assert_non_null(strstr(bw_buf_cstr(&lines), "\\u0001...\""));
}

static void test_a_place_that_logs_too_much_is_silenced_and_says_so_later(void **state)
{
    (void)state;
    logger.clock = &CLOCK;
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < BW_LOG_SITE_LINES_MAX + 5; k++) {
            if (i == 1 && k > 0)
                break;
            bw_log_info(&logger, "again", BW_F_I64("k", k));
        }
        now_ns += BW_LOG_SITE_WINDOW_S * BW_NS_PER_S;
    }
    assert_int_equal(line_count, BW_LOG_SITE_LINES_MAX + 1);
    assert_non_null(strstr(bw_buf_cstr(&lines), "\"k\":0,\"left_out\":5}\n"));
}

static void test_levels_have_names(void **state)
{
    (void)state;
    enum bw_log_level level = BW_LOG_DEBUG;
    assert_true(bw_log_level_from_name("warn", &level));
    assert_int_equal(level, BW_LOG_WARN);
    assert_false(bw_log_level_from_name("loud", &level));
}

int main(void)
{
#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        LOG_TEST(test_a_line_is_one_json_object_with_its_fields),
        LOG_TEST(test_an_event_needs_no_fields),
        LOG_TEST(test_text_cannot_break_out_of_its_line),
        LOG_TEST(test_bytes_that_are_not_utf8_are_replaced),
        LOG_TEST(test_secrets_are_not_printed),
        LOG_TEST(test_lines_below_the_level_are_not_made),
        LOG_TEST(test_a_long_text_is_cut_and_the_line_stays_whole),
        LOG_TEST(test_a_place_that_logs_too_much_is_silenced_and_says_so_later),
        LOG_TEST(test_levels_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
