/* cpu.c - see cpu.h. */
#include "cpu.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct times {
    pid_t parent;
    double own_us;   /* user and system time */
    double ended_us; /* of children that ended and were waited for */
};

/* What the scheduler counted, to the nanosecond: of many processes with little work each, a clock
 * tick would be too coarse. 0: it is gone, or this kernel does not say. */
static double run_us(pid_t pid)
{
    char path[64];
    unsigned long long ns = 0;
    snprintf(path, sizeof path, "/proc/%ld/schedstat", (long)pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    if (fscanf(file, "%llu", &ns) != 1)
        ns = 0;
    fclose(file);
    return (double)ns / 1e3;
}

/* Nothing when it is gone. */
static struct times times_of(pid_t pid)
{
    char path[64], line[1024];
    unsigned long user = 0, kernel = 0, ended_user = 0, ended_kernel = 0;
    int parent = 0;
    double tick_us = 1e6 / (double)sysconf(_SC_CLK_TCK);
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return (struct times){0};
    /* The name in parentheses may hold anything: the fields begin behind its last parenthesis. */
    const char *fields = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    fclose(file);
    if (!fields || sscanf(fields, ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu",
                          &parent, &user, &kernel, &ended_user, &ended_kernel) != 5)
        return (struct times){0};
    double exact_us = run_us(pid);
    return (struct times){.parent = parent,
                          .own_us = exact_us > 0 ? exact_us : (double)(user + kernel) * tick_us,
                          .ended_us = (double)(ended_user + ended_kernel) * tick_us};
}

struct cpu cpu_read(pid_t postmaster)
{
    struct times self = times_of(getpid());
    struct cpu cpu = {.engine_us = self.own_us, .host_us = self.ended_us};
    DIR *all = opendir("/proc");
    const struct dirent *entry;
    while (all && (entry = readdir(all))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        struct times times = pid > 0 ? times_of(pid) : (struct times){0};
        if (pid == postmaster || times.parent == postmaster)
            cpu.postgres_us += times.own_us;
        else if (times.parent == getpid())
            cpu.host_us += times.own_us;
    }
    if (all)
        closedir(all);
    return cpu;
}

struct cpu cpu_since(struct cpu now, struct cpu before)
{
    return (struct cpu){.engine_us = now.engine_us - before.engine_us,
                        .host_us = now.host_us - before.host_us,
                        .postgres_us = now.postgres_us - before.postgres_us};
}
