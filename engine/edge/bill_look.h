/* bill_look.h - a look at a month that is being billed: the tenant's open runs and tasks, so
 * indexed that a month of thousands of contracts is judged in one pass.
 *
 * Offers:  take a look, which task to answer, whether all runs stand still, the approvals in order.
 * Relies on: base/map.h, edge/cli.h (the API).
 */
#ifndef BW_EDGE_BILL_LOOK_H
#define BW_EDGE_BILL_LOOK_H

#include "base/map.h"
#include "codec/value.h"
#include "edge/cli.h"

struct bw_bill_look {
    struct bw_str period_run; /* id of the period's run; borrowed */
    struct bw_buf runs;       /* open runs of the tenant */
    struct bw_buf tasks;      /* open tasks */
    struct bw_value *rows;    /* the runs, read */
    size_t row_count;
    struct bw_map by_id;    /* run id -> its row */
    struct bw_map has_task; /* run id -> something, when it has an open task */
};

void bw_bill_look_init(struct bw_bill_look *look);
void bw_bill_look_deinit(struct bw_bill_look *look);
/* Asks the API for the runs and, when all of the month stand still, for the tasks and then the runs
 * again: a run that moved on in between shows no task, and is waited for. */
BW_MUST_USE enum bw_err bw_bill_look_take(struct bw_bill_look *look, struct bw_cli *cli,
                                          struct bw_error *error);

/* The next exception that a run of the month asks about; `rest` starts as the items of the list of
 * tasks. False when there is none. */
bool bw_bill_look_next_exception(const struct bw_bill_look *look, struct bw_str *rest,
                                 struct bw_value *task);
/* Every open run of the month either waits for its children or stands at a task of its own. */
bool bw_bill_look_is_settled(const struct bw_bill_look *look);
/* The approvals that runs of the month ask for, by contract. The caller frees the list. */
struct bw_value *bw_bill_look_approvals(const struct bw_bill_look *look, size_t *count);
/* Does the run belong to the month? */
bool bw_bill_look_is_of_month(const struct bw_bill_look *look, const struct bw_value *run);

#endif
