/* hostproc.c - see hostproc.h.
 *
 *   RUNNING (link) --link_lose--> REPORTING (frames are dropped) --report_lost--> PAUSED (frames
 * wait) ^                                        ^                                    | |
 * +------------- start fails ----------+
 *      +------------------------------------------------------ on_restart -----------+
 *   RUNNING --bw_hostproc_restart--> ASLEEP --a frame--> RUNNING
 *   any --bw_hostproc_close--> gone (its link, if any, outlives it until uv has closed the handles)
 */
#include "io/hostproc.h"

#include "base/assert.h"
#include "base/fault.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "codec/wire.h"
#include "io/spawn.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#define FRAME_HEAD_BYTES 5u
#define READ_BYTES (256u * BW_KIB)
#define STDERR_TAIL_BYTES 512u
#define PAUSE_MS_MIN 20
#define PAUSE_MS_MAX 5000
#define QUEUE_BYTES_DEFAULT (256u * BW_MIB)

/* Descriptors and buffers of one process. */
struct link {
    struct bw_hostproc *proc; /* NULL once lost or closed */
    uv_pipe_t socket;
    uv_pipe_t stderr_pipe;
    int handles_open; /* freed at 0 */
    uv_write_t write;
    bool is_writing;
    struct bw_buf writing; /* frames under way; untouched while is_writing */
    struct bw_buf input;   /* the beginning of a frame whose end has not come */
    char chunk[READ_BYTES];
    char stderr_chunk[STDERR_TAIL_BYTES];
    char stderr_tail[STDERR_TAIL_BYTES + 1];
    size_t stderr_len;
};

struct bw_hostproc {
    struct bw_loop *loop;
    char *program;              /* or NULL, and */
    struct bw_nursery *nursery; /* what bears the processes */
    char *name;
    size_t queue_bytes_max;
    bool is_unconfined;
    bw_hostproc_frame_fn on_frame;
    bw_hostproc_lost_fn on_lost;
    void *ud;
    pid_t pid;           /* 0: none */
    struct link *link;   /* NULL: none */
    struct bw_buf queue; /* frames to be written next */
    struct bw_loop_timer *restart;
    int64_t pause_ms;
    bool has_answered; /* this process sent a frame other than HELLO */
    bool is_reporting; /* lost, on_lost not called yet */
    bool is_asleep;    /* no process; the next frame starts one */
    char reason[BW_ERROR_TEXT_MAX];
};

static void on_link_closed(uv_handle_t *handle)
{
    struct link *link = handle->data;
    if (--link->handles_open > 0)
        return;
    bw_buf_deinit(&link->writing);
    bw_buf_deinit(&link->input);
    bw_free(link);
}

static void link_close(struct link *link)
{
    link->proc = NULL;
    uv_close((uv_handle_t *)&link->socket, on_link_closed);
    uv_close((uv_handle_t *)&link->stderr_pipe, on_link_closed);
}

/* --- the end of a process */

static int kill_and_wait(pid_t pid)
{
    int status = 0;
    kill(pid, SIGKILL); /* too late to change how it ended, when it is ending already */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static void tail_add(struct link *link, const char *bytes, size_t len)
{
    if (len > STDERR_TAIL_BYTES) {
        bytes += len - STDERR_TAIL_BYTES;
        len = STDERR_TAIL_BYTES;
    }
    size_t keep = STDERR_TAIL_BYTES - len;
    if (link->stderr_len > keep) {
        memmove(link->stderr_tail, link->stderr_tail + link->stderr_len - keep, keep);
        link->stderr_len = keep;
    }
    memcpy(link->stderr_tail + link->stderr_len, bytes, len);
    link->stderr_len += len;
    link->stderr_tail[link->stderr_len] = '\0';
}

/* What the child wrote last may still lie in the pipe. */
static void tail_read_rest(struct link *link)
{
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)&link->stderr_pipe, &fd) != 0)
        return;
    ssize_t got;
    while ((got = read(fd, link->stderr_chunk, sizeof link->stderr_chunk)) > 0)
        tail_add(link, link->stderr_chunk, (size_t)got);
    while (link->stderr_len > 0 && link->stderr_tail[link->stderr_len - 1] == '\n')
        link->stderr_tail[--link->stderr_len] = '\0';
}

static void report_lost(void *ud)
{
    struct bw_hostproc *proc = ud;
    proc->is_reporting = false;
    bw_loop_timer_start(proc->restart, proc->pause_ms);
    proc->pause_ms = proc->pause_ms * 2 < PAUSE_MS_MAX ? proc->pause_ms * 2 : PAUSE_MS_MAX;
    if (proc->on_lost)
        proc->on_lost(proc->ud, proc->reason); /* may close: the last statement */
}

static void begin_report(struct bw_hostproc *proc)
{
    bw_buf_clear(&proc->queue);
    proc->is_reporting = true;
    bw_loop_defer(proc->loop, report_lost, proc);
}

/* `what` is what we saw; NULL: that it closed its end, in which case how it ended says it all. */
static void link_lose(struct link *link, const char *what)
{
    struct bw_hostproc *proc = link->proc;
    char ending[96];
    bw_spawn_wait_text(kill_and_wait(proc->pid), ending, sizeof ending);
    tail_read_rest(link);
    bool has_tail = link->stderr_len > 0;
    snprintf(proc->reason, sizeof proc->reason, "%s (process %ld) %s%s%s", proc->name,
             (long)proc->pid, what ? what : ending, has_tail ? "; it wrote: " : "",
             has_tail ? link->stderr_tail : "");
    proc->pid = 0;
    proc->link = NULL;
    if (proc->has_answered)
        proc->pause_ms = PAUSE_MS_MIN;
    link_close(link);
    begin_report(proc);
}

/* --- writing */

static void flush(struct bw_hostproc *proc);

static void on_written(uv_write_t *write, int status)
{
    struct link *link = write->data;
    link->is_writing = false;
    if (!link->proc)
        return; /* closing; status is ECANCELED */
    bw_buf_clear(&link->writing);
    if (status < 0)
        link_lose(link, NULL);
    else
        flush(link->proc);
}

static void flush(struct bw_hostproc *proc)
{
    struct link *link = proc->link;
    if (!link || link->is_writing || proc->queue.len == 0)
        return;
    struct bw_buf frames = proc->queue;
    proc->queue = link->writing;
    link->writing = frames;
    uv_buf_t bytes = {.base = link->writing.ptr, .len = link->writing.len};
    link->write.data = link;
    link->is_writing = true;
    int rc = uv_write(&link->write, (uv_stream_t *)&link->socket, &bytes, 1, on_written);
    (void)BW_FAULT(HOST_FRAME_OUT);
    BW_ASSERT(rc == 0); /* a failing write is reported to on_written */
}

void bw_hostproc_send(void *self, uint8_t type, struct bw_str payload)
{
    struct bw_hostproc *proc = self;
    BW_ASSERT(payload.len < BW_WIRE_FRAME_BYTES_MAX);
    if (proc->is_reporting)
        return;
    if (proc->is_asleep) {
        proc->is_asleep = false;
        bw_loop_timer_start(proc->restart, 0);
    }
    bw_buf_put_u32(&proc->queue, (uint32_t)(payload.len + 1));
    bw_buf_put_u8(&proc->queue, type);
    bw_buf_put_str(&proc->queue, payload);
    if (!proc->queue.is_over) {
        flush(proc);
    } else if (proc->link) {
        link_lose(proc->link, "does not take its frames: it hangs");
    } else {
        snprintf(proc->reason, sizeof proc->reason, "%s: too many frames wait for it to start",
                 proc->name);
        begin_report(proc);
    }
}

/* --- reading */

static uint32_t read_u32(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Hands every whole frame upward; returns how many bytes they took. Stops when a callback closed
 * us. */
static size_t take_frames(struct link *link, struct bw_str bytes)
{
    size_t at = 0;
    while (link->proc && bytes.len - at >= FRAME_HEAD_BYTES) {
        uint32_t len = read_u32(bytes.ptr + at);
        if (len < 1 || len > BW_WIRE_FRAME_BYTES_MAX) {
            char text[64];
            snprintf(text, sizeof text, "sent a frame of %u bytes", (unsigned)len);
            link_lose(link, text);
            return at;
        }
        if (bytes.len - at - 4 < len)
            return at;
        uint8_t type = (uint8_t)bytes.ptr[at + 4];
        struct bw_str payload = bw_str(bytes.ptr + at + FRAME_HEAD_BYTES, len - 1);
        at += 4 + (size_t)len;
        struct bw_hostproc *proc = link->proc;
        proc->has_answered = proc->has_answered || type != BW_FRAME_HELLO;
        (void)BW_FAULT(HOST_FRAME_IN);
        if (proc->on_frame)
            proc->on_frame(proc->ud, type, payload);
    }
    return at;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct link *link = handle->data;
    (void)suggested;
    *buf = uv_buf_init(link->chunk, READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct link *link = stream->data;
    if (!link->proc || got == 0)
        return;
    if (got < 0) {
        link_lose(link, NULL);
        return;
    }
    struct bw_str bytes = bw_str(buf->base, (size_t)got);
    if (link->input.len > 0) {
        bw_buf_put_str(&link->input, bytes);
        bytes = bw_buf_str(&link->input);
    }
    size_t taken = take_frames(link, bytes);
    if (!link->proc)
        return;
    size_t left = bytes.len - taken;
    if (link->input.len == 0) {
        bw_buf_put(&link->input, bytes.ptr + taken, left);
    } else {
        memmove(link->input.ptr, link->input.ptr + taken, left);
        link->input.len = left;
    }
    BW_ASSERT(!link->input.is_over); /* one frame and one chunk always fit */
}

static void on_stderr_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct link *link = handle->data;
    (void)suggested;
    *buf = uv_buf_init(link->stderr_chunk, STDERR_TAIL_BYTES);
}

static void on_stderr_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    if (got > 0)
        tail_add(stream->data, buf->base, (size_t)got);
    else if (got < 0)
        uv_read_stop(stream);
}

/* --- the start of a process */

static void link_open(struct bw_hostproc *proc, int socket_fd, int stderr_fd)
{
    struct link *link = bw_xcalloc(1, sizeof *link);
    uv_loop_t *uv = bw_loop_uv(proc->loop);
    link->proc = proc;
    link->handles_open = 2;
    bw_buf_init(&link->writing, proc->queue_bytes_max);
    bw_buf_init(&link->input, (size_t)BW_WIRE_FRAME_BYTES_MAX + FRAME_HEAD_BYTES + READ_BYTES);
    uv_pipe_init(uv, &link->socket, 0);
    uv_pipe_init(uv, &link->stderr_pipe, 0);
    link->socket.data = link;
    link->stderr_pipe.data = link;
    int rc = uv_pipe_open(&link->socket, socket_fd);
    BW_ASSERT(rc == 0);
    rc = uv_pipe_open(&link->stderr_pipe, stderr_fd);
    BW_ASSERT(rc == 0);
    uv_read_start((uv_stream_t *)&link->socket, on_alloc, on_read);
    uv_read_start((uv_stream_t *)&link->stderr_pipe, on_stderr_alloc, on_stderr_read);
    proc->link = link;
    proc->has_answered = false;
}

static enum bw_err spawn(struct bw_hostproc *proc, int socket_fd, int stderr_fd,
                         struct bw_error *error)
{
    const char *const argv[] = {proc->program, proc->name,
                                proc->is_unconfined ? "--unconfined" : NULL, NULL};
    struct bw_spawn_options options = {
        .argv = argv,
        .fds = {-1, -1, stderr_fd, socket_fd},
        .fd_count = 4,
        .is_session_leader =
            true, /* ^C in a terminal is for the engine, which ends its hosts in order */
        .dies_with_parent = true,
    };
    return bw_spawn(&options, &proc->pid, error);
}

static enum bw_err start_process(struct bw_hostproc *proc, struct bw_error *error)
{
    int pair[2], pipe_ends[2];
    (void)BW_FAULT(HOST_START);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return bw_fail(error, BW_ERR_UNAVAILABLE, "%s: socketpair: %s", proc->name,
                       strerror(errno));
    if (pipe2(pipe_ends, O_CLOEXEC) != 0) {
        int number = errno;
        close(pair[0]);
        close(pair[1]);
        return bw_fail(error, BW_ERR_UNAVAILABLE, "%s: pipe: %s", proc->name, strerror(number));
    }
    enum bw_err err = proc->nursery ? bw_nursery_bear(proc->nursery, proc->name, pair[1],
                                                      pipe_ends[1], &proc->pid, error)
                                    : spawn(proc, pair[1], pipe_ends[1], error);
    close(pair[1]);
    close(pipe_ends[1]);
    if (err) {
        close(pair[0]);
        close(pipe_ends[0]);
        return err;
    }
    link_open(proc, pair[0], pipe_ends[0]);
    return BW_ERR_OK;
}

static void on_restart(void *ud)
{
    struct bw_hostproc *proc = ud;
    struct bw_error error;
    if (start_process(proc, &error)) {
        snprintf(proc->reason, sizeof proc->reason, "%s", error.text);
        begin_report(proc);
        return;
    }
    flush(proc);
}

enum bw_err bw_hostproc_create(struct bw_loop *loop, const struct bw_hostproc_options *options,
                               struct bw_hostproc **out, struct bw_error *error)
{
    struct bw_hostproc *proc = bw_xcalloc(1, sizeof *proc);
    proc->loop = loop;
    proc->program = bw_xstrdup(options->program);
    proc->nursery = options->nursery;
    proc->name = bw_xstrdup(options->name ? options->name : "host");
    proc->queue_bytes_max =
        options->queue_bytes_max ? options->queue_bytes_max : QUEUE_BYTES_DEFAULT;
    proc->pause_ms = PAUSE_MS_MIN;
    proc->restart = bw_loop_timer_create(loop, on_restart, proc);
    bw_buf_init(&proc->queue, proc->queue_bytes_max);
    proc->is_asleep = options->is_lazy;
    proc->is_unconfined = options->is_unconfined;
    enum bw_err err = options->is_lazy ? BW_ERR_OK : start_process(proc, error);
    if (err) {
        bw_hostproc_close(proc);
        return err;
    }
    *out = proc;
    return BW_ERR_OK;
}

void bw_hostproc_set_callbacks(void *self, bw_hostproc_frame_fn on_frame,
                               bw_hostproc_lost_fn on_lost, void *ud)
{
    struct bw_hostproc *proc = self;
    proc->on_frame = on_frame;
    proc->on_lost = on_lost;
    proc->ud = ud;
}

void bw_hostproc_restart(void *self)
{
    struct bw_hostproc *proc = self;
    bw_buf_clear(&proc->queue);
    if (proc->is_reporting) { /* nobody wants to hear it any more */
        bw_loop_forget(proc->loop, proc);
        proc->is_reporting = false;
        bw_loop_timer_start(proc->restart, proc->pause_ms);
    }
    if (!proc->link)
        return; /* paused, or asleep: the next process is fresh anyway */
    (void)kill_and_wait(proc->pid);
    proc->pid = 0;
    struct link *link = proc->link;
    proc->link = NULL;
    link_close(link);
    proc->is_asleep = true;
}

void bw_hostproc_close(void *self)
{
    struct bw_hostproc *proc = self;
    if (proc->pid)
        kill_and_wait(proc->pid);
    if (proc->link)
        link_close(proc->link);
    bw_loop_timer_destroy(proc->restart);
    bw_loop_forget(proc->loop, proc);
    bw_buf_deinit(&proc->queue);
    bw_free(proc->program);
    bw_free(proc->name);
    bw_free(proc);
}

pid_t bw_hostproc_pid(const struct bw_hostproc *proc)
{
    return proc->pid;
}
