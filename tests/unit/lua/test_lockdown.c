/* test_lockdown.c - after the lockdown every way out ends the process, in a host that was started
 * by itself and in one that a nursery made; a nursery has one way more. Each is tried by a child.
 * Built without sanitizers in every preset. */
#include "support/test.h"

#include "lua/lockdown.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int run_child(void (*way)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct bw_error error;
        bool has_filter;
        if (bw_lockdown(&has_filter, &error) != BW_ERR_OK || !has_filter)
            _exit(99);
        way();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void nothing(void)
{
    char *memory = malloc(1 << 22); /* what Lua needs still works */
    memset(memory, 1, 1 << 22);
    free(memory);
}

static void open_a_file(void)
{
    (void)open("/etc/passwd", O_RDONLY);
}

static void make_a_socket(void)
{
    (void)socket(AF_INET, SOCK_STREAM, 0);
}

static void make_a_process(void)
{
    (void)fork();
}

static void run_a_program(void)
{
    char *const argv[] = {"sh", NULL};
    (void)execve("/bin/sh", argv, NULL);
}

static void map_code(void)
{
    (void)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void make_code(void)
{
    static char page[4096];
    (void)mprotect(page, sizeof page, PROT_READ | PROT_EXEC);
}

static void kill_the_parent(void)
{
    (void)kill(getppid(), 0);
}

static void trace_the_parent(void)
{
    (void)syscall(SYS_ptrace, 0, 0, 0, 0);
}

static void read_another(void)
{
    (void)syscall(SYS_process_vm_readv, 1, NULL, 0, NULL, 0, 0);
}

static void make_a_ring(void)
{
    (void)syscall(SYS_io_uring_setup, 1, NULL);
}

static void lift_a_limit(void)
{
    (void)syscall(SYS_prlimit64, 0, 7, NULL, NULL);
}

static void change_the_user(void)
{
    (void)syscall(SYS_setuid, 0);
}

static void make_a_host(void)
{
    if (syscall(SYS_clone, BW_NURSERY_CLONE_FLAGS, NULL, NULL, NULL, 0) == 0)
        _exit(0);
}

static void make_a_child_of_its_own(void)
{
    (void)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
}

static void make_a_thread(void)
{
    (void)syscall(SYS_clone, BW_NURSERY_CLONE_FLAGS | CLONE_VM, NULL, NULL, NULL, 0);
}

static void ask_to_be_dumpable(void)
{
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static void (*const ways[])(void) = {
    open_a_file,     make_a_socket, make_a_process,          run_a_program,      map_code,
    make_code,       read_another,  kill_the_parent,         make_a_ring,        trace_the_parent,
    change_the_user, make_a_thread, make_a_child_of_its_own, ask_to_be_dumpable,
};

static void assert_killed(int status, size_t way)
{
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
        fail_msg("way %zu: wait status %d", way, status);
}

/* The same two steps as bw_nursery_serve: its child is a child of this process. A NULL `way` for
 * the nursery: it makes a host, which tries `born`; the host's wait status. */
static int run_nursery(void (*way)(void), void (*born)(void))
{
    int status, fds[2];
    pid_t self = getpid(), host = 0;

    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct bw_error error;
        bool has_filter;
        if (bw_lockdown_nursery(&has_filter, &error) != BW_ERR_OK || !has_filter)
            _exit(99);
        if (way) {
            way();
            _exit(0);
        }
        host = (pid_t)syscall(SYS_clone, BW_NURSERY_CLONE_FLAGS, NULL, NULL, NULL, 0);
        if (host == 0) {
            if (bw_lockdown_born(self, &has_filter, &error) != BW_ERR_OK || !has_filter)
                _exit(99);
            born();
            _exit(0);
        }
        _exit(write(fds[1], &host, sizeof host) == (ssize_t)sizeof host ? 0 : 98);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!way) {
        assert_int_equal(status, 0);
        assert_int_equal(read(fds[0], &host, sizeof host), sizeof host);
        assert_int_equal(waitpid(host, &status, 0), host);
    }
    (void)close(fds[0]);
    (void)close(fds[1]);
    return status;
}

static void test_every_way_out_ends_the_process(void **state)
{
    (void)state;
    assert_int_equal(run_child(nothing), 0);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        assert_killed(run_child(ways[i]), i);
    assert_killed(run_child(lift_a_limit), 100);
    assert_killed(run_child(make_a_host), 101);
}

static void test_a_nursery_makes_hosts_and_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(run_nursery(nothing, NULL), 0);
    assert_int_equal(run_nursery(make_a_host, NULL), 0);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        assert_killed(run_nursery(ways[i], NULL), i);
    while (waitpid(-1, NULL, 0) > 0) /* what make_a_host made */
        ;
}

static void test_a_host_of_a_nursery_is_locked_down_as_any_other(void **state)
{
    (void)state;
    assert_int_equal(run_nursery(NULL, nothing), 0);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        assert_killed(run_nursery(NULL, ways[i]), i);
    assert_killed(run_nursery(NULL, make_a_host), 100);  /* it is no nursery */
    assert_killed(run_nursery(NULL, lift_a_limit), 101); /* which its nursery could have done */
}

/* Makes this process, and what it starts, one in which no filter can be installed. */
static void forbid_filters(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_prctl, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECCOMP, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        _exit(98);
}

/* Starts billow-host where there is no filter; its exit code when it is told nothing. */
static int start_host(const char *option)
{
    const char *root = getenv("BW_BINARY_DIR");
    char path[1024];
    int fds[2], status;

    (void)snprintf(path, sizeof path, "%s/tests/unit/billow-host-plain", root ? root : ".");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char *const argv[] = {path, "test", (char *)(uintptr_t)option, NULL}, *const env[] = {NULL};
        (void)dup2(fds[1], 3);
        (void)close(fds[0]);
        forbid_filters();
        (void)execve(path, argv, env);
        _exit(127);
    }
    (void)close(fds[1]);
    (void)shutdown(fds[0], SHUT_WR); /* the engine goes at once: a host that runs ends in order */
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)close(fds[0]);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_without_a_filter_the_host_does_not_start_unless_it_is_meant(void **state)
{
    (void)state;
    assert_int_equal(start_host(NULL), 1);
    assert_int_equal(start_host("--unconfined"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_way_out_ends_the_process),
        cmocka_unit_test(test_a_nursery_makes_hosts_and_nothing_else),
        cmocka_unit_test(test_a_host_of_a_nursery_is_locked_down_as_any_other),
        cmocka_unit_test(test_without_a_filter_the_host_does_not_start_unless_it_is_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
