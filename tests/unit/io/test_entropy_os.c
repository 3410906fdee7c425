/* test_entropy_os.c - the kernel's randomness: never the same twice, also not across a fork. */
#include "support/test.h"

#include "io/os.h"
#include <sys/wait.h>
#include <unistd.h>

static void test_no_value_comes_twice(void **state)
{
    (void)state;
    struct bw_entropy entropy = bw_entropy_os();
    uint64_t values[300];
    for (size_t i = 0; i < 300; i++) {
        values[i] = bw_entropy_u64(&entropy);
        for (size_t k = 0; k < i; k++)
            assert_true(values[k] != values[i]);
    }
}

static void test_large_requests_are_filled_to_the_end(void **state)
{
    (void)state;
    struct bw_entropy entropy = bw_entropy_os();
    static unsigned char bytes[4096];
    entropy.fill(entropy.self, bytes, sizeof bytes);
    for (size_t at = 0; at < sizeof bytes; at += 32) {
        unsigned sum = 0;
        for (size_t i = 0; i < 32; i++)
            sum += bytes[at + i];
        assert_true(sum > 0);
    }
}

static void test_a_forked_process_gets_other_values(void **state)
{
    (void)state;
    struct bw_entropy entropy = bw_entropy_os();
    (void)bw_entropy_u64(&entropy); /* the pool has bytes left now */
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    uint64_t mine = bw_entropy_u64(&entropy), other = 0;
    if (child == 0) {
        ssize_t len = write(ends[1], &mine, sizeof mine);
        _exit(len == (ssize_t)sizeof mine ? 0 : 1);
    }
    assert_int_equal(read(ends[0], &other, sizeof other), sizeof other);
    waitpid(child, NULL, 0);
    close(ends[0]);
    close(ends[1]);
    assert_true(mine != other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_value_comes_twice),
        cmocka_unit_test(test_large_requests_are_filled_to_the_end),
        cmocka_unit_test(test_a_forked_process_gets_other_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
