/* spawn.c - see spawn.h. Between fork and exec only system calls are made: another thread of ours
 * may have held a lock. */
#include "io/spawn.h"

#include "base/assert.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child was doing when it failed: one byte of the report through the pipe, before errno.
 */
enum stage { STAGE_FDS = 1, STAGE_USER, STAGE_DIRECTORY, STAGE_EXEC };

struct report {
    enum stage stage;
    int error_number;
};

_Noreturn static void child_fail(int report_fd, enum stage stage)
{
    struct report report = {stage, errno};
    ssize_t ignored = write(report_fd, &report, sizeof report);
    (void)ignored; /* an empty pipe takes eight bytes */
    _exit(127);
}

/* Moves the descriptors to 0, 1, ... without one overwriting another that is still to be moved.
 * Returns where the report pipe is now: directly behind them, the only other one left open. */
static int child_set_fds(const struct bw_spawn_options *options, int report_fd)
{
    int moved[BW_SPAWN_FDS_MAX + 1];
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd < 0)
        child_fail(report_fd, STAGE_FDS);
    int base = BW_SPAWN_FDS_MAX + 1;
    for (size_t i = 0; i <= options->fd_count; i++) {
        int from = i == options->fd_count ? report_fd
                   : options->fds[i] < 0  ? null_fd
                                          : options->fds[i];
        moved[i] = fcntl(from, F_DUPFD_CLOEXEC, base);
        if (moved[i] < 0)
            child_fail(report_fd, STAGE_FDS);
    }
    int report_to = (int)options->fd_count;
    for (size_t i = 0; i < options->fd_count; i++)
        if (dup2(moved[i], (int)i) < 0) /* without close-on-exec */
            child_fail(moved[options->fd_count], STAGE_FDS);
    if (dup3(moved[options->fd_count], report_to, O_CLOEXEC) < 0)
        child_fail(moved[options->fd_count], STAGE_FDS);
    if (close_range((unsigned)report_to + 1, ~0u, 0) != 0)
        child_fail(report_to, STAGE_FDS);
    return report_to;
}

_Noreturn static void child_main(const struct bw_spawn_options *options, int report_fd,
                                 pid_t parent)
{
    static const char *const no_env[] = {NULL};
    if (options->is_session_leader)
        setsid();
    report_fd = child_set_fds(options, report_fd);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL); /* fails harmlessly for SIGKILL, SIGSTOP */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    const struct bw_spawn_user *user = options->user;
    if (user && geteuid() == 0) {
        if (setgroups(1, &user->gid) != 0 || setresgid(user->gid, user->gid, user->gid) != 0 ||
            setresuid(user->uid, user->uid, user->uid) != 0)
            child_fail(report_fd, STAGE_USER);
    }
    if (options->directory && chdir(options->directory) != 0)
        child_fail(report_fd, STAGE_DIRECTORY);
    if (options->dies_with_parent) { /* after the change of user, which clears it */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(127); /* it died before the call above */
    }
    const char *const *env = options->env ? options->env : no_env;
    /* execve takes pointers to non-const for historical reasons and does not write. */
    union {
        const char *const *in;
        char *const *out;
    } args = {options->argv}, environment = {env};
    execve(options->argv[0], args.out, environment.out);
    child_fail(report_fd, STAGE_EXEC);
}

static enum bw_err report_failure(const struct bw_spawn_options *options,
                                  const struct report *report, struct bw_error *error)
{
    const char *program = options->argv[0];
    const char *why = strerror(report->error_number);
    switch (report->stage) {
    case STAGE_USER:
        return bw_fail(error, BW_ERR_UNAVAILABLE, "cannot start %s as user %s: %s", program,
                       options->user->name, why);
    case STAGE_DIRECTORY:
        return bw_fail(error, BW_ERR_UNAVAILABLE, "cannot start %s: cannot enter %s: %s", program,
                       options->directory, why);
    case STAGE_EXEC:
        return bw_fail(error, BW_ERR_UNAVAILABLE, "cannot start %s: %s", program, why);
    default:
        return bw_fail(error, BW_ERR_UNAVAILABLE, "cannot start %s: its descriptors: %s", program,
                       why);
    }
}

enum bw_err bw_spawn(const struct bw_spawn_options *options, pid_t *pid, struct bw_error *error)
{
    BW_ASSERT(options->fd_count <= BW_SPAWN_FDS_MAX);
    int report_pipe[2];
    if (pipe2(report_pipe, O_CLOEXEC) != 0)
        return bw_fail(error, BW_ERR_UNAVAILABLE, "cannot start %s: pipe: %s", options->argv[0],
                       strerror(errno));
    pid_t parent = getpid();
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before); /* no handler of ours runs in the child */
    pid_t child = fork();
    if (child == 0)
        child_main(options, report_pipe[1], parent);
    int fork_error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(report_pipe[1]);
    if (child < 0) {
        close(report_pipe[0]);
        return bw_fail(error, BW_ERR_UNAVAILABLE, "cannot start %s: fork: %s", options->argv[0],
                       strerror(fork_error));
    }
    struct report report;
    ssize_t got;
    do {
        got = read(report_pipe[0], &report, sizeof report);
    } while (got < 0 && errno == EINTR);
    close(report_pipe[0]);
    if (got == (ssize_t)sizeof report) {
        waitpid(child, NULL, 0);
        return report_failure(options, &report, error);
    }
    *pid = child; /* nothing was reported: the exec closed the pipe */
    return BW_ERR_OK;
}

void bw_spawn_wait_text(int wait_status, char *text, size_t text_size)
{
    if (WIFSIGNALED(wait_status)) {
        int number = WTERMSIG(wait_status);
        snprintf(text, text_size, "was killed by signal %d (%s)", number, strsignal(number));
    } else {
        snprintf(text, text_size, "exited with code %d", WEXITSTATUS(wait_status));
    }
}

static void drain(int fd, struct bw_buf *output)
{
    char chunk[4096];
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return;
        bw_buf_put(output, chunk, (size_t)got);
    }
}

enum bw_err bw_spawn_capture(const struct bw_spawn_options *options, struct bw_buf *output,
                             int *wait_status, struct bw_error *error)
{
    int out_pipe[2];
    if (pipe2(out_pipe, O_CLOEXEC) != 0)
        return bw_fail(error, BW_ERR_UNAVAILABLE, "cannot start %s: pipe: %s", options->argv[0],
                       strerror(errno));
    struct bw_spawn_options with_pipe = *options;
    with_pipe.fds[0] = -1;
    with_pipe.fds[1] = out_pipe[1];
    with_pipe.fds[2] = out_pipe[1];
    with_pipe.fd_count = 3;
    pid_t pid;
    enum bw_err err = bw_spawn(&with_pipe, &pid, error);
    close(out_pipe[1]);
    if (!err) {
        drain(out_pipe[0], output);
        while (waitpid(pid, wait_status, 0) < 0 && errno == EINTR)
            ;
    }
    close(out_pipe[0]);
    return err;
}

static enum bw_err user_from(const struct passwd *entry, struct bw_spawn_user *user)
{
    user->uid = entry->pw_uid;
    user->gid = entry->pw_gid;
    snprintf(user->name, sizeof user->name, "%s", entry->pw_name);
    return BW_ERR_OK;
}

enum bw_err bw_spawn_server_user(struct bw_spawn_user *user, struct bw_error *error)
{
    static const char *const candidates[] = {"postgres", "nobody"};
    if (geteuid() != 0) {
        const struct passwd *entry = getpwuid(geteuid());
        if (entry)
            return user_from(entry, user);
        user->uid = geteuid(); /* containers run under numbers that have no name */
        user->gid = getegid();
        snprintf(user->name, sizeof user->name, "%u", (unsigned)geteuid());
        return BW_ERR_OK;
    }
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
        const struct passwd *entry = getpwnam(candidates[i]);
        if (entry && entry->pw_uid != 0)
            return user_from(entry, user);
    }
    return bw_fail(error, BW_ERR_NOT_FOUND,
                   "PostgreSQL refuses to run as root, and there is neither a user postgres nor a "
                   "user nobody to "
                   "run it as; create one: useradd --system postgres");
}
