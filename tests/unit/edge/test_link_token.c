/* test_link_token.c - a link answers the task it was made for, for the person and the content it
 * was made for, in its time; everything else is refused. */
#include "edge/link_token.h"
#include "codec/b64.h"
#include "support/test.h"
#include <string.h>

static const struct bw_str KEY = {"0123456789abcdef0123456789abcdef", BW_LINK_KEY_LEN};
static const struct bw_str OTHER_KEY = {"0123456789abcdef0123456789abcdeg", BW_LINK_KEY_LEN};
static const struct bw_id TENANT = {{1}}, OTHER_TENANT = {{2}}, TASK = {{3}};

static void make(struct bw_buf *out)
{
    struct bw_link_token token = {.id = BW_STR("L-1"),
                                  .tenant = TENANT,
                                  .task = TASK,
                                  .digest = BW_STR("abcd"),
                                  .person = BW_STR("Dana \"D\" Scully"),
                                  .expires_us = 1000};
    bw_buf_init(out, 8192);
    bw_link_token_write(&token, KEY, out);
}

static enum bw_err read_with(struct bw_str text, struct bw_str key, struct bw_id tenant,
                             int64_t now, struct bw_arena *arena, struct bw_link_token *token)
{
    struct bw_error error = {0};
    return bw_link_token_read(text, key, tenant, now, arena, token, &error);
}

static void test_a_token_says_what_it_was_made_for(void **state)
{
    (void)state;
    struct bw_buf text;
    struct bw_arena arena;
    struct bw_link_token token;
    make(&text);
    bw_arena_init(&arena);
    assert_int_equal(read_with(bw_buf_str(&text), KEY, TENANT, 999, &arena, &token), BW_ERR_OK);
    assert_true(bw_id_eq(token.task, TASK));
    assert_true(bw_str_eq(token.person, BW_STR("Dana \"D\" Scully")));
    assert_true(bw_str_eq(token.digest, BW_STR("abcd")));
    assert_true(bw_str_eq(token.id, BW_STR("L-1")));
    bw_arena_deinit(&arena);
    bw_buf_deinit(&text);
}

static void
test_a_token_is_refused_after_its_time_by_another_key_and_for_another_tenant(void **state)
{
    (void)state;
    struct bw_buf text;
    struct bw_arena arena;
    struct bw_link_token token;
    make(&text);
    bw_arena_init(&arena);
    struct bw_str good = bw_buf_str(&text);
    assert_int_equal(read_with(good, KEY, TENANT, 1000, &arena, &token), BW_ERR_FORBIDDEN);
    assert_int_equal(read_with(good, OTHER_KEY, TENANT, 0, &arena, &token), BW_ERR_FORBIDDEN);
    assert_int_equal(read_with(good, KEY, OTHER_TENANT, 0, &arena, &token), BW_ERR_FORBIDDEN);
    bw_arena_deinit(&arena);
    bw_buf_deinit(&text);
}

static void test_a_token_with_any_character_changed_is_refused(void **state)
{
    (void)state;
    struct bw_buf text;
    struct bw_arena arena;
    struct bw_link_token token;
    make(&text);
    bw_arena_init(&arena);
    for (size_t i = 0; i < text.len; i++) {
        char forged[8192];
        memcpy(forged, text.ptr, text.len);
        forged[i] = forged[i] == 'A' ? 'B' : 'A';
        assert_int_equal(read_with(bw_str(forged, text.len), KEY, TENANT, 0, &arena, &token),
                         BW_ERR_FORBIDDEN);
    }
    bw_arena_deinit(&arena);
    bw_buf_deinit(&text);
}

static void test_what_is_no_token_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", ".", "a", "a.b", "e30.", ".e30", "e30.e30", "....."};
    struct bw_arena arena;
    struct bw_link_token token;
    struct bw_buf text;
    make(&text);
    bw_arena_init(&arena);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(read_with(bw_str_of(wrong[i]), KEY, TENANT, 0, &arena, &token),
                         BW_ERR_FORBIDDEN);
    for (size_t len = 0; len < text.len; len++)
        assert_int_equal(read_with(bw_str(text.ptr, len), KEY, TENANT, 0, &arena, &token),
                         BW_ERR_FORBIDDEN);
    bw_arena_deinit(&arena);
    bw_buf_deinit(&text);
}

static void test_a_token_tells_its_holder_which_task_it_is_about(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", ".", "a", "a.b", "e30.", ".e30", "e30.e30", "....."};
    struct bw_buf text;
    struct bw_id task = {{0}};
    make(&text);
    assert_true(bw_link_token_task(bw_buf_str(&text), &task));
    assert_true(bw_id_eq(task, TASK));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(bw_link_token_task(bw_str_of(wrong[i]), &task));
    bw_buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_token_says_what_it_was_made_for),
        cmocka_unit_test(
            test_a_token_is_refused_after_its_time_by_another_key_and_for_another_tenant),
        cmocka_unit_test(test_a_token_with_any_character_changed_is_refused),
        cmocka_unit_test(test_what_is_no_token_is_refused),
        cmocka_unit_test(test_a_token_tells_its_holder_which_task_it_is_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
