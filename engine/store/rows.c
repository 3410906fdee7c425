/* rows.c - see rows.h. */
#include "store/rows.h"

#include "base/assert.h"
#include "codec/date.h"
#include <inttypes.h>
#include <stdio.h>

static const char *const status_names[] = {NULL, "open", "parked", "done", "failed", "cancelled"};
static const char *const wake_names[] = {"none", "ready", "timer",    "event",  "effect",
                                         "task", "child", "database", "paused", "parked"};
static const char *const task_names[] = {NULL, "open", "answered", "closed"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int name_index(const char *const *names, size_t count, struct bw_str name)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i] && bw_str_eq(name, bw_str_of(names[i])))
            return (int)i;
    }
    return -1;
}

const char *bw_run_status_name(enum bw_run_status status)
{
    BW_ASSERT(status >= 1 && status < COUNT(status_names));
    return status_names[status];
}

bool bw_run_status_from_name(struct bw_str name, enum bw_run_status *status)
{
    int index = name_index(status_names, COUNT(status_names), name);
    if (index > 0)
        *status = (enum bw_run_status)index;
    return index > 0;
}

const char *bw_wake_reason_name(enum bw_wake_reason wake)
{
    BW_ASSERT(wake < COUNT(wake_names));
    return wake_names[wake];
}

bool bw_run_status_is_final(enum bw_run_status status)
{
    return status == BW_RUN_DONE || status == BW_RUN_FAILED || status == BW_RUN_CANCELLED;
}

const char *bw_task_status_name(enum bw_task_status status)
{
    BW_ASSERT(status >= 1 && status < COUNT(task_names));
    return task_names[status];
}

bool bw_task_status_from_name(struct bw_str name, enum bw_task_status *status)
{
    int index = name_index(task_names, COUNT(task_names), name);
    if (index > 0)
        *status = (enum bw_task_status)index;
    return index > 0;
}

/* --- Maps, their keys in byte order ---------------------------------------------------------- */

static void put_key_str(struct bw_buf *out, const char *key, struct bw_str text)
{
    bw_value_put_key(out, key);
    bw_value_put_str(out, text);
}

static void put_key_int(struct bw_buf *out, const char *key, int64_t value)
{
    bw_value_put_key(out, key);
    bw_value_put_int(out, value);
}

static void put_key_id(struct bw_buf *out, const char *key, struct bw_id id)
{
    bw_value_put_key(out, key);
    if (bw_id_is_zero(id))
        bw_value_put_null(out);
    else
        bw_rows_put_id(out, id);
}

/* An encoded value as it is; nothing stored is null. */
/* What is stored may have been broken by hand: whoever asks is told so, and sees the rest. */
static void put_value(struct bw_buf *out, struct bw_str encoded)
{
    struct bw_error error = {0};
    char text[sizeof error.text + 128];
    if (encoded.len == 0) {
        bw_value_put_null(out);
    } else if (bw_value_check(encoded, &error)) {
        bw_buf_put_str(out, encoded);
    } else {
        snprintf(text, sizeof text, "the %zu bytes stored here are no value (%s): restore the row",
                 encoded.len, error.text);
        bw_value_put_map(out, 1);
        bw_value_put_key(out, "unreadable");
        bw_value_put_text(out, text);
    }
}

static void put_key_value(struct bw_buf *out, const char *key, struct bw_str encoded)
{
    bw_value_put_key(out, key);
    put_value(out, encoded);
}

static void put_key_time(struct bw_buf *out, const char *key, int64_t at_us)
{
    bw_value_put_key(out, key);
    if (at_us)
        bw_value_put_int(out, at_us);
    else
        bw_value_put_null(out);
}

void bw_rows_put_id(struct bw_buf *out, struct bw_id id)
{
    char text[BW_ID_TEXT_LEN + 1];
    bw_id_print(id, text);
    bw_value_put_text(out, text);
}

static void put_hex(struct bw_buf *out, const uint8_t *bytes, size_t len)
{
    char text[2 * BW_RELEASE_HASH_LEN + 1];
    for (size_t i = 0; i < len; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    bw_value_put_str(out, bw_str(text, 2 * len));
}

void bw_rows_put_run(struct bw_buf *out, const struct bw_run_row *row, bool is_whole)
{
    bool is_dropped = row->dropped_at_us != 0;
    bw_value_put_map(out, (is_whole ? 21u : 18u) + (is_dropped ? 2u : 0u));
    put_key_int(out, "base", (int64_t)row->base);
    put_key_int(out, "created_at_us", row->created_at_us);
    if (is_dropped) {
        put_key_int(out, "dropped_at_us", row->dropped_at_us);
        put_key_str(out, "dropped_under", row->dropped_under);
    }
    put_key_value(out, "error", row->error);
    put_key_int(out, "head", (int64_t)row->head);
    put_key_id(out, "id", row->id);
    if (is_whole)
        put_key_value(out, "input", row->input);
    bw_value_put_key(out, "is_active");
    bw_value_put_bool(out, row->is_active);
    put_key_str(out, "key", row->key);
    put_key_int(out, "last_seq", (int64_t)row->last_seq);
    put_key_id(out, "parent", row->parent);
    put_key_int(out, "parent_seq", (int64_t)row->parent_seq);
    bw_value_put_key(out, "release");
    put_hex(out, row->release, BW_RELEASE_HASH_LEN);
    if (is_whole)
        put_key_value(out, "result", row->result);
    put_key_int(out, "shard", row->shard);
    put_key_str(out, "started_by", row->started_by);
    if (is_whole)
        put_key_value(out, "state", row->state);
    put_key_str(out, "status", bw_str_of(bw_run_status_name(row->status)));
    put_key_int(out, "updated_at_us", row->updated_at_us);
    put_key_str(out, "wake", bw_str_of(bw_wake_reason_name(row->wake)));
    put_key_time(out, "wake_at_us", row->wake_at_us);
    put_key_str(out, "workflow", row->workflow);
}

void bw_rows_put_task(struct bw_buf *out, const struct bw_task_row *row)
{
    bw_value_put_map(out, 13);
    put_key_value(out, "answer", row->answer);
    put_key_time(out, "answered_at_us", row->answered_at_us);
    put_key_value(out, "assignees", row->task.assignees);
    put_key_value(out, "body", row->task.body);
    put_key_time(out, "due_us", row->task.due_at_us);
    put_key_str(out, "group", row->task.group);
    put_key_id(out, "id", row->task.id);
    put_key_str(out, "kind", row->task.kind);
    put_key_int(out, "opened_at_us", row->opened_at_us);
    put_key_id(out, "run", row->run);
    put_key_int(out, "seq", (int64_t)row->task.seq);
    put_key_str(out, "status", bw_str_of(bw_task_status_name(row->status)));
    put_key_str(out, "title", row->task.title);
}

void bw_rows_put_journal(struct bw_buf *out, uint64_t turn, int64_t at_us, struct bw_id batch,
                         struct bw_str body)
{
    bw_value_put_map(out, 4);
    put_key_int(out, "at_us", at_us);
    put_key_id(out, "batch", batch);
    put_key_str(out, "body", body);
    put_key_int(out, "turn", (int64_t)turn);
}

void bw_rows_put_note(struct bw_buf *out, uint64_t turn, int64_t at_us, struct bw_str note)
{
    bw_value_put_map(out, 3);
    put_key_int(out, "at_us", at_us);
    put_key_value(out, "note", note);
    put_key_int(out, "turn", (int64_t)turn);
}

void bw_rows_put_message(struct bw_buf *out, const struct bw_message *message, bool is_read)
{
    static const char *const kinds[] = {NULL, "outcome", "error", "cancel"};
    bw_value_put_map(out, 5);
    bw_value_put_key(out, "is_read");
    bw_value_put_bool(out, is_read);
    put_key_str(out, "key", message->key);
    put_key_str(out, "kind", bw_str_of(kinds[message->kind]));
    put_key_int(out, "seq", (int64_t)message->seq);
    put_key_value(out, "value", message->value);
}

void bw_rows_put_number(struct bw_buf *out, struct bw_str series, struct bw_str number,
                        int64_t sequence, struct bw_str date, int64_t at_us, struct bw_id run)
{
    bw_value_put_map(out, 6);
    put_key_int(out, "at_us", at_us);
    put_key_str(out, "date", date);
    put_key_str(out, "number", number);
    put_key_id(out, "run", run);
    put_key_int(out, "sequence", sequence);
    put_key_str(out, "series", series);
}

void bw_rows_put_series(struct bw_buf *out, struct bw_str series, struct bw_str format,
                        struct bw_str reset, int64_t next, struct bw_str last_date)
{
    bw_value_put_map(out, 5);
    put_key_str(out, "format", format);
    bw_value_put_key(out, "last_date");
    if (last_date.len)
        bw_value_put_str(out, last_date);
    else
        bw_value_put_null(out);
    put_key_int(out, "next", next);
    put_key_str(out, "reset", reset);
    put_key_str(out, "series", series);
}

void bw_rows_put_key(struct bw_buf *out, struct bw_str name, struct bw_str key)
{
    bw_value_put_map(out, 2);
    put_key_str(out, "key", key);
    put_key_str(out, "name", name);
}

void bw_rows_put_audit(struct bw_buf *out, int64_t at_us, struct bw_str actor, struct bw_str action,
                       struct bw_str subject, struct bw_str detail)
{
    bw_value_put_map(out, 5);
    put_key_str(out, "action", action);
    put_key_str(out, "actor", actor);
    put_key_int(out, "at_us", at_us);
    put_key_value(out, "detail", detail);
    put_key_str(out, "subject", subject);
}

void bw_rows_put_schedule(struct bw_buf *out, const struct bw_schedule_row *row)
{
    bw_value_put_map(out, 12);
    put_key_int(out, "fired", row->fired_count);
    bw_value_put_key(out, "is_paused");
    bw_value_put_bool(out, row->is_paused);
    put_key_time(out, "last_due_us", row->last_due_us);
    put_key_id(out, "last_run", row->last_run);
    put_key_str(out, "name", row->name);
    put_key_time(out, "next_due_us", row->next_due_us);
    put_key_str(out, "problem", row->problem);
    put_key_time(out, "set_at_us", row->set_at_us);
    put_key_str(out, "set_by", row->set_by);
    put_key_int(out, "skipped", row->skipped_count);
    put_key_value(out, "spec", row->spec);
    put_key_int(out, "version", row->version);
}

void bw_rows_put_problem(struct bw_buf *out, struct bw_id run, struct bw_str problem)
{
    bw_value_put_map(out, 2);
    put_key_str(out, "problem", problem);
    put_key_id(out, "run", run);
}

void bw_rows_put_scope(struct bw_buf *out, struct bw_str scope_type, struct bw_str scope_id)
{
    bw_value_put_map(out, 2);
    put_key_str(out, "scope_id", scope_id);
    put_key_str(out, "scope_type", scope_type);
}

void bw_rows_put_tenant(struct bw_buf *out, struct bw_id id, struct bw_str name,
                        int64_t created_at_us, const struct bw_share *share)
{
    bw_value_put_map(out, share->open >= 0 ? 6 : 5);
    put_key_int(out, "created_at_us", created_at_us);
    put_key_id(out, "id", id);
    put_key_str(out, "name", name);
    if (share->open >= 0)
        put_key_int(out, "open", share->open);
    put_key_int(out, "runs_max", share->runs_max);
    put_key_int(out, "weight", share->weight);
}

enum bw_err bw_share_from_args(struct bw_str args, struct bw_share *share, struct bw_error *error)
{
    struct bw_value map = bw_value_read(args);
    *share = (struct bw_share){.weight = bw_value_get_int(&map, "weight", 0),
                               .runs_max = bw_value_get_int(&map, "runs_max", -1)};
    if (share->weight != 0 && (share->weight < 10 || share->weight > 1000))
        return bw_fail(
            error, BW_ERR_INVALID,
            "a tenant's weight is 10 to 1000, in per cent of the normal share; it is %" PRId64,
            share->weight);
    return BW_ERR_OK;
}

void bw_rows_put_event(struct bw_buf *out, struct bw_str topic, struct bw_str key, struct bw_str id,
                       struct bw_str body)
{
    bw_value_put_map(out, 4);
    put_key_value(out, "body", body);
    put_key_str(out, "id", id);
    put_key_str(out, "key", key);
    put_key_str(out, "topic", topic);
}

/* --- Arguments ------------------------------------------------------------------------------- */

static enum bw_err take_id(const struct bw_value *args, const char *key, struct bw_id *id,
                           struct bw_error *error)
{
    struct bw_str text = bw_value_get_str(args, key, BW_STR_NONE);
    if (text.len && !bw_id_parse(text, id))
        return bw_fail(error, BW_ERR_INVALID, "%s is not an id: %.*s", key, BW_STR_ARG(text));
    return BW_ERR_OK;
}

static enum bw_err need_id(struct bw_str what, const char *key, struct bw_id id,
                           struct bw_error *error)
{
    if (bw_id_is_zero(id))
        return bw_fail(error, BW_ERR_INVALID, "to read %.*s, give %s", BW_STR_ARG(what), key);
    return BW_ERR_OK;
}

static enum bw_err take_status(struct bw_str what, const struct bw_value *args,
                               struct bw_read_args *out, struct bw_error *error)
{
    struct bw_str name = bw_value_get_str(args, "status", BW_STR_NONE);
    out->has_status = name.len > 0;
    if (!out->has_status)
        return BW_ERR_OK;
    bool is_known;
    if (bw_str_eq(what, BW_STR("tasks"))) {
        enum bw_task_status status = BW_TASK_OPEN;
        is_known = bw_task_status_from_name(name, &status);
        out->status = (int)status;
    } else {
        enum bw_run_status status = BW_RUN_OPEN;
        is_known = bw_run_status_from_name(name, &status);
        out->status = (int)status;
    }
    if (!is_known)
        return bw_fail(error, BW_ERR_INVALID, "%.*s have no status %.*s", BW_STR_ARG(what),
                       BW_STR_ARG(name));
    return BW_ERR_OK;
}

enum bw_err bw_rows_read_args(struct bw_str what, struct bw_str args, struct bw_read_args *out,
                              struct bw_error *error)
{
    static const char *const reads[] = {
        "runs",     "run",     "journal", "tasks",     "task",          "notes",    "inbox",
        "tenants",  "numbers", "series",  "audit",     "schedules",     "schedule", "tenant",
        "problems", "key",     "holds",   "retention", "setting_scopes"};
    *out = (struct bw_read_args){0};
    if (name_index(reads, COUNT(reads), what) < 0)
        return bw_fail(error, BW_ERR_INVALID, "nothing is called %.*s", BW_STR_ARG(what));
    struct bw_value map = bw_value_read(args);
    out->workflow = bw_value_get_str(&map, "workflow", BW_STR_NONE);
    out->series = bw_value_get_str(&map, "series", BW_STR_NONE);
    out->actor = bw_value_get_str(&map, "actor", BW_STR_NONE);
    out->action = bw_value_get_str(&map, "action", BW_STR_NONE);
    out->subject = bw_value_get_str(&map, "subject", BW_STR_NONE);
    out->since_us = bw_value_get_int(&map, "since_us", 0);
    out->name = bw_value_get_str(&map, "name", BW_STR_NONE);
    out->limit = bw_value_get_int(&map, "limit", BW_ROWS_LIMIT_DEFAULT);
    if (out->limit < 1 || out->limit > BW_ROWS_LIMIT_MAX)
        return bw_fail(error, BW_ERR_INVALID, "limit has to be from 1 to %d", BW_ROWS_LIMIT_MAX);
    enum bw_err code = take_status(what, &map, out, error);
    if (code == BW_ERR_OK)
        code = take_id(&map, "id", &out->id, error);
    if (code == BW_ERR_OK)
        code = take_id(&map, "run", &out->run, error);
    if (code == BW_ERR_OK)
        code = take_id(&map, "after", &out->after, error);
    if (code != BW_ERR_OK)
        return code;
    if (bw_str_eq(what, BW_STR("run")) || bw_str_eq(what, BW_STR("task")))
        return need_id(what, "id", out->id, error);
    if (bw_str_eq(what, BW_STR("journal")) || bw_str_eq(what, BW_STR("notes")) ||
        bw_str_eq(what, BW_STR("inbox")))
        return need_id(what, "run", out->run, error);
    return BW_ERR_OK;
}

/* --- Sizes ----------------------------------------------------------------------------------- */

size_t bw_rows_commit_bytes(const struct bw_turn_commit *commit)
{
    size_t bytes =
        256 + commit->turn.len + commit->state.len + commit->result.len + commit->error.len;
    for (size_t i = 0; i < commit->message_count; i++)
        bytes += commit->messages[i].value.len;
    for (size_t i = 0; i < commit->event_count; i++)
        bytes += commit->events[i].body.len;
    for (size_t i = 0; i < commit->task_count; i++)
        bytes += commit->tasks[i].body.len;
    for (size_t i = 0; i < commit->child_count; i++)
        bytes += commit->children[i].input.len;
    for (size_t i = 0; i < commit->db_work_count; i++)
        bytes += 2 * commit->db_works[i].statements.len;
    for (size_t i = 0; i < commit->note_count; i++)
        bytes += commit->notes[i].len;
    return bytes;
}

struct bw_str bw_rows_by(struct bw_str value)
{
    struct bw_value map = bw_value_read(value);
    return bw_value_get_str(&map, "by", BW_STR("unknown"));
}

void bw_rows_fail_answered(struct bw_error *error, enum bw_task_status status, struct bw_str answer,
                           int64_t answered_at_us)
{
    if (status == BW_TASK_CLOSED) {
        bw_fail(error, BW_ERR_CONFLICT,
                "the task is closed: its run no longer waits for an answer");
        return;
    }
    struct bw_value map = bw_value_read(answer);
    struct bw_str by = bw_value_get_str(&map, "by", BW_STR("somebody"));
    struct bw_str decision = bw_value_get_str(&map, "decision", BW_STR_NONE);
    struct bw_stamp at = {.us = bw_value_get_int(&map, "at_us", answered_at_us)};
    char text[BW_STAMP_TEXT_MAX];
    bw_stamp_print(at, text);
    bw_fail(error, BW_ERR_CONFLICT, "the task was answered already: %.*s by %.*s at %s",
            BW_STR_ARG(decision), BW_STR_ARG(by), text);
}

bool bw_rows_is_date(struct bw_str text)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (text.len != 10 || text.ptr[4] != '-' || text.ptr[7] != '-')
        return false;
    int parts[3] = {0};
    for (size_t i = 0; i < 10; i++) {
        if (i == 4 || i == 7)
            continue;
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        int *part = &parts[i < 4 ? 0 : i < 7 ? 1 : 2];
        *part = *part * 10 + (text.ptr[i] - '0');
    }
    if (parts[0] < 1 || parts[1] < 1 || parts[1] > 12)
        return false;
    bool is_leap = (parts[0] % 4 == 0 && parts[0] % 100 != 0) || parts[0] % 400 == 0;
    int last = days[parts[1] - 1] + (parts[1] == 2 && is_leap);
    return parts[2] >= 1 && parts[2] <= last;
}
