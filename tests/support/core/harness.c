/* harness.c - see harness.h. */
#include "support/test.h"

#include "support/core/harness.h"

#include "store/store_mem.h"

#include <stdio.h>
#include <stdlib.h>

static void engine_up(struct harness *harness);

static void on_done(void *ud, const struct bw_error *error)
{
    struct harness *harness = ud;
    harness->has_answer = true;
    harness->code = error->code;
    snprintf(harness->text, sizeof harness->text, "%.*s", (int)sizeof harness->text - 1,
             error->text);
}

static void on_start(void *ud, const struct bw_error *error, struct bw_id run, bool is_new)
{
    struct harness *harness = ud;
    on_done(ud, error);
    harness->run = run;
    harness->is_new = is_new;
}

static void on_value(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct harness *harness = ud;
    on_done(ud, error);
    bw_buf_clear(&harness->value);
    if (error->code == BW_ERR_OK)
        bw_value_to_json(&harness->value, value, BW_JSON_DECIMAL_STRINGS);
}

static void print_log(void *ud, const char *event, struct bw_id run, const char *text)
{
    struct harness *harness = ud;
    (void)run;
    harness->history_logs += strcmp(event, "history_budget") == 0;
    if (getenv("BW_TEST_LOG"))
        print_message("log: %s: %s\n", event, text);
}

static bool pump(struct harness *harness)
{
    bool has_worked = bw_store_mem_pump(&harness->store);
    for (size_t i = 0; i < harness->host_count; i++)
        has_worked = fake_host_pump(harness->fakes[i]) || has_worked;
    has_worked = fake_host_pump(harness->check) || has_worked;
    return bw_httpc_fake_pump(harness->http) || has_worked;
}

void harness_settle(struct harness *harness)
{
    size_t idle_count = 0; /* a turn may leave work for the next pump */
    for (size_t i = 0; i < 100000; i++) {
        bool has_worked = pump(harness);
        int64_t wait_ms = harness->engine ? bw_engine_turn(harness->engine) : -1;
        idle_count = has_worked || wait_ms == 0 ? 0 : idle_count + 1;
        if (idle_count == harness->patience)
            return;
    }
    fail_msg("the engine does not come to rest");
}

void harness_advance(struct harness *harness, int64_t ms)
{
    int64_t until_us = harness->clock.utc.us + ms * BW_US_PER_MS;
    harness_settle(harness);
    while (harness->clock.utc.us < until_us) {
        int64_t wait_ms = bw_engine_turn(harness->engine);
        int64_t step_us = until_us - harness->clock.utc.us;
        if (wait_ms >= 0 && wait_ms * BW_US_PER_MS < step_us)
            step_us = wait_ms * BW_US_PER_MS;
        bw_clock_virtual_advance(&harness->clock, step_us);
        harness_settle(harness);
    }
}

static void engine_up(struct harness *harness)
{
    harness->engine = bw_engine_create(&(struct bw_engine_config){
        .store = &harness->store,
        .hosts = harness->hosts,
        .host_count = harness->host_count,
        .check_host = fake_host_host(harness->check),
        .check_share = harness->check_share,
        .httpc = bw_httpc_fake_httpc(harness->http),
        .clock = &harness->clock.clock,
        .entropy = &harness->entropy,
        .node = harness->node,
        .lease_ms = 10 * 1000,
        .restored_at_us = harness->restored_at_us,
        .limits = harness->limits,
        .on_log = print_log,
        .ud = harness,
    });
    harness->has_answer = false;
    bw_engine_start(harness->engine, on_done, harness);
    harness_settle(harness);
    assert_true(harness->has_answer);
    assert_int_equal(harness->code, BW_ERR_OK);
}

static void store_release(struct harness *harness, const struct fake_program *programs,
                          size_t count, const char *bytes)
{
    struct bw_release_file files[8];
    char names[8][64];
    assert_true(count <= 8);
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "workflows/%s.lua", programs[i].workflow);
        files[i] = (struct bw_release_file){bw_str_of(names[i]), bw_str_of(bytes)};
        if (i > 0) /* in byte order, or the hash means nothing */
            assert_true(bw_str_cmp(files[i - 1].name, files[i].name) < 0);
    }
    struct bw_release_set set = {.files = files, .count = count};
    bw_wire_release_hash(files, count, set.hash);
    memcpy(harness->release, set.hash, sizeof set.hash);
    harness->store.put_release(harness->store.self, harness->tenant, &set, true, on_done, harness);
    harness_settle(harness);
    assert_int_equal(harness->code, BW_ERR_OK);
}

void harness_activate(struct harness *harness, const struct fake_program *programs, size_t count,
                      const char *bytes)
{
    store_release(harness, programs, count, bytes);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < harness->host_count; k++)
            fake_host_change(harness->fakes[k], &programs[i]);
}

void harness_add_tenant(struct harness *harness, const char *name,
                        const struct fake_program *programs, size_t count)
{
    harness->tenant = bw_id_make(harness->clock.utc, &harness->entropy);
    harness->store.put_tenant(harness->store.self, harness->tenant, bw_str_of(name), on_done,
                              harness);
    harness_settle(harness);
    store_release(harness, programs, count, "-- played by fake_host");
}

void harness_init(struct harness *harness, const struct fake_program *programs, size_t count)
{
    struct bw_engine_limits limits = harness->limits;
    unsigned check_share = harness->check_share;
    size_t host_count = harness->host_count ? harness->host_count : 1;
    *harness = (struct harness){.node = "test",
                                .patience = 2,
                                .limits = limits,
                                .host_count = host_count,
                                .check_share = check_share};
    bw_clock_virtual_init(&harness->clock, (struct bw_stamp){HARNESS_NOW_US});
    bw_rng_seed(&harness->rng, 7);
    harness->entropy = bw_rng_entropy(&harness->rng);
    bw_store_mem_open(&harness->store, &harness->clock.clock);
    for (size_t i = 0; i < host_count; i++) {
        harness->fakes[i] = fake_host_create(programs, count);
        harness->hosts[i] = fake_host_host(harness->fakes[i]);
    }
    harness->host = harness->fakes[0];
    harness->check = fake_host_create(programs, count);
    harness->http = bw_httpc_fake_create();
    bw_buf_init(&harness->value, 1 << 24);
    harness_add_tenant(harness, "acme", programs, count);
    engine_up(harness);
}

static void on_closed(void *ud)
{
    *(bool *)ud = true;
}

void harness_deinit(struct harness *harness)
{
    bool is_closed = false;
    bw_engine_destroy(harness->engine);
    harness->engine = NULL;
    harness->store.close(harness->store.self, on_closed, &is_closed);
    if (!is_closed)
        bw_store_mem_pump(&harness->store);
    assert_true(is_closed);
    bw_httpc_fake_destroy(harness->http);
    for (size_t i = 0; i < harness->host_count; i++)
        fake_host_destroy(harness->fakes[i]);
    fake_host_destroy(harness->check);
    bw_buf_deinit(&harness->value);
}

void harness_crash(struct harness *harness)
{
    bw_engine_destroy(harness->engine);
    harness->engine = NULL;
    for (size_t i = 0; i < harness->host_count; i++)
        fake_host_reset(harness->fakes[i]);
    fake_host_reset(harness->check);
    bw_httpc_fake_forget(harness->http);
    harness_settle(harness); /* the store's answers find nobody */
    engine_up(harness);
}

static struct bw_str json_value(struct harness *harness, const char *json)
{
    struct bw_error error;
    bw_buf_clear(&harness->value);
    assert_ok(bw_value_from_json(&harness->value, bw_str_of(json), &error), &error);
    return bw_buf_str(&harness->value);
}

static void answered(struct harness *harness)
{
    harness_settle(harness);
    assert_true(harness->has_answer);
}

struct bw_id harness_start_keyed(struct harness *harness, const char *workflow, const char *key)
{
    harness->has_answer = false;
    bw_engine_start_run(harness->engine,
                        &(struct bw_engine_start){
                            .tenant = harness->tenant,
                            .workflow = bw_str_of(workflow),
                            .key = bw_str_of(key),
                            .input = json_value(harness, "{\"contract\":\"C-1\"}"),
                            .started_by = BW_STR("dana"),
                        },
                        on_start, harness);
    answered(harness);
    return harness->run;
}

struct bw_id harness_start(struct harness *harness, const char *workflow)
{
    struct bw_id run = harness_start_keyed(harness, workflow, NULL);
    if (harness->code != BW_ERR_OK)
        fail_msg("start: %s", harness->text);
    return run;
}

void harness_event(struct harness *harness, const char *topic, const char *key, const char *id,
                   const char *json)
{
    harness->has_answer = false;
    bw_engine_send_event(harness->engine,
                         &(struct bw_event){
                             .tenant = harness->tenant,
                             .topic = bw_str_of(topic),
                             .key = bw_str_of(key),
                             .id = bw_str_of(id),
                             .body = json_value(harness, json),
                         },
                         on_done, harness);
    answered(harness);
}

void harness_answer(struct harness *harness, struct bw_id task, const char *json)
{
    harness->has_answer = false;
    bw_engine_answer_task(harness->engine, harness->tenant, task, json_value(harness, json),
                          on_done, harness);
    answered(harness);
}

void harness_cancel(struct harness *harness, struct bw_id run)
{
    harness->has_answer = false;
    bw_engine_cancel_run(harness->engine, harness->tenant, run, BW_STR("no longer needed"),
                         BW_STR("dana"), on_done, harness);
    answered(harness);
}

void harness_resume(struct harness *harness, struct bw_id run, const char *skip_json)
{
    struct bw_str skip = skip_json ? json_value(harness, skip_json) : BW_STR_NONE;
    harness->has_answer = false;
    bw_engine_resume_run(harness->engine,
                         &(struct bw_engine_resume){.tenant = harness->tenant,
                                                    .run = run,
                                                    .skip = skip_json ? &skip : NULL},
                         on_done, harness);
    answered(harness);
}

void harness_resume_latest(struct harness *harness, struct bw_id run)
{
    harness->has_answer = false;
    bw_engine_resume_run(
        harness->engine,
        &(struct bw_engine_resume){.tenant = harness->tenant, .run = run, .is_latest = true},
        on_done, harness);
    answered(harness);
}

static struct bw_str read_args(struct bw_buf *buf, const char *what, struct bw_id run)
{
    char id[BW_ID_TEXT_LEN + 1];
    bool is_list = strcmp(what, "run") != 0 && strcmp(what, "task") != 0;
    bw_id_print(run, id);
    if (bw_id_is_zero(run)) {
        bw_value_put_map(buf, 0);
    } else {
        bw_value_put_map(buf, 1);
        bw_value_put_key(buf, is_list ? "run" : "id");
        bw_value_put_text(buf, id);
    }
    return bw_buf_str(buf);
}

const char *harness_read(struct harness *harness, const char *what, struct bw_id run)
{
    struct bw_buf args;
    bw_buf_init(&args, 256);
    harness->has_answer = false;
    harness->store.read(harness->store.self, harness->tenant, bw_str_of(what),
                        read_args(&args, what, run), on_value, harness);
    bw_buf_deinit(&args);
    answered(harness);
    if (harness->code != BW_ERR_OK)
        fail_msg("read %s: %s", what, harness->text);
    return bw_buf_cstr(&harness->value);
}

struct member {
    struct harness *harness;
    const char *name;
};

static void on_member(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct member *member = ud;
    on_done(member->harness, error);
    bw_buf_clear(&member->harness->value);
    if (error->code != BW_ERR_OK)
        return;
    struct bw_value map = bw_value_read(value);
    struct bw_value item = bw_value_get(&map, member->name);
    if (item.tag == BW_VALUE_STR)
        bw_buf_put_str(&member->harness->value, item.text);
    else if (item.tag != BW_VALUE_NIL)
        bw_value_to_json(&member->harness->value, item.encoded, BW_JSON_DECIMAL_STRINGS);
}

const char *harness_member(struct harness *harness, struct bw_id run, const char *name)
{
    struct member member = {harness, name};
    struct bw_buf args;
    bw_buf_init(&args, 256);
    harness->has_answer = false;
    harness->store.read(harness->store.self, harness->tenant, BW_STR("run"),
                        read_args(&args, "run", run), on_member, &member);
    bw_buf_deinit(&args);
    answered(harness);
    if (harness->code != BW_ERR_OK)
        fail_msg("read run: %s", harness->text);
    return bw_buf_cstr(&harness->value);
}

const char *harness_status(struct harness *harness, struct bw_id run)
{
    return harness_member(harness, run, "status");
}

bool harness_http(struct harness *harness, int status, const char *body)
{
    uint64_t handle;
    if (!bw_httpc_fake_next(harness->http, 0, &handle))
        return false;
    struct bw_http_header header = {BW_STR("content-type"), BW_STR("text/plain")};
    bw_httpc_fake_answer(
        harness->http, handle,
        &(struct bw_http_response){
            .status = status, .headers = &header, .header_count = 1, .body = bw_str_of(body)},
        NULL);
    harness_settle(harness);
    return true;
}

bool harness_http_fails(struct harness *harness, enum bw_err code)
{
    uint64_t handle;
    struct bw_error error = {.code = code};
    snprintf(error.text, sizeof error.text, "the fake says %s", bw_err_name(code));
    if (!bw_httpc_fake_next(harness->http, 0, &handle))
        return false;
    bw_httpc_fake_answer(harness->http, handle, NULL, &error);
    harness_settle(harness);
    return true;
}

struct bw_engine_stats harness_stats(struct harness *harness)
{
    struct bw_engine_stats stats;
    bw_engine_stats(harness->engine, &stats);
    return stats;
}
