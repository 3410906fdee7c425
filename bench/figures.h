/* figures.h - what was measured: named values, each as a ratio to another one of the same run.
 *
 * Offers:  add, percentiles, send and receive between processes, print as a table, write as JSON.
 * Relies on: base/.
 */
#ifndef BW_BENCH_FIGURES_H
#define BW_BENCH_FIGURES_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { FIGURES_MAX = 128 };

struct figure {
    char name[64];
    char unit[24];
    char ratio_to[64]; /* another figure's name; empty = stands alone */
    double value;
};

struct figures {
    struct figure items[FIGURES_MAX];
    size_t count;
};

/* `ratio_to` may be NULL; it names a figure that may come from an earlier section. */
void figures_add(struct figures *figures, const char *name, double value, const char *unit,
                 const char *ratio_to);
/* NULL when there is none. */
const struct figure *figures_find(const struct figures *figures, const char *name);
/* 0 when either of the two is missing. */
double figures_ratio(const struct figures *figures, const struct figure *figure);

/* A child's figures to its parent, one line each. */
void figures_send(const struct figures *figures, FILE *out);
void figures_receive(struct figures *figures, FILE *in);

void figures_print(const struct figures *figures, FILE *out);
/* An array of {name, value, unit, ratio, ratio_to}; the last two are null where there is none. */
BW_MUST_USE enum bw_err figures_write(const struct figures *figures, const char *path,
                                      struct bw_error *error);

/* Sorts the samples; `share` between 0 and 1. 0 when there are none. */
double figures_percentile(int64_t *samples, size_t count, double share);

int64_t figures_now_ns(void); /* monotonic */
/* This process's processor time: what is measured on one core does not depend on who else is there.
 */
int64_t figures_cpu_ns(void);

#endif
