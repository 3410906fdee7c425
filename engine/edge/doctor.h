/* doctor.h - findings of `billow doctor`, and the checks that need a database or an engine.
 *
 * Offers:  struct bw_doctor (a list of findings), one function per group of checks.
 * Relies on: edge/cli.h, edge/client.h, io/pgc.h.
 */
#ifndef BW_EDGE_DOCTOR_H
#define BW_EDGE_DOCTOR_H

#include "base/mem.h"
#include "edge/cli.h"

#define BW_DOCTOR_FINDINGS_MAX 32

enum bw_doctor_level { BW_DOCTOR_OK, BW_DOCTOR_WARN, BW_DOCTOR_FAIL };

struct bw_doctor_finding {
    enum bw_doctor_level level;
    const char *name; /* static storage: "postgresql" */
    const char *text;
    const char *remedy; /* empty when it is fine */
};

struct bw_doctor {
    struct bw_cli *cli;
    struct bw_arena arena;
    struct bw_doctor_finding findings[BW_DOCTOR_FINDINGS_MAX];
    size_t count;
    bool has_engine; /* one answers on the socket */
};

/* Adds a finding; the text is copied, the remedy is static or of the arena. */
void bw_doctor_say(struct bw_doctor *doctor, enum bw_doctor_level level, const char *name,
                   const char *remedy, const char *format, ...) BW_PRINTF(5, 6);

/* Checks in the order in which they run. Each says at least one finding. */
void bw_doctor_check_engine(
    struct bw_doctor *doctor); /* running, stale socket, lock; parked runs */
void bw_doctor_check_database(struct bw_doctor *doctor); /* reachable, its schema */

#endif
