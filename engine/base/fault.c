/* fault.c - see fault.h. */
#include "base/fault.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { LEAK_BYTES = 64 * 1024 };

struct fault {
    uint64_t passes;
    uint64_t fires_at; /* 0: never */
    enum bw_fault_action action;
};

static struct fault faults[BW_FAULT_COUNT_ + 1]; /* the last one is BW_FAULT_ANY */
static int trace_fd = -1;
static void **leaked; /* a chain, so that it is memory in use and not memory lost */

static const char *const NAMES[BW_FAULT_COUNT_ + 1] = {
#define FAULT_NAME(name, outside, text) [BW_FAULT_##name] = outside,
    BW_FAULT_MAP(FAULT_NAME)
#undef FAULT_NAME
        [BW_FAULT_ANY] = "any",
};

static void leak(void)
{
    static bool is_leaking; /* the memory leaked is an allocation too */
    if (is_leaking)
        return;
    is_leaking = true;
    void **block = bw_xmalloc(LEAK_BYTES);
    memset(block, 1, LEAK_BYTES);
    *block = leaked;
    leaked = block;
    (void)!dup(STDERR_FILENO);
    is_leaking = false;
}

static bool fault_fires(struct fault *fault)
{
    fault->passes++;
    if (fault->fires_at == 0 || fault->passes < fault->fires_at)
        return false;
    if (fault->action == BW_FAULT_DO_LEAK)
        leak();
    if (fault->passes > fault->fires_at)
        return false;
    if (fault->action == BW_FAULT_DO_KILL) {
        kill(getpid(), SIGKILL);
        for (;;)
            pause(); /* the signal may take a moment to arrive */
    }
    if (fault->action == BW_FAULT_DO_STOP)
        kill(getpid(), SIGSTOP);
    return fault->action == BW_FAULT_DO_ERR;
}

static void trace(enum bw_fault_point point)
{
    char line[64];
    size_t len = strlen(NAMES[point]);
    if (trace_fd < 0 || len >= sizeof line)
        return;
    memcpy(line, NAMES[point], len);
    line[len] = '\n';
    (void)!write(trace_fd, line, len + 1);
}

bool bw_fault_pass(enum bw_fault_point point)
{
    if (point == BW_FAULT_MEMORY) /* thousands between any two others */
        return fault_fires(&faults[point]);
    if (point == BW_FAULT_LUA_MEMORY) {
        struct fault *fault = &faults[point];
        bool is_second = fault->fires_at != 0 && fault->passes == fault->fires_at;
        return fault_fires(fault) || (is_second && fault->action == BW_FAULT_DO_ERR);
    }
    trace(point);
    bool by_name = fault_fires(&faults[point]);
    bool by_count = fault_fires(&faults[BW_FAULT_ANY]);
    return by_name || by_count;
}

void bw_fault_arm(enum bw_fault_point point, uint64_t nth, enum bw_fault_action action)
{
    faults[point] = (struct fault){.fires_at = nth, .action = action};
}

void bw_fault_reset(void)
{
    memset(faults, 0, sizeof faults);
}

uint64_t bw_fault_passes(enum bw_fault_point point)
{
    return faults[point].passes;
}

const char *bw_fault_name(enum bw_fault_point point)
{
    return NAMES[point];
}

/* Takes the part of `rest` before `separator` (or all) off it. */
static struct bw_str take_part(struct bw_str *rest, char separator)
{
    const char *end = rest->len ? memchr(rest->ptr, separator, rest->len) : NULL;
    size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
    struct bw_str part = bw_str(rest->ptr, len);
    size_t taken = end ? len + 1 : len;
    *rest = bw_str(rest->ptr + taken, rest->len - taken);
    return part;
}

static bool parse_count(struct bw_str digits, uint64_t *count)
{
    *count = 0;
    if (digits.len == 0 || digits.len > 9)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return false;
        *count = *count * 10 + (uint64_t)(digits.ptr[i] - '0');
    }
    return true;
}

static bool parse_one(struct bw_str text, enum bw_fault_point *point, struct fault *fault)
{
    struct bw_str name = take_part(&text, ':');
    struct bw_str count = take_part(&text, ':');
    if (!parse_count(count, &fault->fires_at))
        return false;
    if (text.len == 0 || bw_str_eq(text, BW_STR("kill")))
        fault->action = BW_FAULT_DO_KILL;
    else if (bw_str_eq(text, BW_STR("err")))
        fault->action = BW_FAULT_DO_ERR;
    else if (bw_str_eq(text, BW_STR("stop")))
        fault->action = BW_FAULT_DO_STOP;
    else if (bw_str_eq(text, BW_STR("leak")))
        fault->action = BW_FAULT_DO_LEAK;
    else
        return false;
    for (int i = 0; i <= BW_FAULT_ANY; i++) {
        if (bw_str_eq(name, bw_str_of(NAMES[i]))) {
            *point = (enum bw_fault_point)i;
            return true;
        }
    }
    return false;
}

bool bw_fault_arm_text(const char *text)
{
    struct fault parsed[BW_FAULT_COUNT_ + 1];
    memcpy(parsed, faults, sizeof parsed);
    struct bw_str rest = bw_str_of(text);
    while (rest.len) {
        enum bw_fault_point point;
        struct fault fault = {0};
        if (!parse_one(take_part(&rest, ','), &point, &fault))
            return false;
        parsed[point] = fault;
    }
    memcpy(faults, parsed, sizeof faults);
    return true;
}

bool bw_fault_arm_environment(void)
{
    const char *text = getenv("BILLOW_FAULT"); /* tidy: getenv because tests set it from outside */
    const char *path = getenv("BILLOW_FAULT_TRACE"); /* tidy: getenv because tests set it */
    bool is_armed = text && *text;
#ifdef BW_FAULTS
    if (path && *path && trace_fd < 0)
        trace_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    return !is_armed || bw_fault_arm_text(text);
#else
    (void)path;
    return !is_armed;
#endif
}

int64_t bw_fault_setting(const char *name, int64_t otherwise)
{
#ifdef BW_FAULTS
    const char *text = getenv(name); /* tidy: getenv because tests set it from outside */
    int64_t number;
    return text && bw_parse_i64(bw_str_of(text), &number) ? number : otherwise;
#else
    (void)name;
    return otherwise;
#endif
}
