/* test_map.c - promises of base/map.h. */
#include "support/test.h"

#include "base/map.h"
#include "base/mem.h"

#include <stdio.h>

static int values[10000];

/* The key of number i: every other one is too long to be kept inside a slot. */
static struct bw_str key_of(int i, char text[64])
{
    int len = snprintf(text, 64, i % 2 ? "k%d" : "a-rather-long-key-number-%d", i);
    return bw_str(text, (size_t)len);
}

static void test_what_was_put_is_found_under_its_key_only(void **state)
{
    (void)state;
    struct bw_map map;
    char text[64];
    bw_map_init(&map);
    assert_null(bw_map_get(&map, BW_STR("k1")));
    for (int i = 0; i < 1000; i++)
        assert_null(bw_map_put(&map, key_of(i, text), &values[i]));
    assert_int_equal(map.count, 1000);
    for (int i = 0; i < 1000; i++)
        assert_ptr_equal(bw_map_get(&map, key_of(i, text)), &values[i]);
    assert_null(bw_map_get(&map, key_of(1000, text)));
    assert_null(bw_map_get(&map, BW_STR("")));
    bw_map_deinit(&map);
}

static void test_put_twice_replaces_and_returns_what_stood_there(void **state)
{
    (void)state;
    struct bw_map map;
    bw_map_init(&map);
    assert_null(bw_map_put(&map, BW_STR(""), &values[1]));
    assert_ptr_equal(bw_map_put(&map, BW_STR(""), &values[2]), &values[1]);
    assert_ptr_equal(bw_map_get(&map, BW_STR("")), &values[2]);
    assert_int_equal(map.count, 1);
    bw_map_deinit(&map);
}

static void test_keys_are_copied(void **state)
{
    (void)state;
    struct bw_map map;
    char key[] = "a key that changes afterwards";
    bw_map_init(&map);
    bw_map_put(&map, bw_str_of(key), &values[0]);
    key[0] = 'b';
    assert_null(bw_map_get(&map, bw_str_of(key)));
    assert_non_null(bw_map_get(&map, BW_STR("a key that changes afterwards")));
    bw_map_deinit(&map);
}

/* Random puts and removes, compared with a plain array after every step that could break a chain of
 * probes. */
static void test_removing_keeps_all_others_reachable(void **state)
{
    (void)state;
    enum { KEYS = 300, STEPS = 20000 };
    bool is_in[KEYS] = {false};
    size_t count = 0;
    struct bw_map map;
    struct bw_rng rng;
    char text[64];
    bw_map_init(&map);
    bw_rng_seed(&rng, 42);
    for (int step = 0; step < STEPS; step++) {
        int i = (int)(bw_rng_next(&rng) % KEYS);
        if (is_in[i]) {
            assert_ptr_equal(bw_map_remove(&map, key_of(i, text)), &values[i]);
            count--;
        } else {
            assert_null(bw_map_remove(&map, key_of(i, text)));
            assert_null(bw_map_put(&map, key_of(i, text), &values[i]));
            count++;
        }
        is_in[i] = !is_in[i];
        assert_int_equal(map.count, count);
        if (step % 100 != 0)
            continue;
        for (int k = 0; k < KEYS; k++)
            assert_ptr_equal(bw_map_get(&map, key_of(k, text)), is_in[k] ? &values[k] : NULL);
    }
    bw_map_deinit(&map);
}

static void test_iterating_meets_each_pair_once(void **state)
{
    (void)state;
    struct bw_map map;
    char text[64];
    bool is_met[500] = {false};
    size_t at = 0;
    struct bw_str key;
    void *value;
    bw_map_init(&map);
    assert_false(bw_map_next(&map, &at, &key, &value));
    for (int i = 0; i < 500; i++)
        bw_map_put(&map, key_of(i, text), &values[i]);
    at = 0;
    int met = 0;
    while (bw_map_next(&map, &at, &key, &value)) {
        int i = (int)((int *)value - values);
        assert_true(bw_str_eq(key, key_of(i, text)));
        assert_false(is_met[i]);
        is_met[i] = true;
        met++;
    }
    assert_int_equal(met, 500);
    bw_map_deinit(&map);
}

static void test_clear_empties_and_the_map_can_be_filled_again(void **state)
{
    (void)state;
    struct bw_map map;
    char text[64];
    bw_map_init(&map);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 100; i++)
            assert_null(bw_map_put(&map, key_of(i, text), &values[i]));
        bw_map_clear(&map);
        assert_int_equal(map.count, 0);
        assert_null(bw_map_get(&map, key_of(1, text)));
    }
    bw_map_deinit(&map);
}

static void test_ids_are_keys_too(void **state)
{
    (void)state;
    struct bw_map map;
    struct bw_id parent = {{1}};
    bw_map_init(&map);
    for (uint64_t i = 0; i < 1000; i++)
        assert_null(bw_map_put_id(&map, bw_id_derive(parent, i), &values[i]));
    for (uint64_t i = 0; i < 1000; i++)
        assert_ptr_equal(bw_map_get_id(&map, bw_id_derive(parent, i)), &values[i]);
    assert_ptr_equal(bw_map_remove_id(&map, bw_id_derive(parent, 5)), &values[5]);
    assert_null(bw_map_get_id(&map, bw_id_derive(parent, 5)));
    bw_map_deinit(&map);
}

static void test_the_seed_changes_the_hash(void **state)
{
    (void)state;
    uint64_t unseeded = bw_map_hash(BW_STR("key"));
    bw_map_seed(7);
    assert_true(bw_map_hash(BW_STR("key")) != unseeded);
    assert_true(bw_map_hash(BW_STR("key")) == bw_map_hash(BW_STR("key")));
    assert_true(bw_map_hash(BW_STR("12345678")) != bw_map_hash(bw_str("12345678\0", 9)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_put_is_found_under_its_key_only),
        cmocka_unit_test(test_put_twice_replaces_and_returns_what_stood_there),
        cmocka_unit_test(test_keys_are_copied),
        cmocka_unit_test(test_removing_keeps_all_others_reachable),
        cmocka_unit_test(test_iterating_meets_each_pair_once),
        cmocka_unit_test(test_clear_empties_and_the_map_can_be_filled_again),
        cmocka_unit_test(test_ids_are_keys_too),
        cmocka_unit_test(test_the_seed_changes_the_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
