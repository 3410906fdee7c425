/* entropy_os.c - struct bw_entropy over getrandom(2). */
#include "base/assert.h"
#include "io/os.h"
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>
#include <unistd.h>

/* Ids are made in bursts of 16 bytes: one system call serves 32 of them. */
#define POOL_BYTES 512

static struct {
    unsigned char bytes[POOL_BYTES];
    size_t left; /* unused bytes, at the end of `bytes` */
    pid_t owner; /* a forked process must not hand out its parent's bytes again */
} pool;

static void fill_from_kernel(unsigned char *at, size_t len)
{
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        BW_ASSERT(got > 0);
        at += got;
        len -= (size_t)got;
    }
}

static void fill(void *self, void *bytes, size_t len)
{
    (void)self;
    if (len > POOL_BYTES) {
        fill_from_kernel(bytes, len);
        return;
    }
    pid_t self_pid = getpid();
    if (pool.left < len || pool.owner != self_pid) {
        fill_from_kernel(pool.bytes, POOL_BYTES);
        pool.left = POOL_BYTES;
        pool.owner = self_pid;
    }
    unsigned char *from = pool.bytes + POOL_BYTES - pool.left;
    memcpy(bytes, from, len);
    memset(from, 0, len); /* never handed out twice, not left behind either */
    pool.left -= len;
}

struct bw_entropy bw_entropy_os(void)
{
    return (struct bw_entropy){fill, NULL};
}
