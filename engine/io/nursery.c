/* nursery.c - see nursery.h. */
#include "io/nursery.h"

#include "base/fault.h"
#include "base/limits.h"
#include "base/mem.h"
#include "io/spawn.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ANSWER_MS = 5000, /* a nursery that is silent for longer hangs */
    LIBRARY_BYTES_MAX = 64 * BW_MIB,
    SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
};

struct bw_nursery {
    char *program;
    bool is_unconfined;
    int library_fd; /* -1: none */
    size_t library_len;
    pid_t pid;     /* 0: none */
    int fd;        /* its socket */
    int stderr_fd; /* what it says before it ends */
};

/* --- the library, in memory that nobody can change any more */

static bool write_all(int fd, struct bw_str bytes)
{
    while (bytes.len) {
        ssize_t written = write(fd, bytes.ptr, bytes.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes = bw_str(bytes.ptr + written, bytes.len - (size_t)written);
    }
    return true;
}

static enum bw_err lay_library(struct bw_nursery *nursery, const struct bw_release_set *library,
                               struct bw_error *error)
{
    struct bw_buf bytes;
    bw_buf_init(&bytes, LIBRARY_BYTES_MAX);
    bw_wire_put_release(&bytes, library);
    nursery->library_len = bytes.len;
    nursery->library_fd = memfd_create("library", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    bool ok = !bytes.is_over && nursery->library_fd >= 0 &&
              write_all(nursery->library_fd, bw_buf_str(&bytes)) &&
              fcntl(nursery->library_fd, F_ADD_SEALS, SEALS) == 0;
    enum bw_err err = BW_ERR_OK;
    if (!ok)
        err = bw_fail(error, BW_ERR_IO, "the library cannot be laid into memory: %s",
                      bytes.is_over ? "it is too large" : strerror(errno));
    bw_buf_deinit(&bytes);
    return err;
}

/* --- its process */

/* Ends it, if there is one; what it wrote last is appended to `error`. */
static void end(struct bw_nursery *nursery, struct bw_error *error)
{
    char last[256], how[96];
    int status = 0;
    if (!nursery->pid)
        return;
    close(nursery->fd);
    kill(nursery->pid, SIGKILL);
    while (waitpid(nursery->pid, &status, 0) < 0 && errno == EINTR)
        ;
    nursery->pid = 0;
    ssize_t len = read(nursery->stderr_fd, last, sizeof last); /* its other end is closed */
    close(nursery->stderr_fd);
    if (!error)
        return;
    bw_spawn_wait_text(status, how, sizeof how);
    while (len > 0 && last[len - 1] == '\n')
        len--;
    struct bw_error before = *error;
    (void)bw_fail(error, before.code, "%.300s; it %s%s%.*s", before.text, how,
                  len > 0 ? "; it wrote: " : "", len > 0 ? (int)len : 0, last);
}

static enum bw_err send_frame(const struct bw_nursery *nursery, enum bw_frame type,
                              struct bw_str payload, const int *fds, size_t fd_count,
                              struct bw_error *error)
{
    struct bw_buf frame;
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control = {.bytes = {0}};
    bw_buf_init(&frame, 64);
    bw_wire_put_frame(&frame, type, payload);
    struct iovec place = {.iov_base = frame.ptr, .iov_len = frame.len};
    struct msghdr message = {.msg_iov = &place,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = CMSG_SPACE(fd_count * sizeof(int))};
    control.head = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
                                    .cmsg_type = SCM_RIGHTS,
                                    .cmsg_len = CMSG_LEN(fd_count * sizeof(int))};
    memcpy(CMSG_DATA(&control.head), fds, fd_count * sizeof(int));
    ssize_t sent;
    do {
        sent = sendmsg(nursery->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    enum bw_err err = BW_ERR_OK;
    if (sent != (ssize_t)frame.len)
        err = bw_fail(error, BW_ERR_UNAVAILABLE, "the nursery of hosts takes nothing: %s",
                      strerror(errno));
    bw_buf_deinit(&frame);
    return err;
}

static enum bw_err send_library(const struct bw_nursery *nursery, struct bw_error *error)
{
    struct bw_buf payload;
    bw_buf_init(&payload, 16);
    bw_buf_put_varint(&payload, nursery->library_len);
    enum bw_err err =
        send_frame(nursery, BW_FRAME_LIBRARY, bw_buf_str(&payload), &nursery->library_fd, 1, error);
    bw_buf_deinit(&payload);
    return err;
}

static enum bw_err start(struct bw_nursery *nursery, struct bw_error *error)
{
    int pair[2], pipe_ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return bw_fail(error, BW_ERR_UNAVAILABLE, "socketpair: %s", strerror(errno));
    if (pipe2(pipe_ends, O_CLOEXEC) != 0) {
        int number = errno;
        close(pair[0]);
        close(pair[1]);
        return bw_fail(error, BW_ERR_UNAVAILABLE, "pipe: %s", strerror(number));
    }
    const char *const argv[] = {nursery->program, "nursery", "--nursery",
                                nursery->is_unconfined ? "--unconfined" : NULL, NULL};
    struct bw_spawn_options options = {
        .argv = argv,
        .fds = {-1, -1, pipe_ends[1], pair[1]},
        .fd_count = 4,
        .is_session_leader = true, /* as in io/hostproc.c; its hosts are of its session */
        .dies_with_parent = true,
    };
    enum bw_err err = bw_spawn(&options, &nursery->pid, error);
    close(pair[1]);
    close(pipe_ends[1]);
    if (err) {
        nursery->pid = 0;
        close(pair[0]);
        close(pipe_ends[0]);
        return err;
    }
    nursery->fd = pair[0];
    nursery->stderr_fd = pipe_ends[0];
    return nursery->library_fd < 0 ? BW_ERR_OK : send_library(nursery, error);
}

/* Waits for the answer; a host was borne, or not. */
static enum bw_err take_answer(const struct bw_nursery *nursery, pid_t *pid, struct bw_error *error)
{
    char bytes[64];
    size_t len = 0;
    struct bw_str payload = BW_STR_NONE;
    uint8_t type = 0;
    while (type == 0) {
        struct pollfd question = {.fd = nursery->fd, .events = POLLIN};
        int rc = poll(&question, 1, ANSWER_MS);
        if (rc < 0 && errno == EINTR)
            continue;
        ssize_t got =
            rc > 0 && len < sizeof bytes ? read(nursery->fd, bytes + len, sizeof bytes - len) : 0;
        if (got <= 0)
            return bw_fail(error, BW_ERR_UNAVAILABLE, "the nursery of hosts %s",
                           rc == 0 ? "does not answer" : "ended");
        len += (size_t)got;
        struct bw_str rest = bw_str(bytes, len);
        enum bw_err err = bw_wire_take_frame(&rest, &type, &payload, error);
        if (err)
            return err;
    }
    struct bw_reader reader;
    bw_reader_init(&reader, payload);
    uint64_t found = bw_reader_varint(&reader), number = bw_reader_varint(&reader);
    if (type != BW_FRAME_BORN || found > INT32_MAX)
        return bw_fail(error, BW_ERR_CORRUPT, "the nursery of hosts answers nonsense");
    if (found == 0)
        return bw_fail(error, BW_ERR_UNAVAILABLE, "a host could not be made: %s",
                       strerror((int)number));
    *pid = (pid_t)found;
    return BW_ERR_OK;
}

enum bw_err bw_nursery_bear(struct bw_nursery *nursery, const char *name, int socket_fd,
                            int stderr_fd, pid_t *pid, struct bw_error *error)
{
    enum bw_err err = BW_ERR_OK;
    for (int tries = 0; tries < 2; tries++) {
        const int fds[] = {socket_fd, stderr_fd};
        err = nursery->pid ? BW_ERR_OK : start(nursery, error);
        if (!err)
            err = send_frame(nursery, BW_FRAME_BEAR, bw_str_of(name), fds, 2, error);
        if (!err)
            err = take_answer(nursery, pid, error);
        if (!err)
            return BW_ERR_OK;
        end(nursery, error);
    }
    return err;
}

/* --- life */

enum bw_err bw_nursery_create(const struct bw_nursery_options *options, struct bw_nursery **nursery,
                              struct bw_error *error)
{
    struct bw_nursery *made = bw_xcalloc(1, sizeof *made);
    made->program = bw_xstrdup(options->program);
    made->is_unconfined = options->is_unconfined;
    made->library_fd = -1;
    enum bw_err err = options->library ? lay_library(made, options->library, error) : BW_ERR_OK;
    if (err) {
        bw_nursery_destroy(made);
        return err;
    }
    *nursery = made;
    return BW_ERR_OK;
}

void bw_nursery_destroy(struct bw_nursery *nursery)
{
    if (!nursery)
        return;
    end(nursery, NULL);
    if (nursery->library_fd >= 0)
        close(nursery->library_fd);
    bw_free(nursery->program);
    bw_free(nursery);
}

pid_t bw_nursery_pid(const struct bw_nursery *nursery)
{
    return nursery->pid;
}
