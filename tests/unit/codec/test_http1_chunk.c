/* test_http1_chunk.c - the walk through chunk frames. What http1 refuses because of it is in
 * test_http1.c. */
#include "support/test.h"

#include "codec/http1_chunk.h"

static void test_the_end_is_found_whatever_the_pieces(void **state)
{
    (void)state;
    struct bw_str body = BW_STR("5;a=b\r\nhe\r\nl\r\n00A\r\n0123456789\r\n0\r\n\r\nGET /");
    for (size_t step = 1; step <= body.len; step++) {
        struct bw_chunk_walk walk;
        const char *trouble = NULL;
        size_t taken = 0;
        bw_chunk_walk_init(&walk, 10);
        while (!walk.is_end && taken < body.len) {
            size_t len = body.len - taken < step ? body.len - taken : step;
            taken += bw_chunk_walk_take(&walk, bw_str(body.ptr + taken, len), &trouble);
            assert_null(trouble);
        }
        assert_true(walk.is_end);
        assert_int_equal(body.len - taken, strlen("GET /"));
    }
}

static void test_trouble_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *trouble;
    } cases[] = {
        {"g", "the chunks are malformed"},
        {"\r\n", "the chunks are malformed"},
        {"00000000000000001", "the chunks are malformed"},
        {"1\r\nab", "the chunks are malformed"},
        {"1\na", "the chunks are malformed"},
        {"0\r\n\n", "trailers are not taken"},
        {"0\r\nA: 1", "trailers are not taken"},
        {"0\r\n\r\r", "the chunks are malformed"},
        {"1;\n", "a control byte in a chunk extension"},
        {"1;12345\r\n", "chunk extensions are too long"},
        {"1;12\r\na\r\n1;123\r\n", "chunk extensions are too long"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bw_chunk_walk walk;
        const char *trouble = NULL;
        bw_chunk_walk_init(&walk, 4);
        bw_chunk_walk_take(&walk, bw_str_of(cases[i].bytes), &trouble);
        assert_non_null(trouble);
        assert_string_equal(trouble, cases[i].trouble);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_end_is_found_whatever_the_pieces),
        cmocka_unit_test(test_trouble_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
