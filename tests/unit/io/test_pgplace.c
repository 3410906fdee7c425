/* test_pgplace.c - folders, owners and the lock of the private database. */
#include "support/io/fixture.h"

#include "io/pgplace.h"
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *dir;
static char state_dir[512];
static struct bw_pgplace place;
static struct bw_error error;

static int setup(void **state)
{
    (void)state;
    dir = io_dir_make();
    snprintf(state_dir, sizeof state_dir, "%s/project/.billow", dir);
    place = (struct bw_pgplace){.lock_fd = -1, .root_fd = -1};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bw_pgplace_close(&place);
    io_dir_remove(dir);
    return 0;
}

static void test_missing_folders_are_made_private_to_the_servers_user(void **state)
{
    (void)state;
    struct stat info;
    assert_ok(bw_pgplace_open(state_dir, &place, &error), &error);
    assert_int_equal(stat(place.root, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_int_equal(info.st_uid, place.user.uid);
    assert_int_equal(stat(place.sock, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_int_equal(info.st_uid, place.user.uid);
    assert_string_equal(place.notice, "");
}

static void test_a_second_engine_gets_a_conflict_with_the_pid_of_the_first(void **state)
{
    (void)state;
    struct bw_pgplace second;
    char text[64];
    assert_ok(bw_pgplace_open(state_dir, &place, &error), &error);
    assert_err(bw_pgplace_open(state_dir, &second, &error), CONFLICT);
    snprintf(text, sizeof text, "(process %ld)", (long)getpid());
    assert_non_null(strstr(error.text, text));
    bw_pgplace_close(&place);
    assert_ok(bw_pgplace_open(state_dir, &place, &error), &error);
}

static void test_the_lock_goes_with_a_killed_engine(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        _exit(bw_pgplace_open(state_dir, &place, &error) == BW_ERR_OK ? 7 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_ok(bw_pgplace_open(state_dir, &place, &error), &error);
}

static void test_one_database_behind_two_links_has_one_engine(void **state)
{
    (void)state;
    struct bw_pgplace second;
    char other[512], link[600];
    assert_ok(bw_pgplace_open(state_dir, &place, &error), &error);
    snprintf(other, sizeof other, "%s/other", dir);
    snprintf(link, sizeof link, "%s/pg", other);
    assert_int_equal(mkdir(other, 0755), 0);
    assert_int_equal(symlink(place.root, link), 0);
    assert_err(bw_pgplace_open(other, &second, &error), CONFLICT);
    assert_non_null(strstr(error.text, "another state folder"));
}

static void test_a_link_to_a_database_that_is_gone_never_makes_a_new_one(void **state)
{
    (void)state;
    char link[600];
    assert_ok(bw_pgplace_open(state_dir, &place, &error), &error);
    bw_pgplace_close(&place);
    io_dir_remove(place.root);
    snprintf(link, sizeof link, "%s/pg", state_dir);
    assert_int_equal(symlink("/nowhere/billow", link), 0);
    assert_err(bw_pgplace_open(state_dir, &place, &error), NOT_FOUND);
    assert_non_null(strstr(error.text, "the database was there"));
}

static void test_a_socket_path_too_long_for_the_kernel_moves_to_tmp(void **state)
{
    (void)state;
    snprintf(state_dir, sizeof state_dir, "%s/%0100d/.billow", dir, 0);
    assert_ok(bw_pgplace_open(state_dir, &place, &error), &error);
    assert_int_equal(strncmp(place.sock, "/tmp/billow-", 12), 0);
    assert_int_equal(rmdir(place.sock), 0);
}

static void test_a_socket_folder_of_somebody_else_is_not_used(void **state)
{
    (void)state;
    snprintf(state_dir, sizeof state_dir, "%s/%0100d/.billow", dir, 0);
    assert_ok(bw_pgplace_open(state_dir, &place, &error), &error);
    bw_pgplace_close(&place);
    assert_int_equal(chmod(place.sock, 0777), 0);
    char sock[BW_PGPLACE_PATH_MAX];
    snprintf(sock, sizeof sock, "%s", place.sock);
    assert_err(bw_pgplace_open(state_dir, &place, &error), FORBIDDEN);
    assert_int_equal(rmdir(sock), 0);
}

static void test_a_folder_the_servers_user_cannot_reach_is_replaced_by_a_link(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    char link[600], target[BW_PGPLACE_PATH_MAX] = "";
    assert_int_equal(chmod(dir, 0700), 0); /* as root's home is */
    assert_ok(bw_pgplace_open(state_dir, &place, &error), &error);
    snprintf(link, sizeof link, "%s/pg", state_dir);
    assert_true(readlink(link, target, sizeof target - 1) > 0);
    assert_string_equal(target, place.root);
    assert_true(strncmp(target, "/var/lib/billow/", 16) == 0 ||
                strncmp(target, "/var/tmp/billow-", 16) == 0);
    assert_non_null(strstr(place.notice, target));
    bw_pgplace_close(&place);
    assert_ok(bw_pgplace_open(state_dir, &place, &error), &error); /* and found again */
    assert_string_equal(target, place.root);
    io_dir_remove(target);
    rmdir("/var/lib/billow"); /* if nobody else uses it */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_missing_folders_are_made_private_to_the_servers_user),
        TEST(test_a_second_engine_gets_a_conflict_with_the_pid_of_the_first),
        TEST(test_the_lock_goes_with_a_killed_engine),
        TEST(test_one_database_behind_two_links_has_one_engine),
        TEST(test_a_link_to_a_database_that_is_gone_never_makes_a_new_one),
        TEST(test_a_socket_path_too_long_for_the_kernel_moves_to_tmp),
        TEST(test_a_socket_folder_of_somebody_else_is_not_used),
        TEST(test_a_folder_the_servers_user_cannot_reach_is_replaced_by_a_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
