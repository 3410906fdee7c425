/* test_id.c - promises of base/id.h. */
#include "support/test.h"

#include "base/id.h"

static struct bw_rng rng;

static struct bw_id make(int64_t us)
{
    struct bw_entropy entropy = bw_rng_entropy(&rng);
    return bw_id_make((struct bw_stamp){us}, &entropy);
}

static void test_an_id_is_a_version_7_uuid_of_its_time(void **state)
{
    (void)state;
    char text[BW_ID_TEXT_LEN + 1];
    bw_id_print(make(INT64_C(1645557742000000)), text);
    /* The time of RFC 9562's example, A.6. */
    assert_memory_equal(text, "017f22e2-79b0-7", 15);
    assert_non_null(strchr("89ab", text[19]));
    assert_int_equal(strlen(text), BW_ID_TEXT_LEN);
}

static void test_ids_sort_by_time(void **state)
{
    (void)state;
    struct bw_id last = make(INT64_C(1700000000000000));
    for (int64_t us = 1; us < 3000; us += 3) {
        struct bw_id next = make(INT64_C(1700000000000000) + us);
        assert_true(bw_id_cmp(last, next) < 0);
        last = next;
    }
}

static void test_print_and_parse_are_inverse(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        char text[BW_ID_TEXT_LEN + 1];
        struct bw_id id = make(i * INT64_C(1000000007));
        struct bw_id parsed;
        bw_id_print(id, text);
        assert_true(bw_id_parse(bw_str_of(text), &parsed));
        assert_true(bw_id_eq(id, parsed));
    }
}

static void test_parse_refuses_what_is_not_36_characters_of_an_id(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398ff",
        "017f22e279b0-7cc3-98c4-dc0c0c07398f0",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398 ",
        "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
        "017f22e2-79b0-7cc3-98c4+dc0c0c07398f",
    };
    struct bw_id id = {{1}};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        assert_false(bw_id_parse(bw_str_of(BAD[i]), &id));
    assert_int_equal(id.bytes[0], 1);
    assert_true(bw_id_parse(BW_STR("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), &id));
}

static void test_derived_ids_are_repeatable_distinct_and_of_the_parents_time(void **state)
{
    (void)state;
    struct bw_id parent = make(INT64_C(1700000000000000));
    struct bw_id other = make(INT64_C(1700000000000000));
    for (uint64_t seq = 1; seq < 200; seq++) {
        struct bw_id id = bw_id_derive(parent, seq);
        assert_true(bw_id_eq(id, bw_id_derive(parent, seq)));
        assert_false(bw_id_eq(id, bw_id_derive(parent, seq + 1)));
        assert_false(bw_id_eq(id, bw_id_derive(other, seq)));
        assert_memory_equal(id.bytes, parent.bytes, 6);
        assert_int_equal(id.bytes[6] >> 4, 7);
        assert_int_equal(id.bytes[8] >> 6, 2);
    }
}

static void test_derived_ids_never_change_between_releases(void **state)
{
    (void)state;
    /* Stored journals hold such ids: this value is for ever. */
    struct bw_id parent;
    char text[BW_ID_TEXT_LEN + 1];
    assert_true(bw_id_parse(BW_STR("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"), &parent));
    bw_id_print(bw_id_derive(parent, 1), text);
    assert_string_equal(text, "017f22e2-79b0-76a8-aa0a-71201a0f7800");
}

static void test_the_zero_id_is_known_as_such(void **state)
{
    (void)state;
    assert_true(bw_id_is_zero((struct bw_id){{0}}));
    assert_false(bw_id_is_zero(make(0)));
}

static void test_the_seeded_generator_is_xoshiro256starstar(void **state)
{
    (void)state;
    /* First outputs of the authors' code for the state 1, 2, 3, 4. */
    struct bw_rng reference = {{1, 2, 3, 4}};
    assert_true(bw_rng_next(&reference) == 11520);
    assert_true(bw_rng_next(&reference) == 0);
    assert_true(bw_rng_next(&reference) == 1509978240);
    assert_true(bw_rng_next(&reference) == UINT64_C(1215971899390074240));
}

static int setup(void **state)
{
    (void)state;
    bw_rng_seed(&rng, 1);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_id_is_a_version_7_uuid_of_its_time),
        cmocka_unit_test(test_ids_sort_by_time),
        cmocka_unit_test(test_print_and_parse_are_inverse),
        cmocka_unit_test(test_parse_refuses_what_is_not_36_characters_of_an_id),
        cmocka_unit_test(test_derived_ids_are_repeatable_distinct_and_of_the_parents_time),
        cmocka_unit_test(test_derived_ids_never_change_between_releases),
        cmocka_unit_test(test_the_zero_id_is_known_as_such),
        cmocka_unit_test(test_the_seeded_generator_is_xoshiro256starstar),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
