/* test_table.c - things found by their id. */
#include "support/test.h"

#include "core/table.h"

static struct bw_keyed things[3000];

static void test_finds_what_was_put_and_not_what_was_removed(void **state)
{
    (void)state;
    struct bw_table table;
    struct bw_rng rng;
    struct bw_entropy entropy = bw_rng_entropy(&rng);
    bw_rng_seed(&rng, 3);
    bw_table_init(&table);
    for (size_t i = 0; i < 3000; i++) {
        things[i].id = bw_id_make((struct bw_stamp){1}, &entropy);
        bw_table_put(&table, &things[i]);
    }
    for (size_t i = 0; i < 3000; i += 2)
        bw_table_remove(&table, things[i].id);
    for (size_t i = 0; i < 3000; i++)
        assert_ptr_equal(bw_table_find(&table, things[i].id), i % 2 ? &things[i] : NULL);
    assert_int_equal(table.count, 1500);
    size_t count = 0;
    for (size_t at = 0; bw_table_next(&table, &at);)
        count++;
    assert_int_equal(count, 1500);
    bw_table_deinit(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_what_was_put_and_not_what_was_removed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
