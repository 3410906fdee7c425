/* test_test_world.c - the worlds of a spec, as the function that Lua calls. */
#include "support/test.h"

#include "codec/value.h"
#include "edge/test_world.h"
#include <stdio.h>
#include <stdlib.h>

static const char SCRIPT[] =
    "return require('billow.workflow').define({ name = 'x', version = '1', "
    "run = function(input) return input end })";

struct fixture {
    struct bw_test_settings settings;
    struct bw_test_worlds *worlds;
    struct bw_buf answer;
    struct bw_error error;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const char *source = getenv("BW_SOURCE_DIR");

    fixture->settings = (struct bw_test_settings){
        .share_dir = source ? source : ".", .project_dir = "/project", .has_crashes = true};
    fixture->worlds = bw_test_worlds_create(&fixture->settings);
    bw_buf_init(&fixture->answer, 64 * 1024 * 1024);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    bw_test_worlds_destroy(fixture->worlds);
    bw_buf_deinit(&fixture->answer);
    free(fixture);
    return 0;
}

/* Calls `op` with a value written as JSON. */
static enum bw_err call(struct fixture *fixture, const char *op, const char *json)
{
    struct bw_buf value;
    enum bw_err err;

    bw_buf_init(&value, 1 << 20);
    assert_ok(bw_value_from_json(&value, bw_str_of(json), &fixture->error), &fixture->error);
    bw_buf_clear(&fixture->answer);
    err = bw_test_worlds_call(fixture->worlds, bw_str_of(op), bw_buf_str(&value), &fixture->answer,
                              &fixture->error);
    bw_buf_deinit(&value);
    return err;
}

static struct bw_value answered(struct fixture *fixture)
{
    return bw_value_read(bw_buf_str(&fixture->answer));
}

static void test_settings_tell_what_was_asked_for(void **state)
{
    struct fixture *fixture = *state;
    assert_false(bw_test_worlds_were_asked(fixture->worlds));
    assert_ok(call(fixture, "settings", "{}"), &fixture->error);
    struct bw_value settings = answered(fixture);
    assert_true(bw_value_get_bool(&settings, "has_crashes", false));
    assert_str(bw_value_get_str(&settings, "project", BW_STR_NONE), "/project");
    assert_true(bw_test_worlds_were_asked(fixture->worlds));
}

static void test_files_hold_the_standard_library(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(call(fixture, "files", "{}"), &fixture->error);
    struct bw_value files = answered(fixture);
    assert_int_equal(bw_value_get(&files, "stdlib/workflow.lua").tag, BW_VALUE_STR);
    assert_int_equal(bw_value_get(&files, "workflows/tm.lua").tag, BW_VALUE_STR);
}

static void test_worlds_have_their_own_time(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(call(fixture, "open", "{\"now_us\":1000}"), &fixture->error);
    assert_int_equal(answered(fixture).integer, 1);
    assert_ok(call(fixture, "open", "{\"now_us\":5000}"), &fixture->error);
    assert_int_equal(answered(fixture).integer, 2);
    assert_ok(call(fixture, "advance", "[1,{\"us\":10}]"), &fixture->error);
    assert_ok(call(fixture, "now", "[1,{}]"), &fixture->error);
    assert_int_equal(answered(fixture).integer, 1010);
    assert_ok(call(fixture, "now", "[2,{}]"), &fixture->error);
    assert_int_equal(answered(fixture).integer, 5000);
}

static void test_a_closed_world_answers_nothing_and_its_handle_is_given_again(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(call(fixture, "open", "{\"now_us\":1000}"), &fixture->error);
    assert_ok(call(fixture, "close", "[1,{}]"), &fixture->error);
    assert_err(call(fixture, "now", "[1,{}]"), INVALID);
    assert_err(call(fixture, "now", "[0,{}]"), INVALID);
    assert_err(call(fixture, "now", "{}"), INVALID);
    assert_ok(call(fixture, "open", "{\"now_us\":1000}"), &fixture->error);
    assert_int_equal(answered(fixture).integer, 1);
}

static void test_a_journal_comes_decoded(void **state)
{
    struct fixture *fixture = *state;
    char text[2048], run[64];
    assert_ok(call(fixture, "open", "{\"now_us\":1000}"), &fixture->error);
    assert_ok(call(fixture, "files", "{}"), &fixture->error);
    struct bw_buf release;
    bw_buf_init(&release, 64 * 1024 * 1024);
    bw_value_put_arr(&release, 2);
    bw_value_put_int(&release, 1);
    bw_value_put_map(&release, 1);
    bw_value_put_key(&release, "files");
    struct bw_value files = answered(fixture), file;
    struct bw_str name;
    bw_value_put_map(&release, files.count + 1);
    for (struct bw_str rest = files.items; bw_value_next_pair(&rest, &name, &file);) {
        bw_value_put_key_str(&release, name);
        bw_value_put_encoded(&release, file.encoded);
    }
    bw_value_put_key(&release, "workflows/x.lua"); /* sorts behind every other file */
    bw_value_put_text(&release, SCRIPT);
    bw_buf_clear(&fixture->answer);
    struct bw_buf hash;
    bw_buf_init(&hash, 1024);
    assert_ok(bw_test_worlds_call(fixture->worlds, BW_STR("put_release"), bw_buf_str(&release),
                                  &hash, &fixture->error),
              &fixture->error);
    bw_buf_deinit(&hash);
    bw_buf_deinit(&release);
    assert_ok(call(fixture, "start", "[1,{\"workflow\":\"x\",\"input\":5}]"), &fixture->error);
    struct bw_value started = answered(fixture);
    snprintf(run, sizeof run, "%.*s", BW_STR_ARG(bw_value_get_str(&started, "run", BW_STR_NONE)));
    snprintf(text, sizeof text, "[1,{\"run\":\"%s\"}]", run);
    assert_ok(call(fixture, "journal", text), &fixture->error);
    struct bw_value turns = answered(fixture), turn, deliveries, delivery;
    struct bw_str rest = turns.items;
    assert_int_equal(turns.count, 1);
    assert_true(bw_value_next(&rest, &turn));
    deliveries = bw_value_get(&turn, "deliveries");
    rest = deliveries.items;
    assert_true(bw_value_next(&rest, &delivery));
    assert_str(bw_value_get_str(&delivery, "kind", BW_STR_NONE), "start");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_settings_tell_what_was_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_hold_the_standard_library, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_worlds_have_their_own_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_closed_world_answers_nothing_and_its_handle_is_given_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_journal_comes_decoded, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
