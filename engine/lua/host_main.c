/* host_main.c - billow-host: the locked-down process that runs scripts. It reads frames from
 * descriptor 3, hands them to lua/hostlet.h, and writes the answers back; nothing else. No
 * configuration, no environment, no files.
 *
 * Started by io/hostproc.c, or, to make hosts of itself (lua/nursery.h), by io/nursery.c.
 * Arguments: a name, "--nursery", and "--unconfined" when it shall also run where the
 * kernel gives no system call filter. Exits 0 when the engine closes the socket, 1 when a frame
 * makes no sense, or it cannot be locked down (to stderr, once).
 */
#include "base/build.h"
#include "base/limits.h"
#include "codec/wire.h"
#include "lua/budget.h"
#include "lua/hostlet.h"
#include "lua/lockdown.h"
#include "lua/nursery.h"
#include <errno.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKET_FD 3
#define READ_BYTES 65536
#define ALIVE_US 500000 /* between two signs of life */
#define RESULTS_US                                                                                 \
    4000 /* of work: then what is ready leaves, and the database gets something to do */

/* Results of a frame that is not done yet. */
struct early {
    struct bw_buf out;
    uint64_t left_us; /* when something left last, or the frame came */
    bool is_broken;   /* nobody reads */
};

static bool write_all(struct bw_str bytes)
{
    while (bytes.len) {
        ssize_t written = write(SOCKET_FD, bytes.ptr, bytes.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes = bw_str(bytes.ptr + written, bytes.len - (size_t)written);
    }
    return true;
}

static bool say_hello(struct bw_buf *out)
{
    size_t at = bw_wire_begin_frame(out, BW_FRAME_HELLO);
    struct bw_hello hello = {.wire_version = BW_WIRE_FRAMES_VERSION, .lua = BW_STR(LUA_RELEASE)};

    bw_wire_put_hello(out, &hello);
    bw_wire_end_frame(out, at);
    return write_all(bw_buf_str(out));
}

/* While a batch is worked on the engine hears of it: silence means that this process hangs. */
static void say_alive(void *ud, uint64_t now_us)
{
    static uint64_t said_us;
    char frame[BW_WIRE_FRAME_HEAD_LEN] = {0, 0, 0, 1, BW_FRAME_ALIVE};

    (void)ud;
    if (now_us - said_us < ALIVE_US)
        return;
    said_us = now_us;
    (void)write_all(bw_str(frame, sizeof frame));
}

static bool send_early(void *ud, const struct bw_turn_result *results, size_t count)
{
    struct early *early = ud;
    uint64_t now = bw_budget_now_us();
    size_t at;

    if (now - early->left_us < RESULTS_US || early->is_broken)
        return false;
    bw_buf_clear(&early->out);
    at = bw_wire_begin_frame(&early->out, BW_FRAME_RESULTS);
    bw_wire_put_results(&early->out, results, count);
    if (early->out.is_over)
        return false; /* the answer says so */
    bw_wire_end_frame(&early->out, at);
    early->left_us = now;
    early->is_broken = !write_all(bw_buf_str(&early->out));
    return true;
}

/* All scripts of the process share its memory. The engine tries their turns again in a fresh one.
 */
static void end_exhausted(void)
{
    static const char text[] = "billow-host: no memory left for the runs of this process\n";

    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(EXIT_FAILURE);
}

/* Reads more into `in`. False at the end of the stream. */
static bool read_more(struct bw_buf *in)
{
    static char block[READ_BYTES];
    ssize_t got;

    do {
        got = read(SOCKET_FD, block, sizeof block);
    } while (got < 0 && errno == EINTR);
    if (got <= 0)
        return false;
    bw_buf_put(in, block, (size_t)got);
    return !in->is_over;
}

/* Handles every whole frame in `in`, and keeps the rest. */
static enum bw_err handle_frames(struct bw_hostlet *hostlet, struct early *early, struct bw_buf *in,
                                 struct bw_buf *out, struct bw_error *error)
{
    struct bw_str rest = bw_buf_str(in), payload;
    uint8_t type;

    for (;;) {
        enum bw_err err = bw_wire_take_frame(&rest, &type, &payload, error);
        uint8_t answer_type;
        size_t at;
        if (err != BW_ERR_OK)
            return err;
        if (type == 0)
            break;
        bw_buf_clear(out);
        early->left_us = bw_budget_now_us();
        at = bw_wire_begin_frame(out, BW_FRAME_RESULTS);
        err = bw_hostlet_handle(hostlet, type, payload, &answer_type, out, error);
        if (err != BW_ERR_OK)
            return err;
        bw_wire_end_frame(out, at);
        if (early->is_broken || (answer_type && !write_all(bw_buf_str(out))))
            return bw_fail(error, BW_ERR_IO, "the engine does not read any more");
    }
    if (rest.len && rest.ptr != in->ptr)
        memmove(in->ptr, rest.ptr, rest.len);
    in->len = rest.len;
    return BW_ERR_OK;
}

/* Without the filter a fault in the interpreter is a fault of the whole account. */
static enum bw_err check_confined(bool has_filter, bool is_unconfined, struct bw_error *error)
{
#ifdef BW_HAS_SANITIZER
    (void)has_filter, (void)is_unconfined;
#else
    if (!has_filter && !is_unconfined)
        return bw_fail(error, BW_ERR_FORBIDDEN,
                       "the kernel gives no system call filter (seccomp), and scripts are not run "
                       "without one; BILLOW_HOST_UNCONFINED=1 does it all the same");
#endif
    (void)error;
    return BW_ERR_OK;
}

/* Reads and answers until the engine closes the socket. */
static enum bw_err serve(struct bw_hostlet *hostlet, struct bw_error *error)
{
    struct bw_buf in, out;
    struct early early = {0};
    enum bw_err err = BW_ERR_OK;

    bw_buf_init(&in, BW_LIMIT_FRAME_BYTES + READ_BYTES + BW_WIRE_FRAME_HEAD_LEN);
    bw_buf_init(&out, BW_LIMIT_FRAME_BYTES + BW_WIRE_FRAME_HEAD_LEN);
    bw_buf_init(&early.out, BW_LIMIT_FRAME_BYTES + BW_WIRE_FRAME_HEAD_LEN);
    bw_hostlet_set_on_results(hostlet, send_early, &early);
    bw_budget_set_on_look(say_alive, NULL);
    bw_budget_set_on_exhausted(end_exhausted);
    if (!say_hello(&out))
        err = bw_fail(error, BW_ERR_IO, "descriptor %d is not the engine's socket", SOCKET_FD);
    while (err == BW_ERR_OK && read_more(&in))
        err = handle_frames(hostlet, &early, &in, &out, error);
    bw_buf_deinit(&in);
    bw_buf_deinit(&out);
    bw_buf_deinit(&early.out);
    return err;
}

/* Started by itself: one host without a library. */
static enum bw_err run_host(bool is_unconfined, struct bw_error *error)
{
    bool has_filter;
    enum bw_err err = bw_lockdown(&has_filter, error);

    if (err == BW_ERR_OK)
        err = check_confined(has_filter, is_unconfined, error);
    if (err != BW_ERR_OK)
        return err;
    struct bw_hostlet *hostlet = bw_hostlet_create();
    err = serve(hostlet, error);
    bw_hostlet_destroy(hostlet);
    return err;
}

/* For those who look at processes: what lies behind the program's name is replaced. */
static void set_title(int argc, char **argv, const char *name)
{
    size_t room = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) - argv[1]);

    memset(argv[1], 0, room);
    memcpy(argv[1], name, strlen(name) < room ? strlen(name) : room);
}

/* Started as a nursery: stays one until the engine closes the socket, and is a host in every child.
 */
static enum bw_err run_nursery(bool is_unconfined, int argc, char **argv, struct bw_error *error)
{
    struct bw_library library;
    struct bw_born born = {.is_born = false};
    bool has_filter;
    enum bw_err err = bw_lockdown_nursery(&has_filter, error);

    bw_library_init(&library);
    if (err == BW_ERR_OK)
        err = check_confined(has_filter, is_unconfined, error);
    if (err == BW_ERR_OK)
        err = bw_nursery_serve(SOCKET_FD, &library, &born, error);
    if (err == BW_ERR_OK && born.is_born)
        err = check_confined(born.has_filter, is_unconfined, error);
    if (err == BW_ERR_OK && born.is_born) {
        set_title(argc, argv, born.name);
        struct bw_hostlet *hostlet = library.release
                                         ? bw_hostlet_create_over(&library.files, library.release)
                                         : bw_hostlet_create();
        err = serve(hostlet, error);
        bw_hostlet_destroy(hostlet);
    }
    bw_library_deinit(&library);
    return err;
}

static bool has_option(int argc, char **argv, const char *option)
{
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], option) == 0)
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    struct bw_error error;
    bool is_unconfined = has_option(argc, argv, "--unconfined");
    enum bw_err err = has_option(argc, argv, "--nursery")
                          ? run_nursery(is_unconfined, argc, argv, &error)
                          : run_host(is_unconfined, &error);

    if (err == BW_ERR_OK)
        return EXIT_SUCCESS;
    (void)fprintf(stderr, "billow-host: %s\n", error.text);
    return EXIT_FAILURE;
}
