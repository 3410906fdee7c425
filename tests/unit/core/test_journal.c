/* test_journal.c - the invariants of a journal, broken one by one. */
#include "support/test.h"

#include "core/journal.h"

static struct bw_arena arena;

static int set_up(void **state)
{
    (void)state;
    bw_arena_init(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bw_arena_deinit(&arena);
    return 0;
}

static const char NIL[] = {BW_VALUE_NIL};

static struct bw_str value_with(const char *key, int64_t seq)
{
    struct bw_buf buf;
    bw_buf_init(&buf, 64);
    bw_value_put_map(&buf, 1);
    bw_value_put_key(&buf, key);
    bw_value_put_int(&buf, seq);
    struct bw_str copy = bw_arena_copy(&arena, bw_buf_str(&buf));
    bw_buf_deinit(&buf);
    return copy;
}

static struct bw_command command(uint64_t seq, const char *kind, bool blocks)
{
    return (struct bw_command){.flags = blocks ? BW_COMMAND_BLOCKS : 0,
                               .seq = seq,
                               .kind = bw_str_of(kind),
                               .file = BW_STR("workflows/x.lua"),
                               .line = 1,
                               .args = bw_str(NIL, 1)};
}

static struct bw_delivery delivery(enum bw_delivery_kind kind, uint64_t seq)
{
    return (struct bw_delivery){kind, seq, bw_str(NIL, 1)};
}

static struct bw_str row(struct bw_delivery *deliveries, size_t delivery_count,
                         struct bw_command *commands, size_t command_count)
{
    struct bw_buf buf;
    bw_buf_init(&buf, 65536);
    bw_wire_put_turn(
        &buf, &(struct bw_turn_record){{42}, deliveries, delivery_count, commands, command_count});
    struct bw_str copy = bw_arena_copy(&arena, bw_buf_str(&buf));
    bw_buf_deinit(&buf);
    return copy;
}

static enum bw_err load(struct bw_str *turns, size_t count, uint64_t last_seq,
                        struct bw_history *history, struct bw_error *error)
{
    struct bw_loaded_run loaded = {
        .row = {.head = count, .last_seq = last_seq}, .turns = turns, .turn_count = count};
    return bw_journal_load(&loaded, &arena, history, error);
}

static void test_load_finds_what_is_pending(void **state)
{
    (void)state;
    struct bw_history history;
    struct bw_error error;
    struct bw_str turns[] = {
        row((struct bw_delivery[]){delivery(BW_DELIVERY_START, 0)}, 1,
            (struct bw_command[]){command(1, "http", true), command(2, "note", false),
                                  command(3, "task.open", true)},
            3),
        row((struct bw_delivery[]){delivery(BW_DELIVERY_OUTCOME, 1)}, 1,
            (struct bw_command[]){command(4, "sleep", true)}, 1),
    };
    assert_ok(load(turns, 2, 4, &history, &error), &error);
    assert_int_equal(history.pending_count, 2);
    assert_int_equal(history.pending[0]->seq, 3);
    assert_int_equal(history.pending[1]->seq, 4);
    assert_int_equal(history.last_at_us, 42);
}

static void test_load_drops_what_the_script_gave_up(void **state)
{
    (void)state;
    struct bw_history history;
    struct bw_error error;
    struct bw_command cancel = command(3, BW_COMMAND_CANCEL, false);
    cancel.args = value_with("seq", 1);
    struct bw_str turns[] = {
        row((struct bw_delivery[]){delivery(BW_DELIVERY_START, 0)}, 1,
            (struct bw_command[]){command(1, "http", true), command(2, "http", true), cancel}, 3)};
    assert_ok(load(turns, 1, 3, &history, &error), &error);
    assert_int_equal(history.pending_count, 1);
    assert_int_equal(history.pending[0]->seq, 2);
}

static void test_a_cancel_gives_up_everything_but_what_is_asked_for_afterwards(void **state)
{
    (void)state;
    struct bw_history history;
    struct bw_error error;
    struct bw_str turns[] = {
        row((struct bw_delivery[]){delivery(BW_DELIVERY_START, 0)}, 1,
            (struct bw_command[]){command(1, "http", true)}, 1),
        row((struct bw_delivery[]){delivery(BW_DELIVERY_CANCEL, 0)}, 1,
            (struct bw_command[]){command(2, "http", true)}, 1),
    };
    assert_ok(load(turns, 2, 2, &history, &error), &error);
    assert_true(history.is_cancelling);
    assert_int_equal(history.pending_count, 1);
    assert_int_equal(history.pending[0]->seq, 2);
}

static void test_J1_a_gap_in_the_seqs_is_corrupt(void **state)
{
    (void)state;
    struct bw_history history;
    struct bw_error error;
    struct bw_str turns[] = {
        row((struct bw_delivery[]){delivery(BW_DELIVERY_START, 0)}, 1,
            (struct bw_command[]){command(1, "http", true)}, 1),
        row((struct bw_delivery[]){delivery(BW_DELIVERY_OUTCOME, 1)}, 1,
            (struct bw_command[]){command(3, "http", true)}, 1),
    };
    assert_err(load(turns, 2, 3, &history, &error), CORRUPT);
    assert_string_equal(error.text, "journal row 2: command 3 follows command 1");
}

static void test_J5_an_outcome_delivered_twice_is_corrupt(void **state)
{
    (void)state;
    struct bw_history history;
    struct bw_error error;
    struct bw_str turns[] = {
        row((struct bw_delivery[]){delivery(BW_DELIVERY_START, 0)}, 1,
            (struct bw_command[]){command(1, "http", true), command(2, "http", true)}, 2),
        row((struct bw_delivery[]){delivery(BW_DELIVERY_OUTCOME, 1)}, 1, NULL, 0),
        row((struct bw_delivery[]){delivery(BW_DELIVERY_OUTCOME, 1)}, 1, NULL, 0),
    };
    assert_err(load(turns, 3, 2, &history, &error), CORRUPT);
}

static void test_rows_that_are_missing_are_corrupt(void **state)
{
    (void)state;
    struct bw_history history;
    struct bw_error error;
    struct bw_loaded_run loaded = {.row = {.head = 3, .base = 1}, .turn_count = 1};
    assert_err(bw_journal_load(&loaded, &arena, &history, &error), CORRUPT);
}

static void test_after_a_checkpoint_seqs_go_on(void **state)
{
    (void)state;
    struct bw_history history;
    struct bw_error error;
    struct bw_delivery start = delivery(BW_DELIVERY_START, 0);
    start.value = value_with("last_seq", 9);
    struct bw_str turns[] = {row(&start, 1, (struct bw_command[]){command(10, "http", true)}, 1)};
    struct bw_loaded_run loaded = {
        .row = {.head = 5, .base = 4, .last_seq = 10}, .turns = turns, .turn_count = 1};
    assert_ok(bw_journal_load(&loaded, &arena, &history, &error), &error);
    assert_int_equal(history.pending[0]->seq, 10);
}

static void test_a_row_over_the_ceiling_is_refused_before_it_is_written(void **state)
{
    (void)state;
    struct bw_batch batch;
    struct bw_buf scratch;
    struct bw_error error;
    struct bw_delivery start = delivery(BW_DELIVERY_START, 0);
    char large[600] = {BW_VALUE_STR, (char)(0x80 | (597 & 0x7f)), 597 >> 7};
    start.value = bw_str(large, sizeof large);
    bw_batch_init(&batch);
    batch.kind = BW_BATCH_TURN;
    bw_buf_init(&scratch, 512);
    assert_err(bw_journal_append(&batch, &(struct bw_turn_record){{1}, &start, 1, NULL, 0}, 0,
                                 &scratch, &error),
               LIMIT);
    assert_int_equal(batch.commit.turn.len, 0);
    bw_buf_deinit(&scratch);
    bw_batch_deinit(&batch);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_load_finds_what_is_pending),
        CASE(test_load_drops_what_the_script_gave_up),
        CASE(test_a_cancel_gives_up_everything_but_what_is_asked_for_afterwards),
        CASE(test_J1_a_gap_in_the_seqs_is_corrupt),
        CASE(test_J5_an_outcome_delivered_twice_is_corrupt),
        CASE(test_rows_that_are_missing_are_corrupt),
        CASE(test_after_a_checkpoint_seqs_go_on),
        CASE(test_a_row_over_the_ceiling_is_refused_before_it_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
