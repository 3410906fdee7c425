/* bill_look.c - see bill_look.h. */
#include "edge/bill_look.h"
#include "base/mem.h"
#include "edge/cmd.h"
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 8 };

#define RUNS "/v1/runs?status=open&limit=10000"
#define TASKS "/v1/tasks?status=open&limit=10000"

static struct bw_str text_of(const struct bw_value *row, const char *name)
{
    return bw_value_get_str(row, name, BW_STR(""));
}

void bw_bill_look_init(struct bw_bill_look *look)
{
    *look = (struct bw_bill_look){0};
    bw_buf_init(&look->runs, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&look->tasks, BW_CMD_FILE_BYTES_MAX);
    bw_map_init(&look->by_id);
    bw_map_init(&look->has_task);
}

void bw_bill_look_deinit(struct bw_bill_look *look)
{
    bw_buf_deinit(&look->runs);
    bw_buf_deinit(&look->tasks);
    bw_map_deinit(&look->by_id);
    bw_map_deinit(&look->has_task);
    bw_free(look->rows);
}

static void index_rows(struct bw_bill_look *look)
{
    struct bw_value runs = bw_value_read(bw_buf_str(&look->runs));
    struct bw_value tasks = bw_value_read(bw_buf_str(&look->tasks)), task;
    struct bw_str rest = runs.items;
    bw_map_clear(&look->by_id);
    bw_map_clear(&look->has_task);
    look->row_count = runs.count;
    look->rows = bw_xrealloc(look->rows, (runs.count + 1) * sizeof *look->rows);
    for (struct bw_value *row = look->rows; bw_value_next(&rest, row); row++)
        (void)bw_map_put(&look->by_id, text_of(row, "id"), row);
    rest = tasks.items;
    while (bw_value_next(&rest, &task))
        (void)bw_map_put(&look->has_task, text_of(&task, "run"), look);
}

/* It is the period's run, or one that waits for such a one's result. Others (an import that was
 * broken off, collections, which follow their invoice for months) do not stop the month. */
bool bw_bill_look_is_of_month(const struct bw_bill_look *look, const struct bw_value *run)
{
    for (int depth = 0; run && depth < DEPTH_MAX; depth++) {
        struct bw_str parent = text_of(run, "parent");
        if (bw_str_eq(text_of(run, "id"), look->period_run))
            return true;
        if (bw_value_get_int(run, "parent_seq", 0) == 0) /* nobody waits for it */
            return false;
        if (bw_str_eq(parent, look->period_run))
            return true;
        run = bw_map_get(&look->by_id, parent);
    }
    return false;
}

static enum bw_err list(struct bw_cli *cli, const char *path, struct bw_buf *rows,
                        struct bw_error *error)
{
    bw_buf_clear(rows);
    return bw_cli_call(cli, "GET", path, BW_STR_NONE, rows, error);
}

/* Does some run of the month compute, or wait for something that comes by itself? */
static bool is_moving(const struct bw_bill_look *look)
{
    for (size_t i = 0; i < look->row_count; i++) {
        struct bw_str wake = text_of(&look->rows[i], "wake");
        bool is_still = bw_str_eq(wake, BW_STR("child")) || bw_str_eq(wake, BW_STR("task"));
        if (!is_still && bw_bill_look_is_of_month(look, &look->rows[i]))
            return true;
    }
    return false;
}

/* Tasks carry whole documents: they are asked for only when every run stands still. */
enum bw_err bw_bill_look_take(struct bw_bill_look *look, struct bw_cli *cli, struct bw_error *error)
{
    bw_buf_clear(&look->tasks);
    enum bw_err err = list(cli, RUNS, &look->runs, error);
    if (err)
        return err;
    index_rows(look);
    if (is_moving(look))
        return BW_ERR_OK;
    err = list(cli, TASKS, &look->tasks, error);
    if (!err)
        err = list(cli, RUNS, &look->runs, error);
    if (!err)
        index_rows(look);
    return err;
}

/* Is it asked by a run of the month? What others ask (to write an invoice off, to credit one) is
 * nothing that whoever bills the month has said yes to. */
static bool is_asked(const struct bw_bill_look *look, const struct bw_value *task, const char *kind)
{
    const struct bw_value *run;
    if (!bw_str_eq(text_of(task, "kind"), bw_str_of(kind)))
        return false;
    run = bw_map_get(&look->by_id, text_of(task, "run"));
    return run && bw_bill_look_is_of_month(look, run);
}

bool bw_bill_look_next_exception(const struct bw_bill_look *look, struct bw_str *rest,
                                 struct bw_value *task)
{
    while (bw_value_next(rest, task))
        if (is_asked(look, task, "exception"))
            return true;
    return false;
}

bool bw_bill_look_is_settled(const struct bw_bill_look *look)
{
    for (size_t i = 0; i < look->row_count; i++) {
        const struct bw_value *run = &look->rows[i];
        struct bw_str wake = text_of(run, "wake");
        bool is_waiting =
            bw_str_eq(wake, BW_STR("child")) ||
            (bw_str_eq(wake, BW_STR("task")) && bw_map_get(&look->has_task, text_of(run, "id")));
        if (!is_waiting && bw_bill_look_is_of_month(look, run))
            return false;
    }
    return true;
}

static int by_group(const void *a, const void *b)
{
    const struct bw_value *left = a, *right = b;
    int order = bw_str_cmp(text_of(left, "group"), text_of(right, "group"));
    return order ? order : bw_str_cmp(text_of(left, "id"), text_of(right, "id"));
}

struct bw_value *bw_bill_look_approvals(const struct bw_bill_look *look, size_t *count)
{
    struct bw_value list = bw_value_read(bw_buf_str(&look->tasks)), task;
    struct bw_value *found = bw_xcalloc(list.count + 1, sizeof *found);
    struct bw_str rest = list.items;
    *count = 0;
    while (bw_value_next(&rest, &task))
        if (is_asked(look, &task, "approval"))
            found[(*count)++] = task;
    qsort(found, *count, sizeof *found, by_group);
    return found;
}
