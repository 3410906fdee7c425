/* clock_os.c - struct bw_clock over clock_gettime. */
#include "base/assert.h"
#include "base/parse.h"
#include "io/os.h"
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct timespec read_clock(clockid_t id)
{
    struct timespec now;
    int rc = clock_gettime(id, &now);
    BW_ASSERT(rc == 0); /* both clocks always exist on Linux */
    return now;
}

static struct bw_instant now_mono(void *self)
{
    (void)self;
    struct timespec now = read_clock(CLOCK_MONOTONIC);
    return (struct bw_instant){(int64_t)now.tv_sec * BW_NS_PER_S + now.tv_nsec};
}

/* A test moves this process's wall clock: seconds, in the file that BILLOW_CLOCK_FILE names. */
static int64_t jump_us(void)
{
#ifdef BW_FAULTS
    const char *path = getenv("BILLOW_CLOCK_FILE"); /* tidy: getenv because tests set it */
    char text[24];
    int64_t seconds = 0;
    int fd = path && *path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return 0;
    ssize_t len = read(fd, text, sizeof text);
    close(fd);
    while (len > 0 && text[len - 1] == '\n')
        len--;
    return len > 0 && bw_parse_i64(bw_str(text, (size_t)len), &seconds) ? seconds * BW_US_PER_S : 0;
#else
    return 0;
#endif
}

static struct bw_stamp now_utc(void *self)
{
    (void)self;
    struct timespec now = read_clock(CLOCK_REALTIME);
    int64_t us = (int64_t)now.tv_sec * BW_US_PER_S + now.tv_nsec / BW_NS_PER_US;
    return (struct bw_stamp){us + jump_us()};
}

struct bw_clock bw_clock_os(void)
{
    return (struct bw_clock){now_mono, now_utc, NULL};
}
