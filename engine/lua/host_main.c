/* host_main.c - billow-host: the locked-down process that runs scripts. It reads frames from
 * descriptor 3, hands them to lua/hostlet.h, and writes the answers back; nothing else. No
 * configuration, no environment, no files.
 *
 * Started by io/hostproc.c. Arguments: a name, and "--unconfined" when it shall also run where the
 * kernel gives no system call filter. Exits 0 when the engine closes the socket, 1 when a frame
 * makes no sense, or it cannot be locked down (to stderr, once).
 */
#include "base/build.h"
#include "base/limits.h"
#include "codec/wire.h"
#include "lua/budget.h"
#include "lua/hostlet.h"
#include "lua/lockdown.h"
#include <errno.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKET_FD 3
#define READ_BYTES 65536
#define ALIVE_US 500000 /* between two signs of life */

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
static enum bw_err handle_frames(struct bw_hostlet *hostlet, struct bw_buf *in, struct bw_buf *out,
                                 struct bw_error *error)
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
        at = bw_wire_begin_frame(out, BW_FRAME_RESULTS);
        err = bw_hostlet_handle(hostlet, type, payload, &answer_type, out, error);
        if (err != BW_ERR_OK)
            return err;
        bw_wire_end_frame(out, at);
        if (answer_type && !write_all(bw_buf_str(out)))
            return bw_fail(error, BW_ERR_IO, "the engine does not read any more");
    }
    if (rest.len && rest.ptr != in->ptr)
        memmove(in->ptr, rest.ptr, rest.len);
    in->len = rest.len;
    return BW_ERR_OK;
}

/* Without the filter a fault in the interpreter is a fault of the whole account. */
static enum bw_err check_confined(bool has_filter, int argc, char **argv, struct bw_error *error)
{
#ifdef BW_HAS_SANITIZER
    (void)has_filter, (void)argc, (void)argv;
#else
    bool is_meant = argc > 2 && strcmp(argv[2], "--unconfined") == 0;

    if (!has_filter && !is_meant)
        return bw_fail(error, BW_ERR_FORBIDDEN,
                       "the kernel gives no system call filter (seccomp), and scripts are not run "
                       "without one; BILLOW_HOST_UNCONFINED=1 does it all the same");
#endif
    (void)error;
    return BW_ERR_OK;
}

int main(int argc, char **argv)
{
    struct bw_hostlet *hostlet;
    struct bw_buf in, out;
    struct bw_error error;
    bool has_filter;
    enum bw_err err = bw_lockdown(&has_filter, &error);

    if (err == BW_ERR_OK)
        err = check_confined(has_filter, argc, argv, &error);
    if (err != BW_ERR_OK) {
        (void)fprintf(stderr, "billow-host: %s\n", error.text);
        return EXIT_FAILURE;
    }
    bw_buf_init(&in, BW_LIMIT_FRAME_BYTES + READ_BYTES + BW_WIRE_FRAME_HEAD_LEN);
    bw_buf_init(&out, BW_LIMIT_FRAME_BYTES + BW_WIRE_FRAME_HEAD_LEN);
    hostlet = bw_hostlet_create();
    bw_budget_set_on_look(say_alive, NULL);
    bw_budget_set_on_exhausted(end_exhausted);
    if (!say_hello(&out))
        err = bw_fail(&error, BW_ERR_IO, "descriptor %d is not the engine's socket", SOCKET_FD);
    while (err == BW_ERR_OK && read_more(&in))
        err = handle_frames(hostlet, &in, &out, &error);
    if (err != BW_ERR_OK)
        (void)fprintf(stderr, "billow-host: %s\n", error.text);
    bw_hostlet_destroy(hostlet);
    bw_buf_deinit(&in);
    bw_buf_deinit(&out);
    return err == BW_ERR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
