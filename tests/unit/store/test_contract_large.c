/* test_contract_large.c - values over 32 KiB: whole wherever they are read, stored once. */
#include "support/store/contract.h"

#include "base/mem.h"
#include "store/blob.h"
#include <stdio.h>
#include <stdlib.h>

#define F struct store_fixture *f = *state

/* A string value of so many bytes that begins with `mark`. */
static struct bw_str large(struct store_fixture *f, const char *mark, size_t len)
{
    struct bw_buf value;
    char *bytes = bw_arena_alloc(&f->arena, len);
    memset(bytes, 'x', len);
    memcpy(bytes, mark, strlen(mark));
    bw_buf_init(&value, len + 64);
    bw_value_put_str(&value, bw_str(bytes, len));
    struct bw_str copy = bw_arena_copy(&f->arena, bw_buf_str(&value));
    bw_buf_deinit(&value);
    return copy;
}

/* {doc = value, n = 1} */
static struct bw_str wrapped(struct store_fixture *f, struct bw_str value)
{
    struct bw_buf map;
    bw_buf_init(&map, value.len + 64);
    bw_value_put_map(&map, 2);
    bw_value_put_key(&map, "doc");
    bw_buf_put_str(&map, value);
    bw_value_put_key(&map, "n");
    bw_value_put_int(&map, 1);
    struct bw_str copy = bw_arena_copy(&f->arena, bw_buf_str(&map));
    bw_buf_deinit(&map);
    return copy;
}

static struct bw_str turn_of(struct store_fixture *f, struct bw_str delivered, struct bw_str args)
{
    struct bw_delivery delivery = {.kind = BW_DELIVERY_START, .value = delivered};
    struct bw_command command = {.flags = BW_COMMAND_BLOCKS,
                                 .seq = 1,
                                 .kind = BW_STR("http"),
                                 .file = BW_STR("workflows/tm.lua"),
                                 .line = 3,
                                 .args = args};
    struct bw_turn_record record = {.at = {f->now_us},
                                    .deliveries = &delivery,
                                    .delivery_count = 1,
                                    .commands = &command,
                                    .command_count = 1};
    struct bw_buf row;
    bw_buf_init(&row, 64u << 20);
    bw_wire_put_turn(&row, &record);
    struct bw_str copy = bw_arena_copy(&f->arena, bw_buf_str(&row));
    bw_buf_deinit(&row);
    return copy;
}

static void assert_same(struct bw_str got, struct bw_str wanted)
{
    assert_int_equal(got.len, wanted.len);
    assert_memory_equal(got.ptr, wanted.ptr, wanted.len);
}

static const char *sql_of(struct store_fixture *f, const char *text)
{
    static char sql[500];
    char tenant[BW_ID_TEXT_LEN + 1];
    bw_id_print(f->tenant, tenant);
    snprintf(sql, sizeof sql, "%s tenant_id = '%s'", text, tenant);
    return fixture_sql(f, sql);
}

static void test_a_large_value_is_whole_in_every_place(void **state)
{
    F;
    struct bw_run_row row = fixture_row(f, "tm", NULL);
    struct bw_str input = row.input = wrapped(f, large(f, "input", 300000));
    struct bw_str body = large(f, "body", 200000);
    struct bw_str text = large(f, "state", 100000);
    assert_ok(fixture_start_row(f, &row), &f->error);
    struct bw_turn_commit turn = fixture_turn(f, row.id, 0, "");
    struct bw_task task = {.id = fixture_id(f),
                           .seq = 1,
                           .kind = BW_STR("approval"),
                           .title = BW_STR("x"),
                           .body = body,
                           .assignees = fixture_value(f, "[]")};
    struct bw_run_row child = fixture_row(f, "tm", NULL);
    child.input = wrapped(f, body);
    turn.turn = turn_of(f, input, wrapped(f, body));
    turn.last_seq = 1;
    turn.state = text;
    turn.tasks = &task, turn.task_count = 1;
    turn.children = &child, turn.child_count = 1;
    turn.notes = &body, turn.note_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    assert_ok(fixture_load(f, row.id), &f->error);
    assert_same(f->loaded.row.input, input);
    assert_same(f->loaded.row.state, text);
    assert_same(f->loaded.turns[0], turn.turn);
    assert_ok(fixture_load(f, child.id), &f->error);
    assert_same(f->loaded.row.input, child.input);

    struct bw_turn_commit end = fixture_turn(f, row.id, 1, "");
    end.turn = turn_of(f, body, fixture_value(f, "{}"));
    end.last_seq = 1;
    end.result = wrapped(f, text);
    end.error = text;
    end.status = BW_RUN_PARKED;
    end.wake = BW_WAKE_PARKED;
    assert_int_equal(fixture_commit(f, &end), BW_COMMIT_DONE);
    assert_ok(fixture_load(f, row.id), &f->error);
    assert_same(f->loaded.row.result, end.result);
    assert_same(f->loaded.row.error, text);
    assert_same(f->loaded.turns[1], end.turn);
    char args[100], id[BW_ID_TEXT_LEN + 1];
    bw_id_print(task.id, id);
    snprintf(args, sizeof args, "{\"id\":\"%s\"}", id);
    assert_ok(fixture_read(f, "task", args), &f->error);
    struct bw_value shown = bw_value_read(bw_buf_str(&f->value));
    assert_same(bw_value_get(&shown, "body").encoded, body);
    bw_id_print(row.id, id);
    snprintf(args, sizeof args, "{\"run\":\"%s\"}", id);
    assert_ok(fixture_read(f, "notes", args), &f->error);
    assert_true(f->value.len > 200000);
    if (f->kind != FIXTURE_PG)
        return;
    /* input's document, body, state: three contents, however often they are used. */
    assert_string_equal(sql_of(f, "SELECT count(*) FROM billow.value_blob WHERE"), "3");
    assert_string_equal(sql_of(f, "SELECT max(octet_length(body)) < 1000 FROM billow.journal"
                                  " WHERE"),
                        "t");
}

static void test_a_large_event_reaches_its_run_and_its_turn_shares_it(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    struct bw_str body = large(f, "event", 90000);
    struct bw_wait wait = {.seq = 1, .topic = BW_STR("t"), .key = BW_STR("k")};
    struct bw_turn_commit turn = fixture_turn(f, run, 0, "one");
    turn.waits = &wait, turn.wait_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    struct bw_buf json;
    bw_buf_init(&json, 1 << 20);
    bw_value_to_json(&json, body, BW_JSON_DECIMAL_STRINGS);
    assert_ok(fixture_event(f, "t", "k", "e-1", bw_buf_cstr(&json)), &f->error);
    bw_buf_deinit(&json);
    assert_ok(fixture_load(f, run), &f->error);
    assert_int_equal(f->loaded.message_count, 1);
    struct bw_value message = bw_value_read(f->loaded.messages[0].value);
    assert_same(bw_value_get(&message, "body").encoded, body);
    struct bw_turn_commit next = fixture_turn(f, run, 1, "");
    next.turn = turn_of(f, message.encoded, fixture_value(f, "{}"));
    assert_int_equal(fixture_commit(f, &next), BW_COMMIT_DONE);
    assert_ok(fixture_load(f, run), &f->error);
    assert_same(f->loaded.turns[1], next.turn);
    if (f->kind == FIXTURE_PG)
        assert_string_equal(sql_of(f, "SELECT count(*) FROM billow.value_blob WHERE"), "1");
}

static void test_a_large_answer_is_given_once(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    struct bw_task task = {.id = fixture_id(f),
                           .seq = 1,
                           .kind = BW_STR("question"),
                           .title = BW_STR("x"),
                           .body = fixture_value(f, "1"),
                           .assignees = fixture_value(f, "[]")};
    struct bw_turn_commit turn = fixture_turn(f, run, 0, "one");
    turn.tasks = &task, turn.task_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    char *json = bw_arena_alloc(&f->arena, 60100);
    snprintf(json, 100, "{\"by\":\"dana\",\"decision\":\"approve\",\"comment\":\"");
    size_t len = strlen(json);
    memset(json + len, 'y', 60000);
    memcpy(json + len + 60000, "\"}", 3);
    assert_ok(fixture_answer(f, task.id, json), &f->error);
    assert_ok(fixture_answer(f, task.id, json), &f->error); /* the same, sent twice */
    assert_int_equal(fixture_answer(f, task.id, "{\"by\":\"bob\",\"decision\":\"reject\"}"),
                     BW_ERR_CONFLICT);
    assert_non_null(strstr(f->error.text, "dana"));
    assert_ok(fixture_load(f, run), &f->error);
    assert_true(f->loaded.messages[0].value.len > 60000);
}

static void test_small_values_stay_in_their_rows(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    struct bw_turn_commit turn = fixture_turn(f, run, 0, "");
    turn.turn = turn_of(f, large(f, "a", 30000), large(f, "b", 30000)); /* large together */
    turn.last_seq = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    assert_ok(fixture_load(f, run), &f->error);
    assert_same(f->loaded.turns[0], turn.turn);
    if (f->kind == FIXTURE_PG)
        assert_string_equal(sql_of(f, "SELECT count(*) FROM billow.value_blob WHERE"), "0");
}

static void test_tenants_share_no_content(void **state)
{
    F;
    struct bw_str value = large(f, "same", 50000);
    for (int i = 0; i < 2; i++) {
        struct bw_run_row row = fixture_row(f, "tm", NULL);
        row.input = value;
        assert_ok(fixture_start_row(f, &row), &f->error);
        assert_ok(fixture_load(f, row.id), &f->error);
        assert_same(f->loaded.row.input, value);
        if (f->kind == FIXTURE_PG)
            assert_string_equal(sql_of(f, "SELECT count(*) FROM billow.value_blob WHERE"), "1");
        f->tenant = fixture_id(f);
    }
}

/* --- The packed form. */

static bool find_blob(void *ud, const uint8_t hash[BW_SHA256_LEN], struct bw_str *bytes)
{
    const struct bw_blob *blobs = ud;
    for (size_t i = 0; blobs[i].bytes.ptr; i++) {
        if (memcmp(blobs[i].hash, hash, BW_SHA256_LEN) == 0) {
            *bytes = blobs[i].bytes;
            return true;
        }
    }
    return false;
}

static void test_what_is_packed_is_unpacked_whole_or_refused(void **state)
{
    F;
    struct bw_str document = large(f, "document", 40000);
    struct bw_str cells[] = {document, wrapped(f, document),
                             turn_of(f, wrapped(f, document), wrapped(f, large(f, "o", 70000)))};
    for (int i = 0; i < 3; i++) {
        struct bw_buf packed, whole;
        struct bw_blob *blobs, list[4] = {{{0}, BW_STR_NONE}};
        struct bw_error error;
        size_t count;
        bw_buf_init(&packed, 1 << 20);
        bw_buf_init(&whole, 1 << 20);
        assert_true(bw_blob_pack(cells[i], i == 2 ? BW_BLOB_TURN : BW_BLOB_VALUE, &f->arena,
                                 &packed, &blobs, &count));
        assert_int_equal(count, i == 2 ? 2 : 1);
        assert_same(blobs[0].bytes, document); /* of all three */
        memcpy(list, blobs, count * sizeof *list);
        assert_true(bw_blob_is_packed(bw_buf_str(&packed)));
        assert_true(packed.len < 300);
        assert_ok(bw_blob_unpack(bw_buf_str(&packed), find_blob, list, &whole, &error), &error);
        assert_same(bw_buf_str(&whole), cells[i]);
        list[0].bytes.len--;
        bw_buf_clear(&whole);
        assert_int_equal(bw_blob_unpack(bw_buf_str(&packed), find_blob, list, &whole, &error),
                         BW_ERR_CORRUPT);
        for (size_t len = 2; len < packed.len; len++) { /* cut anywhere: refused, or shorter */
            bw_buf_clear(&whole);
            list[0].bytes = document;
            if (!bw_blob_unpack(bw_str(packed.ptr, len), find_blob, list, &whole, &error))
                assert_true(whole.len < cells[i].len);
        }
        bw_buf_deinit(&packed);
        bw_buf_deinit(&whole);
    }
}

/* --- A blob that is gone is an error, never a wrong value. */

static void test_a_lost_value_is_told(void **state)
{
    F;
    struct bw_run_row row = fixture_row(f, "tm", NULL);
    row.input = large(f, "lost", 50000);
    assert_ok(fixture_start_row(f, &row), &f->error);
    sql_of(f, "DELETE FROM billow.value_blob WHERE");
    assert_int_not_equal(fixture_load(f, row.id), BW_ERR_OK);
    assert_non_null(strstr(f->error.text, "large value is missing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(test_a_large_value_is_whole_in_every_place),
        CONTRACT_TEST(test_a_large_event_reaches_its_run_and_its_turn_shares_it),
        CONTRACT_TEST(test_a_large_answer_is_given_once),
        CONTRACT_TEST(test_small_values_stay_in_their_rows),
        CONTRACT_TEST(test_tenants_share_no_content),
        cmocka_unit_test_setup_teardown(test_what_is_packed_is_unpacked_whole_or_refused,
                                        fixture_mem, fixture_close),
        cmocka_unit_test_setup_teardown(test_a_lost_value_is_told, fixture_pg, fixture_close),
    };
    return cmocka_run_group_tests(tests, NULL, fixture_stop_pg);
}
