/* api_runs.c - runs, events and tasks: commands go to the engine's verbs, questions to the store's read models. */
#include "core/engine.h"
#include "edge/api_handlers.h"
#include "edge/explain.h"
#include "edge/form.h"

static void fail(struct bw_api_call *call, enum bw_err code, const char *text)
{
    struct bw_error error = {0};
    (void)bw_fail(&error, code, "%s", text);
    bw_api_fail(call, &error);
}

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
        fail(call, BW_ERR_INVALID,
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

void bw_api_runs(struct bw_api_call *call)
{
    call->store->read(call->store->self, call->tenant, BW_STR("runs"), call->query, bw_api_on_value,
                      call);
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
    read_by_id(call, "run", "id", bw_api_on_value);
}

void bw_api_run_notes(struct bw_api_call *call)
{
    read_by_id(call, "notes", "run", bw_api_on_value);
}

void bw_api_run_journal(struct bw_api_call *call)
{
    read_by_id(call, "journal", "run", bw_api_on_value);
}

/* --- timeline: run, then journal, then tasks, then notes; each answer is kept until all are there.
 */
struct timeline {
    struct bw_api_call *call;
    struct bw_form form;
    size_t step;
};
static const char *const TIMELINE_READS[] = {"run", "journal", "tasks", "notes"};
static const char *const TIMELINE_KEYS[] = {"id", "run", "run", "run"};

static void timeline_next(struct timeline *timeline);

static void timeline_read(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct timeline *timeline = ud;
    if (error->code) {
        bw_api_fail(timeline->call, error);
        bw_form_deinit(&timeline->form);
        bw_free(timeline);
        return;
    }
    bw_form_put_value(&timeline->form, TIMELINE_READS[timeline->step++], value);
    timeline_next(timeline);
}

static void timeline_next(struct timeline *timeline)
{
    struct bw_api_call *call = timeline->call;
    if (timeline->step == sizeof TIMELINE_READS / sizeof TIMELINE_READS[0]) {
        bw_api_answer(call, 200, bw_form_finish(&timeline->form));
        bw_form_deinit(&timeline->form);
        bw_free(timeline);
        return;
    }
    struct bw_form args;
    bw_form_init(&args);
    bw_form_put_str(&args, TIMELINE_KEYS[timeline->step], call->parameters[0]);
    if (timeline->step == 2)
        bw_form_put_text(&args, "status", "all");
    call->store->read(call->store->self, call->tenant, bw_str_of(TIMELINE_READS[timeline->step]),
                      bw_form_finish(&args), timeline_read, timeline);
    bw_form_deinit(&args);
}

void bw_api_run_timeline(struct bw_api_call *call)
{
    struct bw_id id;
    if (!path_id(call, &id))
        return;
    struct timeline *timeline = bw_xcalloc(1, sizeof *timeline);
    timeline->call = call;
    bw_form_init(&timeline->form);
    timeline_next(timeline);
}

static void explain_read(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct bw_api_call *call = ud;
    if (error->code) {
        bw_api_fail(call, error);
        return;
    }
    struct bw_buf text;
    struct bw_form form;
    struct bw_value run = bw_value_read(value);
    bw_buf_init(&text, 65536);
    bw_form_init(&form);
    bw_explain_run(&text, &run);
    bw_form_put_value(&form, "run", value);
    bw_form_put_str(&form, "text", bw_buf_str(&text));
    bw_api_answer(call, 200, bw_form_finish(&form));
    bw_form_deinit(&form);
    bw_buf_deinit(&text);
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

void bw_api_run_resume(struct bw_api_call *call)
{
    struct bw_id run;
    struct bw_value body = bw_value_read(call->body);
    if (!path_id(call, &run))
        return;
    struct bw_value skip = bw_value_get(&body, "skip_with");
    bw_engine_resume_run(call->engine, call->tenant, run, skip.encoded.len ? &skip.encoded : NULL,
                         bw_api_on_done, call);
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
        fail(call, BW_ERR_INVALID,
             "the body needs a topic: {\"topic\": \"payment\", \"key\": \"...\", \"body\": ...}");
        return;
    }
    bw_engine_send_event(call->engine, &event, bw_api_on_done, call);
}

void bw_api_tasks(struct bw_api_call *call)
{
    call->store->read(call->store->self, call->tenant, BW_STR("tasks"), call->query,
                      bw_api_on_value, call);
}

void bw_api_task(struct bw_api_call *call)
{
    read_by_id(call, "task", "id", bw_api_on_value);
}

void bw_api_task_answer(struct bw_api_call *call)
{
    struct bw_id task;
    struct bw_value body = bw_value_read(call->body);
    if (!path_id(call, &task))
        return;
    struct bw_str decision = bw_value_get_str(&body, "decision", BW_STR_NONE);
    if (decision.len == 0) {
        fail(call, BW_ERR_INVALID,
             "the answer needs a decision: {\"decision\": \"approve\", \"by\": \"...\"}");
        return;
    }
    struct bw_form form;
    bw_form_init(&form);
    bw_form_put_str(&form, "decision", decision);
    bw_form_put_str(&form, "by", bw_value_get_str(&body, "by", call->actor));
    bw_form_put_value(&form, "comment", bw_value_get(&body, "comment").encoded);
    bw_form_put_value(&form, "data", bw_value_get(&body, "data").encoded);
    bw_engine_answer_task(call->engine, call->tenant, task, bw_form_finish(&form), bw_api_on_done,
                          call);
    bw_form_deinit(&form);
}
