/* pg_commit.c - the hot path: many turns of many runs in one fenced transaction.
 *
 * A group takes one statement when its turns only move their runs on: it locks the fences, moves
 * the runs whose head is as expected, and writes their journal rows. The rest (acks, messages,
 * children, events, tasks, database work, notes) are further statements of the same transaction,
 * there only when some turn needs them; each counts only for runs whose last_batch is the turn's
 * batch, which the first statement wrote for the accepted ones alone.
 *
 * A group that the database refuses as a whole is halved until the guilty turn stands alone. A
 * connection lost under way is opened again, the old session is ended, and each batch is looked up;
 * what is not there is sent again.
 */
#include "store/pg_commit_sql.h"

#include "base/assert.h"
#include "base/fault.h"
#include "store/check.h"
#include "store/copy.h"
#include "store/work.h"
#include <stdio.h>

#define UNIT_BYTES_MAX BW_STORE_TURN_BYTES_MAX
#define TURNS_MAX 1024

struct range {
    size_t from; /* into group->order */
    size_t to;
};

struct bw_pg_group {
    struct bw_list link;
    struct bw_pg_lane *lane;
    struct bw_arena arena;
    struct bw_turn_commit *commits; /* copies */
    struct bw_commit_result *results;
    size_t count;
    size_t
        *order; /* indices of the commits that are sent; those refused at once are not among them */
    size_t order_count;
    struct range *todo; /* a stack */
    size_t todo_count;
    size_t todo_capacity;
    struct range current;
    struct bw_pg_blobs blobs; /* of the unit that is being built */
    bool *is_mail; /* of the statements of the unit in flight: its rows are (tenant, run) that got
                      mail */
    struct bw_id (*mail)[2]; /* (tenant, run) to report after the callback */
    size_t mail_count;
    size_t mail_capacity;
    int64_t timeline; /* of the server that it was made for */
    int lost_pid;
    char lost_application[BW_PG_APPLICATION_MAX];
    bw_commit_fn done;
    void *ud;
};

/* --- Building a unit ------------------------------------------------------------------------- */

static const struct bw_turn_commit *commit_at(const struct bw_pg_group *group, size_t i)
{
    return &group->commits[group->order[i]];
}

/* The first three cells of every row that depends on its turn. */
static void cell_turn(struct bw_pg_table *table, const struct bw_turn_commit *commit)
{
    bw_pg_cell_id(table, commit->tenant);
    bw_pg_cell_id(table, commit->run);
    bw_pg_cell_id(table, commit->batch);
}

/* Adds the statement if the table has rows, and drops the table. */
static void add_table(struct bw_pg_group *group, struct bw_pgc_unit *unit,
                      struct bw_pg_table *table, const struct bw_pg_statement *statement,
                      bool is_mail)
{
    if (bw_pg_table_rows(table) > 0) {
        group->is_mail[unit->count] = is_mail;
        bw_pg_table_params(table, unit, bw_pgc_unit_add(unit, statement));
    }
    bw_pg_table_deinit(table);
}

static void add_hot(struct bw_pg_group *group, struct bw_pgc_unit *unit)
{
    struct bw_pg_table table;
    struct bw_pg_table shards;
    int slots[BW_SHARD_COUNT] = {0}; /* the place of a shard among those of the group, from 1 */
    int slot_count = 0;
    bw_pg_table_init(&table, BW_PG_HOT_TYPES);
    bw_pg_table_init(&shards, "s");
    for (size_t i = group->current.from; i < group->current.to; i++) {
        BW_ASSERT(commit_at(group, i)->shard < BW_SHARD_COUNT);
        slots[commit_at(group, i)->shard] = 1;
    }
    for (int i = 0; i < BW_SHARD_COUNT; i++) {
        if (!slots[i])
            continue;
        slots[i] = ++slot_count;
        bw_pg_cell_int(&shards, i);
    }
    for (size_t i = group->current.from; i < group->current.to; i++) {
        const struct bw_turn_commit *commit = commit_at(group, i);
        bw_pg_cell_id(&table, commit->tenant);
        bw_pg_cell_id(&table, commit->run);
        bw_pg_cell_int(&table, slots[commit->shard]);
        bw_pg_cell_int(&table, commit->epoch);
        bw_pg_cell_int(&table, (int64_t)commit->expected_head);
        bw_pg_cell_id(&table, commit->batch);
        bw_pg_cell_int(&table, commit->at_us);
        bw_pg_cell_large(&table, &group->blobs, commit->tenant, commit->run, BW_BLOB_TURN,
                         commit->turn, true);
        bw_pg_cell_int(&table, commit->status);
        bw_pg_cell_int(&table, commit->wake);
        bw_pg_cell_bool(&table, commit->is_active);
        bw_pg_cell_int_or_null(&table, commit->wake_at_us);
        bw_pg_cell_int(&table, (int64_t)commit->base);
        bw_pg_cell_int(&table, (int64_t)commit->last_seq);
        bw_pg_cell_bool(&table, commit->error.len > 0);
    }
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &bw_pg_commit_hot);
    bw_pg_table_params(&table, unit, params);
    bw_pg_table_params(&shards, unit, params + sizeof BW_PG_HOT_TYPES - 1);
    bw_pg_table_deinit(&table);
    bw_pg_table_deinit(&shards);
}

static void add_detail(struct bw_pg_group *group, struct bw_pgc_unit *unit)
{
    struct bw_pg_table table;
    bw_pg_table_init(&table, BW_PG_DETAIL_TYPES);
    for (size_t i = group->current.from; i < group->current.to; i++) {
        const struct bw_turn_commit *commit = commit_at(group, i);
        if (commit->state.len + commit->result.len + commit->error.len == 0 && !commit->release)
            continue;
        cell_turn(&table, commit);
        const struct bw_str values[] = {commit->state, commit->result, commit->error};
        for (size_t k = 0; k < 3; k++)
            bw_pg_cell_large(&table, &group->blobs, commit->tenant, commit->run, BW_BLOB_VALUE,
                             values[k], true);
        bw_pg_cell_str_or_null(
            &table, commit->release ? bw_str((const char *)commit->release, BW_RELEASE_HASH_LEN)
                                    : BW_STR_NONE);
    }
    add_table(group, unit, &table, &bw_pg_commit_detail, false);
}

static void add_acks(struct bw_pg_group *group, struct bw_pgc_unit *unit)
{
    struct bw_pg_table table;
    bw_pg_table_init(&table, BW_PG_ACK_TYPES);
    for (size_t i = group->current.from; i < group->current.to; i++) {
        const struct bw_turn_commit *commit = commit_at(group, i);
        for (size_t k = 0; k < commit->ack_count; k++) {
            cell_turn(&table, commit);
            bw_pg_cell_str(&table, commit->acks[k]);
        }
    }
    add_table(group, unit, &table, &bw_pg_commit_ack, false);
}

void bw_pg_cell_run(struct bw_pg_table *table, struct bw_pg_blobs *blobs,
                    const struct bw_run_row *row)
{
    bw_pg_cell_id(table, row->tenant);
    bw_pg_cell_id(table, row->id);
    bw_pg_cell_int(table, row->shard);
    bw_pg_cell_str(table, bw_str((const char *)row->release, BW_RELEASE_HASH_LEN));
    bw_pg_cell_str(table, row->workflow);
    bw_pg_cell_str_or_null(table, row->key);
    bw_pg_cell_int(table, row->status);
    bw_pg_cell_int(table, row->wake);
    bw_pg_cell_bool(table, row->is_active);
    bw_pg_cell_int_or_null(table, row->wake_at_us);
    bw_pg_cell_id_or_null(table, row->parent);
    bw_pg_cell_int(table, (int64_t)row->parent_seq);
    bw_pg_cell_large(table, blobs, row->tenant, row->id, BW_BLOB_VALUE, row->input, false);
    bw_pg_cell_str(table, row->started_by);
    bw_pg_cell_int(table, row->created_at_us);
}

static void add_children(struct bw_pg_group *group, struct bw_pgc_unit *unit)
{
    struct bw_pg_table table;
    bw_pg_table_init(&table, BW_PG_CHILD_TYPES);
    for (size_t i = group->current.from; i < group->current.to; i++) {
        const struct bw_turn_commit *commit = commit_at(group, i);
        for (size_t k = 0; k < commit->child_count; k++) {
            const struct bw_run_row *row = &commit->children[k];
            struct bw_buf refusal;
            bw_buf_init(&refusal, 4096);
            bw_work_put_key_taken(&refusal, row->workflow, row->key);
            cell_turn(&table, commit);
            bw_pg_cell_run(&table, &group->blobs, row);
            bw_pg_cell_str(&table, bw_buf_str(&refusal));
            bw_buf_deinit(&refusal);
        }
    }
    add_table(group, unit, &table, &bw_pg_commit_child, true);
}

static void add_messages(struct bw_pg_group *group, struct bw_pgc_unit *unit)
{
    struct bw_pg_table table;
    bw_pg_table_init(&table, BW_PG_MESSAGE_TYPES);
    for (size_t i = group->current.from; i < group->current.to; i++) {
        const struct bw_turn_commit *commit = commit_at(group, i);
        for (size_t k = 0; k < commit->message_count; k++) {
            const struct bw_message *row = &commit->messages[k];
            cell_turn(&table, commit);
            bw_pg_cell_id(&table, row->tenant);
            bw_pg_cell_id(&table, row->run);
            bw_pg_cell_str(&table, row->key);
            bw_pg_cell_int(&table, row->kind);
            bw_pg_cell_int(&table, (int64_t)row->seq);
            bw_pg_cell_large(&table, &group->blobs, row->tenant, row->run, BW_BLOB_VALUE,
                             row->value, true);
        }
    }
    add_table(group, unit, &table, &bw_pg_commit_message, true);
}

void bw_pg_cell_event(struct bw_pg_table *table, struct bw_pg_blobs *blobs,
                      const struct bw_event *event, struct bw_id run, struct bw_id batch)
{
    bw_pg_cell_id(table, event->tenant);
    bw_pg_cell_id_or_null(table, run);
    bw_pg_cell_id_or_null(table, batch);
    bw_pg_cell_str(table, event->topic);
    bw_pg_cell_str(table, event->key);
    bw_pg_cell_str(table, event->id);
    struct bw_id owner = {{0}};
    if (event->body.len > BW_BLOB_BYTES_MIN)
        owner = bw_pg_event_owner(event->topic, event->key, event->id);
    bw_pg_cell_large(table, blobs, event->tenant, owner, BW_BLOB_VALUE, event->body, false);
    bw_pg_cell_int_or_null(table, event->expires_at_us);
}

static void add_events(struct bw_pg_group *group, struct bw_pgc_unit *unit)
{
    struct bw_pg_table unwaits;
    struct bw_pg_table events;
    struct bw_pg_table waits;
    bw_pg_table_init(&unwaits, BW_PG_UNWAIT_TYPES);
    bw_pg_table_init(&events, BW_PG_EVENT_TYPES);
    bw_pg_table_init(&waits, BW_PG_WAIT_TYPES);
    int64_t now_us = 0;
    for (size_t i = group->current.from; i < group->current.to; i++) {
        const struct bw_turn_commit *commit = commit_at(group, i);
        now_us = commit->at_us > now_us ? commit->at_us : now_us;
        for (size_t k = 0; k < commit->unwait_count; k++) {
            cell_turn(&unwaits, commit);
            bw_pg_cell_int(&unwaits, (int64_t)commit->unwaits[k]);
        }
        for (size_t k = 0; k < commit->event_count; k++)
            bw_pg_cell_event(&events, &group->blobs, &commit->events[k], commit->run,
                             commit->batch);
        for (size_t k = 0; k < commit->wait_count; k++) {
            cell_turn(&waits, commit);
            bw_pg_cell_int(&waits, (int64_t)commit->waits[k].seq);
            bw_pg_cell_str(&waits, commit->waits[k].topic);
            bw_pg_cell_str(&waits, commit->waits[k].key);
        }
    }
    if (bw_pg_table_rows(&unwaits) + bw_pg_table_rows(&events) + bw_pg_table_rows(&waits) > 0) {
        group->is_mail[unit->count] = true;
        struct bw_pg_param *params = bw_pgc_unit_add(unit, &bw_pg_settle_events);
        bw_pg_table_params(&unwaits, unit, params);
        bw_pg_table_params(&events, unit, params + 4);
        bw_pg_table_params(&waits, unit, params + 12);
        params[18] = bw_pg_arg_int(unit, now_us);
    }
    bw_pg_table_deinit(&unwaits);
    bw_pg_table_deinit(&events);
    bw_pg_table_deinit(&waits);
}

static void add_tasks(struct bw_pg_group *group, struct bw_pgc_unit *unit)
{
    struct bw_pg_table opened;
    struct bw_pg_table closed;
    bw_pg_table_init(&opened, BW_PG_TASK_TYPES);
    bw_pg_table_init(&closed, BW_PG_CLOSE_TYPES);
    for (size_t i = group->current.from; i < group->current.to; i++) {
        const struct bw_turn_commit *commit = commit_at(group, i);
        for (size_t k = 0; k < commit->task_count; k++) {
            const struct bw_task *row = &commit->tasks[k];
            cell_turn(&opened, commit);
            bw_pg_cell_id(&opened, row->id);
            bw_pg_cell_int(&opened, (int64_t)row->seq);
            bw_pg_cell_str(&opened, row->kind);
            bw_pg_cell_str(&opened, row->group);
            bw_pg_cell_str(&opened, row->title);
            bw_pg_cell_large(&opened, &group->blobs, commit->tenant, row->id, BW_BLOB_VALUE,
                             row->body, false);
            bw_pg_cell_str(&opened, row->assignees);
            bw_pg_cell_int_or_null(&opened, row->due_at_us);
            bw_pg_cell_int(&opened, commit->at_us);
        }
        for (size_t k = 0; k < commit->closed_task_count; k++) {
            cell_turn(&closed, commit);
            bw_pg_cell_int(&closed, (int64_t)commit->closed_tasks[k]);
        }
    }
    add_table(group, unit, &opened, &bw_pg_commit_task, false);
    add_table(group, unit, &closed, &bw_pg_commit_close_task, false);
}

static void add_notes(struct bw_pg_group *group, struct bw_pgc_unit *unit)
{
    struct bw_pg_table table;
    bw_pg_table_init(&table, BW_PG_NOTE_TYPES);
    for (size_t i = group->current.from; i < group->current.to; i++) {
        const struct bw_turn_commit *commit = commit_at(group, i);
        for (size_t k = 0; k < commit->note_count; k++) {
            cell_turn(&table, commit);
            bw_pg_cell_int(&table, (int64_t)commit->expected_head + 1);
            bw_pg_cell_int(&table, (int64_t)k);
            bw_pg_cell_int(&table, commit->at_us);
            bw_pg_cell_large(&table, &group->blobs, commit->tenant, commit->run, BW_BLOB_VALUE,
                             commit->notes[k], false);
        }
    }
    add_table(group, unit, &table, &bw_pg_commit_note, false);
}

static void add_audits(struct bw_pg_group *group, struct bw_pgc_unit *unit)
{
    struct bw_pg_table table;
    bw_pg_table_init(&table, BW_PG_AUDIT_TYPES);
    for (size_t i = group->current.from; i < group->current.to; i++) {
        const struct bw_turn_commit *commit = commit_at(group, i);
        const struct bw_audit *audit = &commit->audit;
        if (audit->actor.len == 0)
            continue;
        cell_turn(&table, commit);
        bw_pg_cell_int(&table, commit->at_us);
        bw_pg_cell_str(&table, audit->actor);
        bw_pg_cell_str(&table, audit->action);
        bw_pg_cell_str(&table, audit->subject);
        bw_pg_cell_large(&table, &group->blobs, commit->tenant, commit->run, BW_BLOB_VALUE,
                         audit->detail.len ? audit->detail : bw_str("", 1), false);
    }
    add_table(group, unit, &table, &bw_pg_commit_audit, false);
}

static void add_works(struct bw_pg_group *group, struct bw_pgc_unit *unit)
{
    for (size_t i = group->current.from; i < group->current.to; i++) {
        const struct bw_turn_commit *commit = commit_at(group, i);
        for (size_t k = 0; k < commit->db_work_count; k++) {
            struct bw_buf json;
            bw_buf_init(&json, 256u * 1024u * 1024u);
            bw_work_to_json(commit->db_works[k].statements, &json);
            group->is_mail[unit->count] = true;
            struct bw_pg_param *params = bw_pgc_unit_add(unit, &bw_pg_commit_work);
            params[0] = bw_pg_arg_id(unit, commit->tenant);
            params[1] = bw_pg_arg_id(unit, commit->run);
            params[2] = bw_pg_arg_id(unit, commit->batch);
            params[3] = bw_pg_arg_int(unit, (int64_t)commit->db_works[k].seq);
            params[4] = bw_pg_arg_int(unit, commit->at_us);
            params[5] = bw_pg_arg_text(unit, bw_buf_str(&json));
            bw_buf_deinit(&json);
        }
    }
}

/* Order matters: an ack counts before an unwait may give its event back, a child exists before a
 * message reaches it, and database work comes last, so that locks of number series are held for the
 * shortest time. */
static struct bw_pgc_unit *build_unit(struct bw_pg_group *group)
{
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    unit->is_patient = true;
    unit->history = group->timeline;
    size_t statements = 11;
    for (size_t i = group->current.from; i < group->current.to; i++)
        statements += commit_at(group, i)->db_work_count;
    group->is_mail = bw_arena_calloc(&group->arena, statements, sizeof *group->is_mail);
    bw_pg_blobs_init(&group->blobs);
    add_hot(group, unit);
    add_detail(group, unit);
    add_acks(group, unit);
    add_children(group, unit);
    add_messages(group, unit);
    add_events(group, unit);
    add_tasks(group, unit);
    add_notes(group, unit);
    add_audits(group, unit);
    bw_pg_blobs_add(&group->blobs, unit);
    add_works(group, unit);
    return unit;
}

/* --- The life of a group --------------------------------------------------------------------- */

static void group_next(struct bw_pg_group *group);
static void group_look_up(struct bw_pg_group *group);

static void push_range(struct bw_pg_group *group, size_t from, size_t to)
{
    if (from == to)
        return;
    if (group->todo_count == group->todo_capacity) {
        group->todo_capacity = group->todo_capacity ? 2 * group->todo_capacity : 16;
        group->todo = bw_xrealloc(group->todo, group->todo_capacity * sizeof *group->todo);
    }
    group->todo[group->todo_count++] = (struct range){from, to};
}

static void mail_add(struct bw_pg_group *group, struct bw_id tenant, struct bw_id run)
{
    if (group->mail_count == group->mail_capacity) {
        group->mail_capacity = group->mail_capacity ? 2 * group->mail_capacity : 16;
        group->mail = bw_xrealloc(group->mail, group->mail_capacity * sizeof *group->mail);
    }
    group->mail[group->mail_count][0] = tenant;
    group->mail[group->mail_count++][1] = run;
}

/* After a look-up nobody tells who got mail: everyone who may have. */
static void mail_add_all(struct bw_pg_group *group, const struct bw_turn_commit *commit)
{
    for (size_t i = 0; i < commit->message_count; i++)
        mail_add(group, commit->messages[i].tenant, commit->messages[i].run);
    for (size_t i = 0; i < commit->child_count; i++)
        mail_add(group, commit->children[i].tenant, commit->children[i].id);
    if (commit->db_work_count + commit->wait_count > 0)
        mail_add(group, commit->tenant, commit->run);
}

static void group_free(struct bw_pg_group *group)
{
    bw_free(group->todo);
    bw_free(group->mail);
    bw_arena_deinit(&group->arena);
    bw_free(group);
}

static void lane_start(struct bw_pg_lane *lane)
{
    struct bw_list *link = bw_list_pop_front(&lane->store->groups);
    if (!link)
        return;
    struct bw_pg_group *group = bw_container_of(link, struct bw_pg_group, link);
    lane->group = group;
    group->lane = lane;
    group_next(group);
}

static void group_finish(struct bw_pg_group *group)
{
    struct bw_pg_lane *lane = group->lane;
    struct bw_pg_store *store = lane->store;
    lane->group = NULL;
    group->done(group->ud, group->results, group->count);
    for (size_t i = 0; i < group->mail_count && !store->is_closing; i++)
        bw_pg_mail(store, group->mail[i][0], group->mail[i][1]);
    group_free(group);
    if (!lane->group && !store->is_closing)
        lane_start(lane);
}

static void take_results(struct bw_pg_group *group, const struct bw_pg_outcome *outcome)
{
    int64_t epochs[BW_SHARD_COUNT];
    for (size_t i = 0; i < BW_SHARD_COUNT; i++)
        epochs[i] = -1;
    const struct bw_pg_result *rows = outcome->results[0];
    size_t base = group->current.from;
    for (size_t i = 0; i < bw_pg_rows(rows); i++) {
        int64_t place = bw_pg_int(rows, i, 1);
        if (bw_pg_int(rows, i, 0) == 1)
            group->results[group->order[base + (size_t)place - 1]].status = BW_COMMIT_DONE;
        else
            epochs[place] = bw_pg_int(rows, i, 2);
    }
    for (size_t i = base; i < group->current.to; i++) {
        struct bw_commit_result *result = &group->results[group->order[i]];
        const struct bw_turn_commit *commit = commit_at(group, i);
        if (result->status == BW_COMMIT_DONE)
            continue;
        result->status =
            epochs[commit->shard] == commit->epoch ? BW_COMMIT_CONFLICT : BW_COMMIT_FENCED;
    }
    for (size_t i = 1; i < outcome->count; i++) {
        const struct bw_pg_result *mail = outcome->results[i];
        for (size_t k = 0; group->is_mail[i] && k < bw_pg_rows(mail); k++)
            mail_add(group, bw_pg_id(mail, k, 0), bw_pg_id(mail, k, 1));
    }
}

static void group_cancel(struct bw_pg_group *group, const struct bw_error *error)
{
    for (size_t i = 0; i < group->count; i++) {
        if (group->results[i].status != 0)
            continue;
        group->results[i].status = BW_COMMIT_CONFLICT;
        group->results[i].error = *error;
    }
    group_finish(group);
}

static void group_failed(struct bw_pg_group *group, const struct bw_pg_outcome *outcome)
{
    struct range range = group->current;
    size_t size = range.to - range.from;
    bool is_transient = bw_pg_is_transient(outcome->sqlstate);
    bool is_rivalry = strncmp(outcome->sqlstate, "40", 2) == 0;
    if (is_transient) /* a full disk, a restart: wait, and try the same again */
        bw_pgc_pause(group->lane->pgc, bw_pg_pause_ms(group->lane->failures++));
    if (size > 1 && (!is_transient || is_rivalry)) {
        size_t middle = range.from + size / 2;
        push_range(group, middle, range.to);
        push_range(group, range.from, middle);
    } else if (is_transient) {
        push_range(group, range.from, range.to);
    } else {
        struct bw_commit_result *result = &group->results[group->order[range.from]];
        result->status = BW_COMMIT_REFUSED;
        result->error = outcome->error;
    }
    group_next(group);
}

static void on_unit(void *ud, const struct bw_pg_outcome *outcome)
{
    struct bw_pg_group *group = ud;
    switch (outcome->status) {
    case BW_PG_DONE:
        (void)BW_FAULT(STORE_COMMIT_AFTER);
        group->lane->failures = 0;
        take_results(group, outcome);
        group_next(group);
        break;
    case BW_PG_FAILED:
        group_failed(group, outcome);
        break;
    case BW_PG_LOST:
        group->lost_pid = outcome->backend_pid;
        memcpy(group->lost_application, outcome->application, sizeof group->lost_application);
        group_look_up(group);
        break;
    case BW_PG_UNSENT:
    case BW_PG_CANCELLED:
        group_cancel(group, &outcome->error);
        break;
    }
}

/* The old session has ended: what of the range is there now is there, what is not will never be. */
static void on_look_up(void *ud, const struct bw_pg_outcome *outcome)
{
    struct bw_pg_group *group = ud;
    if (outcome->status == BW_PG_CANCELLED) {
        group_cancel(group, &outcome->error);
        return;
    }
    bool is_over = outcome->status == BW_PG_DONE;
    for (size_t i = 0; is_over && i < bw_pg_rows(outcome->results[0]); i++)
        is_over = bw_pg_int(outcome->results[0], i, 0) == 1;
    if (!is_over) {
        bw_pgc_pause(group->lane->pgc, bw_pg_pause_ms(group->lane->failures++));
        group_look_up(group);
        return;
    }
    const struct bw_pg_result *rows = outcome->results[1];
    for (size_t i = 0; i < bw_pg_rows(rows); i++) {
        size_t index = group->order[group->current.from + (size_t)bw_pg_int(rows, i, 0) - 1];
        group->results[index].status = BW_COMMIT_DONE;
        mail_add_all(group, &group->commits[index]);
    }
    /* The rest is sent again; its places in `order` move together. */
    size_t to = group->current.from;
    for (size_t i = group->current.from; i < group->current.to; i++) {
        size_t index = group->order[i];
        if (group->results[index].status == 0)
            group->order[to++] = index;
    }
    push_range(group, group->current.from, to);
    group_next(group);
}

static void group_look_up(struct bw_pg_group *group)
{
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    unit->is_patient = true;
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &bw_pg_end_session);
    params[0] = bw_pg_arg_int(unit, group->lost_pid);
    params[1] = bw_pg_arg_text(unit, bw_str_of(group->lost_application));
    (void)BW_FAULT(STORE_COMMIT_LOOK_UP);
    struct bw_pg_table table;
    bw_pg_table_init(&table, BW_PG_LOOKUP_TYPES);
    for (size_t i = group->current.from; i < group->current.to; i++) {
        const struct bw_turn_commit *commit = commit_at(group, i);
        cell_turn(&table, commit);
        bw_pg_cell_int(&table, (int64_t)commit->expected_head + 1);
    }
    bw_pg_table_params(&table, unit, bw_pgc_unit_add(unit, &bw_pg_look_up));
    bw_pg_table_deinit(&table);
    bw_pgc_send(group->lane->pgc, unit, on_look_up, group);
}

static void on_nothing_left(void *ud)
{
    group_finish(ud);
}

static void group_next(struct bw_pg_group *group)
{
    if (group->todo_count == 0) {
        if (group->order_count == 0)
            bw_pgc_later(group->lane->pgc, on_nothing_left,
                         group); /* refused at once: still answered later */
        else
            group_finish(group);
        return;
    }
    /* What the turns go by may be lost: mail that they took, and that came to be another there. */
    if (group->timeline != group->lane->store->timeline && group->timeline != 0) {
        struct bw_error error;
        bw_fail(&error, BW_ERR_CONFLICT, "the database has become another one");
        group_cancel(group, &error);
        return;
    }
    group->current = group->todo[--group->todo_count];
    (void)BW_FAULT(STORE_COMMIT_BEFORE);
    bw_pgc_send(group->lane->pgc, build_unit(group), on_unit, group);
}

/* Cuts the group into units of a size that a connection can take, the first on top of the stack. */
static void group_cut(struct bw_pg_group *group)
{
    size_t to = group->order_count;
    while (to > 0) {
        size_t from = to;
        size_t bytes = 0;
        do {
            bytes += bw_rows_commit_bytes(commit_at(group, --from));
        } while (from > 0 && to - from < TURNS_MAX &&
                 bytes + bw_rows_commit_bytes(commit_at(group, from - 1)) <= UNIT_BYTES_MAX);
        push_range(group, from, to);
        to = from;
    }
}

void bw_pg_commit(void *self, const struct bw_turn_commit *commits, size_t count, bw_commit_fn done,
                  void *ud)
{
    struct bw_pg_store *store = self;
    struct bw_pg_group *group = bw_xcalloc(1, sizeof *group);
    group->timeline = store->timeline;
    bw_arena_init(&group->arena);
    bw_list_init(&group->link);
    group->count = count;
    group->done = done;
    group->ud = ud;
    group->commits = bw_arena_calloc(&group->arena, count, sizeof *group->commits);
    group->results = bw_arena_calloc(&group->arena, count, sizeof *group->results);
    group->order = bw_arena_calloc(&group->arena, count, sizeof *group->order);
    for (size_t i = 0; i < count; i++) {
        if (bw_check_commit(&commits[i], &group->results[i].error) != BW_ERR_OK) {
            group->results[i].status = BW_COMMIT_REFUSED;
            continue;
        }
        /* It may be sent several times, long after this call. */
        bw_copy_commit(&group->arena, &commits[i], &group->commits[i]);
        group->order[group->order_count++] = i;
    }
    group_cut(group);
    bw_list_push_back(&store->groups, &group->link);
    for (unsigned i = 0; i < store->lane_count; i++) {
        if (!store->lanes[i].group) {
            lane_start(&store->lanes[i]);
            return;
        }
    }
}

static void on_closing(void *ud)
{
    struct bw_error error;
    bw_fail(&error, BW_ERR_CANCELLED, "the store is closing");
    group_cancel(ud, &error);
}

/* Before the connections close: they make the deferred calls. */
void bw_pg_commit_close(struct bw_pg_store *store)
{
    for (struct bw_list *link; (link = bw_list_pop_front(&store->groups));) {
        struct bw_pg_group *group = bw_container_of(link, struct bw_pg_group, link);
        group->lane = &store->lanes[0];
        bw_pgc_later(group->lane->pgc, on_closing, group);
    }
}
