/* check.c - see check.h. */
#include "store/check.h"

#include "codec/utf8.h"

enum { WORKFLOW_BYTES_MAX = 200, START_KEY_BYTES_MAX = 1000, NAME_BYTES_MAX = 500 };

static enum bw_err check_value(const char *name, struct bw_str bytes, struct bw_error *error)
{
    if (bytes.len > BW_STORE_VALUE_BYTES_MAX)
        return bw_fail(error, BW_ERR_LIMIT,
                       "%s is %zu bytes; at most %u (8 MiB) can be stored at once: "
                       "keep less in it, or work in smaller pieces",
                       name, bytes.len, BW_STORE_VALUE_BYTES_MAX);
    return BW_ERR_OK;
}

static enum bw_err check_text(const char *name, struct bw_str text, struct bw_error *error)
{
    if ((text.len > 0 && memchr(text.ptr, 0, text.len)) || !bw_utf8_is_valid(text))
        return bw_fail(error, BW_ERR_INVALID,
                       "%s is no text: it has to be UTF-8, without zero bytes", name);
    return BW_ERR_OK;
}

static enum bw_err check_name(const char *name, struct bw_str text, size_t bytes_max,
                              struct bw_error *error)
{
    if (text.len > bytes_max)
        return bw_fail(error, BW_ERR_LIMIT, "%s is %zu bytes; at most %zu are allowed", name,
                       text.len, bytes_max);
    return check_text(name, text, error);
}

enum bw_err bw_check_run(const struct bw_run_row *row, struct bw_error *error)
{
    enum bw_err code = check_value("the input of the run", row->input, error);
    if (code == BW_ERR_OK)
        code = check_name("the name of the workflow", row->workflow, WORKFLOW_BYTES_MAX, error);
    if (code == BW_ERR_OK)
        code = check_name("the start key", row->key, START_KEY_BYTES_MAX, error);
    if (code == BW_ERR_OK)
        code = check_text("the name of who starts the run", row->started_by, error);
    return code;
}

enum bw_err bw_check_message(const struct bw_message *message, struct bw_error *error)
{
    enum bw_err code = check_value("the message", message->value, error);
    if (code == BW_ERR_OK)
        code = check_name("the key of the message", message->key, NAME_BYTES_MAX, error);
    return code;
}

enum bw_err bw_check_event(const struct bw_event *event, struct bw_error *error)
{
    if (!event->id.len)
        return bw_fail(error, BW_ERR_INVALID, "an event needs an id");
    enum bw_err code = check_value("the event", event->body, error);
    if (code == BW_ERR_OK)
        code = check_name("the topic of the event", event->topic, NAME_BYTES_MAX, error);
    if (code == BW_ERR_OK)
        code = check_name("the key of the event", event->key, NAME_BYTES_MAX, error);
    if (code == BW_ERR_OK)
        code = check_name("the id of the event", event->id, NAME_BYTES_MAX, error);
    return code;
}

enum bw_err bw_check_answer(struct bw_str answer, struct bw_error *error)
{
    return check_value("the answer", answer, error);
}

enum bw_err bw_check_fire(const struct bw_schedule_fire *fire, struct bw_error *error)
{
    enum bw_err code = check_text("the name of the schedule", fire->name, error);
    if (code == BW_ERR_OK)
        code = check_text("the problem of the schedule", fire->problem, error);
    for (size_t i = 0; code == BW_ERR_OK && i < fire->run_count; i++)
        code = bw_check_run(&fire->runs[i], error);
    return code;
}

/* --- A turn ---------------------------------------------------------------------------------- */

static enum bw_err check_task(const struct bw_task *task, struct bw_error *error)
{
    enum bw_err code = check_value("a task", task->body, error);
    if (code == BW_ERR_OK)
        code = check_text("the kind of a task", task->kind, error);
    if (code == BW_ERR_OK)
        code = check_text("the group of a task", task->group, error);
    if (code == BW_ERR_OK)
        code = check_text("the title of a task", task->title, error);
    return code;
}

static enum bw_err check_wait(const struct bw_wait *wait, struct bw_error *error)
{
    enum bw_err code =
        check_name("the topic that is waited for", wait->topic, NAME_BYTES_MAX, error);
    if (code == BW_ERR_OK)
        code = check_name("the key that is waited for", wait->key, NAME_BYTES_MAX, error);
    return code;
}

static enum bw_err check_row(const struct bw_turn_commit *commit, struct bw_error *error)
{
    if (commit->turn.len > BW_STORE_TURN_BYTES_MAX)
        return bw_fail(error, BW_ERR_LIMIT,
                       "the turn is %zu bytes; at most %u (32 MiB) can be stored at once: keep "
                       "large values in documents, or work in smaller pieces",
                       commit->turn.len, BW_STORE_TURN_BYTES_MAX);
    enum bw_err code = check_value("the state of the checkpoint", commit->state, error);
    if (code == BW_ERR_OK)
        code = check_value("the result", commit->result, error);
    if (code == BW_ERR_OK)
        code = check_value("the error", commit->error, error);
    if (code == BW_ERR_OK)
        code = check_value("the detail of the audit record", commit->audit.detail, error);
    return code;
}

enum bw_err bw_check_commit(const struct bw_turn_commit *commit, struct bw_error *error)
{
    enum bw_err code = check_row(commit, error);
    for (size_t i = 0; code == BW_ERR_OK && i < commit->ack_count; i++)
        code = check_text("the key of a message", commit->acks[i], error);
    for (size_t i = 0; code == BW_ERR_OK && i < commit->message_count; i++)
        code = bw_check_message(&commit->messages[i], error);
    for (size_t i = 0; code == BW_ERR_OK && i < commit->event_count; i++)
        code = bw_check_event(&commit->events[i], error);
    for (size_t i = 0; code == BW_ERR_OK && i < commit->wait_count; i++)
        code = check_wait(&commit->waits[i], error);
    for (size_t i = 0; code == BW_ERR_OK && i < commit->task_count; i++)
        code = check_task(&commit->tasks[i], error);
    for (size_t i = 0; code == BW_ERR_OK && i < commit->child_count; i++)
        code = bw_check_run(&commit->children[i], error);
    for (size_t i = 0; code == BW_ERR_OK && i < commit->db_work_count; i++)
        code = check_value("a database transaction", commit->db_works[i].statements, error);
    for (size_t i = 0; code == BW_ERR_OK && i < commit->note_count; i++)
        code = check_value("a note", commit->notes[i], error);
    return code;
}
