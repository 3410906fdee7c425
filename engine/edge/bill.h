/* bill.h - the steps of `billow bill`: set up the firm, import, start the month, answer, write
 * documents.
 *
 * Offers:  struct bw_bill and one function per step, in the order they are called.
 * Relies on: edge/cli.h; everything goes through the API, so each step may be repeated after a
 * crash.
 */
#ifndef BW_EDGE_BILL_H
#define BW_EDGE_BILL_H

#include "base/mem.h"
#include "codec/value.h"
#include "edge/cli.h"

struct bw_bill {
    struct bw_cli *cli;
    const char *folder;
    const char *period;
    const char *out;
    const char *approve_as; /* NULL: ask on the terminal */
    const char *clear_as;   /* NULL: ask on the terminal */
    const char *contract;   /* NULL: all */
    bool is_again;          /* a new round for what has no invoice yet */
    bool is_together;       /* all approvals at once: numbers in the order of issue */
    struct bw_arena arena;
    struct bw_buf documents; /* encoded {firm, customers, contracts, rate_cards, opening} */
    const char *tenant;      /* of firm.id */
    const char *time_zone;   /* of firm.time_zone */
    struct bw_str result;    /* encoded result of the period's run */
};

/* Reads the JSON documents of the folder. INVALID names file and place. */
BW_MUST_USE enum bw_err bw_bill_read_folder(struct bw_bill *bill, struct bw_error *error);
/* Tenant, release, documents (bill_setup.c). */
BW_MUST_USE enum bw_err bw_bill_set_up(struct bw_bill *bill, struct bw_error *error);
/* The source files that are there (bill_setup.c). */
BW_MUST_USE enum bw_err bw_bill_import(struct bw_bill *bill, struct bw_error *error);
/* Starts the period's run and answers its tasks until it is done (bill_run.c). Approvals are
 * answered in order of contract, each after the one before has had its effect, so that numbers come
 * in that order, unless they are answered together. */
BW_MUST_USE enum bw_err bw_bill_run(struct bw_bill *bill, struct bw_error *error);
/* Writes documents and exceptions, prints the tables (bill_report.c). */
BW_MUST_USE enum bw_err bw_bill_report(struct bw_bill *bill, struct bw_error *error);

#endif
