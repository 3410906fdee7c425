/* test_pgfind.c - finding PostgreSQL's server programs. */
#include "support/io/fixture.h"

#include "io/pgfind.h"
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *dir;

static int setup(void **state)
{
    (void)state;
    dir = io_dir_make();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    io_dir_remove(dir);
    return 0;
}

/* Programs that say they are this version. */
static void make_programs(const char *version)
{
    static const char *const names[] = {"postgres", "initdb"};
    for (size_t i = 0; i < 2; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file, "#!/bin/sh\necho '%s (PostgreSQL) %s'\n", names[i], version);
        fclose(file);
        assert_int_equal(chmod(path, 0755), 0);
    }
}

static void test_a_given_folder_is_taken_with_its_version(void **state)
{
    (void)state;
    struct bw_pgfind found;
    struct bw_error error;
    make_programs("16.3 (Debian 16.3-1)");
    assert_ok(bw_pgfind(dir, 0, &found, &error), &error);
    assert_string_equal(found.bin_dir, dir);
    assert_int_equal(found.major, 16);
}

static void test_a_given_folder_without_programs_is_named(void **state)
{
    (void)state;
    struct bw_pgfind found;
    struct bw_error error;
    assert_err(bw_pgfind(dir, 0, &found, &error), UNAVAILABLE);
    assert_non_null(strstr(error.text, "BILLOW_PG_BIN"));
    assert_non_null(strstr(error.text, dir));
}

static void test_a_server_too_old_is_refused(void **state)
{
    (void)state;
    struct bw_pgfind found;
    struct bw_error error;
    make_programs("9.6.24");
    assert_err(bw_pgfind(dir, 0, &found, &error), UNAVAILABLE);
    assert_non_null(strstr(error.text, "holds PostgreSQL 9; version 14 or later is needed"));
}

static void test_data_of_another_version_needs_that_versions_programs(void **state)
{
    (void)state;
    struct bw_pgfind found;
    struct bw_error error;
    make_programs("16.3");
    assert_err(bw_pgfind(dir, 15, &found, &error), UNAVAILABLE);
    assert_non_null(strstr(error.text, "made by PostgreSQL 15"));
    assert_err(bw_pgfind(NULL, 77, &found, &error), UNAVAILABLE);
    assert_non_null(strstr(error.text, "postgresql-77"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_given_folder_is_taken_with_its_version),
        TEST(test_a_given_folder_without_programs_is_named),
        TEST(test_a_server_too_old_is_refused),
        TEST(test_data_of_another_version_needs_that_versions_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
