/* pg_admin.c - tenants, releases, and what people write beside runs: settings, number series,
 * audit. */
#include "store/pg_store.h"

#include "base/assert.h"
#include "base/fault.h"
#include "store/copy.h"
#include "store/settings.h"

struct admin_args {
    struct bw_id tenant;
    struct bw_str name; /* or the kind of thing that is written */
    int64_t now_us;
    struct bw_release_set release;
    bool is_activated;
    bool is_hash_only;
    struct bw_setting setting;
    struct bw_signing_key key;
    struct bw_series series;
    struct bw_schedule_args schedule;
    struct bw_share share;
    struct bw_str actor;
    struct bw_str action;
    struct bw_str subject;
    struct bw_str detail;
};

static struct bw_pg_request *admin_request(struct bw_pg_store *store, struct bw_id tenant,
                                           struct bw_str name, void *ud)
{
    struct bw_pg_request *request = bw_pg_request_make(store, store->reader, ud);
    struct admin_args *args = bw_arena_calloc(&request->arena, 1, sizeof *args);
    args->tenant = tenant;
    args->name = bw_arena_copy(&request->arena, name);
    args->now_us = bw_pg_now_us(store);
    request->args = args;
    return request;
}

static bool is_state(const struct bw_pg_outcome *outcome, const char *sqlstate)
{
    return outcome && outcome->status == BW_PG_FAILED && strcmp(outcome->sqlstate, sqlstate) == 0;
}

/* Broken foreign keys of these tables mean one thing. */
static void answer_done(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    struct bw_error error = *bw_pg_request_error(request, outcome);
    (void)BW_FAULT(STORE_ADMIN_AFTER);
    if (is_state(outcome, "23503"))
        bw_fail(&error, BW_ERR_NOT_FOUND, "there is no such tenant");
    request->fn.done(request->ud, &error);
}

/* --- Tenants --------------------------------------------------------------------------------- */

static const struct bw_pg_statement put_tenant = {
    "put_tenant",
    "INSERT INTO billow.tenant (tenant_id, name, created_at)"
    " VALUES ($1::uuid, $2::text, $3::bigint)"
    " ON CONFLICT (tenant_id) DO UPDATE"
    " SET name = excluded.name",
    3};
static const struct bw_pg_statement find_tenant = {
    "find_tenant", "SELECT tenant_id FROM billow.tenant WHERE name = $1::text", 1};

static struct bw_pgc_unit *build_put_tenant(struct bw_pg_request *request)
{
    const struct admin_args *args = request->args;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &put_tenant);
    params[0] = bw_pg_arg_id(unit, args->tenant);
    params[1] = bw_pg_arg_text(unit, args->name);
    params[2] = bw_pg_arg_int(unit, args->now_us);
    return unit;
}

static void answer_put_tenant(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    const struct admin_args *args = request->args;
    struct bw_error error = *bw_pg_request_error(request, outcome);
    (void)BW_FAULT(STORE_TENANT_AFTER);
    if (is_state(outcome, "23505"))
        bw_fail(&error, BW_ERR_CONFLICT, "there is a tenant called %.*s already",
                BW_STR_ARG(args->name));
    request->fn.done(request->ud, &error);
}

void bw_pg_put_tenant(void *self, struct bw_id tenant, struct bw_str name, bw_done_fn done,
                      void *ud)
{
    struct bw_pg_request *request = admin_request(self, tenant, name, ud);
    request->fn.done = done;
    request->build = build_put_tenant;
    request->answer = answer_put_tenant;
    (void)BW_FAULT(STORE_TENANT_BEFORE);
    bw_pg_request_send(request);
}

static struct bw_pgc_unit *build_find_tenant(struct bw_pg_request *request)
{
    const struct admin_args *args = request->args;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    bw_pgc_unit_add(unit, &find_tenant)[0] = bw_pg_arg_text(unit, args->name);
    return unit;
}

static void answer_find_tenant(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    const struct admin_args *args = request->args;
    struct bw_error error = *bw_pg_request_error(request, outcome);
    struct bw_id id = {{0}};
    if (error.code == BW_ERR_OK && bw_pg_rows(outcome->results[0]) == 0)
        bw_fail(&error, BW_ERR_NOT_FOUND, "there is no tenant called %.*s", BW_STR_ARG(args->name));
    else if (error.code == BW_ERR_OK)
        id = bw_pg_id(outcome->results[0], 0, 0);
    request->fn.start(request->ud, &error, id, false);
}

void bw_pg_find_tenant(void *self, struct bw_str name, bw_start_fn done, void *ud)
{
    struct bw_pg_request *request = admin_request(self, (struct bw_id){{0}}, name, ud);
    request->fn.start = done;
    request->build = build_find_tenant;
    request->answer = answer_find_tenant;
    bw_pg_request_send(request);
}

/* --- Releases -------------------------------------------------------------------------------- */

static const struct bw_pg_statement put_blobs = {
    "put_blobs",
    "INSERT INTO billow.blob (hash, bytes)"
    " SELECT DISTINCT ON (1) sha256(b), b"
    " FROM unnest($1::bytea[]) AS b ON CONFLICT DO NOTHING",
    1};
static const struct bw_pg_statement put_release = {"put_release",
                                                   "INSERT INTO billow.release (hash, created_at)"
                                                   " VALUES ($1::bytea, $2::bigint)"
                                                   " ON CONFLICT DO NOTHING",
                                                   2};
static const struct bw_pg_statement put_files = {
    "put_files",
    "INSERT INTO billow.release_file (release, name, blob)"
    " SELECT $1::bytea, f.name, sha256(f.bytes)"
    " FROM unnest($2::text[], $3::bytea[]) AS f (name, bytes)"
    " ON CONFLICT DO NOTHING",
    3};
/* The tenant's row is locked, so that two activations come one after the other. */
static const struct bw_pg_statement lock_tenant = {
    "lock_tenant", "SELECT FROM billow.tenant WHERE tenant_id = $1::uuid FOR NO KEY UPDATE", 1};
static const struct bw_pg_statement retire = {
    "retire_release",
    "UPDATE billow.tenant_release SET is_active = false"
    " WHERE tenant_id = $1::uuid AND is_active AND release <> $2::bytea",
    2};
static const struct bw_pg_statement tenant_release = {
    "tenant_release",
    "INSERT INTO billow.tenant_release (tenant_id, release, is_active, at)"
    " SELECT $1::uuid, $2::bytea, $3::boolean, $4::bigint"
    " WHERE NOT EXISTS (SELECT FROM billow.tenant_release t "
    " WHERE t.tenant_id = $1::uuid AND t.release = $2::bytea AND (t.is_active OR NOT"
    " $3::boolean))",
    4};
static const struct bw_pg_statement get_release = {
    "get_release",
    "SELECT f.name, b.bytes, f.release"
    " FROM billow.release_file f JOIN billow.blob b ON b.hash = f.blob"
    " WHERE f.release = $1::bytea ORDER BY f.name",
    1};
static const struct bw_pg_statement active_release = {
    "active_release",
    "SELECT f.name, b.bytes, f.release"
    " FROM billow.tenant_release t JOIN billow.release_file f ON f.release = t.release"
    " JOIN billow.blob b ON b.hash = f.blob"
    " WHERE t.tenant_id = $1::uuid AND t.is_active"
    " ORDER BY f.name",
    1};

static const struct bw_pg_statement active_hash = {
    "active_hash",
    "SELECT NULL::text, NULL::bytea, t.release FROM billow.tenant_release t"
    " WHERE t.tenant_id = $1::uuid AND t.is_active",
    1};

static struct bw_str hash_str(const uint8_t hash[BW_RELEASE_HASH_LEN])
{
    return bw_str((const char *)hash, BW_RELEASE_HASH_LEN);
}

static struct bw_pgc_unit *build_put_release(struct bw_pg_request *request)
{
    const struct admin_args *args = request->args;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct bw_pg_table files;
    bw_pg_table_init(&files, "tx");
    for (size_t i = 0; i < args->release.count; i++) {
        bw_pg_cell_str(&files, args->release.files[i].name);
        bw_pg_cell_str(&files, args->release.files[i].bytes);
    }
    struct bw_pg_param columns[2];
    bw_pg_table_params(&files, unit, columns);
    bw_pg_table_deinit(&files);
    struct bw_pg_param hash = bw_pg_arg_bytes(unit, hash_str(args->release.hash));
    bw_pgc_unit_add(unit, &put_blobs)[0] = columns[1];
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &put_release);
    params[0] = hash;
    params[1] = bw_pg_arg_int(unit, args->now_us);
    params = bw_pgc_unit_add(unit, &put_files);
    params[0] = hash;
    params[1] = columns[0];
    params[2] = columns[1];
    if (bw_id_is_zero(args->tenant))
        return unit;
    bw_pgc_unit_add(unit, &lock_tenant)[0] = bw_pg_arg_id(unit, args->tenant);
    if (args->is_activated) {
        params = bw_pgc_unit_add(unit, &retire);
        params[0] = bw_pg_arg_id(unit, args->tenant);
        params[1] = hash;
    }
    params = bw_pgc_unit_add(unit, &tenant_release);
    params[0] = bw_pg_arg_id(unit, args->tenant);
    params[1] = hash;
    params[2] = bw_pg_arg_bool(unit, args->is_activated);
    params[3] = bw_pg_arg_int(unit, args->now_us);
    return unit;
}

void bw_pg_put_release(void *self, struct bw_id tenant, const struct bw_release_set *release,
                       bool activate, bw_done_fn done, void *ud)
{
    struct bw_pg_request *request = admin_request(self, tenant, BW_STR_NONE, ud);
    struct admin_args *args = request->args;
    args->is_activated = activate;
    bw_copy_release(&request->arena, release, &args->release);
    request->fn.done = done;
    request->build = build_put_release;
    request->answer = answer_done;
    (void)BW_FAULT(STORE_RELEASE_BEFORE);
    bw_pg_request_send(request);
}

static struct bw_pgc_unit *build_get_release(struct bw_pg_request *request)
{
    const struct admin_args *args = request->args;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    if (args->is_activated)
        bw_pgc_unit_add(unit, args->is_hash_only ? &active_hash : &active_release)[0] =
            bw_pg_arg_id(unit, args->tenant);
    else
        bw_pgc_unit_add(unit, &get_release)[0] =
            bw_pg_arg_bytes(unit, hash_str(args->release.hash));
    return unit;
}

static void answer_release(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    const struct admin_args *args = request->args;
    struct bw_error error = *bw_pg_request_error(request, outcome);
    struct bw_release_set release = {0};
    if (error.code == BW_ERR_OK && bw_pg_rows(outcome->results[0]) == 0)
        bw_fail(&error, BW_ERR_NOT_FOUND, "%s",
                args->is_activated ? "the tenant has no active release"
                                   : "there is no such release");
    if (error.code != BW_ERR_OK) {
        request->fn.release(request->ud, &error, NULL);
        return;
    }
    const struct bw_pg_result *rows = outcome->results[0];
    release.count = args->is_hash_only ? 0 : bw_pg_rows(rows);
    release.files = bw_arena_calloc(&request->arena, release.count, sizeof *release.files);
    for (size_t i = 0; i < release.count; i++) {
        release.files[i].name = bw_pg_bytes(rows, i, 0);
        release.files[i].bytes = bw_pg_bytes(rows, i, 1);
    }
    struct bw_str hash = bw_pg_bytes(rows, 0, 2);
    BW_ASSERT(hash.len == BW_RELEASE_HASH_LEN);
    memcpy(release.hash, hash.ptr, BW_RELEASE_HASH_LEN);
    request->fn.release(request->ud, &error, &release);
}

void bw_pg_get_release(void *self, const uint8_t hash[BW_RELEASE_HASH_LEN], bw_release_fn done,
                       void *ud)
{
    struct bw_pg_request *request = admin_request(self, (struct bw_id){{0}}, BW_STR_NONE, ud);
    struct admin_args *args = request->args;
    memcpy(args->release.hash, hash, BW_RELEASE_HASH_LEN);
    request->fn.release = done;
    request->build = build_get_release;
    request->answer = answer_release;
    bw_pg_request_send(request);
}

void bw_pg_active_release(void *self, struct bw_id tenant, bool has_files, bw_release_fn done,
                          void *ud)
{
    struct bw_pg_request *request = admin_request(self, tenant, BW_STR_NONE, ud);
    struct admin_args *args = request->args;
    args->is_activated = true;
    args->is_hash_only = !has_files;
    request->fn.release = done;
    request->build = build_get_release;
    request->answer = answer_release;
    bw_pg_request_send(request);
}

/* --- Settings, series, audit ----------------------------------------------------------------- */

static const struct bw_pg_statement put_setting = {
    "put_setting",
    "INSERT INTO billow.policy_setting (tenant_id, policy, name, scope_type, scope_id,"
    " valid_from, value, is_locked, set_by, set_at)"
    " VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::text, $6::text::date, $7::bytea,"
    " $8::boolean, $9::text, $10::bigint)"
    " ON CONFLICT (tenant_id, policy, name, scope_type, scope_id, valid_from)"
    " DO UPDATE SET value = excluded.value, is_locked = excluded.is_locked, set_by ="
    " excluded.set_by, set_at = excluded.set_at",
    10};
static const struct bw_pg_statement put_series = {
    "put_series",
    "INSERT INTO billow.number_series AS s (tenant_id, series, format, reset, next)"
    " VALUES ($1::uuid, $2::text, $3::text, $4::text, greatest($5::bigint, 1))"
    " ON CONFLICT (tenant_id, series)"
    " DO UPDATE SET next = excluded.next"
    " WHERE $5::bigint > 0 AND s.last_date IS NULL AND s.format = excluded.format AND s.reset ="
    " excluded.reset",
    5};
static const struct bw_pg_statement see_series = {
    "see_series",
    "SELECT format, reset FROM billow.number_series"
    " WHERE tenant_id = $1::uuid AND series = $2::text",
    2};
/* Sent again when its answer was lost: the same record at the same moment is one. */
static const struct bw_pg_statement put_audit = {
    "put_audit",
    "INSERT INTO billow.audit (tenant_id, at, actor, action, subject, detail, audit_id)"
    " VALUES ($1::uuid, $2::bigint, $3::text, $4::text, $5::text, $6::bytea, $7::uuid)"
    " ON CONFLICT DO NOTHING",
    7};

static struct bw_id audit_id(const struct admin_args *args)
{
    const struct bw_str parts[] = {bw_str((const char *)&args->now_us, sizeof args->now_us),
                                   args->actor, args->action, args->subject, args->detail};
    struct bw_sha256 *sha256 = bw_sha256_create();
    uint8_t hash[BW_SHA256_LEN];
    struct bw_id id;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        bw_sha256_update(sha256, bw_str((const char *)&parts[i].len, sizeof parts[i].len));
        bw_sha256_update(sha256, parts[i]);
    }
    bw_sha256_finish(sha256, hash);
    memcpy(id.bytes, hash, sizeof id.bytes);
    return id;
}

static void add_audit(struct bw_pgc_unit *unit, const struct admin_args *args)
{
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &put_audit);
    params[0] = bw_pg_arg_id(unit, args->tenant);
    params[1] = bw_pg_arg_int(unit, args->now_us);
    params[2] = bw_pg_arg_text(unit, args->actor);
    params[3] = bw_pg_arg_text(unit, args->action);
    params[4] = bw_pg_arg_text(unit, args->subject);
    params[5] = bw_pg_arg_bytes(unit, args->detail.len ? args->detail : bw_str("", 1));
    params[6] = bw_pg_arg_id(unit, audit_id(args));
}

static struct bw_pgc_unit *build_audit(struct bw_pg_request *request)
{
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    add_audit(unit, request->args);
    return unit;
}

static const struct bw_pg_statement put_key = {
    "put_key",
    "INSERT INTO billow.signing_key (tenant_id, name, key, created_at)"
    " VALUES ($1::uuid, $2::text, $3::text, $4::bigint) ON CONFLICT DO NOTHING",
    4};

static struct bw_pgc_unit *build_setting(struct bw_pg_request *request)
{
    const struct admin_args *args = request->args;
    const struct bw_setting *setting = &args->setting;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &put_setting);
    params[0] = bw_pg_arg_id(unit, args->tenant);
    params[1] = bw_pg_arg_text(unit, setting->policy);
    params[2] = bw_pg_arg_text(unit, setting->name);
    params[3] = bw_pg_arg_text(unit, bw_str_of(bw_setting_scope_name(setting->scope)));
    params[4] = bw_pg_arg_text(unit, setting->scope_id);
    params[5] = bw_pg_arg_text(unit, setting->valid_from);
    params[6] = bw_pg_arg_bytes(unit, setting->value);
    params[7] = bw_pg_arg_bool(unit, setting->is_locked);
    params[8] = bw_pg_arg_text(unit, setting->set_by);
    params[9] = bw_pg_arg_int(unit, setting->set_at_us ? setting->set_at_us : args->now_us);
    add_audit(unit, args);
    if (bw_str_eq(setting->policy, BW_STR("retention")))
        bw_pgc_unit_add(unit, &bw_pg_retention_changed)[0] = bw_pg_arg_id(unit, args->tenant);
    return unit;
}

static struct bw_pgc_unit *build_key(struct bw_pg_request *request)
{
    const struct admin_args *args = request->args;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &put_key);
    params[0] = bw_pg_arg_id(unit, args->tenant);
    params[1] = bw_pg_arg_text(unit, args->key.name);
    params[2] = bw_pg_arg_text(unit, args->key.key);
    params[3] = bw_pg_arg_int(unit, args->now_us);
    return unit;
}

static struct bw_pgc_unit *build_series(struct bw_pg_request *request)
{
    const struct admin_args *args = request->args;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &put_series);
    params[0] = bw_pg_arg_id(unit, args->tenant);
    params[1] = bw_pg_arg_text(unit, args->series.series);
    params[2] = bw_pg_arg_text(unit, args->series.format);
    params[3] = bw_pg_arg_text(unit, args->series.reset);
    params[4] = bw_pg_arg_int(unit, args->series.next);
    params = bw_pgc_unit_add(unit, &see_series);
    params[0] = bw_pg_arg_id(unit, args->tenant);
    params[1] = bw_pg_arg_text(unit, args->series.series);
    return unit;
}

static void answer_series(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    const struct admin_args *args = request->args;
    struct bw_error error = *bw_pg_request_error(request, outcome);
    (void)BW_FAULT(STORE_ADMIN_AFTER);
    if (is_state(outcome, "23503"))
        bw_fail(&error, BW_ERR_NOT_FOUND, "there is no such tenant");
    if (error.code == BW_ERR_OK) {
        const struct bw_pg_result *rows = outcome->results[1];
        if (!bw_str_eq(bw_pg_bytes(rows, 0, 0), args->series.format) ||
            !bw_str_eq(bw_pg_bytes(rows, 0, 1), args->series.reset))
            bw_fail(&error, BW_ERR_CONFLICT, "series %.*s exists with format %.*s and reset %.*s",
                    BW_STR_ARG(args->series.series), BW_STR_ARG(bw_pg_bytes(rows, 0, 0)),
                    BW_STR_ARG(bw_pg_bytes(rows, 0, 1)));
    }
    request->fn.done(request->ud, &error);
}

static enum bw_err take_audit(struct bw_str bytes, struct admin_args *args, struct bw_error *error)
{
    struct bw_value map = bw_value_read(bytes);
    args->actor = bw_value_get_str(&map, "actor", BW_STR_NONE);
    args->action = bw_value_get_str(&map, "action", BW_STR_NONE);
    args->subject = bw_value_get_str(&map, "subject", BW_STR_NONE);
    args->detail = bw_value_get(&map, "detail").encoded;
    args->now_us = bw_value_get_int(&map, "at_us", args->now_us);
    if (!args->actor.len || !args->action.len)
        return bw_fail(error, BW_ERR_INVALID, "an audit record needs actor and action");
    return BW_ERR_OK;
}

static const struct bw_pg_statement put_share = {
    "put_share",
    "UPDATE billow.tenant SET weight = CASE WHEN $2::bigint = 0 THEN weight ELSE $2::bigint END,"
    " runs_max = CASE WHEN $3::bigint < 0 THEN runs_max ELSE nullif($3::bigint, 0) END"
    " WHERE tenant_id = $1::uuid RETURNING 1",
    3};

static struct bw_pgc_unit *build_share(struct bw_pg_request *request)
{
    const struct admin_args *args = request->args;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &put_share);
    params[0] = bw_pg_arg_id(unit, args->tenant);
    params[1] = bw_pg_arg_int(unit, args->share.weight);
    params[2] = bw_pg_arg_int(unit, args->share.runs_max);
    return unit;
}

static void answer_share(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    struct bw_error error = *bw_pg_request_error(request, outcome);
    if (error.code == BW_ERR_OK && bw_pg_rows(outcome->results[0]) == 0)
        bw_fail(&error, BW_ERR_NOT_FOUND, "there is no such tenant");
    request->fn.done(request->ud, &error);
}

static struct bw_pgc_unit *build_schedule(struct bw_pg_request *request)
{
    const struct admin_args *args = request->args;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    bw_pg_add_schedule_write(unit, args->name, &args->schedule, args->now_us);
    return unit;
}

static void answer_schedule(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    const struct admin_args *args = request->args;
    struct bw_error error = *bw_pg_request_error(request, outcome);
    if (is_state(outcome, "23503"))
        bw_fail(&error, BW_ERR_NOT_FOUND, "there is no such tenant");
    const struct bw_pg_result *rows = error.code == BW_ERR_OK ? outcome->results[0] : NULL;
    if (rows && bw_pg_rows(rows) > 0 && bw_pg_int(rows, 0, 0) == 2)
        bw_fail(&error, BW_ERR_CONFLICT, "schedule %.*s was changed in the meantime: try again",
                BW_STR_ARG(args->schedule.row.name));
    else if (rows && bw_pg_rows(rows) == 0)
        bw_fail(&error, BW_ERR_NOT_FOUND, "there is no schedule %.*s",
                BW_STR_ARG(args->schedule.row.name));
    request->fn.done(request->ud, &error);
}

static void audit_setting(struct bw_pg_request *request, struct bw_str bytes)
{
    struct admin_args *args = request->args;
    args->actor = args->setting.set_by.len ? args->setting.set_by : BW_STR("unknown");
    args->action = BW_STR("setting.set");
    args->subject = bw_setting_subject(&request->arena, &args->setting);
    args->detail = bytes;
}

void bw_pg_write(void *self, struct bw_id tenant, struct bw_str what, struct bw_str bytes,
                 bw_done_fn done, void *ud)
{
    if (bw_pg_write_retention(self, tenant, what, bytes, done, ud))
        return;
    struct bw_pg_request *request = admin_request(self, tenant, what, ud);
    struct admin_args *args = request->args;
    request->fn.done = done;
    request->answer = answer_done;
    struct bw_str copy = bw_arena_copy(&request->arena, bytes);
    enum bw_err code;
    if (bw_str_eq(what, BW_STR("setting"))) {
        request->build = build_setting;
        code = bw_setting_from_args(copy, &args->setting, &request->error);
        struct bw_value map = bw_value_read(copy);
        struct bw_value record = bw_value_get(&map, "audit");
        if (code == BW_ERR_OK && record.tag == BW_VALUE_MAP)
            code = take_audit(record.encoded, args, &request->error);
        else if (code == BW_ERR_OK)
            audit_setting(request, copy);
    } else if (bw_str_eq(what, BW_STR("key"))) {
        request->build = build_key;
        code = bw_signing_key_from_args(copy, &args->key, &request->error);
    } else if (bw_str_eq(what, BW_STR("series"))) {
        request->build = build_series;
        request->answer = answer_series;
        code = bw_series_from_args(copy, &args->series, &request->error);
    } else if (bw_str_starts(what, BW_STR("schedule"))) {
        request->build = build_schedule;
        request->answer = answer_schedule;
        code = bw_schedule_from_args(what, tenant, copy, &args->schedule, &request->error);
    } else if (bw_str_eq(what, BW_STR("tenant"))) {
        request->build = build_share;
        request->answer = answer_share;
        code = bw_share_from_args(copy, &args->share, &request->error);
    } else if (bw_str_eq(what, BW_STR("audit"))) {
        request->build = build_audit;
        code = take_audit(copy, args, &request->error);
    } else {
        code = bw_fail(&request->error, BW_ERR_INVALID, "nothing is called %.*s", BW_STR_ARG(what));
    }
    (void)BW_FAULT(STORE_WRITE_BEFORE);
    if (code == BW_ERR_OK)
        bw_pg_request_send(request);
    else
        bw_pg_request_refuse(request);
}
