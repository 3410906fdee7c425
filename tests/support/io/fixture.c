/* fixture.c - see fixture.h. */
#include "support/io/fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define WAIT_MS_MAX 30000

const char *io_dir_make(void)
{
    static char dir[128];
    const char *parent = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/billow-test-XXXXXX", parent ? parent : "/tmp");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chmod(dir, 0755), 0);
    return dir;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
    (void)info;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void io_dir_remove(const char *dir)
{
    nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void wait_too_long(void *ud)
{
    (void)ud;
    print_error("waited %d ms in vain\n", WAIT_MS_MAX);
    abort();
}

void io_wait(struct bw_loop *loop, const bool *flag)
{
    struct bw_loop_timer *guard = bw_loop_timer_create(loop, wait_too_long, NULL);
    bw_loop_timer_start(guard, WAIT_MS_MAX);
    while (!*flag)
        bw_loop_step(loop);
    bw_loop_timer_destroy(guard);
}

static void settle_step(void *ud)
{
    int *left = ud;
    (*left)--;
}

void io_settle(struct bw_loop *loop)
{
    int left = 20;
    struct bw_loop_timer *pace = bw_loop_timer_create(loop, settle_step, &left);
    while (left > 0) {
        bw_loop_timer_start(pace, 1);
        bw_loop_step(loop);
    }
    bw_loop_timer_destroy(pace);
}

int io_connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

int io_connect_tcp(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

int io_listen_tcp(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void pace_nothing(void *ud)
{
    (void)ud;
}

void io_talk(struct bw_loop *loop, int fd, const char *request, const char *until,
             struct bw_buf *got)
{
    struct bw_loop_timer *pace = bw_loop_timer_create(loop, pace_nothing, NULL);
    struct bw_loop_timer *guard = bw_loop_timer_create(loop, wait_too_long, NULL);
    bw_loop_timer_start(guard, WAIT_MS_MAX);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), (int)strlen(request));
    for (;;) {
        char chunk[4096];
        ssize_t len = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
        if (len > 0)
            bw_buf_put(got, chunk, (size_t)len);
        bool is_over = len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR);
        if (is_over || (until && strstr(bw_buf_cstr(got), until)))
            break;
        if (len < 0) {
            bw_loop_timer_start(pace,
                                1); /* the client's bytes wake the loop, its reading does not */
            bw_loop_step(loop);
        }
    }
    bw_loop_timer_destroy(pace);
    bw_loop_timer_destroy(guard);
}
