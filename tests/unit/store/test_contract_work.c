/* test_contract_work.c - numbers, transactions, queries and settings: what every store keeps. In
 * memory the fixture plays the database. */
#include "support/store/contract.h"

#include <stdio.h>

#define F struct store_fixture *f = *state

/* Commits one turn with this work, as seq head + 1, and gives what came of it. */
static const char *work(struct store_fixture *f, struct bw_id run, uint64_t head,
                        const char *statements)
{
    struct bw_turn_commit turn = fixture_turn(f, run, head, "works");
    struct bw_db_work db_work = {.seq = head + 1, .statements = fixture_value(f, statements)};
    char key[32];
    turn.db_works = &db_work, turn.db_work_count = 1;
    turn.wake = BW_WAKE_DATABASE;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    f->mail_count = 0;
    snprintf(key, sizeof key, "tx:%llu", (unsigned long long)head + 1);
    for (int i = 0; i < 5; i++) { /* in memory the outcome comes a little later */
        fixture_rest(f);
        assert_ok(fixture_load(f, run), &f->error);
        if (fixture_unread(f, key))
            return fixture_unread(f, key);
    }
    return NULL;
}

static void make_series(struct store_fixture *f, const char *name, const char *format,
                        const char *reset, int next)
{
    char json[300];
    snprintf(json, sizeof json,
             "{\"series\":\"%s\",\"format\":\"%s\",\"reset\":\"%s\",\"next\":%d}", name, format,
             reset, next);
    assert_ok(fixture_write(f, "series", json), &f->error);
}

static void test_numbers_follow_each_other_in_their_format(void **state)
{
    F;
    make_series(f, "inv", "INV-{YYYY}-{MM}/{YY}/{CUSTOMER}/{SEQ:5}", "never", 214);
    struct bw_id run = fixture_start(f, NULL);
    assert_string_equal(
        work(f, run, 0, "[{\"number\":\"inv\",\"date\":\"2026-10-31\",\"customer\":\"CU-1\"}]"),
        "[{\"number\":\"INV-2026-10/26/CU-1/00214\",\"sequence\":214}]");
    assert_string_equal(
        work(f, run, 1, "[{\"number\":\"inv\",\"date\":\"2026-11-01\",\"customer\":\"CU-2\"}]"),
        "[{\"number\":\"INV-2026-11/26/CU-2/00215\",\"sequence\":215}]");
    assert_ok(fixture_read(f, "numbers", "{}"), &f->error);
    const char *json = fixture_json(f, bw_buf_str(&f->value));
    assert_non_null(strstr(json, "\"sequence\":214"));
    assert_non_null(strstr(json, "\"date\":\"2026-11-01\""));
    assert_ok(fixture_read(f, "series", "{}"), &f->error);
    assert_non_null(strstr(fixture_json(f, bw_buf_str(&f->value)), "\"next\":216"));
}

static void test_a_series_starts_again_with_its_year_or_month(void **state)
{
    F;
    make_series(f, "y", "Y{YYYY}-{SEQ:2}", "year", 7);
    make_series(f, "m", "M{YYYY}{MM}-{SEQ:2}", "month", 7);
    struct bw_id run = fixture_start(f, NULL);
    assert_non_null(
        strstr(work(f, run, 0, "[{\"number\":\"y\",\"date\":\"2026-11-30\"}]"), "Y2026-07"));
    assert_non_null(
        strstr(work(f, run, 1, "[{\"number\":\"y\",\"date\":\"2026-12-31\"}]"), "Y2026-08"));
    assert_non_null(
        strstr(work(f, run, 2, "[{\"number\":\"y\",\"date\":\"2027-01-01\"}]"), "Y2027-01"));
    assert_non_null(
        strstr(work(f, run, 3, "[{\"number\":\"m\",\"date\":\"2026-11-30\"}]"), "M202611-07"));
    assert_non_null(
        strstr(work(f, run, 4, "[{\"number\":\"m\",\"date\":\"2026-12-01\"}]"), "M202612-01"));
    assert_non_null(
        strstr(work(f, run, 5, "[{\"number\":\"m\",\"date\":\"2027-12-01\"}]"), "M202712-01"));
}

static void test_a_series_may_count_a_financial_year_and_name_it(void **state)
{
    F;
    make_series(f, "in", "INV/{FY}/{SEQ:6}", "year:04", 7);
    struct bw_id run = fixture_start(f, NULL);
    assert_non_null(strstr(work(f, run, 0, "[{\"number\":\"in\",\"date\":\"2026-12-31\"}]"),
                           "INV/26-27/000007"));
    assert_non_null(strstr(work(f, run, 1, "[{\"number\":\"in\",\"date\":\"2027-03-31\"}]"),
                           "INV/26-27/000008"));
    assert_non_null(strstr(work(f, run, 2, "[{\"number\":\"in\",\"date\":\"2027-04-01\"}]"),
                           "INV/27-28/000001"));
    assert_int_equal(fixture_write(f, "series",
                                   "{\"series\":\"x\",\"format\":\"{SEQ:1}\",\"reset\":"
                                   "\"year:13\"}"),
                     BW_ERR_INVALID);
}

static void test_a_number_is_not_taken_by_what_fails(void **state)
{
    F;
    make_series(f, "inv", "INV-{SEQ:3}", "never", 1);
    struct bw_id run = fixture_start(f, NULL);
    const char *failing =
        "[{\"number\":\"inv\",\"date\":\"2026-10-31\",\"as\":\"n\"},"
        "{\"name\":\"ok\",\"sql\":\"select $1 as n\",\"params\":[{\"$ref\":\"n\"}]},"
        "{\"name\":\"fail\",\"sql\":\"select 1/0 as n\"}]";
    const char *outcome = work(f, run, 0, failing);
    assert_non_null(strstr(outcome, "\"code\":\"INVALID\""));
    assert_non_null(strstr(outcome, "fail: "));
    assert_int_equal(f->loaded.messages[0].kind, BW_MESSAGE_ERROR);
    assert_int_equal(f->loaded.row.head, 1); /* the turn itself counts */
    assert_non_null(
        strstr(work(f, run, 1, "[{\"number\":\"inv\",\"date\":\"2026-10-01\"}]"), "INV-001"));
    assert_ok(fixture_read(f, "numbers", "{}"), &f->error);
    assert_null(strstr(fixture_json(f, bw_buf_str(&f->value)), "INV-002"));
}

static void test_a_number_is_refused_when_its_date_goes_back(void **state)
{
    F;
    make_series(f, "inv", "INV-{SEQ:3}", "never", 1);
    struct bw_id run = fixture_start(f, NULL);
    assert_non_null(
        strstr(work(f, run, 0, "[{\"number\":\"inv\",\"date\":\"2026-10-31\"}]"), "INV-001"));
    const char *outcome = work(f, run, 1, "[{\"number\":\"inv\",\"date\":\"2026-10-30\"}]");
    assert_non_null(strstr(outcome, "\"code\":\"INVALID\""));
    assert_non_null(strstr(outcome, "before 2026-10-31"));
    assert_non_null(
        strstr(work(f, run, 2, "[{\"number\":\"other\",\"date\":\"2026-10-30\"}]"), "NOT_FOUND"));
    assert_non_null(
        strstr(work(f, run, 3, "[{\"number\":\"inv\",\"date\":\"31.10.2026\"}]"), "YYYY-MM-DD"));
    assert_non_null(
        strstr(work(f, run, 4, "[{\"number\":\"inv\",\"date\":\"2026-10-31\"}]"), "INV-002"));
}

static void test_a_series_given_again_changes_nothing(void **state)
{
    F;
    make_series(f, "inv", "INV-{SEQ:3}", "never", 5);
    struct bw_id run = fixture_start(f, NULL);
    assert_non_null(
        strstr(work(f, run, 0, "[{\"number\":\"inv\",\"date\":\"2026-10-31\"}]"), "INV-005"));
    make_series(f, "inv", "INV-{SEQ:3}", "never", 5);
    assert_non_null(
        strstr(work(f, run, 1, "[{\"number\":\"inv\",\"date\":\"2026-10-31\"}]"), "INV-006"));
    assert_int_equal(
        fixture_write(f, "series",
                      "{\"series\":\"inv\",\"format\":\"X{SEQ:3}\",\"reset\":\"never\"}"),
        BW_ERR_CONFLICT);
    assert_int_equal(fixture_write(f, "series", "{\"series\":\"inv\",\"format\":\"INV\"}"),
                     BW_ERR_INVALID);
}

static void test_results_come_in_the_order_of_the_statements(void **state)
{
    F;
    make_series(f, "inv", "INV-{SEQ:3}", "never", 1);
    struct bw_id run = fixture_start(f, NULL);
    assert_string_equal(
        work(f, run, 0,
             "[{\"name\":\"ok\",\"sql\":\"select 1 as n\",\"expect\":\"one\"},"
             "{\"number\":\"inv\",\"date\":\"2026-10-31\",\"as\":\"n\"},"
             "{\"name\":\"ok\",\"sql\":\"select 1 as n where $1 = 'INV-001' and $2 = '1'\","
             "\"params\":[{\"$ref\":\"n\"},{\"$ref\":\"n.sequence\"}],\"expect\":1}]"),
        "[[{\"n\":1}],{\"number\":\"INV-001\",\"sequence\":1},[{\"n\":1}]]");
    assert_true(fixture_has_mail(f, run) || f->mail_count == 0);
}

static void test_work_that_no_database_would_take_is_refused_as_an_outcome(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    assert_non_null(
        strstr(work(f, run, 0, "[{\"name\":\"bad\",\"sql\":\"drop table billing.entry\"}]"),
               "has to start with select"));
    assert_non_null(strstr(work(f, run, 1, "[{\"name\":\"bad\",\"sql\":\"select 1; select 2\"}]"),
                           "one statement"));
    assert_non_null(
        strstr(work(f, run, 2, "[{\"name\":\"bad\",\"sql\":\"select $2\",\"params\":[1]}]"), "$2"));
    assert_non_null(strstr(work(f, run, 3, "[]"), "array of statements"));
    assert_non_null(strstr(
        work(f, run, 4, "[{\"name\":\"bad\",\"sql\":\"select 1\",\"expect\":\"two\"}]"), "expect"));
}

static void test_a_query_gives_rows_as_maps(void **state)
{
    F;
    assert_ok(fixture_query(f, "select 1 as n", "[]"), &f->error);
    assert_string_equal(fixture_json(f, bw_buf_str(&f->value)), "[{\"n\":1}]");
    assert_int_equal(fixture_query(f, "delete from billing.entry", "[]"), BW_ERR_INVALID);
}

static void put_setting(struct store_fixture *f, const char *scope, const char *id,
                        const char *from, const char *value, bool is_locked)
{
    char json[400];
    snprintf(
        json, sizeof json,
        "{\"policy\":\"rounding\",\"name\":\"minutes\",\"scope_type\":\"%s\",\"scope_id\":\"%s\","
        "\"valid_from\":\"%s\",\"value\":%s,\"locked\":%s,\"set_by\":\"dana\"}",
        scope, id, from, value, is_locked ? "true" : "false");
    assert_ok(fixture_write(f, "setting", json), &f->error);
}

static const char *minutes(struct store_fixture *f, const char *scopes, const char *on)
{
    char json[300];
    snprintf(json, sizeof json, "{\"policy\":\"rounding\",\"scopes\":%s,\"on\":\"%s\"}", scopes,
             on);
    assert_ok(fixture_settings(f, json), &f->error);
    return strstr(fixture_json(f, bw_buf_str(&f->value)), "\"settings\":");
}

static void test_a_narrower_setting_overrides_a_wider_one(void **state)
{
    F;
    const char *both = "{\"customer\":\"CU-1\",\"contract\":\"C-1\"}";
    assert_string_equal(minutes(f, both, "2026-10-31"), "\"settings\":{}}");
    put_setting(f, "pack", "", "2020-01-01", "1", false);
    put_setting(f, "tenant", "", "2026-01-01", "6", false);
    put_setting(f, "customer", "CU-1", "2026-01-01", "15", false);
    put_setting(f, "contract", "C-1", "2026-11-01", "30", false);
    assert_string_equal(minutes(f, both, "2025-12-31"), "\"settings\":{\"minutes\":1}}");
    assert_string_equal(minutes(f, "{}", "2026-10-31"), "\"settings\":{\"minutes\":6}}");
    assert_string_equal(minutes(f, both, "2026-10-31"), "\"settings\":{\"minutes\":15}}");
    assert_string_equal(minutes(f, both, "2026-11-01"), "\"settings\":{\"minutes\":30}}");
    assert_string_equal(minutes(f, "{\"customer\":\"CU-2\"}", "2026-11-01"),
                        "\"settings\":{\"minutes\":6}}");
}

static void test_a_locked_setting_is_not_overridden(void **state)
{
    F;
    put_setting(f, "tenant", "", "2026-01-01", "6", true);
    put_setting(f, "contract", "C-1", "2026-01-01", "30", false);
    assert_string_equal(minutes(f, "{\"contract\":\"C-1\"}", "2026-10-31"),
                        "\"settings\":{\"minutes\":6}}");
    const char *layers = fixture_json(f, bw_buf_str(&f->value));
    assert_non_null(strstr(layers, "\"is_locked\":true,\"is_used\":true"));
    assert_non_null(strstr(layers, "\"is_locked\":false,\"is_used\":false"));
    /* From a later date on it may be another value, unlocked. */
    put_setting(f, "tenant", "", "2026-12-01", "10", false);
    assert_string_equal(minutes(f, "{\"contract\":\"C-1\"}", "2026-12-01"),
                        "\"settings\":{\"minutes\":30}}");
}

static void test_a_setting_of_the_firm_is_the_widest(void **state)
{
    F;
    put_setting(f, "firm", "", "2026-01-01", "3", false);
    assert_string_equal(minutes(f, "{}", "2026-10-31"), "\"settings\":{\"minutes\":3}}");
    put_setting(f, "pack", "", "2026-01-01", "6", false);
    assert_string_equal(minutes(f, "{}", "2026-10-31"), "\"settings\":{\"minutes\":6}}");
    put_setting(f, "firm", "", "2026-06-01", "4", true);
    assert_string_equal(minutes(f, "{}", "2026-10-31"), "\"settings\":{\"minutes\":4}}");
}

static void test_a_setting_of_null_ends_the_one_before_in_its_scope_alone(void **state)
{
    F;
    const char *contract = "{\"contract\":\"C-1\"}";
    put_setting(f, "tenant", "", "2026-01-01", "6", false);
    put_setting(f, "contract", "C-1", "2026-02-01", "30", false);
    put_setting(f, "contract", "C-1", "2026-06-01", "null", false);
    assert_string_equal(minutes(f, contract, "2026-05-31"), "\"settings\":{\"minutes\":30}}");
    assert_string_equal(minutes(f, contract, "2026-06-01"), "\"settings\":{\"minutes\":6}}");
    put_setting(f, "tenant", "", "2026-07-01", "null", true);
    assert_string_equal(minutes(f, contract, "2026-07-01"), "\"settings\":{}}");
}

static void test_a_signing_key_is_made_once_and_never_changed(void **state)
{
    F;
    char json[200];
    const char *first = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    const char *second = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";
    assert_int_equal(fixture_read(f, "key", "{\"name\":\"link-1\"}"), BW_ERR_NOT_FOUND);
    snprintf(json, sizeof json, "{\"name\":\"link-1\",\"key\":\"%s\"}", first);
    assert_ok(fixture_write(f, "key", json), &f->error);
    snprintf(json, sizeof json, "{\"name\":\"link-1\",\"key\":\"%s\"}", second);
    assert_ok(fixture_write(f, "key", json), &f->error);
    assert_ok(fixture_read(f, "key", "{\"name\":\"link-1\"}"), &f->error);
    assert_non_null(strstr(fixture_json(f, bw_buf_str(&f->value)), first));
    assert_int_equal(fixture_write(f, "key", "{\"name\":\"x\",\"key\":\"short\"}"), BW_ERR_INVALID);
}

static void test_settings_say_what_is_wrong_with_a_question(void **state)
{
    F;
    assert_int_equal(fixture_settings(f, "{\"policy\":\"rounding\",\"on\":\"2026-02-30\"}"),
                     BW_ERR_INVALID);
    assert_int_equal(fixture_settings(f, "{\"on\":\"2026-02-28\"}"), BW_ERR_INVALID);
    assert_int_equal(fixture_write(f, "setting", "{\"policy\":\"x\"}"), BW_ERR_INVALID);
    assert_int_equal(fixture_write(f, "nonsense", "{}"), BW_ERR_INVALID);
}

static void test_the_audit_record_keeps_its_order(void **state)
{
    F;
    assert_ok(fixture_write(
                  f, "audit",
                  "{\"actor\":\"dana\",\"action\":\"approve\",\"subject\":\"I-1\",\"detail\":{}}"),
              &f->error);
    assert_ok(
        fixture_write(f, "audit", "{\"actor\":\"kim\",\"action\":\"resume\",\"subject\":\"R-1\"}"),
        &f->error);
    assert_ok(fixture_read(f, "audit", "{}"), &f->error);
    const char *json = fixture_json(f, bw_buf_str(&f->value));
    assert_true(strstr(json, "approve") < strstr(json, "resume"));
}

/* The answer to a record may be lost, and it is sent again: it happened once. */
static void test_one_audit_record_written_twice_is_there_once(void **state)
{
    F;
    for (int i = 0; i < 2; i++)
        assert_ok(fixture_write(f, "audit",
                                "{\"actor\":\"dana\",\"action\":\"approve\",\"subject\":\"I-1\","
                                "\"detail\":{},\"at_us\":1790000000000000}"),
                  &f->error);
    assert_ok(fixture_write(f, "audit",
                            "{\"actor\":\"dana\",\"action\":\"approve\",\"subject\":\"I-1\","
                            "\"detail\":{},\"at_us\":1790000000000001}"),
              &f->error);
    assert_ok(fixture_read(f, "audit", "{}"), &f->error);
    assert_int_equal(bw_value_read(bw_buf_str(&f->value)).count, 2);
}

static void test_a_setting_is_written_with_its_audit_record_or_not_at_all(void **state)
{
    F;
    const char *refused =
        "{\"policy\":\"rounding\",\"name\":\"increment\",\"value\":6,\"scope_type\":\"tenant\","
        "\"valid_from\":\"2026-01-01\",\"set_by\":\"dana\",\"audit\":{\"action\":\"policy.set\"}}";
    const char *good =
        "{\"policy\":\"rounding\",\"name\":\"increment\",\"value\":6,\"scope_type\":\"tenant\","
        "\"valid_from\":\"2026-01-01\",\"set_by\":\"dana\","
        "\"audit\":{\"actor\":\"dana\",\"action\":\"policy.set\",\"subject\":\"rounding\"}}";
    assert_int_equal(fixture_write(f, "setting", refused), BW_ERR_INVALID);
    assert_ok(fixture_settings(f, "{\"policy\":\"rounding\",\"on\":\"2026-02-01\"}"), &f->error);
    assert_null(strstr(fixture_json(f, bw_buf_str(&f->value)), "increment"));
    assert_ok(fixture_write(f, "setting", good), &f->error);
    assert_ok(fixture_settings(f, "{\"policy\":\"rounding\",\"on\":\"2026-02-01\"}"), &f->error);
    assert_non_null(strstr(fixture_json(f, bw_buf_str(&f->value)), "increment"));
    assert_ok(fixture_read(f, "audit", "{}"), &f->error);
    assert_int_equal(bw_value_read(bw_buf_str(&f->value)).count, 1);
}

static const char *audited(struct store_fixture *f, const char *args)
{
    static char text[2000];
    struct bw_value row;
    size_t len = 0;
    assert_ok(fixture_read(f, "audit", args), &f->error);
    struct bw_str rest = bw_value_read(bw_buf_str(&f->value)).items;
    text[0] = '\0';
    while (bw_value_next(&rest, &row)) {
        struct bw_str actor = bw_value_get_str(&row, "actor", BW_STR_NONE);
        struct bw_str action = bw_value_get_str(&row, "action", BW_STR_NONE);
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s:%.*s", len ? " " : "",
                                BW_STR_ARG(actor), BW_STR_ARG(action));
    }
    return text;
}

static void test_what_people_do_is_recorded_with_it_once(void **state)
{
    F;
    struct bw_run_row row = fixture_row(f, "tm", "once");
    row.started_by = BW_STR("dana");
    assert_ok(fixture_start_row(f, &row), &f->error);
    struct bw_run_row again = fixture_row(f, "tm", "once");
    assert_ok(fixture_start_row(f, &again), &f->error); /* starts nothing, and says nothing */
    struct bw_task task = {.id = fixture_id(f),
                           .seq = 1,
                           .kind = BW_STR("approval"),
                           .title = BW_STR("x"),
                           .body = fixture_value(f, "1"),
                           .assignees = fixture_value(f, "[]")};
    struct bw_turn_commit turn = fixture_turn(f, row.id, 0, "one");
    turn.tasks = &task, turn.task_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    const char *yes = "{\"by\":\"kim\",\"decision\":\"approve\"}";
    assert_ok(fixture_answer(f, task.id, yes), &f->error);
    assert_ok(fixture_answer(f, task.id, yes), &f->error);
    assert_int_equal(fixture_answer(f, task.id, "{\"by\":\"bob\",\"decision\":\"no\"}"),
                     BW_ERR_CONFLICT);
    struct bw_turn_commit resume = fixture_turn(f, row.id, 1, "");
    resume.turn = BW_STR_NONE;
    resume.audit = (struct bw_audit){.actor = BW_STR("dana"), .action = BW_STR("run.resume")};
    struct bw_turn_commit stale = fixture_turn(f, row.id, 7, "");
    stale.audit = (struct bw_audit){.actor = BW_STR("eve"), .action = BW_STR("run.resume")};
    assert_int_equal(fixture_commit(f, &stale), BW_COMMIT_CONFLICT);
    assert_int_equal(fixture_commit(f, &resume), BW_COMMIT_DONE);
    put_setting(f, "tenant", "", "2026-01-01", "6", false);
    assert_ok(fixture_write(f, "schedule", "{\"name\":\"s\",\"spec\":1,\"set_by\":\"lee\"}"),
              &f->error);
    assert_ok(fixture_write(f, "schedule_state",
                            "{\"name\":\"s\",\"is_paused\":true,\"set_by\":\"lee\"}"),
              &f->error);
    assert_int_equal(fixture_write(f, "schedule_delete", "{\"name\":\"other\",\"set_by\":\"lee\"}"),
                     BW_ERR_NOT_FOUND);
    const char *all = audited(f, "{}");
    assert_non_null(strstr(all, "dana:run.start kim:task.answer dana:run.resume"));
    assert_non_null(strstr(all, ":setting.set lee:schedule.set lee:schedule.pause"));
    assert_null(strstr(all, "eve"));
    assert_null(strstr(all, "bob"));
    assert_null(strstr(all, "schedule.delete"));
    assert_string_equal(audited(f, "{\"actor\":\"kim\"}"), "kim:task.answer");
    assert_string_equal(audited(f, "{\"action\":\"schedule.pause\"}"), "lee:schedule.pause");
    assert_string_equal(audited(f, "{\"limit\":1}"), "lee:schedule.pause");
    assert_string_equal(audited(f, "{\"since_us\":9000000000000000}"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(test_numbers_follow_each_other_in_their_format),
        CONTRACT_TEST(test_a_series_starts_again_with_its_year_or_month),
        CONTRACT_TEST(test_a_series_may_count_a_financial_year_and_name_it),
        CONTRACT_TEST(test_a_number_is_not_taken_by_what_fails),
        CONTRACT_TEST(test_a_number_is_refused_when_its_date_goes_back),
        CONTRACT_TEST(test_a_series_given_again_changes_nothing),
        CONTRACT_TEST(test_results_come_in_the_order_of_the_statements),
        CONTRACT_TEST(test_work_that_no_database_would_take_is_refused_as_an_outcome),
        CONTRACT_TEST(test_a_query_gives_rows_as_maps),
        CONTRACT_TEST(test_a_narrower_setting_overrides_a_wider_one),
        CONTRACT_TEST(test_a_locked_setting_is_not_overridden),
        CONTRACT_TEST(test_a_setting_of_the_firm_is_the_widest),
        CONTRACT_TEST(test_a_setting_of_null_ends_the_one_before_in_its_scope_alone),
        CONTRACT_TEST(test_a_signing_key_is_made_once_and_never_changed),
        CONTRACT_TEST(test_settings_say_what_is_wrong_with_a_question),
        CONTRACT_TEST(test_the_audit_record_keeps_its_order),
        CONTRACT_TEST(test_one_audit_record_written_twice_is_there_once),
        CONTRACT_TEST(test_a_setting_is_written_with_its_audit_record_or_not_at_all),
        CONTRACT_TEST(test_what_people_do_is_recorded_with_it_once),
    };
    return cmocka_run_group_tests(tests, NULL, fixture_stop_pg);
}
