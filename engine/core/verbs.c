/* verbs.c - what people and machines can ask of the engine: stations 1 and 2 of docs/walk.md.
 *
 * Each verb validates, sends one call to the store, and answers its client from a later turn, after
 * the store has committed (J10). Only resume takes the way of a turn: it is a batch without a
 * journal row. */
#include "base/assert.h"
#include "base/fault.h"
#include "core/args.h"
#include "core/inside.h"

#include <stdio.h>

enum { ID_TRIES_MAX = 500 };

static void reply_done(struct bw_engine *engine, struct bw_call *call)
{
    struct bw_error error;
    (void)engine;
    bw_call_error(call, &error);
    if (call->reply.done)
        call->reply.done(call->reply_ud, &error);
}

static struct bw_call *open_done(struct bw_engine *engine, bw_done_fn done, void *ud)
{
    struct bw_call *call = bw_call_open(engine, reply_done);
    call->reply.done = done;
    call->reply_ud = ud;
    return call;
}

/* What comes through the door is remembered for a while once it is stored. */
static void door_stored(struct bw_engine *engine, struct bw_call *call)
{
    if (call->code == BW_ERR_OK)
        bw_door_keep(engine, call->subject);
    reply_done(engine, call);
}

static struct bw_call *open_door(struct bw_engine *engine, const struct bw_door_mail *mail,
                                 bw_done_fn done, void *ud)
{
    struct bw_call *call = open_done(engine, done, ud);
    struct bw_door_mail *copy = bw_arena_alloc(&call->arena, sizeof *copy);
    *copy = *mail;
    copy->topic = bw_arena_copy(&call->arena, mail->topic);
    copy->key = bw_arena_copy(&call->arena, mail->key);
    copy->name = bw_arena_copy(&call->arena, mail->name);
    copy->value = bw_arena_copy(&call->arena, mail->value);
    call->subject = copy;
    call->act = door_stored;
    return call;
}

/* --- Start. */

/* As an outcome of no command it is news for nobody, and read with the run's first turn. */
struct bw_message bw_engine_hint(struct bw_id tenant, struct bw_id run)
{
    static const char NIL[] = {BW_VALUE_NIL};
    return (struct bw_message){.tenant = tenant,
                               .run = run,
                               .key = BW_STR("new"),
                               .kind = BW_MESSAGE_OUTCOME,
                               .value = bw_str(NIL, sizeof NIL)};
}

static void hinted(struct bw_engine *engine, struct bw_call *call)
{
    if (call->code != BW_ERR_OK) /* the run is stored: its node comes upon it by itself, later */
        bw_engine_log(engine, "hint_failed", call->id, "%s", call->text);
}

void bw_engine_tell_owner(struct bw_engine *engine, struct bw_id tenant, struct bw_id run)
{
    struct bw_store *store = engine->config.store;
    struct bw_message hint = bw_engine_hint(tenant, run);
    struct bw_call *told = bw_call_open(engine, hinted);
    told->id = run;
    store->put_message(store->self, &hint, bw_call_on_done, told);
}

static void reply_start(struct bw_engine *engine, struct bw_call *call)
{
    struct bw_error error;
    struct bw_run_row *row = call->subject;
    bw_call_error(call, &error);
    if (call->code == BW_ERR_OK && call->is_new)
        bw_failover_note_start(engine, row->tenant, row->id);
    if (call->code == BW_ERR_OK && call->is_new && bw_lease_owns(engine, row->shard)) {
        bw_engine_adopt(engine, row);
    } else if (call->code == BW_ERR_OK && call->is_new) {
        bw_engine_tell_owner(engine, row->tenant, row->id);
    } else if (call->code == BW_ERR_OK && !bw_engine_find(engine, call->id)) {
        /* Stored before, by a call whose answer may have been lost: then nobody has it yet. */
        bw_engine_touch(engine, row->tenant, call->id);
    }
    if (call->reply.start)
        call->reply.start(call->reply_ud, &error, call->id, call->is_new);
}

static void start_stored_release(struct bw_engine *engine, struct bw_call *call)
{
    struct bw_store *store = engine->config.store;
    struct bw_run_row *row = call->subject;
    struct bw_release *release = bw_release_get(engine, row->release);
    bw_call_again(call, reply_start);
    if (release->is_here && !bw_release_has_workflow(release, row->workflow)) {
        char text[512];
        snprintf(text, sizeof text,
                 "there is no workflow '%.*s' (workflows/%.*s.lua) in the active release",
                 BW_STR_ARG(row->workflow), BW_STR_ARG(row->workflow));
        bw_call_post(call, BW_ERR_NOT_FOUND, text);
        return;
    }
    (void)BW_FAULT(INBOX_BEFORE_PUT);
    store->start_run(store->self, row, bw_call_on_start, call);
}

static void start_active_release(struct bw_engine *engine, struct bw_call *call)
{
    struct bw_run_row *row = call->subject;
    if (call->code == BW_ERR_OK) {
        memcpy(row->release, call->release.hash, sizeof row->release);
        start_stored_release(engine, call);
        return;
    }
    reply_start(engine, call);
}

/* Of a shard of ours if we have any: then it starts at once, and stays here. */
struct bw_id bw_engine_make_run_id(const struct bw_engine *engine)
{
    struct bw_stamp now = bw_clock_utc(engine->config.clock);
    int tries = engine->lease.owned_count > 0 ? ID_TRIES_MAX : 1;
    struct bw_id id = bw_id_make(now, engine->config.entropy);
    while (--tries > 0 && !bw_lease_owns(engine, bw_shard_of(id)))
        id = bw_id_make(now, engine->config.entropy);
    return id;
}

static void start_admitted(struct bw_engine *engine, struct bw_call *call)
{
    struct bw_run_row *row = call->subject;
    const uint8_t *release = call->is_new ? row->release : bw_release_active(engine, row->tenant);
    call->is_new = false;
    bw_call_again(call, start_active_release);
    if (!release) {
        bw_release_ask_active(engine, row->tenant, call);
        return;
    }
    if (release != row->release)
        memcpy(row->release, release, sizeof row->release);
    /* As if the question about the release had just been answered. */
    call->act = start_stored_release;
    bw_call_post(call, BW_ERR_OK, "");
}

void bw_engine_tenant_changed(struct bw_engine *engine, struct bw_id tenant)
{
    bw_share_changed(engine, tenant);
}

void bw_engine_start_run(struct bw_engine *engine, const struct bw_engine_start *start,
                         bw_start_fn done, void *ud)
{
    struct bw_call *call = bw_call_open(engine, reply_start);
    struct bw_run_row *row = bw_arena_calloc(&call->arena, 1, sizeof *row);
    struct bw_stamp now = bw_clock_utc(engine->config.clock);
    call->reply.start = done;
    call->reply_ud = ud;
    call->subject = row;
    row->tenant = start->tenant;
    row->id = bw_id_is_zero(start->id) ? bw_engine_make_run_id(engine) : start->id;
    row->shard = bw_shard_of(row->id);
    row->workflow = bw_arena_copy(&call->arena, start->workflow);
    row->key = bw_arena_copy(&call->arena, start->key);
    row->input = bw_arena_copy(&call->arena, start->input);
    row->started_by = bw_arena_copy(&call->arena, start->started_by);
    row->status = BW_RUN_OPEN;
    row->wake = BW_WAKE_READY;
    row->is_active = true;
    row->created_at_us = row->updated_at_us = now.us;
    call->act = start_admitted;
    call->is_new = start->release != NULL; /* until it is admitted: the release is given */
    if (start->release)
        memcpy(row->release, start->release, sizeof row->release);
    bw_share_admit(engine, start->tenant, call, reply_start);
}

/* --- Events, answers, cancel. */

void bw_engine_send_event(struct bw_engine *engine, const struct bw_event *event, bw_done_fn done,
                          void *ud)
{
    struct bw_store *store = engine->config.store;
    struct bw_event stored = *event;
    char id[BW_ID_TEXT_LEN + 1];
    if (stored.id.len == 0) {
        bw_id_print(bw_id_make(bw_clock_utc(engine->config.clock), engine->config.entropy), id);
        stored.id = bw_str(id, BW_ID_TEXT_LEN);
    }
    (void)BW_FAULT(INBOX_BEFORE_PUT);
    struct bw_door_mail mail = {.kind = BW_DOOR_EVENT,
                                .tenant = stored.tenant,
                                .topic = stored.topic,
                                .key = stored.key,
                                .name = stored.id,
                                .value = stored.body};
    store->put_event(store->self, &stored, bw_call_on_done, open_door(engine, &mail, done, ud));
}

void bw_engine_answer_task(struct bw_engine *engine, struct bw_id tenant, struct bw_id task,
                           struct bw_str answer, bw_done_fn done, void *ud)
{
    struct bw_store *store = engine->config.store;
    (void)BW_FAULT(INBOX_BEFORE_PUT);
    struct bw_door_mail mail = {
        .kind = BW_DOOR_ANSWER, .tenant = tenant, .id = task, .value = answer};
    store->answer_task(store->self, tenant, task, answer, bw_call_on_done,
                       open_door(engine, &mail, done, ud));
}

static void cancel_stored(struct bw_engine *engine, struct bw_call *call)
{
    if (call->code == BW_ERR_OK)
        bw_engine_touch(engine, call->tenant, call->id); /* the same wish twice announces nothing */
    door_stored(engine, call);
}

void bw_engine_cancel_run(struct bw_engine *engine, struct bw_id tenant, struct bw_id run,
                          struct bw_str reason, struct bw_str by, bw_done_fn done, void *ud)
{
    struct bw_store *store = engine->config.store;
    struct bw_buf value;
    bw_buf_init(&value, 64 * 1024);
    bw_value_put_map(&value, 2);
    bw_value_put_key(&value, "by");
    bw_value_put_str(&value, by);
    bw_value_put_key(&value, "reason");
    bw_value_put_str(&value, reason);
    struct bw_door_mail mail = {
        .kind = BW_DOOR_CANCEL, .tenant = tenant, .id = run, .value = bw_buf_str(&value)};
    struct bw_call *call = open_door(engine, &mail, done, ud);
    call->act = cancel_stored;
    call->tenant = tenant;
    call->id = run;
    if (value.is_over) {
        bw_call_post(call, BW_ERR_LIMIT, "the reason is too long");
    } else {
        (void)BW_FAULT(INBOX_BEFORE_PUT);
        store->put_message(store->self,
                           &(struct bw_message){
                               .tenant = tenant,
                               .run = run,
                               .key = BW_STR("cancel"),
                               .kind = BW_MESSAGE_CANCEL,
                               .value = bw_buf_str(&value),
                           },
                           bw_call_on_done, call);
    }
    bw_buf_deinit(&value);
}

/* --- Resume. */

/* What a resume has to remember while the run is loaded; in the call's arena. */
struct resume {
    bool has_skip;
    bool is_wish; /* of another node, in a message: nobody waits for the answer */
    struct bw_str by;
    bool is_latest;
    struct bw_str skip;
    uint8_t release[BW_RELEASE_HASH_LEN]; /* with is_latest */
};

static const char NOT_PARKED[] = "the run is not parked";
static const char NOTHING_FAILED[] =
    "no effect failed: there is nothing to skip; resume without a value";

/* Only the owner of a shard changes a run: it finds the wish with its next poll. What would be
 * refused is refused here, as far as the rows tell. */
static void resume_elsewhere(struct bw_engine *engine, struct bw_call *call)
{
    struct bw_store *store = engine->config.store;
    const struct resume *resume = call->subject;
    char id[BW_ID_TEXT_LEN + 1], key[sizeof BW_STORE_RESUME + BW_ID_TEXT_LEN];
    struct bw_buf value;
    if (call->code != BW_ERR_OK) {
        reply_done(engine, call);
        return;
    }
    bool is_parked = call->loaded.row.status == BW_RUN_PARKED;
    struct bw_value why = bw_value_read(is_parked ? call->loaded.row.error : BW_STR_NONE);
    bool has_failed = is_parked && bw_value_get_int(&why, "effect", 0) > 0;
    bw_call_again(call, reply_done);
    if (!is_parked || (resume->has_skip && !has_failed)) {
        bw_call_post(call, is_parked ? BW_ERR_INVALID : BW_ERR_CONFLICT,
                     is_parked ? NOTHING_FAILED : NOT_PARKED);
        return;
    }
    bw_id_print(bw_id_make(bw_clock_utc(engine->config.clock), engine->config.entropy), id);
    int len = snprintf(key, sizeof key, "%s%s", BW_STORE_RESUME, id);
    bw_buf_init(&value, BW_STORE_VALUE_BYTES_MAX);
    bw_value_put_map(&value, resume->has_skip ? 3 : 2);
    bw_value_put_key(&value, "by");
    bw_value_put_str(&value, resume->by);
    bw_value_put_key(&value, "latest");
    bw_value_put_bool(&value, resume->is_latest);
    if (resume->has_skip) {
        bw_value_put_key(&value, "skip");
        bw_buf_put_str(&value, resume->skip);
    }
    if (value.is_over)
        bw_call_post(call, BW_ERR_LIMIT, "the value is too large");
    else
        store->put_message(store->self,
                           &(struct bw_message){.tenant = call->tenant,
                                                .run = call->id,
                                                .key = bw_str(key, (size_t)len),
                                                .kind = BW_MESSAGE_OUTCOME,
                                                .value = bw_buf_str(&value)},
                           bw_call_on_done, call);
    bw_buf_deinit(&value);
}

static void resume_asked(struct bw_engine *engine, struct bw_call *call)
{
    struct bw_run *run = bw_engine_find(engine, call->id);
    struct bw_store *store = engine->config.store;
    bool is_ours = bw_lease_owns(engine, bw_shard_of(call->id));
    bw_call_again(call, reply_done);
    if (!is_ours) {
        call->act = resume_elsewhere;
        store->load(store->self, call->tenant, call->id, bw_call_on_load, call);
    } else if (run && (run->state != BW_RUN_STATE_NEW || run->resume)) {
        bw_call_post(call, BW_ERR_CONFLICT, NOT_PARKED);
    } else {
        bw_engine_touch(engine, call->tenant, call->id);
        bw_engine_find(engine, call->id)->resume = call;
    }
}

/* The tenant's active release is known: it, and not the one of a moment ago. */
static void resume_release(struct bw_engine *engine, struct bw_call *call)
{
    struct resume *resume = call->subject;
    if (call->code != BW_ERR_OK) {
        reply_done(engine, call);
        return;
    }
    memcpy(resume->release, call->release.hash, sizeof resume->release);
    resume_asked(engine, call);
}

static void ask_resume(struct bw_engine *engine, const struct bw_engine_resume *wanted,
                       struct bw_call *call, bool is_wish)
{
    struct resume *resume = bw_arena_calloc(&call->arena, 1, sizeof *resume);
    call->subject = resume;
    call->tenant = wanted->tenant;
    call->id = wanted->run;
    resume->by = bw_arena_copy(&call->arena, wanted->by);
    resume->is_latest = wanted->is_latest;
    resume->is_wish = is_wish;
    resume->has_skip = wanted->skip != NULL;
    if (wanted->skip)
        resume->skip = bw_arena_copy(&call->arena, *wanted->skip);
    if (wanted->is_latest) {
        call->act = resume_release;
        bw_release_drop_active(engine, wanted->tenant);
        bw_release_ask_active(engine, wanted->tenant, call);
        return;
    }
    call->act = resume_asked;
    bw_call_post(call, BW_ERR_OK, "");
}

void bw_engine_resume_run(struct bw_engine *engine, const struct bw_engine_resume *wanted,
                          bw_done_fn done, void *ud)
{
    ask_resume(engine, wanted, open_done(engine, done, ud), false);
}

bool bw_engine_resume_wished(struct bw_engine *engine, struct bw_run *run,
                             const struct bw_loaded_run *loaded)
{
    const struct bw_message *wish = NULL;
    for (size_t i = 0; i < loaded->message_count && !wish; i++) {
        if (bw_str_starts(loaded->messages[i].key, BW_STR(BW_STORE_RESUME)))
            wish = &loaded->messages[i];
    }
    struct bw_error error;
    if (!wish || !bw_value_check(wish->value, &error)) /* broken by hand: nobody's wish */
        return false;
    struct bw_value value = bw_value_read(wish->value), skip = bw_value_get(&value, "skip");
    struct bw_engine_resume wanted = {.tenant = run->tenant,
                                      .run = run->keyed.id,
                                      .by = bw_value_get_str(&value, "by", BW_STR_NONE),
                                      .skip = skip.encoded.len ? &skip.encoded : NULL,
                                      .is_latest = bw_value_get_bool(&value, "latest", false)};
    bw_run_evict(engine, run);
    ask_resume(engine, &wanted, open_done(engine, NULL, NULL), true);
    return true;
}

void bw_engine_resume_failed(struct bw_engine *engine, struct bw_call *resume, enum bw_err code,
                             const char *text)
{
    (void)engine;
    bw_call_post(resume, code, text);
}

/* Work of the commit whose error was dropped when the run was parked is asked for again, in the
 * resume's commit. */
static enum bw_err plan_again(struct bw_engine *engine, struct bw_run *run, struct bw_batch *batch,
                              const struct bw_history *history, uint64_t skipped_seq,
                              struct bw_error *error)
{
    for (size_t i = 0; i < history->pending_count; i++) {
        const struct bw_effect *effect = bw_run_find_effect(run, history->pending[i]->seq);
        if (!effect->kind->is_in_commit || effect->is_answered || effect->seq == skipped_seq)
            continue;
        /* The batch outlives the rows that were loaded: it gets a command of its own. */
        struct bw_command *command = bw_arena_alloc(&batch->arena, sizeof *command);
        *command = *history->pending[i];
        command->args = bw_arena_copy(&batch->arena, command->args);
        struct bw_plan plan = {.engine = engine,
                               .run = run,
                               .batch = batch,
                               .command = command,
                               .args = bw_value_read(command->args)};
        enum bw_err code = effect->kind->plan(&plan, error);
        if (code != BW_ERR_OK)
            return code;
    }
    return BW_ERR_OK;
}

/* The release goes with the commit that opens the run again: both happen, or neither. */
static enum bw_err move_release(struct bw_engine *engine, const struct bw_run *run,
                                const struct resume *resume, struct bw_batch *batch,
                                struct bw_error *error)
{
    const struct bw_release *release = bw_release_get(engine, resume->release);
    if (release->is_here && !bw_release_has_workflow(release, bw_str_of(run->workflow)))
        return bw_fail(error, BW_ERR_NOT_FOUND,
                       "there is no workflow '%.200s' (workflows/%.200s.lua) in the active release",
                       run->workflow, run->workflow);
    struct bw_str hash = bw_str((const char *)resume->release, sizeof resume->release);
    batch->commit.release = (const uint8_t *)bw_arena_copy(&batch->arena, hash).ptr;
    return BW_ERR_OK;
}

static void ack_wishes(const struct bw_call *load, struct bw_batch *batch)
{
    for (size_t i = 0; i < load->loaded.message_count; i++) {
        struct bw_str key = load->loaded.messages[i].key;
        if (bw_str_starts(key, BW_STR(BW_STORE_RESUME)) ||
            bw_str_starts(key, BW_STR(BW_STORE_STOP)))
            bw_batch_ack(batch, bw_arena_copy(&batch->arena, key));
    }
}

/* It stays parked as it was; the wish is read, or each poll would find it again. */
static void drop_wish(struct bw_engine *engine, struct bw_run *run, const struct bw_call *load,
                      const struct bw_error *error)
{
    struct bw_batch *batch = bw_group_batch(engine);
    bw_engine_log(engine, "resume_failed", run->keyed.id, "%s", error->text);
    bw_run_fill(engine, run, BW_BATCH_PARK, batch);
    batch->commit.status = BW_RUN_PARKED;
    batch->commit.wake = BW_WAKE_PARKED;
    batch->commit.error = bw_arena_copy(&batch->arena, load->loaded.row.error);
    ack_wishes(load, batch);
    run->state = BW_RUN_STATE_COMMITTING;
    bw_group_add(engine, batch);
}

void bw_engine_park_anew(struct bw_engine *engine, struct bw_run *run, const struct bw_call *load,
                         const char *code, const char *text)
{
    struct bw_batch *batch = bw_group_batch(engine);
    struct bw_value before = bw_value_read(load->loaded.row.error);
    int64_t failed_seq = bw_value_get_int(&before, "effect", 0);
    struct bw_buf reason, error, whole;
    bw_buf_init(&reason, 64 * 1024);
    bw_buf_init(&error, 128 * 1024);
    bw_buf_init(&whole, 128 * 1024);
    bw_buf_printf(&reason, "%s. It was parked before: %.*s", text,
                  BW_STR_ARG(bw_value_get_str(&before, "text", BW_STR("no reason"))));
    bw_effect_put_error(&error, code, bw_buf_cstr(&reason), BW_STR_NONE, false);
    if (failed_seq) {
        struct bw_value map = bw_value_read(bw_buf_str(&error));
        bw_value_put_map_with_int(&whole, &map, "effect", failed_seq);
    }
    bw_run_fill(engine, run, BW_BATCH_PARK, batch);
    batch->commit.status = BW_RUN_PARKED;
    batch->commit.wake = BW_WAKE_PARKED;
    batch->commit.error = bw_arena_copy(&batch->arena, bw_buf_str(failed_seq ? &whole : &error));
    ack_wishes(load, batch);
    bw_buf_deinit(&reason);
    bw_buf_deinit(&error);
    bw_buf_deinit(&whole);
    if (run->resume) /* whoever asked did not know */
        bw_call_post(run->resume, BW_ERR_CONFLICT, text);
    run->resume = NULL;
    run->state = BW_RUN_STATE_COMMITTING;
    bw_group_add(engine, batch);
}

static enum bw_err fill_resume(struct bw_engine *engine, struct bw_run *run, struct bw_call *load,
                               const struct resume *resume, struct bw_batch *batch,
                               struct bw_error *error)
{
    struct bw_history history;
    struct bw_value why = bw_value_read(load->loaded.row.error);
    uint64_t failed_seq = (uint64_t)bw_value_get_int(&why, "effect", 0);
    bool has_skip = resume->has_skip;
    if (has_skip && !bw_run_find_effect(run, failed_seq))
        return bw_fail(error, BW_ERR_INVALID, "%s", NOTHING_FAILED);
    enum bw_err code = bw_journal_load(&load->loaded, &load->arena, &history, error);
    if (code != BW_ERR_OK)
        return code;
    bw_run_fill(engine, run, BW_BATCH_RESUME, batch);
    batch->commit.is_active = true;
    ack_wishes(load, batch);
    if (resume->is_latest) {
        code = move_release(engine, run, resume, batch, error);
        if (code != BW_ERR_OK)
            return code;
    }
    char id[BW_ID_TEXT_LEN + 1];
    bw_id_print(run->keyed.id, id);
    batch->commit.audit = (struct bw_audit){
        .actor = bw_arena_copy(&batch->arena, resume->by),
        .action = has_skip ? BW_STR("run.skip") : BW_STR("run.resume"),
        .subject = bw_arena_copy(&batch->arena, bw_str_of(id)),
        .detail = has_skip ? bw_arena_copy(&batch->arena, resume->skip) : BW_STR_NONE};
    if (has_skip)
        bw_batch_message(batch, (struct bw_message){
                                    .tenant = run->tenant,
                                    .run = run->keyed.id,
                                    .key = bw_batch_key(batch, "skip", failed_seq),
                                    .kind = BW_MESSAGE_OUTCOME,
                                    .seq = failed_seq,
                                    .value = bw_arena_copy(&batch->arena, resume->skip),
                                });
    return plan_again(engine, run, batch, &history, has_skip ? failed_seq : 0, error);
}

bool bw_engine_resume_loaded(struct bw_engine *engine, struct bw_run *run, struct bw_call *load)
{
    struct bw_call *resume = run->resume;
    struct bw_error error;
    run->resume = NULL;
    if (load->loaded.row.status != BW_RUN_PARKED) {
        bw_call_post(resume, BW_ERR_CONFLICT, NOT_PARKED);
        return false;
    }
    enum bw_err code = bw_run_load(engine, run, &load->loaded, &load->arena, &error);
    struct bw_batch *batch = bw_group_batch(engine);
    if (code == BW_ERR_OK)
        code = fill_resume(engine, run, load, resume->subject, batch, &error);
    if (code != BW_ERR_OK) {
        bool is_wish = ((const struct resume *)resume->subject)->is_wish;
        bw_call_post(resume, code, error.text);
        bw_group_release(engine, batch);
        if (is_wish)
            drop_wish(engine, run, load, &error);
        else
            bw_run_evict(engine, run);
        return true;
    }
    batch->reply = resume;
    (void)BW_FAULT(RUN_RESUME);
    run->state = BW_RUN_STATE_COMMITTING;
    bw_group_add(engine, batch);
    return true;
}

void bw_engine_release_changed(struct bw_engine *engine, struct bw_id tenant)
{
    bw_release_drop_active(engine, tenant);
}
