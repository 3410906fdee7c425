/* script_report.h - how a plain script ended (billow script run), for people and for machines.
 *
 * Offers:  judge the answer of a host, print it, the exit code.
 * Relies on: codec/wire.h, edge/cli.h. Everything a host says is hostile: texts are printed without
 * control bytes, JSON is checked before it goes out.
 */
#ifndef BW_EDGE_SCRIPT_REPORT_H
#define BW_EDGE_SCRIPT_REPORT_H

#include "codec/wire.h"
#include "edge/cli.h"

struct bw_script_limits {
    uint64_t fuel;
    uint64_t memory_bytes;
    uint64_t wall_ms;
};

enum bw_script_end {
    BW_SCRIPT_FINISHED,
    BW_SCRIPT_REFUSED, /* something in it is not to be had */
    BW_SCRIPT_KILLED,  /* `limit` says by which */
    BW_SCRIPT_RAISED,  /* an error that it did not catch */
};

/* All texts live in `arena`, or are static. */
struct bw_script_report {
    struct bw_cli *cli;
    struct bw_arena *arena;
    struct bw_script_limits limits;
    bool is_strict;
    const char *file;     /* as in error texts */
    struct bw_str source; /* empty: not read */
    enum bw_script_end end;
    const char *limit;   /* KILLED: "fuel", "memory", "wall", "host" */
    struct bw_str text;  /* FINISHED: the result; otherwise why */
    struct bw_str json;  /* FINISHED: the result */
    struct bw_str where; /* the file it happened in; may be empty */
    int64_t line;        /* 0: not known */
    struct bw_str stack; /* RAISED */
    struct bw_str logs;  /* encoded array of {level, text, fields} */
    uint64_t steps;
    uint64_t memory_bytes;
};

void bw_script_report_refuse(struct bw_script_report *report, const char *format, ...)
    BW_PRINTF(2, 3);
/* Borrows from the result. */
void bw_script_report_result(struct bw_script_report *report, const struct bw_turn_result *result);
void bw_script_report_late(struct bw_script_report *report); /* the host did not answer in time */
void bw_script_report_host(struct bw_script_report *report, const char *reason); /* the host died */

/* Result on standard output, all else on standard error; with --json one object on standard output.
 * Returns the exit code. */
int bw_script_report_print(struct bw_script_report *report);

#endif
