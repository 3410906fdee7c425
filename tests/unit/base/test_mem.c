/* test_mem.c - promises of base/mem.h. */
#include "support/test.h"

#include "base/mem.h"

static void test_copies_are_terminated(void **state)
{
    (void)state;
    char *copy = bw_xstrndup("abcdef", 3);
    assert_string_equal(copy, "abc");
    bw_free(copy);
    assert_null(bw_xstrdup(NULL));
}

static void test_nothing_can_be_allocated_too(void **state)
{
    (void)state;
    void *ptr = bw_xmalloc(0);
    assert_non_null(ptr);
    ptr = bw_xrealloc(ptr, 0);
    assert_non_null(ptr);
    bw_free(ptr);
    bw_free(NULL);
}

static void test_arena_memory_is_aligned_and_apart(void **state)
{
    (void)state;
    struct bw_arena arena;
    bw_arena_init(&arena);
    char *last = NULL;
    for (size_t len = 0; len < 3000; len += 7) {
        char *ptr = bw_arena_alloc(&arena, len);
        assert_int_equal((uintptr_t)ptr % 16, 0);
        assert_ptr_not_equal(ptr, last);
        memset(ptr, 0x5a, len);
        last = ptr;
    }
    bw_arena_deinit(&arena);
    assert_int_equal(arena.bytes, 0);
}

static void test_arena_holds_what_is_larger_than_its_blocks(void **state)
{
    (void)state;
    struct bw_arena arena;
    bw_arena_init(&arena);
    char *small = bw_arena_alloc(&arena, 1);
    *small = 's';
    char *large = bw_arena_calloc(&arena, 1000, 1000);
    assert_int_equal(large[999999], 0);
    assert_int_equal(*small, 's');
    assert_true(arena.bytes >= 1000001);
    bw_arena_deinit(&arena);
}

static void test_arena_copies_are_terminated(void **state)
{
    (void)state;
    struct bw_arena arena;
    bw_arena_init(&arena);
    assert_string_equal(bw_arena_cstr(&arena, bw_str("hello world", 5)), "hello");
    struct bw_str nothing = bw_arena_copy(&arena, BW_STR_NONE);
    assert_int_equal(nothing.len, 0);
    assert_string_equal(nothing.ptr, "");
    bw_arena_deinit(&arena);
}

static void test_arena_can_be_used_again_after_reset(void **state)
{
    (void)state;
    struct bw_arena arena;
    bw_arena_init(&arena);
    bw_arena_reset(&arena);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 1000; i++)
            memset(bw_arena_alloc(&arena, 100), round, 100);
        bw_arena_reset(&arena);
        assert_int_equal(arena.bytes, 0);
    }
    bw_arena_alloc(&arena, 10 * 1024 * 1024);
    bw_arena_reset(&arena);
    assert_null(arena.head);
    bw_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies_are_terminated),
        cmocka_unit_test(test_nothing_can_be_allocated_too),
        cmocka_unit_test(test_arena_memory_is_aligned_and_apart),
        cmocka_unit_test(test_arena_holds_what_is_larger_than_its_blocks),
        cmocka_unit_test(test_arena_copies_are_terminated),
        cmocka_unit_test(test_arena_can_be_used_again_after_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
