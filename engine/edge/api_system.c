/* api_system.c - health, version, tenants, releases. */
#include "core/engine.h"
#include "edge/api_handlers.h"
#include "edge/form.h"
#include "edge/project.h"
#include "edge/version.h"
#include "lua/release_check.h"

static void answer_form(struct bw_api_call *call, int status, struct bw_form *form)
{
    bw_api_answer(call, status, bw_form_finish(form));
    bw_form_deinit(form);
}

void bw_api_livez(struct bw_api_call *call)
{
    struct bw_form form;
    bw_form_init(&form);
    bw_form_put_text(&form, "status", "ok");
    answer_form(call, 200, &form);
}

static void ready_read(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct bw_api_call *call = ud;
    struct bw_engine_stats stats;
    struct bw_form form;
    (void)value;
    if (error->code) {
        bw_api_fail(call, error);
        return;
    }
    bw_engine_stats(call->engine, &stats);
    bw_form_init(&form);
    bw_form_put_text(&form, "status", stats.shards ? "ready" : "waiting for shards");
    bw_form_put_int(&form, "shards", (int64_t)stats.shards);
    if (!stats.shards)
        bw_form_put_text(&form, "detail",
                         "other nodes have all shards; one that died gives them up within 10 s");
    answer_form(call, stats.shards ? 200 : 503, &form);
}

void bw_api_readyz(struct bw_api_call *call)
{
    struct bw_id nobody = {{0}};
    call->store->read(call->store->self, nobody, BW_STR("tenants"), BW_STR_NONE, ready_read, call);
}

void bw_api_version(struct bw_api_call *call)
{
    struct bw_form form;
    bw_form_init(&form);
    bw_form_put_text(&form, "version", BW_VERSION);
    bw_form_put_int(&form, "wire", BW_WIRE_VERSION);
    answer_form(call, 200, &form);
}

void bw_api_stats(struct bw_api_call *call)
{
    struct bw_engine_stats stats;
    struct bw_form form;
    bw_engine_stats(call->engine, &stats);
    bw_form_init(&form);
    bw_form_put_int(&form, "turns", (int64_t)stats.turns);
    bw_form_put_int(&form, "effects", (int64_t)stats.effects);
    bw_form_put_int(&form, "commits", (int64_t)stats.commits);
    bw_form_put_int(&form, "conflicts", (int64_t)stats.conflicts);
    bw_form_put_int(&form, "failover_lost_turns", (int64_t)stats.failover_lost_turns);
    bw_form_put_int(&form, "failovers", (int64_t)stats.failovers);
    bw_form_put_int(&form, "replays", (int64_t)stats.replays);
    bw_form_put_int(&form, "rechecks", (int64_t)stats.rechecks);
    bw_form_put_int(&form, "rechecks_differing", (int64_t)stats.rechecks_differing);
    bw_form_put_int(&form, "runs", (int64_t)stats.runs);
    bw_form_put_int(&form, "resident", (int64_t)stats.resident);
    bw_form_put_int(&form, "executing", (int64_t)stats.executing);
    bw_form_put_int(&form, "shards", (int64_t)stats.shards);
    bw_form_put_bool(&form, "is_quiet", stats.is_quiet);
    answer_form(call, 200, &form);
}

void bw_api_tenants(struct bw_api_call *call)
{
    struct bw_id nobody = {{0}};
    call->store->read(call->store->self, nobody, BW_STR("tenants"), BW_STR_NONE, bw_api_on_rows,
                      call);
}

void bw_api_tenant(struct bw_api_call *call)
{
    call->store->read(call->store->self, call->tenant, BW_STR("tenant"), BW_STR_NONE,
                      bw_api_on_rows, call);
}

static void share_set(void *ud, const struct bw_error *error)
{
    struct bw_api_call *call = ud;
    if (!error->code)
        bw_engine_tenant_changed(call->engine, call->tenant);
    if (error->code)
        bw_api_fail(call, error);
    else
        bw_api_tenant(call);
}

void bw_api_tenant_set(struct bw_api_call *call)
{
    struct bw_value body = bw_value_read(call->body);
    struct bw_form form;
    bw_form_init(&form);
    if (bw_value_get(&body, "weight").tag == BW_VALUE_INT)
        bw_form_put_int(&form, "weight", bw_value_get_int(&body, "weight", 0));
    if (bw_value_get(&body, "runs_max").tag == BW_VALUE_INT)
        bw_form_put_int(&form, "runs_max", bw_value_get_int(&body, "runs_max", 0));
    call->store->write(call->store->self, call->tenant, BW_STR("tenant"), bw_form_finish(&form),
                       share_set, call);
    bw_form_deinit(&form);
}

void bw_api_problems(struct bw_api_call *call)
{
    call->store->read(call->store->self, call->tenant, BW_STR("problems"), BW_STR_NONE,
                      bw_api_on_rows, call);
}

/* --- creating a tenant: find it, else store it under a new id, then answer with the id. */
static void tenant_answer(struct bw_api_call *call, int status)
{
    char text[BW_ID_TEXT_LEN + 1];
    struct bw_form form;
    bw_id_print(call->tenant, text);
    bw_form_init(&form);
    bw_form_put_text(&form, "id", text);
    bw_form_put_bool(&form, "is_new", status == 201);
    answer_form(call, status, &form);
}

static void tenant_audited(void *ud, const struct bw_error *error)
{
    if (error->code)
        bw_api_fail(ud, error);
    else
        tenant_answer(ud, 201);
}

static void tenant_stored(void *ud, const struct bw_error *error)
{
    struct bw_api_call *call = ud;
    struct bw_value body = bw_value_read(call->body);
    if (error->code)
        bw_api_fail(call, error);
    else
        bw_api_put_audit(call, "tenant.create", bw_value_get_str(&body, "name", BW_STR_NONE),
                         tenant_audited);
}

static void tenant_found(void *ud, const struct bw_error *error, struct bw_id tenant, bool is_new)
{
    struct bw_api_call *call = ud;
    (void)is_new;
    if (!error->code) {
        call->tenant = tenant;
        tenant_answer(call, 200);
        return;
    }
    if (error->code != BW_ERR_NOT_FOUND) {
        bw_api_fail(call, error);
        return;
    }
    struct bw_value body = bw_value_read(call->body);
    call->tenant = bw_api_new_id(call->api);
    call->store->put_tenant(call->store->self, call->tenant,
                            bw_value_get_str(&body, "name", BW_STR_NONE), tenant_stored, call);
}

void bw_api_tenant_create(struct bw_api_call *call)
{
    struct bw_value body = bw_value_read(call->body);
    struct bw_str name = bw_value_get_str(&body, "name", BW_STR_NONE);
    struct bw_error error = {0};
    if (bw_project_check_name(name, &error))
        bw_api_fail(call, &error);
    else
        call->store->find_tenant(call->store->self, name, tenant_found, call);
}

/* --- releases */
static void release_stored(void *ud, const struct bw_error *error)
{
    struct bw_api_call *call = ud;
    if (error->code) {
        bw_api_fail(call, error);
        return;
    }
    bw_engine_release_changed(call->engine, call->tenant);
    bw_api_put_audit(call, "release.activate", call->key, bw_api_on_done);
}

void bw_api_release_put(struct bw_api_call *call)
{
    struct bw_value body = bw_value_read(call->body);
    struct bw_value files = bw_value_get(&body, "files");
    struct bw_value zones = bw_value_get(&body, "zones");
    struct bw_release_set release;
    struct bw_error error = {0};
    enum bw_err err = bw_project_release(&files, &zones, &call->arena, &release, &error);
    if (!err) /* what does not compile is not activated: runs would only park on it */
        err = bw_release_check(&release, &error);
    char hash[2 * BW_RELEASE_HASH_LEN + 1];
    if (!err) {
        bw_project_print_hash(release.hash, hash);
        call->key = bw_arena_copy(&call->arena, bw_str_of(hash)); /* for the audit record */
    }
    if (err)
        bw_api_fail(call, &error);
    else
        call->store->put_release(call->store->self, call->tenant, &release, true, release_stored,
                                 call);
}

static void release_read(void *ud, const struct bw_error *error,
                         const struct bw_release_set *release)
{
    struct bw_api_call *call = ud;
    if (error->code) {
        bw_api_fail(call, error);
        return;
    }
    struct bw_buf names;
    struct bw_form form;
    char hex[2 * BW_RELEASE_HASH_LEN + 1];
    bw_project_print_hash(release->hash, hex);
    bw_buf_init(&names, 1 << 20);
    bw_value_put_arr(&names, release->count);
    for (size_t i = 0; i < release->count; i++)
        bw_value_put_str(&names, release->files[i].name);
    bw_form_init(&form);
    bw_form_put_text(&form, "hash", hex);
    bw_form_put_value(&form, "files", bw_buf_str(&names));
    answer_form(call, 200, &form);
    bw_buf_deinit(&names);
}

void bw_api_release_active(struct bw_api_call *call)
{
    call->store->active_release(call->store->self, call->tenant, true, release_read, call);
}
