/* cpu.h - processor time, by whom: says what limits a figure, on a busy machine as well.
 *
 * Offers:  read at two moments, subtract.
 * Relies on: /proc.
 */
#ifndef BW_BENCH_CPU_H
#define BW_BENCH_CPU_H

#include <sys/types.h>

struct cpu {
    double engine_us;
    double host_us;     /* of all children, also of those that have ended */
    double postgres_us; /* the server and all of its processes that are still there */
};

/* Of this process, of its children, and of the server `postmaster`. */
struct cpu cpu_read(pid_t postmaster);
struct cpu cpu_since(struct cpu now, struct cpu before);

#endif
