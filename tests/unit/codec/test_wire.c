/* test_wire.c - journal rows and frames: what is put is got, and nothing malformed gets through. */
#include "support/test.h"

#include "codec/wire.h"

static struct bw_buf buf;
static struct bw_arena arena;
static struct bw_error error;

static int setup(void **state)
{
    (void)state;
    bw_buf_init(&buf, (size_t)1024 * 1024);
    bw_arena_init(&arena);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bw_buf_deinit(&buf);
    bw_arena_deinit(&arena);
    return 0;
}

/* Encoded values to point at. */
static const struct bw_str nil = {"\x00", 1};
static const struct bw_str five = {"\x03\x0A", 2};
static const struct bw_str empty_array = {"\x06\x00", 2};

static struct bw_id id(unsigned char first)
{
    return (struct bw_id){{first, 1, 2, 3}};
}

static struct bw_delivery deliveries[] = {
    {BW_DELIVERY_START, 0, {"\x03\x0A", 2}},
    {BW_DELIVERY_OUTCOME, 7, {NULL, 0}},
    {BW_DELIVERY_ERROR, 9, {"\x03\x0A", 2}},
    {BW_DELIVERY_CANCEL, 0, {"\x00", 1}},
};
static struct bw_command commands[] = {
    {BW_COMMAND_BLOCKS, 41, {"http", 4}, {"workflows/tm.lua", 16}, 120, {"\x03\x0A", 2}},
    {0, 42, {"event.send", 10}, {NULL, 0}, 0, {NULL, 0}},
};

static struct bw_turn_record turn(void)
{
    return (struct bw_turn_record){.at = {-5},
                                   .deliveries = deliveries,
                                   .delivery_count = 4,
                                   .commands = commands,
                                   .command_count = 2};
}

static void assert_same(struct bw_str a, struct bw_str b)
{
    assert_int_equal(a.len, b.len);
    if (a.len)
        assert_memory_equal(a.ptr, b.ptr, a.len);
}

static void test_a_turn_comes_back_as_it_was_put(void **state)
{
    (void)state;
    struct bw_turn_record in = turn();
    struct bw_turn_record out;
    bw_wire_put_turn(&buf, &in);
    assert_ok(bw_wire_get_turn(bw_buf_str(&buf), &arena, &out, &error), &error);
    assert_int_equal(out.at.us, -5);
    assert_int_equal(out.delivery_count, 4);
    assert_int_equal(out.deliveries[0].kind, BW_DELIVERY_START);
    assert_same(out.deliveries[0].value, five);
    assert_int_equal(out.deliveries[1].seq, 7);
    assert_same(out.deliveries[1].value, nil); /* empty is written as nil */
    assert_int_equal(out.command_count, 2);
    assert_int_equal(out.commands[0].flags, BW_COMMAND_BLOCKS);
    assert_int_equal(out.commands[0].seq, 41);
    assert_str(out.commands[0].kind, "http");
    assert_str(out.commands[0].file, "workflows/tm.lua");
    assert_int_equal(out.commands[0].line, 120);
    assert_same(out.commands[1].args, nil);
}

static void test_a_turn_that_was_got_is_put_to_the_same_bytes(void **state)
{
    (void)state;
    struct bw_turn_record in = turn();
    struct bw_turn_record out;
    struct bw_buf again;
    bw_buf_init(&again, 4096);
    bw_wire_put_turn(&buf, &in);
    assert_ok(bw_wire_get_turn(bw_buf_str(&buf), &arena, &out, &error), &error);
    bw_wire_put_turn(&again, &out);
    assert_same(bw_buf_str(&again), bw_buf_str(&buf));
    bw_buf_deinit(&again);
}

static void test_every_prefix_and_surplus_is_corrupt(void **state)
{
    (void)state;
    struct bw_turn_record in = turn();
    struct bw_turn_record out;
    bw_wire_put_turn(&buf, &in);
    for (size_t len = 0; len < buf.len; len++)
        assert_err(bw_wire_get_turn(bw_str(buf.ptr, len), &arena, &out, &error), CORRUPT);
    bw_buf_put_char(&buf, '\0');
    assert_err(bw_wire_get_turn(bw_buf_str(&buf), &arena, &out, &error), CORRUPT);
    assert_non_null(strstr(error.text, "bytes behind the end"));
}

static void assert_corrupt_turn(struct bw_str bytes, const char *part)
{
    struct bw_turn_record out;
    assert_err(bw_wire_get_turn(bytes, &arena, &out, &error), CORRUPT);
    if (!strstr(error.text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, error.text);
}

static void test_malformed_turns_are_named(void **state)
{
    (void)state;
    assert_corrupt_turn(BW_STR("\x02\x00\x00\x00"), "unknown version");
    assert_corrupt_turn(BW_STR("\x01\x00\xff\xff\xff\xff\x0f\x00"), "count is over what follows");
    assert_corrupt_turn(BW_STR("\x01\x00\x01\x05\x00\x01\x00\x00"), "unknown kind of delivery");
    assert_corrupt_turn(BW_STR("\x01\x00\x01\x01\x07\x01\x00\x00"), "start or cancel with one");
    assert_corrupt_turn(BW_STR("\x01\x00\x01\x02\x00\x01\x00\x00"), "without a command");
    assert_corrupt_turn(BW_STR("\x01\x00\x01\x01\x00\x01\x0A\x00"), "unknown tag");
    assert_corrupt_turn(BW_STR("\x01\x00\x01\x01\x00\x00\x00\x00\x00\x00"), "a value is missing");
    assert_corrupt_turn(BW_STR("\x01\x00\x00\x01\x04\x01\x01"
                               "a\x00\x00\x01\x00"),
                        "unknown flags");
    assert_corrupt_turn(BW_STR("\x01\x00\x00\x01\x01\x00\x01"
                               "a\x00\x00\x01\x00"),
                        "seq is out of range");
    assert_corrupt_turn(BW_STR("\x01\x00\x00\x01\x01\x01\x01"
                               "A\x00\x00\x01\x00"),
                        "byte that no kind has");
    assert_corrupt_turn(BW_STR("\x01\x00\x00\x01\x01\x01\x00\x00\x00\x01\x00\x00"),
                        "kind is empty");
    assert_corrupt_turn(BW_STR("\x01\x00\x00\x01\x01\x01\x01"
                               "a\x00\x01\n\x01\x00"),
                        "control byte");
    assert_corrupt_turn(BW_STR("\x01\x00\x00\x02\x01\x01\x01"
                               "a\x00\x00\x01\x00\x01\x03\x01"
                               "a\x00\x00\x01\x00"),
                        "not contiguous");
}

static void test_frames_come_off_a_stream_one_by_one(void **state)
{
    (void)state;
    uint8_t type;
    struct bw_str payload;
    bw_wire_put_frame(&buf, BW_FRAME_EVICT, BW_STR("abc"));
    size_t begun_at = bw_wire_begin_frame(&buf, BW_FRAME_WAKES);
    bw_wire_end_frame(&buf, begun_at);
    struct bw_str rest = bw_buf_str(&buf);
    for (size_t len = 0; len < 8; len++) {
        struct bw_str part = {rest.ptr, len};
        assert_ok(bw_wire_take_frame(&part, &type, &payload, &error), &error);
        assert_int_equal(type, 0);
        assert_int_equal(part.len, len);
    }
    assert_ok(bw_wire_take_frame(&rest, &type, &payload, &error), &error);
    assert_int_equal(type, BW_FRAME_EVICT);
    assert_str(payload, "abc");
    assert_ok(bw_wire_take_frame(&rest, &type, &payload, &error), &error);
    assert_int_equal(type, BW_FRAME_WAKES);
    assert_int_equal(payload.len, 0);
    assert_int_equal(rest.len, 0);
}

static void test_impossible_frames_are_corrupt(void **state)
{
    (void)state;
    static const struct bw_str frames[] = {{"\x00\x00\x00\x00\x02", 5},
                                           {"\x04\x00\x00\x01\x02", 5},
                                           {"\xff\xff\xff\xff\x02", 5},
                                           {"\x00\x00\x00\x01\x00", 5},
                                           {"\x00\x00\x00\x01\x0b", 5}};
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        struct bw_str rest = frames[i];
        uint8_t type;
        struct bw_str payload;
        assert_err(bw_wire_take_frame(&rest, &type, &payload, &error), CORRUPT);
    }
}

static void test_hello_says_the_versions(void **state)
{
    (void)state;
    struct bw_hello in = {BW_WIRE_FRAMES_VERSION, BW_STR("Lua 5.4.7")};
    struct bw_hello out;
    bw_wire_put_hello(&buf, &in);
    assert_ok(bw_wire_get_hello(bw_buf_str(&buf), &out, &error), &error);
    assert_int_equal(out.wire_version, BW_WIRE_FRAMES_VERSION);
    assert_str(out.lua, "Lua 5.4.7");
    assert_err(bw_wire_get_hello(BW_STR("\0\0\0"), &out, &error), CORRUPT);
}

static struct bw_release_file files[] = {
    {{"stdlib/http.lua", 15}, {"return {}", 9}},
    {{"workflows/tm.lua", 16}, {"", 0}},
};

static struct bw_release_set release(void)
{
    struct bw_release_set set = {.files = files, .count = 2};
    bw_wire_release_hash(set.files, set.count, set.hash);
    return set;
}

static void test_a_release_comes_back_and_matches_its_hash(void **state)
{
    (void)state;
    struct bw_release_set in = release();
    struct bw_release_set out;
    bw_wire_put_release(&buf, &in);
    assert_ok(bw_wire_get_release(bw_buf_str(&buf), &arena, &out, &error), &error);
    assert_memory_equal(out.hash, in.hash, sizeof in.hash);
    assert_int_equal(out.count, 2);
    assert_str(out.files[0].name, "stdlib/http.lua");
    assert_str(out.files[0].bytes, "return {}");
    assert_str(out.files[1].bytes, "");
}

static void test_a_release_with_one_changed_byte_is_corrupt(void **state)
{
    (void)state;
    struct bw_release_set in = release();
    bw_wire_put_release(&buf, &in);
    for (size_t at = 0; at < buf.len; at++) {
        struct bw_release_set out;
        buf.ptr[at] ^= 1;
        assert_err(bw_wire_get_release(bw_buf_str(&buf), &arena, &out, &error), CORRUPT);
        buf.ptr[at] ^= 1;
    }
}

static void test_a_release_leaves_out_what_the_library_has(void **state)
{
    (void)state;
    struct bw_release_file known[] = {{BW_STR("stdlib/a.lua"), BW_STR("return 'a'")},
                                      {BW_STR("stdlib/b.lua"), BW_STR("return 'b'")},
                                      {BW_STR("stdlib/c.lua"), BW_STR("return 'c'")}};
    struct bw_release_file own[] = {{BW_STR("lib/x.lua"), BW_STR("return 'x'")},
                                    {BW_STR("stdlib/b.lua"), BW_STR("return 'other'")},
                                    {BW_STR("stdlib/c.lua"), BW_STR("return 'c'")},
                                    {BW_STR("workflows/w.lua"), BW_STR("return 'c'")}};
    struct bw_release_set library = {.files = known, .count = 3};
    struct bw_release_set in = {.files = own, .count = 4}, out;
    bw_wire_release_hash(in.files, in.count, in.hash);
    bw_wire_put_release_over(&buf, &in, &library);
    assert_ok(bw_wire_get_release_over(bw_buf_str(&buf), &library, &arena, &out, &error), &error);
    assert_memory_equal(out.hash, in.hash, sizeof in.hash);
    assert_int_equal(out.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_true(bw_str_eq(out.files[i].name, own[i].name));
        assert_true(bw_str_eq(out.files[i].bytes, own[i].bytes));
    }
    assert_ptr_equal(out.files[2].bytes.ptr, known[2].bytes.ptr); /* the library's own */
    assert_ptr_not_equal(out.files[1].bytes.ptr, known[1].bytes.ptr);
    library.count = 2; /* another library: what was left out is nowhere */
    assert_err(bw_wire_get_release_over(bw_buf_str(&buf), &library, &arena, &out, &error), CORRUPT);
    assert_non_null(strstr(error.text, "left out"));
}

static void test_files_of_a_release_are_sorted_and_differ(void **state)
{
    (void)state;
    struct bw_release_file twice[] = {files[1], files[1]};
    struct bw_release_set in = {.files = twice, .count = 2};
    struct bw_release_set out;
    bw_wire_put_release(&buf, &in);
    assert_err(bw_wire_get_release(bw_buf_str(&buf), &arena, &out, &error), CORRUPT);
    assert_non_null(strstr(error.text, "ascending order"));
}

static void test_the_hash_tells_names_from_bytes(void **state)
{
    (void)state;
    struct bw_release_file one = {BW_STR("ab"), BW_STR("c")};
    struct bw_release_file other = {BW_STR("a"), BW_STR("bc")};
    uint8_t first[BW_RELEASE_HASH_LEN];
    uint8_t second[BW_RELEASE_HASH_LEN];
    bw_wire_release_hash(&one, 1, first);
    bw_wire_release_hash(&other, 1, second);
    assert_memory_not_equal(first, second, sizeof first);
}

static void put_wakes(void)
{
    struct bw_str rows[] = {BW_STR("row one"), BW_STR("row two")};
    const struct bw_wake wakes[] = {
        {.run = id(1),
         .tenant = id(2),
         .release = {9},
         .workflow = BW_STR("tm"),
         .turn = 3,
         .at = {INT64_C(1790000000000000)},
         .replay = rows,
         .replay_count = 2,
         .deliveries = deliveries,
         .delivery_count = 4,
         .steps_max = 1000000,
         .memory_bytes_max = 1 << 26},
        {.run = id(3), .workflow = BW_STR("x"), .turn = 1, .is_resident = true},
    };
    bw_wire_put_wakes(&buf, wakes, 2);
}

static void test_wakes_come_back_as_they_were_put(void **state)
{
    (void)state;
    struct bw_wake *wakes;
    size_t count;
    put_wakes();
    assert_ok(bw_wire_get_wakes(bw_buf_str(&buf), &arena, &wakes, &count, &error), &error);
    assert_int_equal(count, 2);
    assert_true(bw_id_eq(wakes[0].run, id(1)));
    assert_true(bw_id_eq(wakes[0].tenant, id(2)));
    assert_int_equal(wakes[0].release[0], 9);
    assert_str(wakes[0].workflow, "tm");
    assert_int_equal(wakes[0].turn, 3);
    assert_false(wakes[0].is_resident);
    assert_true(wakes[0].at.us == INT64_C(1790000000000000));
    assert_int_equal(wakes[0].replay_count, 2);
    assert_str(wakes[0].replay[1], "row two");
    assert_int_equal(wakes[0].delivery_count, 4);
    assert_int_equal(wakes[0].deliveries[2].seq, 9);
    assert_int_equal(wakes[0].steps_max, 1000000);
    assert_int_equal(wakes[0].memory_bytes_max, 1 << 26);
    assert_true(wakes[1].is_resident);
    for (size_t len = 0; len < buf.len; len++)
        assert_err(bw_wire_get_wakes(bw_str(buf.ptr, len), &arena, &wakes, &count, &error),
                   CORRUPT);
}

static void test_evictions_come_back(void **state)
{
    (void)state;
    const struct bw_id in[] = {id(1), id(2)};
    struct bw_id *out;
    size_t count;
    bw_wire_put_evict(&buf, in, 2);
    assert_ok(bw_wire_get_evict(bw_buf_str(&buf), &arena, &out, &count, &error), &error);
    assert_int_equal(count, 2);
    assert_true(bw_id_eq(out[1], in[1]));
    assert_err(bw_wire_get_evict(bw_str(buf.ptr, buf.len - 1), &arena, &out, &count, &error),
               CORRUPT);
}

static struct bw_turn_result result(void)
{
    static uint64_t pending[] = {3, 41};
    return (struct bw_turn_result){.run = id(1),
                                   .turn = 3,
                                   .status = BW_TURN_WAITING,
                                   .commands = commands,
                                   .command_count = 2,
                                   .logs = empty_array,
                                   .pending = pending,
                                   .pending_count = 2,
                                   .steps = 77,
                                   .memory_bytes = 4096};
}

static void test_results_come_back_as_they_were_put(void **state)
{
    (void)state;
    struct bw_turn_result in = result();
    struct bw_turn_result *out;
    size_t count;
    bw_wire_put_results(&buf, &in, 1);
    assert_ok(bw_wire_get_results(bw_buf_str(&buf), &arena, &out, &count, &error), &error);
    assert_int_equal(count, 1);
    assert_true(bw_id_eq(out[0].run, id(1)));
    assert_int_equal(out[0].turn, 3);
    assert_int_equal(out[0].status, BW_TURN_WAITING);
    assert_int_equal(out[0].command_count, 2);
    assert_int_equal(out[0].value.len, 0);
    assert_same(out[0].logs, empty_array);
    assert_int_equal(out[0].pending[1], 41);
    assert_int_equal(out[0].steps, 77);
    assert_int_equal(out[0].memory_bytes, 4096);
    for (size_t len = 0; len < buf.len; len++)
        assert_err(bw_wire_get_results(bw_str(buf.ptr, len), &arena, &out, &count, &error),
                   CORRUPT);
}

/* Puts the result, lets the caller break one byte, and expects the error to name what is wrong. */
static void assert_corrupt_result(struct bw_turn_result in, size_t at, char byte, const char *part)
{
    struct bw_turn_result *out;
    size_t count;
    bw_buf_clear(&buf);
    bw_wire_put_results(&buf, &in, 1);
    if (at > 0)
        buf.ptr[at] = byte;
    assert_err(bw_wire_get_results(bw_buf_str(&buf), &arena, &out, &count, &error), CORRUPT);
    if (!strstr(error.text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, error.text);
}

static void test_what_a_broken_host_says_is_named(void **state)
{
    (void)state;
    struct bw_turn_result in = result();
    in.command_count = 0;
    in.pending_count = 0;
    assert_corrupt_result(in, 17, 0, "turns count from 1");
    assert_corrupt_result(in, 18, 0, "unknown status");
    assert_corrupt_result(in, 18, 12, "unknown status");
    in.logs = five;
    assert_corrupt_result(in, 0, 0, "logs are not an array");
    in.logs = BW_STR_NONE;
    in.value = BW_STR("\x04\x02+1");
    assert_corrupt_result(in, 0, 0, "decimal is not in its canonical form");
    in.value = BW_STR_NONE;
    uint64_t zero[] = {0};
    in.pending = zero;
    in.pending_count = 1;
    assert_corrupt_result(in, 0, 0, "pending seqs");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_turn_comes_back_as_it_was_put),
        TEST(test_a_turn_that_was_got_is_put_to_the_same_bytes),
        TEST(test_every_prefix_and_surplus_is_corrupt),
        TEST(test_malformed_turns_are_named),
        TEST(test_frames_come_off_a_stream_one_by_one),
        TEST(test_impossible_frames_are_corrupt),
        TEST(test_hello_says_the_versions),
        TEST(test_a_release_comes_back_and_matches_its_hash),
        TEST(test_a_release_with_one_changed_byte_is_corrupt),
        TEST(test_a_release_leaves_out_what_the_library_has),
        TEST(test_files_of_a_release_are_sorted_and_differ),
        TEST(test_the_hash_tells_names_from_bytes),
        TEST(test_wakes_come_back_as_they_were_put),
        TEST(test_evictions_come_back),
        TEST(test_results_come_back_as_they_were_put),
        TEST(test_what_a_broken_host_says_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
