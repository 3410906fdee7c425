#include "lua/nursery.h"
#include "base/mem.h"
#include "lua/chunk.h"
#include "lua/lockdown.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FDS_MAX = 4, INPUT_BYTES_MAX = 4096 };

struct nursery {
    int fd;
    pid_t engine;
    struct bw_library *library;
    size_t prepared;  /* files of the library that were compiled ahead */
    bool is_prepared; /* all of them */
    char input[INPUT_BYTES_MAX];
    size_t input_len;
    int fds[FDS_MAX]; /* came, and no frame has taken them yet */
    size_t fd_count;
};

void bw_library_init(struct bw_library *library)
{
    *library = (struct bw_library){.release = NULL};
    bw_arena_init(&library->arena);
}

void bw_library_deinit(struct bw_library *library)
{
    bw_release_drop(library->release);
    bw_arena_deinit(&library->arena);
}

/* --- what comes */

static void keep_fds(struct nursery *nursery, struct msghdr *message)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
            if (nursery->fd_count < FDS_MAX)
                nursery->fds[nursery->fd_count++] = fd;
            else
                (void)close(fd);
        }
    }
}

/* False at the end of the stream. */
static bool read_more(struct nursery *nursery)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
    } control;
    struct iovec place = {.iov_base = nursery->input + nursery->input_len,
                          .iov_len = INPUT_BYTES_MAX - nursery->input_len};
    struct msghdr message = {.msg_iov = &place,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t got;

    do {
        got = recvmsg(nursery->fd, &message, 0);
    } while (got < 0 && errno == EINTR);
    if (got <= 0)
        return false;
    nursery->input_len += (size_t)got;
    keep_fds(nursery, &message);
    return true;
}

static enum bw_err take_fds(struct nursery *nursery, int *fds, size_t count, struct bw_error *error)
{
    if (nursery->fd_count < count)
        return bw_fail(error, BW_ERR_CORRUPT, "a frame came without its descriptors");
    memcpy(fds, nursery->fds, count * sizeof *fds);
    nursery->fd_count -= count;
    memmove(nursery->fds, nursery->fds + count, nursery->fd_count * sizeof *fds);
    return BW_ERR_OK;
}

/* --- the library */

static enum bw_err take_library(struct nursery *nursery, struct bw_str payload,
                                struct bw_error *error)
{
    struct bw_library *library = nursery->library;
    struct bw_reader reader;
    int fd;
    enum bw_err err = take_fds(nursery, &fd, 1, error);

    if (err != BW_ERR_OK)
        return err;
    bw_reader_init(&reader, payload);
    size_t len = (size_t)bw_reader_varint(&reader);
    void *bytes = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    (void)close(fd);
    if (bytes == MAP_FAILED)
        return bw_fail(error, BW_ERR_MEMORY, "the library cannot be mapped: %s", strerror(errno));
    if (library->release)
        return bw_fail(error, BW_ERR_CORRUPT, "a second library");
    err = bw_wire_get_release(bw_str(bytes, len), &library->arena, &library->files, error);
    if (err == BW_ERR_OK)
        library->release = bw_release_create_library(&library->files);
    return err;
}

/* Compiles ahead while nobody wants anything. False when it is time to read. */
static bool prepare(struct nursery *nursery)
{
    struct pollfd question = {.fd = nursery->fd, .events = POLLIN};

    if (nursery->is_prepared || !nursery->library->release || poll(&question, 1, 0) != 0)
        return false;
    nursery->is_prepared = !bw_release_prepare(nursery->library->release, nursery->prepared++);
    return true;
}

/* --- hosts */

/* The child's first steps: its own socket and stderr, and nothing else that is open. */
static enum bw_err become_host(struct nursery *nursery, const int *fds, struct bw_born *born,
                               struct bw_error *error)
{
    if (dup3(fds[0], nursery->fd, 0) < 0 || dup3(fds[1], STDERR_FILENO, 0) < 0)
        return bw_fail(error, BW_ERR_INTERNAL, "no descriptors: %s", strerror(errno));
    (void)close(fds[0]);
    (void)close(fds[1]);
    for (size_t i = 0; i < nursery->fd_count; i++)
        (void)close(nursery->fds[i]);
    return bw_lockdown_born(nursery->engine, &born->has_filter, error);
}

static enum bw_err answer(struct nursery *nursery, long pid, int number, struct bw_error *error)
{
    struct bw_buf frame;
    ssize_t written;

    bw_buf_init(&frame, 64);
    size_t at = bw_wire_begin_frame(&frame, BW_FRAME_BORN);
    bw_buf_put_varint(&frame, pid > 0 ? (uint64_t)pid : 0);
    bw_buf_put_varint(&frame, pid > 0 ? 0 : (uint64_t)number);
    bw_wire_end_frame(&frame, at);
    do {
        written = write(nursery->fd, frame.ptr, frame.len);
    } while (written < 0 && errno == EINTR);
    bool is_whole = written == (ssize_t)frame.len;
    bw_buf_deinit(&frame);
    return is_whole ? BW_ERR_OK : bw_fail(error, BW_ERR_IO, "the engine does not read any more");
}

static enum bw_err bear(struct nursery *nursery, struct bw_str name, struct bw_born *born,
                        struct bw_error *error)
{
    int fds[2];
    enum bw_err err = take_fds(nursery, fds, 2, error);

    if (err != BW_ERR_OK)
        return err;
    /* The C library's fork has no flags; this process has one thread, so there is nothing for it
     * to put in order. */
    long pid = syscall(SYS_clone, BW_NURSERY_CLONE_FLAGS, NULL, NULL, NULL, 0);
    int number = errno;
    if (pid == 0) {
        born->is_born = true;
        (void)snprintf(born->name, sizeof born->name, "%.*s", BW_STR_ARG(name));
        return become_host(nursery, fds, born, error);
    }
    (void)close(fds[0]);
    (void)close(fds[1]);
    return answer(nursery, pid, number, error);
}

/* Handles every whole frame; a child returns from the one that made it. */
static enum bw_err handle_frames(struct nursery *nursery, struct bw_born *born,
                                 struct bw_error *error)
{
    struct bw_str rest = bw_str(nursery->input, nursery->input_len), payload;
    uint8_t type;
    enum bw_err err;

    while ((err = bw_wire_take_frame(&rest, &type, &payload, error)) == BW_ERR_OK && type) {
        if (type == BW_FRAME_LIBRARY)
            err = take_library(nursery, payload, error);
        else if (type == BW_FRAME_BEAR)
            err = bear(nursery, payload, born, error);
        else
            err = bw_fail(error, BW_ERR_CORRUPT, "a frame of type %u is not for a nursery", type);
        if (err != BW_ERR_OK || born->is_born)
            return err;
    }
    if (err == BW_ERR_OK && rest.len == INPUT_BYTES_MAX)
        err = bw_fail(error, BW_ERR_CORRUPT, "a frame that is too long for a nursery");
    memmove(nursery->input, rest.ptr, rest.len);
    nursery->input_len = rest.len;
    return err;
}

enum bw_err bw_nursery_serve(int fd, struct bw_library *library, struct bw_born *born,
                             struct bw_error *error)
{
    struct nursery nursery = {.fd = fd, .engine = getppid(), .library = library};
    enum bw_err err = BW_ERR_OK;

    *born = (struct bw_born){.is_born = false};
    while (err == BW_ERR_OK && !born->is_born) {
        if (prepare(&nursery))
            continue;
        if (!read_more(&nursery))
            break;
        err = handle_frames(&nursery, born, error);
    }
    return err;
}
