/* test_pool.c - memory of one state: contents survive every change of size, and all of it goes.
 *
 * The pool is compiled here once more, because sanitizer builds leave its small blocks to malloc.
 */
#include "support/test.h"

#include "base/entropy.h"
#define BW_POOL_UNDER_TEST
#include "lua/pool.c"
#include <stdint.h>
#include <string.h>

enum { BLOCKS = 500, ROUNDS = 40000, BYTES_MAX = 1500 };

static void test_contents_survive_growing_and_shrinking(void **state)
{
    (void)state;
    static unsigned char *blocks[BLOCKS];
    static size_t sizes[BLOCKS];
    struct bw_pool pool = {0};
    struct bw_rng rng;
    bw_rng_seed(&rng, 7);
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t i = bw_rng_next(&rng) % BLOCKS, size = bw_rng_next(&rng) % BYTES_MAX;
        size_t kept = sizes[i] < size ? sizes[i] : size;
        blocks[i] = bw_pool_resize(&pool, blocks[i], sizes[i], size);
        assert_true((blocks[i] == NULL) == (size == 0));
        for (size_t at = 0; at < kept; at++)
            assert_int_equal(blocks[i][at], (unsigned char)i);
        if (size > 0)
            memset(blocks[i], (int)(unsigned char)i, size);
        sizes[i] = size;
    }
    bw_pool_drop(&pool);
    assert_null(pool.chunks);
    assert_null(pool.large);
}

static void test_blocks_are_aligned_for_anything(void **state)
{
    (void)state;
    struct bw_pool pool = {0};
    for (size_t size = 1; size < 700; size++)
        assert_int_equal((uintptr_t)bw_pool_resize(&pool, NULL, 0, size) % BW_POOL_STEP, 0);
    bw_pool_drop(&pool);
}

static void test_a_size_beyond_memory_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    struct bw_pool pool = {0};
    char *block = bw_pool_resize(&pool, NULL, 0, 1000);
    memset(block, 'x', 1000);
    assert_null(bw_pool_resize(&pool, block, 1000, SIZE_MAX));
    assert_int_equal(block[999], 'x');
    block = bw_pool_resize(&pool, block, 1000, 2000);
    assert_int_equal(block[999], 'x');
    bw_pool_drop(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contents_survive_growing_and_shrinking),
        cmocka_unit_test(test_blocks_are_aligned_for_anything),
        cmocka_unit_test(test_a_size_beyond_memory_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
