/* api_runs.c - runs, events and tasks: commands go to the engine's verbs, questions to the store's
 * read models. */
#include "base/parse.h"
#include "core/engine.h"
#include "edge/api_handlers.h"
#include "edge/api_view.h"
#include "edge/explain.h"
#include "edge/form.h"
#include <string.h>

enum { VIEW_BYTES_MAX = 256 * 1024 * 1024, CHOICES_BYTES_MAX = 65536 };

/* The id in the path; answers the call itself when it is none. */
static bool path_id(struct bw_api_call *call, struct bw_id *id)
{
    if (bw_id_parse(call->parameters[0], id))
        return true;
    struct bw_error error = {0};
    (void)bw_fail(&error, BW_ERR_INVALID,
                  "'%.*s' is not an id: ids look like 0192f3c4-5a6b-7c8d-9e0f-1a2b3c4d5e6f",
                  BW_STR_ARG(call->parameters[0]));
    bw_api_fail(call, &error);
    return false;
}

static void started(void *ud, const struct bw_error *error, struct bw_id run, bool is_new)
{
    struct bw_api_call *call = ud;
    if (error->code) {
        bw_api_fail(call, error);
        return;
    }
    char text[BW_ID_TEXT_LEN + 1];
    struct bw_form form;
    bw_id_print(run, text);
    bw_form_init(&form);
    bw_form_put_text(&form, "id", text);
    bw_form_put_bool(&form, "is_new", is_new);
    bw_api_answer(call, is_new ? 201 : 200, bw_form_finish(&form));
    bw_form_deinit(&form);
}

void bw_api_run_start(struct bw_api_call *call)
{
    struct bw_value body = bw_value_read(call->body);
    struct bw_str workflow = bw_value_get_str(&body, "workflow", BW_STR_NONE);
    if (workflow.len == 0) {
        bw_api_fail_text(call, BW_ERR_INVALID,
                         "the body needs a workflow: {\"workflow\": \"tm\", \"input\": {...}}");
        return;
    }
    struct bw_engine_start start = {.tenant = call->tenant,
                                    .workflow = workflow,
                                    .key = bw_value_get_str(&body, "key", call->key),
                                    .input = bw_value_get(&body, "input").encoded,
                                    .started_by = call->actor};
    bw_engine_start_run(call->engine, &start, started, call);
}

/* The query as arguments of a read model: `names` ends with NULL, and nothing else may be given.
 * False: the call is answered. */
static bool read_arguments(struct bw_api_call *call, const char *const *names, struct bw_form *form)
{
    struct bw_value query = bw_value_read(call->query), value;
    struct bw_str rest = query.items, key;
    struct bw_error error = {0};
    while (!error.code && bw_value_next_pair(&rest, &key, &value)) {
        size_t at = 0;
        int64_t number = 0;
        while (names[at] && !bw_str_eq(key, bw_str_of(names[at])))
            at++;
        if (!names[at])
            (void)bw_fail(&error, BW_ERR_INVALID, "the query has no parameter '%.*s' here",
                          BW_STR_ARG(key));
        else if (strcmp(names[at], "limit") != 0)
            bw_form_put_value(form, names[at], value.encoded);
        else if (!bw_parse_i64(value.text, &number))
            (void)bw_fail(&error, BW_ERR_INVALID, "limit is not a whole number: '%.*s'",
                          BW_STR_ARG(value.text));
        else
            bw_form_put_int(form, "limit", number);
    }
    if (error.code)
        bw_api_fail(call, &error);
    return !error.code;
}

void bw_api_runs(struct bw_api_call *call)
{
    static const char *const names[] = {"status", "workflow", "limit", "after", NULL};
    struct bw_form args;
    bw_form_init(&args);
    if (read_arguments(call, names, &args))
        call->store->read(call->store->self, call->tenant, BW_STR("runs"), bw_form_finish(&args),
                          bw_api_on_rows, call);
    bw_form_deinit(&args);
}

/* Asks the store's read model `what` about the run or task in the path, with its id as `name`. */
static void read_by_id(struct bw_api_call *call, const char *what, const char *name,
                       bw_value_fn done)
{
    struct bw_id id;
    if (!path_id(call, &id))
        return;
    struct bw_form form;
    bw_form_init(&form);
    bw_form_put_str(&form, name, call->parameters[0]);
    call->store->read(call->store->self, call->tenant, bw_str_of(what), bw_form_finish(&form), done,
                      call);
    bw_form_deinit(&form);
}

void bw_api_run(struct bw_api_call *call)
{
    read_by_id(call, "run", "id", bw_api_on_rows);
}

/* --- What belongs to a run: the run itself first (NOT_FOUND when there is none), then one read
 * after the other; each answer is kept until all are there. */
enum { RUN, JOURNAL, TASKS, NOTES, PARTS };
static const char *const PART_NAMES[PARTS] = {"run", "journal", "tasks", "notes"};

struct parts {
    struct bw_api_call *call;
    struct bw_form form;
    int at;
    int last;     /* read up to this one */
    bool is_only; /* and answer with that one alone */
};

static void parts_next(struct parts *parts);

static void parts_end(struct parts *parts, const struct bw_error *error)
{
    struct bw_str all = bw_form_finish(&parts->form);
    struct bw_value map = bw_value_read(all);
    if (error->code)
        bw_api_fail(parts->call, error);
    else
        bw_api_answer(parts->call, 200,
                      parts->is_only ? bw_value_get(&map, PART_NAMES[parts->last]).encoded : all);
    bw_form_deinit(&parts->form);
    bw_free(parts);
}

static void parts_read(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct parts *parts = ud;
    struct bw_error own = *error;
    struct bw_buf view;
    bw_buf_init(&view, VIEW_BYTES_MAX);
    enum bw_err err = own.code;
    if (!err && parts->at == JOURNAL)
        err = bw_api_view_journal(value, &view, &own);
    else if (!err)
        bw_api_view_rows(value, &view);
    if (!err)
        bw_form_put_value(&parts->form, PART_NAMES[parts->at], bw_buf_str(&view));
    bw_buf_deinit(&view);
    if (err || parts->at == parts->last) {
        parts_end(parts, &own);
        return;
    }
    parts->at = parts->is_only ? parts->last : parts->at + 1;
    parts_next(parts);
}

static void parts_next(struct parts *parts)
{
    struct bw_api_call *call = parts->call;
    struct bw_form args;
    bw_form_init(&args);
    bw_form_put_str(&args, parts->at == RUN ? "id" : "run", call->parameters[0]);
    call->store->read(call->store->self, call->tenant, bw_str_of(PART_NAMES[parts->at]),
                      bw_form_finish(&args), parts_read, parts);
    bw_form_deinit(&args);
}

static void read_parts(struct bw_api_call *call, int last, bool is_only)
{
    struct bw_id id;
    if (!path_id(call, &id))
        return;
    struct parts *parts = bw_xcalloc(1, sizeof *parts);
    parts->call = call;
    parts->last = last;
    parts->is_only = is_only;
    bw_form_init(&parts->form);
    parts_next(parts);
}

void bw_api_run_notes(struct bw_api_call *call)
{
    read_parts(call, NOTES, true);
}

void bw_api_run_journal(struct bw_api_call *call)
{
    read_parts(call, JOURNAL, true);
}

void bw_api_run_timeline(struct bw_api_call *call)
{
    read_parts(call, NOTES, false);
}

static void explain_read(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct bw_api_call *call = ud;
    if (error->code) {
        bw_api_fail(call, error);
        return;
    }
    struct bw_buf text, row;
    struct bw_form form;
    bw_buf_init(&row, VIEW_BYTES_MAX);
    bw_buf_init(&text, 65536);
    bw_form_init(&form);
    bw_api_view_rows(value, &row);
    struct bw_value run = bw_value_read(bw_buf_str(&row));
    bw_explain_run(&text, &run);
    bw_form_put_value(&form, "run", bw_buf_str(&row));
    bw_form_put_str(&form, "text", bw_buf_str(&text));
    bw_api_answer(call, 200, bw_form_finish(&form));
    bw_form_deinit(&form);
    bw_buf_deinit(&text);
    bw_buf_deinit(&row);
}

void bw_api_run_explain(struct bw_api_call *call)
{
    read_by_id(call, "run", "id", explain_read);
}

void bw_api_run_cancel(struct bw_api_call *call)
{
    struct bw_id run;
    struct bw_value body = bw_value_read(call->body);
    if (path_id(call, &run))
        bw_engine_cancel_run(call->engine, call->tenant, run,
                             bw_value_get_str(&body, "reason", BW_STR("cancelled by an operator")),
                             call->actor, bw_api_on_done, call);
}

/* With latest the run moves to the active release in the commit that opens it again. */
void bw_api_run_resume(struct bw_api_call *call)
{
    struct bw_value body = bw_value_read(call->body);
    struct bw_value skip = bw_value_get(&body, "skip_with");
    struct bw_engine_resume resume = {.tenant = call->tenant,
                                      .by = call->actor,
                                      .skip = skip.encoded.len ? &skip.encoded : NULL,
                                      .is_latest = bw_value_get_bool(&body, "latest", false)};
    if (path_id(call, &resume.run))
        bw_engine_resume_run(call->engine, &resume, bw_api_on_done, call);
}

void bw_api_event(struct bw_api_call *call)
{
    struct bw_value body = bw_value_read(call->body);
    struct bw_event event = {.tenant = call->tenant,
                             .topic = bw_value_get_str(&body, "topic", BW_STR_NONE),
                             .key = bw_value_get_str(&body, "key", BW_STR_NONE),
                             .id = bw_value_get_str(&body, "id", call->key),
                             .body = bw_value_get(&body, "body").encoded};
    if (event.topic.len == 0) {
        bw_api_fail_text(
            call, BW_ERR_INVALID,
            "the body needs a topic: {\"topic\": \"payment\", \"key\": \"...\", \"body\": ...}");
        return;
    }
    bw_engine_send_event(call->engine, &event, bw_api_on_done, call);
}

void bw_api_tasks(struct bw_api_call *call)
{
    static const char *const names[] = {"status", "run", "limit", NULL};
    struct bw_value query = bw_value_read(call->query);
    struct bw_form args;
    bw_form_init(&args);
    if (read_arguments(call, names, &args)) {
        if (bw_str_eq(bw_value_get_str(&query, "status", BW_STR_NONE), BW_STR("all")))
            bw_form_put_text(&args, "status", ""); /* the store takes no status as all */
        call->store->read(call->store->self, call->tenant, BW_STR("tasks"), bw_form_finish(&args),
                          bw_api_on_rows, call);
    }
    bw_form_deinit(&args);
}

void bw_api_task(struct bw_api_call *call)
{
    read_by_id(call, "task", "id", bw_api_on_rows);
}

/* The decisions that a task lists are the only answers it takes. */
static void put_choices(const struct bw_value *choices, struct bw_buf *text)
{
    struct bw_str rest = choices->items;
    struct bw_value choice;
    for (size_t i = 0; bw_value_next(&rest, &choice); i++)
        bw_buf_printf(text, "%s%.*s", i ? ", " : "", BW_STR_ARG(choice.text));
}

bool bw_api_is_choice(struct bw_api_call *call, const struct bw_value *task, struct bw_str decision)
{
    struct bw_value body = bw_value_get(task, "body"), choice;
    if (body.tag != BW_VALUE_MAP)
        return true;
    struct bw_value choices = bw_value_get(&body, "decisions");
    if (choices.tag != BW_VALUE_ARR || choices.count == 0)
        return true;
    struct bw_str rest = choices.items;
    while (bw_value_next(&rest, &choice))
        if (bw_str_eq(choice.text, decision))
            return true;
    struct bw_error error = {0};
    struct bw_buf text;
    bw_buf_init(&text, CHOICES_BYTES_MAX);
    put_choices(&choices, &text);
    (void)bw_fail(&error, BW_ERR_INVALID, "'%.*s' is no answer to this task: it takes %.*s",
                  BW_STR_ARG(decision), BW_STR_ARG(bw_buf_str(&text)));
    bw_buf_deinit(&text);
    bw_api_fail(call, &error);
    return false;
}

static void answer_read(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct bw_api_call *call = ud;
    struct bw_value task = bw_value_read(value), body = bw_value_read(call->body);
    struct bw_str decision = bw_value_get_str(&body, "decision", BW_STR_NONE);
    struct bw_id id;
    if (error->code) {
        bw_api_fail(call, error);
        return;
    }
    bool is_open = bw_str_eq(bw_value_get_str(&task, "status", BW_STR_NONE), BW_STR("open"));
    if (!path_id(call, &id) || (is_open && !bw_api_is_choice(call, &task, decision)))
        return;
    struct bw_form form;
    bw_form_init(&form);
    bw_form_put_str(&form, "decision", decision);
    bw_form_put_str(&form, "by", bw_value_get_str(&body, "by", call->actor));
    bw_form_put_value(&form, "comment", bw_value_get(&body, "comment").encoded);
    bw_form_put_value(&form, "data", bw_value_get(&body, "data").encoded);
    bw_engine_answer_task(call->engine, call->tenant, id, bw_form_finish(&form), bw_api_on_done,
                          call);
    bw_form_deinit(&form);
}

void bw_api_task_answer(struct bw_api_call *call)
{
    struct bw_value body = bw_value_read(call->body);
    if (bw_value_get_str(&body, "decision", BW_STR_NONE).len == 0)
        bw_api_fail_text(
            call, BW_ERR_INVALID,
            "the answer needs a decision: {\"decision\": \"approve\", \"by\": \"...\"}");
    else
        read_by_id(call, "task", "id", answer_read);
}
