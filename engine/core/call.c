/* call.c - see call.h. */
#include "core/call.h"

#include "base/assert.h"
#include "base/fault.h"
#include "core/inside.h"

#include <stdio.h>

enum { CALLS_SPARE_MAX = 256 };

struct bw_call *bw_call_open(struct bw_engine *engine, bw_call_act_fn act)
{
    struct bw_list *link = bw_list_pop_front(&engine->calls_spare);
    struct bw_call *call;
    if (link) {
        call = bw_container_of(link, struct bw_call, link);
        engine->calls_spare_count--;
    } else {
        call = bw_xmalloc(sizeof *call);
        bw_arena_init(&call->arena);
    }
    struct bw_arena arena = call->arena;
    *call = (struct bw_call){.engine = engine, .act = act, .arena = arena};
    bw_list_init(&call->batches);
    bw_list_push_back(&engine->calls_open, &call->link);
    engine->calls_open_count++;
    return call;
}

void bw_call_again(struct bw_call *call, bw_call_act_fn act)
{
    call->act = act;
    call->is_kept = true; /* not closed by the turn that acted on it */
    bw_list_remove(&call->link);
    bw_list_push_back(&call->engine->calls_open, &call->link);
    call->engine->calls_open_count++;
}

void bw_call_close(struct bw_call *call)
{
    struct bw_engine *engine = call->engine;
    bw_list_remove(&call->link);
    if (engine->calls_spare_count >= CALLS_SPARE_MAX) {
        bw_arena_deinit(&call->arena);
        bw_free(call);
        return;
    }
    bw_arena_reset(&call->arena);
    bw_list_push_back(&engine->calls_spare, &call->link);
    engine->calls_spare_count++;
}

/* The answer has come. False: nobody is interested any more, the call is gone. */
static bool has_arrived(struct bw_call *call, const struct bw_error *error)
{
    if (!call->engine) {
        bw_arena_deinit(&call->arena);
        bw_free(call);
        return false;
    }
    call->code = error ? error->code : BW_ERR_OK;
    call->text = call->code == BW_ERR_OK ? "" : bw_arena_cstr(&call->arena, bw_str_of(error->text));
    struct bw_engine *engine = call->engine;
    bw_list_remove(&call->link);
    engine->calls_open_count--;
    bw_list_push_back(&engine->news, &call->link);
    bw_engine_poke(engine);
    return true;
}

void bw_call_post(struct bw_call *call, enum bw_err code, const char *text)
{
    struct bw_error error = {.code = code};
    snprintf(error.text, sizeof error.text, "%s", text);
    (void)has_arrived(call, &error);
}

void bw_call_error(const struct bw_call *call, struct bw_error *error)
{
    *error = (struct bw_error){.code = call->code};
    snprintf(error->text, sizeof error->text, "%s", call->text ? call->text : "");
}

void bw_call_on_done(void *ud, const struct bw_error *error)
{
    (void)BW_FAULT(INBOX_AFTER_PUT);
    (void)has_arrived(ud, error);
}

void bw_call_on_value(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct bw_call *call = ud;
    if (has_arrived(call, error) && call->code == BW_ERR_OK)
        call->value = bw_arena_copy(&call->arena, value);
}

void bw_call_on_start(void *ud, const struct bw_error *error, struct bw_id run, bool is_new)
{
    struct bw_call *call = ud;
    if (!has_arrived(call, error))
        return;
    call->id = run;
    call->is_new = is_new;
}

static void copy_row(struct bw_arena *arena, struct bw_run_row *to, const struct bw_run_row *from)
{
    *to = *from;
    to->workflow = bw_arena_copy(arena, from->workflow);
    to->key = bw_arena_copy(arena, from->key);
    to->input = bw_arena_copy(arena, from->input);
    to->state = bw_arena_copy(arena, from->state);
    to->result = bw_arena_copy(arena, from->result);
    to->error = bw_arena_copy(arena, from->error);
    to->started_by = bw_arena_copy(arena, from->started_by);
}

void bw_call_on_load(void *ud, const struct bw_error *error, const struct bw_loaded_run *run)
{
    struct bw_call *call = ud;
    if (!has_arrived(call, error) || call->code != BW_ERR_OK)
        return;
    struct bw_arena *arena = &call->arena;
    struct bw_loaded_run *loaded = &call->loaded;
    *loaded =
        (struct bw_loaded_run){.turn_count = run->turn_count, .message_count = run->message_count};
    copy_row(arena, &loaded->row, &run->row);
    loaded->turns = bw_arena_alloc(arena, (run->turn_count + 1) * sizeof *loaded->turns);
    for (size_t i = 0; i < run->turn_count; i++)
        loaded->turns[i] = bw_arena_copy(arena, run->turns[i]);
    loaded->messages = bw_arena_alloc(arena, (run->message_count + 1) * sizeof *loaded->messages);
    for (size_t i = 0; i < run->message_count; i++) {
        loaded->messages[i] = run->messages[i];
        loaded->messages[i].key = bw_arena_copy(arena, run->messages[i].key);
        loaded->messages[i].value = bw_arena_copy(arena, run->messages[i].value);
    }
}

void bw_call_on_scan(void *ud, const struct bw_error *error, const struct bw_run_ref *refs,
                     size_t count)
{
    struct bw_call *call = ud;
    if (!has_arrived(call, error) || call->code != BW_ERR_OK)
        return;
    call->count = count;
    call->refs = bw_arena_alloc(&call->arena, (count + 1) * sizeof *refs);
    if (count)
        memcpy(call->refs, refs, count * sizeof *refs);
}

void bw_call_on_lease(void *ud, const struct bw_error *error, const struct bw_leases *leases)
{
    struct bw_call *call = ud;
    if (!has_arrived(call, error) || call->code != BW_ERR_OK)
        return;
    call->count = leases->count;
    call->number = (int64_t)leases->node_count;
    call->leases = bw_arena_alloc(&call->arena, (leases->count + 1) * sizeof *call->leases);
    if (leases->count)
        memcpy(call->leases, leases->items, leases->count * sizeof *call->leases);
}

void bw_call_on_release(void *ud, const struct bw_error *error,
                        const struct bw_release_set *release)
{
    struct bw_call *call = ud;
    if (!has_arrived(call, error) || call->code != BW_ERR_OK)
        return;
    struct bw_release_set *copy = &call->release;
    *copy = *release;
    copy->files = bw_arena_alloc(&call->arena, (release->count + 1) * sizeof *copy->files);
    for (size_t i = 0; i < release->count; i++) {
        copy->files[i].name = bw_arena_copy(&call->arena, release->files[i].name);
        copy->files[i].bytes = bw_arena_copy(&call->arena, release->files[i].bytes);
    }
}

void bw_call_on_commit(void *ud, const struct bw_commit_result *results, size_t count)
{
    struct bw_call *call = ud;
    if (!has_arrived(call, NULL))
        return;
    call->count = count;
    call->commits = bw_arena_alloc(&call->arena, (count + 1) * sizeof *call->commits);
    for (size_t i = 0; i < count; i++) {
        bool is_refused = results[i].status == BW_COMMIT_REFUSED;
        struct bw_str text = is_refused ? bw_str_of(results[i].error.text) : BW_STR_NONE;
        call->commits[i].status = results[i].status;
        call->commits[i].text = is_refused ? bw_arena_cstr(&call->arena, text) : "";
    }
}
