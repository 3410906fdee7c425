/* cpu.c - see cpu.h. */
#include "cpu.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* User and system time of one process; its parent in `parent`. Nothing when it is gone. */
static double process_us(pid_t pid, pid_t *parent)
{
    char path[64], line[1024];
    unsigned long user = 0, kernel = 0;
    int ppid = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    /* The name in parentheses may hold anything: the fields begin behind its last parenthesis. */
    const char *fields = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    fclose(file);
    if (!fields || sscanf(fields, ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &ppid,
                          &user, &kernel) != 3)
        return 0;
    *parent = ppid;
    return (double)(user + kernel) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

struct cpu cpu_read(pid_t host, pid_t postmaster)
{
    pid_t parent = 0;
    struct cpu cpu = {.engine_us = process_us(getpid(), &parent),
                      .host_us = host ? process_us(host, &parent) : 0};
    DIR *all = opendir("/proc");
    const struct dirent *entry;
    while (all && (entry = readdir(all))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        parent = 0;
        double used = pid > 0 ? process_us(pid, &parent) : 0;
        if (pid == postmaster || parent == postmaster)
            cpu.postgres_us += used;
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
