/* test_contract_schedules.c - schedules: what every store keeps. */
#include "support/store/contract.h"

#include "base/mem.h"
#include <stdio.h>

#define F struct store_fixture *f = *state

struct due {
    bool is_done;
    enum bw_err code;
    size_t count;
    char names[512];
    int64_t version; /* of the first */
    int64_t next_us;
    struct bw_id run;
    bool is_new;
};

static void on_due(void *ud, const struct bw_error *error, const struct bw_schedule_row *rows,
                   size_t count, int64_t next_us)
{
    struct due *due = ud;
    size_t len = 0;
    due->is_done = true;
    due->code = error->code;
    due->count = count;
    due->next_us = next_us;
    due->names[0] = '\0';
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(due->names + len, sizeof due->names - len, "%s%.*s", i ? " " : "",
                                BW_STR_ARG(rows[i].name));
    due->version = count ? rows[0].version : 0;
}

static void on_fired(void *ud, const struct bw_error *error, struct bw_id run, bool is_new)
{
    struct due *due = ud;
    due->is_done = true;
    due->code = error->code;
    due->run = run;
    due->is_new = is_new;
}

static struct due look(struct store_fixture *f, int64_t now_us, size_t count_max)
{
    struct due due = {0};
    f->store.due_schedules(f->store.self, BW_SHARDS_ALL, now_us, count_max, on_due, &due);
    fixture_until(f, &due.is_done);
    assert_int_equal(due.code, BW_ERR_OK);
    return due;
}

static struct due fire(struct store_fixture *f, const struct bw_schedule_fire *fire)
{
    struct due due = {0};
    f->store.fire_schedule(f->store.self, fire, on_fired, &due);
    fixture_until(f, &due.is_done);
    return due;
}

/* A schedule of this test's tenant that is due so many seconds from now. */
static void set(struct store_fixture *f, const char *name, int in_s)
{
    char args[500];
    snprintf(args, sizeof args,
             "{\"name\":\"%s\",\"spec\":{\"rule\":\"FREQ=DAILY\"},\"next_due_us\":%lld,"
             "\"wake_at_us\":%lld,\"set_by\":\"dana\"}",
             name, (long long)(f->now_us + in_s * BW_US_PER_S),
             (long long)(f->now_us + in_s * BW_US_PER_S));
    assert_ok(fixture_write(f, "schedule", args), &f->error);
}

static struct bw_schedule_fire firing(struct store_fixture *f, const char *name, int64_t version,
                                      const struct bw_run_row *run)
{
    return (struct bw_schedule_fire){.tenant = f->tenant,
                                     .name = bw_str_of(name),
                                     .version = version,
                                     .next_due_us = f->now_us + 86400 * BW_US_PER_S,
                                     .wake_at_us = f->now_us + 86400 * BW_US_PER_S,
                                     .last_due_us = f->now_us,
                                     .runs = run,
                                     .run_count = run ? 1 : 0};
}

static const char *read_member(struct store_fixture *f, const char *name, const char *member)
{
    char args[200];
    snprintf(args, sizeof args, "{\"name\":\"%s\"}", name);
    assert_ok(fixture_read(f, "schedule", args), &f->error);
    struct bw_value row = bw_value_read(bw_buf_str(&f->value));
    return fixture_json(f, bw_value_get(&row, member).encoded);
}

static void test_due_schedules_come_earliest_first(void **state)
{
    F;
    set(f, "later", 10);
    set(f, "now", -5);
    set(f, "before", -60);
    struct due due = look(f, f->now_us, 10);
    assert_string_equal(due.names, "before now");
    assert_int_equal(due.next_us, f->now_us + 10 * BW_US_PER_S);
    assert_string_equal(look(f, f->now_us, 1).names, "before");
    f->shards = 0;
    struct due none = {0};
    f->store.due_schedules(f->store.self, 0, f->now_us, 10, on_due, &none);
    fixture_until(f, &none.is_done);
    assert_int_equal(none.count, 0);
    assert_int_equal(none.next_us, 0);
    char args[] = "{\"name\":\"later\"}";
    assert_ok(fixture_write(f, "schedule_delete", args), &f->error);
    assert_ok(fixture_write(f, "schedule_delete", "{\"name\":\"now\"}"), &f->error);
    assert_ok(fixture_write(f, "schedule_delete", "{\"name\":\"before\"}"), &f->error);
    assert_int_equal(fixture_write(f, "schedule_delete", args), BW_ERR_NOT_FOUND);
}

static void test_a_firing_starts_its_run_and_moves_on_together(void **state)
{
    F;
    set(f, "daily", -5);
    struct due due = look(f, f->now_us, 10);
    struct bw_run_row run = fixture_row(f, "tm", "schedule/daily@1");
    struct bw_schedule_fire first = firing(f, "daily", due.version, &run);
    struct due fired = fire(f, &first);
    assert_int_equal(fired.code, BW_ERR_OK);
    assert_true(fired.is_new);
    assert_true(fixture_has_mail(f, run.id));
    assert_ok(fixture_load(f, run.id), &f->error);
    assert_true(f->loaded.row.is_active);
    assert_string_equal(look(f, f->now_us, 10).names, "");
    assert_string_equal(read_member(f, "daily", "fired"), "1");
}

/* Whoever decided upon the same row comes too late: a second node, or the same one after its answer
 * was lost. */
static void test_a_schedule_fires_once_for_each_version(void **state)
{
    F;
    set(f, "daily", -5);
    int64_t version = look(f, f->now_us, 10).version;
    struct bw_run_row first = fixture_row(f, "tm", NULL), second = fixture_row(f, "tm", NULL);
    struct bw_schedule_fire mine = firing(f, "daily", version, &first);
    struct bw_schedule_fire theirs = firing(f, "daily", version, &second);
    assert_int_equal(fire(f, &mine).code, BW_ERR_OK);
    assert_int_equal(fire(f, &theirs).code, BW_ERR_CONFLICT);
    assert_int_equal(fixture_load(f, second.id), BW_ERR_NOT_FOUND);
    assert_string_equal(read_member(f, "daily", "fired"), "1");
    struct bw_schedule_fire nobody = firing(f, "nightly", 1, &second);
    assert_int_equal(fire(f, &nobody).code, BW_ERR_CONFLICT);
}

static void test_a_start_key_that_is_taken_makes_no_run(void **state)
{
    F;
    set(f, "daily", -5);
    struct bw_id there = fixture_start(f, "schedule/daily@7");
    struct bw_run_row run = fixture_row(f, "tm", "schedule/daily@7");
    struct bw_schedule_fire again = firing(f, "daily", look(f, f->now_us, 10).version, &run);
    struct due fired = fire(f, &again);
    assert_int_equal(fired.code, BW_ERR_OK);
    assert_false(fired.is_new);
    assert_int_equal(fixture_load(f, run.id), BW_ERR_NOT_FOUND);
    assert_ok(fixture_load(f, there), &f->error);
}

static void test_a_run_that_is_not_over_holds_the_next_one_back(void **state)
{
    F;
    set(f, "daily", -5);
    struct bw_run_row first = fixture_row(f, "tm", NULL), second = fixture_row(f, "tm", NULL),
                      third = fixture_row(f, "tm", NULL);
    struct bw_schedule_fire one = firing(f, "daily", 1, &first);
    one.is_alone = true;
    assert_true(fire(f, &one).is_new);
    struct bw_schedule_fire two = firing(f, "daily", 2, &second);
    two.is_alone = true;
    struct due held = fire(f, &two);
    assert_int_equal(held.code, BW_ERR_OK);
    assert_false(held.is_new);
    assert_int_equal(fixture_load(f, second.id), BW_ERR_NOT_FOUND);
    assert_string_equal(read_member(f, "daily", "skipped"), "1");
    struct bw_turn_commit end = fixture_turn(f, first.id, 0, "end");
    end.status = BW_RUN_DONE;
    end.wake = BW_WAKE_NONE;
    assert_int_equal(fixture_commit(f, &end), BW_COMMIT_DONE);
    struct bw_schedule_fire three = firing(f, "daily", 3, &third);
    three.is_alone = true;
    assert_true(fire(f, &three).is_new);
    assert_string_equal(read_member(f, "daily", "fired"), "2");
}

static void test_a_paused_schedule_is_not_due_and_stays_so_when_it_is_set(void **state)
{
    F;
    set(f, "daily", -5);
    assert_ok(fixture_write(f, "schedule_state", "{\"name\":\"daily\",\"is_paused\":true}"),
              &f->error);
    assert_string_equal(look(f, f->now_us, 10).names, "");
    set(f, "daily", -5);
    assert_string_equal(look(f, f->now_us, 10).names, "");
    assert_string_equal(read_member(f, "daily", "is_paused"), "true");
    struct bw_run_row run = fixture_row(f, "tm", NULL);
    struct bw_schedule_fire late = firing(f, "daily", 1, &run); /* decided before the pause */
    assert_int_equal(fire(f, &late).code, BW_ERR_CONFLICT);
    char args[300];
    snprintf(args, sizeof args,
             "{\"name\":\"daily\",\"is_paused\":false,\"next_due_us\":%lld,\"wake_at_us\":%lld,"
             "\"version\":9}",
             (long long)f->now_us, (long long)f->now_us);
    assert_int_equal(fixture_write(f, "schedule_state", args), BW_ERR_CONFLICT);
    strstr(args, ":9}")[1] = '3';
    assert_ok(fixture_write(f, "schedule_state", args), &f->error);
    assert_string_equal(look(f, f->now_us, 10).names, "daily");
    assert_int_equal(fixture_write(f, "schedule_state", "{\"name\":\"weekly\",\"is_paused\":true}"),
                     BW_ERR_NOT_FOUND);
}

static void test_schedules_are_read_by_name_for_their_tenant_alone(void **state)
{
    F;
    set(f, "b", 60);
    set(f, "a", 60);
    assert_ok(fixture_read(f, "schedules", "{}"), &f->error);
    struct bw_value rows = bw_value_read(bw_buf_str(&f->value)), row;
    assert_int_equal(rows.count, 2);
    struct bw_str rest = rows.items;
    assert_true(bw_value_next(&rest, &row));
    assert_str(bw_value_get_str(&row, "name", BW_STR_NONE), "a");
    assert_str(bw_value_get_str(&row, "set_by", BW_STR_NONE), "dana");
    assert_string_equal(read_member(f, "b", "spec"), "{\"rule\":\"FREQ=DAILY\"}");
    f->tenant = fixture_id(f);
    assert_ok(fixture_read(f, "schedules", "{}"), &f->error);
    assert_string_equal(fixture_json(f, bw_buf_str(&f->value)), "[]");
    assert_int_equal(fixture_read(f, "schedule", "{\"name\":\"a\"}"), BW_ERR_NOT_FOUND);
    assert_int_equal(fixture_write(f, "schedule", "{\"name\":\"a\",\"spec\":1}"),
                     BW_ERR_NOT_FOUND); /* no such tenant */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(test_due_schedules_come_earliest_first),
        CONTRACT_TEST(test_a_firing_starts_its_run_and_moves_on_together),
        CONTRACT_TEST(test_a_schedule_fires_once_for_each_version),
        CONTRACT_TEST(test_a_start_key_that_is_taken_makes_no_run),
        CONTRACT_TEST(test_a_run_that_is_not_over_holds_the_next_one_back),
        CONTRACT_TEST(test_a_paused_schedule_is_not_due_and_stays_so_when_it_is_set),
        CONTRACT_TEST(test_schedules_are_read_by_name_for_their_tenant_alone),
    };
    return cmocka_run_group_tests(tests, NULL, fixture_stop_pg);
}
