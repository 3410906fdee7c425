/* rig.c - see rig.h. */
#include "support/lua/rig.h"

#include "lua/bridge.h"
#include "lua/budget.h"
#include "lua/lib_string.h"
#include "lua/sandbox.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static const char HEAD[] =
    "local billow, workflow, event = require 'billow', require 'billow.workflow', require "
    "'billow.event' "
    "local timer, task, http, db = require 'billow.timer', require 'billow.task', require "
    "'billow.http', "
    "require 'billow.db' "
    "local err, log, number, policy = require 'billow.err', require 'billow.log', require "
    "'billow.number', "
    "require 'billow.policy' "
    "local decimal, money, json = require 'billow.decimal', require 'billow.money', require "
    "'billow.json' "
    "local date, text = require 'billow.date', require 'billow.text' "
    "return workflow.define { name = 't', version = '1', run = function(input, state)\n";
static const char TAIL[] = "\nend }";

static struct bw_str read_file(struct bw_arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    struct bw_buf buf;
    struct bw_str bytes;
    char block[4096];
    size_t got;

    assert_non_null(file);
    bw_buf_init(&buf, (size_t)4 * 1024 * 1024);
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        bw_buf_put(&buf, block, got);
    (void)fclose(file);
    bytes = bw_arena_copy(arena, bw_buf_str(&buf));
    bw_buf_deinit(&buf);
    return bytes;
}

static void put_file(struct rig *rig, const char *name, struct bw_str bytes)
{
    for (size_t i = 0; i < rig->file_count; i++) {
        if (bw_str_eq(rig->files[i].name, bw_str_of(name))) {
            rig->files[i].bytes = bytes;
            return;
        }
    }
    assert_true(rig->file_count < RIG_FILES_MAX);
    rig->files[rig->file_count].name = bw_arena_copy(&rig->arena, bw_str_of(name));
    rig->files[rig->file_count++].bytes = bytes;
}

static bool ends_with(const char *name, const char *tail)
{
    size_t len = strlen(name), tail_len = strlen(tail);

    return len >= tail_len && strcmp(name + len - tail_len, tail) == 0;
}

static void add_folder(struct rig *rig, const char *root, const char *name)
{
    char path[2048], inner[900];
    struct dirent *entry;
    DIR *dir;

    (void)snprintf(path, sizeof path, "%.1000s/%.900s", root, name);
    dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "meta") == 0 ||
            strcmp(entry->d_name, "billing") == 0)
            continue;
        (void)snprintf(inner, sizeof inner, "%.400s/%.400s", name, entry->d_name);
        if (ends_with(entry->d_name, ".lua")) {
            (void)snprintf(path, sizeof path, "%.1000s/%.899s", root, inner);
            put_file(rig, inner, read_file(&rig->arena, path));
        } else if (entry->d_type == DT_DIR) {
            add_folder(rig, root, inner);
        }
    }
    (void)closedir(dir);
}

static void put_workflow(struct rig *rig, const char *body)
{
    struct bw_buf buf;

    bw_buf_init(&buf, (size_t)1024 * 1024);
    bw_buf_put_text(&buf, HEAD); /* one line: line 1 of the body is line 2 of the file */
    bw_buf_put_text(&buf, body);
    bw_buf_put_text(&buf, TAIL);
    put_file(rig, "workflows/t.lua", bw_arena_copy(&rig->arena, bw_buf_str(&buf)));
    bw_buf_deinit(&buf);
}

static void open_common(struct rig *rig)
{
    const char *root = getenv("BW_SOURCE_DIR");

    *rig = (struct rig){.steps_max = 5000000, .memory_bytes_max = (uint64_t)16 * 1024 * 1024};
    bw_arena_init(&rig->arena);
    assert_true(bw_id_parse(BW_STR("0199a0b0-1111-7222-8333-444455556666"), &rig->run));
    add_folder(rig, root ? root : ".", "stdlib");
}

void rig_open(struct rig *rig, const char *body)
{
    open_common(rig);
    put_workflow(rig, body);
}

void rig_open_file(struct rig *rig, const char *source)
{
    open_common(rig);
    put_file(rig, "workflows/t.lua", bw_arena_copy(&rig->arena, bw_str_of(source)));
}

void rig_add_file(struct rig *rig, const char *name, const char *source)
{
    put_file(rig, name, bw_arena_copy(&rig->arena, bw_str_of(source)));
}

static void close_vm(struct rig *rig)
{
    bw_vm_destroy(rig->vm);
    rig->vm = NULL;
}

void rig_change(struct rig *rig, const char *body)
{
    close_vm(rig);
    bw_release_drop(rig->release);
    rig->release = NULL;
    put_workflow(rig, body);
}

void rig_close(struct rig *rig)
{
    close_vm(rig);
    bw_release_drop(rig->release);
    bw_arena_deinit(&rig->arena);
}

static void make_vm(struct rig *rig)
{
    struct bw_error error;

    if (!rig->release) {
        struct bw_release_set set = {.files = rig->files, .count = rig->file_count};
        rig->release = bw_release_create(&set);
    }
    struct bw_vm_options options = {.run = rig->run,
                                    .workflow = BW_STR("t"),
                                    .release = rig->release,
                                    .steps_max = rig->steps_max,
                                    .memory_bytes_max = rig->memory_bytes_max,
                                    .wall_us_max = rig->wall_us_max};
    rig->vm = bw_vm_create(&options, &error);
    assert_non_null(rig->vm);
}

static struct bw_str value_of(struct rig *rig, const char *json)
{
    struct bw_error error;
    struct bw_buf buf;
    struct bw_str bytes;

    bw_buf_init(&buf, (size_t)4 * 1024 * 1024);
    if (json)
        assert_ok(bw_value_from_json(&buf, bw_str_of(json), &error), &error);
    else
        bw_value_put_nil(&buf);
    bytes = bw_arena_copy(&rig->arena, bw_buf_str(&buf));
    bw_buf_deinit(&buf);
    return bytes;
}

static void record(struct rig *rig, const struct bw_delivery *deliveries, size_t count,
                   struct bw_stamp at)
{
    struct bw_turn_record turn = {.at = at,
                                  .deliveries = (struct bw_delivery *)(uintptr_t)deliveries,
                                  .delivery_count = count,
                                  .commands = rig->result.commands,
                                  .command_count = rig->result.command_count};
    struct bw_buf buf;

    assert_true(rig->row_count < RIG_TURNS_MAX);
    bw_buf_init(&buf, (size_t)16 * 1024 * 1024);
    bw_wire_put_turn(&buf, &turn);
    rig->rows[rig->row_count++] = bw_arena_copy(&rig->arena, bw_buf_str(&buf));
    bw_buf_deinit(&buf);
}

static void play(struct rig *rig, const struct bw_delivery *deliveries, size_t count)
{
    struct bw_stamp at = {RIG_AT + (int64_t)rig->row_count * 1000000};

    if (!rig->vm)
        make_vm(rig);
    bw_vm_turn(rig->vm, rig->row_count + 1, at, deliveries, count, &rig->result);
    record(rig, deliveries, count, at);
}

void rig_turn(struct rig *rig, const struct rig_delivery *deliveries, size_t count)
{
    struct bw_delivery list[16];

    assert_true(count <= 16);
    for (size_t i = 0; i < count; i++)
        list[i] = (struct bw_delivery){deliveries[i].kind, deliveries[i].seq,
                                       value_of(rig, deliveries[i].json)};
    play(rig, list, count);
}

static void start_with(struct rig *rig, const char *input, const char *state, uint64_t last_seq)
{
    struct bw_buf buf;
    struct bw_delivery start = {.kind = BW_DELIVERY_START};

    bw_buf_init(&buf, (size_t)1024 * 1024);
    bw_value_put_map(&buf, 4);
    bw_value_put_key(&buf, "input");
    bw_buf_put_str(&buf, value_of(rig, input));
    bw_value_put_key(&buf, "last_seq");
    bw_value_put_int(&buf, (int64_t)last_seq);
    bw_value_put_key(&buf, "started_by");
    bw_value_put_text(&buf, "dana");
    bw_value_put_key(&buf, "state");
    bw_buf_put_str(&buf, value_of(rig, state));
    start.value = bw_arena_copy(&rig->arena, bw_buf_str(&buf));
    bw_buf_deinit(&buf);
    play(rig, &start, 1);
}

void rig_start(struct rig *rig, const char *input)
{
    start_with(rig, input, NULL, 0);
}

void rig_resume_from(struct rig *rig, const char *input, const char *state, uint64_t last_seq)
{
    close_vm(rig);
    rig->row_count = 0;
    start_with(rig, input, state, last_seq);
}

void rig_outcome(struct rig *rig, uint64_t seq, const char *json)
{
    rig_turn(rig, &(struct rig_delivery){BW_DELIVERY_OUTCOME, seq, json}, 1);
}

void rig_error(struct rig *rig, uint64_t seq, const char *code, const char *text)
{
    char json[512];

    (void)snprintf(json, sizeof json, "{\"code\":\"%s\",\"text\":\"%s\",\"is_retryable\":true}",
                   code, text);
    rig_turn(rig, &(struct rig_delivery){BW_DELIVERY_ERROR, seq, json}, 1);
}

void rig_cancel(struct rig *rig)
{
    rig_turn(rig, &(struct rig_delivery){BW_DELIVERY_CANCEL, 0, "{\"by\":\"dana\"}"}, 1);
}

enum bw_turn_status rig_replay(struct rig *rig)
{
    struct bw_error error;

    close_vm(rig);
    make_vm(rig);
    for (size_t i = 0; i < rig->row_count; i++) {
        struct bw_turn_record turn;
        assert_ok(bw_wire_get_turn(rig->rows[i], &rig->arena, &turn, &error), &error);
        bw_vm_replay(rig->vm, i + 1, &turn, &rig->result);
        if (rig->result.status != BW_TURN_WAITING)
            break;
    }
    return rig->result.status;
}

/* --- assertions */

static const char *json_of(struct rig *rig, struct bw_str value)
{
    struct bw_buf buf;
    const char *text;

    bw_buf_init(&buf, (size_t)16 * 1024 * 1024);
    bw_value_to_json(&buf, value, BW_JSON_DECIMAL_NUMBERS);
    text = bw_arena_copy(&rig->arena, bw_buf_str(&buf)).ptr;
    bw_buf_deinit(&buf);
    return text;
}

void rig_assert_status(struct rig *rig, enum bw_turn_status status)
{
    if (rig->result.status == status)
        return;
    print_error("status %d is expected, got %d with %s\n", status, rig->result.status,
                json_of(rig, rig->result.value));
    fail();
}

void rig_assert_command(struct rig *rig, size_t i, const char *kind, const char *args_json)
{
    if (i >= rig->result.command_count) {
        print_error("there are %zu commands; status %d, value %s\n", rig->result.command_count,
                    rig->result.status, json_of(rig, rig->result.value));
        fail();
    }
    assert_str(rig->result.commands[i].kind, kind);
    if (args_json)
        assert_string_equal(json_of(rig, rig->result.commands[i].args), args_json);
}

void rig_assert_value(struct rig *rig, const char *json)
{
    assert_string_equal(json_of(rig, rig->result.value), json);
}

void rig_assert_text(struct rig *rig, const char *key, const char *part)
{
    struct bw_value map = bw_value_read(rig->result.value);
    struct bw_str text = bw_value_get_str(&map, key, BW_STR("(no text)"));

    if (!memmem(text.ptr, text.len, part, strlen(part))) {
        print_error("%s does not hold \"%s\": %.*s\n", key, part, BW_STR_ARG(text));
        fail();
    }
}

/* --- the sandbox alone */

struct script {
    const char *source;
    char out[4096];
};

static int open_sandbox(lua_State *L)
{
    bw_sandbox_open(L, &(struct bw_sandbox_options){0});
    return 0;
}

static int run_script(lua_State *L)
{
    struct script *script = lua_touserdata(L, 1);

    lua_settop(L, 0);
    if (luaL_loadbufferx(L, script->source, strlen(script->source), "=script", "t") != LUA_OK)
        return lua_error(L);
    bw_sandbox_push_env(L, BW_ENV_SCRIPT);
    (void)lua_setupvalue(L, -2, 1);
    lua_call(L, 0, LUA_MULTRET);
    for (int i = 1, top = lua_gettop(L); i <= top; i++) {
        size_t len, used = strlen(script->out);
        const char *text = bw_lua_push_text(L, i, &len);
        (void)snprintf(script->out + used, sizeof script->out - used, "%s%s", i > 1 ? "," : "",
                       text);
    }
    return 0;
}

const char *rig_script_with(const char *source, uint64_t steps_max, size_t memory_bytes_max)
{
    static struct script script;
    struct bw_budget budget = {.steps_max = UINT64_MAX, .bytes_max = memory_bytes_max};
    struct bw_error error;
    lua_State *L = bw_budget_newstate(&budget);

    script = (struct script){.source = source};
    assert_non_null(L);
    assert_int_equal(bw_lua_protected(L, open_sandbox, NULL, &error), LUA_OK);
    budget.steps = 0;
    budget.steps_max = steps_max;
    int status = bw_lua_protected(L, run_script, &script, &error);
    if (status == LUA_ERRMEM && !budget.fatal)
        budget.fatal = BW_FATAL_MEMORY;
    if (budget.fatal)
        (void)snprintf(script.out, sizeof script.out, "killed: %s",
                       budget.fatal == BW_FATAL_STEPS ? "steps" : "memory");
    else if (status != LUA_OK)
        (void)snprintf(script.out, sizeof script.out, "error: %s", error.text);
    lua_close(L);
    assert_int_equal(budget.bytes, 0);
    return script.out;
}

const char *rig_script(const char *source)
{
    return rig_script_with(source, 5000000, (size_t)16 * 1024 * 1024);
}
